"""A chain of keyframes that hands on pictures, beside one that hands on latents: what makes a chain decay?

    python benchmarks/reencoded.py --out runs/reencoded

LVDM's keyframes of a test episode, clip after clip from left to right, each given the last four of the clip
before: as they were drawn, or decoded to pixels of 8 bits and encoded again, as a chain of separate videos
would; with prompts and without. Of each fifth of a chain its keyframes' sharpness, saturation and contrast,
in parts of the first fifth's. The picture has every chain's keyframes in one row, from first to last.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track

from longtake.commands.evaluate import write_board
from longtake.commands.selection import Selection
from longtake.draw.decode import Decoder
from longtake.draw.encode import Encoder
from longtake.draw.network import Drawer, Operations
from longtake.evaluate.script import script_of_episode
from longtake.evaluate.signals import SignalReader
from longtake.manifest import find_model
from longtake.plan import Plan
from longtake.video import Pixels, reduce, tiled, write_png
from longtake.world.script import episode_seeds

Clip = NDArray[np.float16]
SHOWN = 18  # frames in a row of the picture


def stills(decode: Decoder, latents: Clip) -> NDArray[np.uint8]:
    """Each decoded alone, for keyframes are no neighbours: uint8 `[T, H, W, 3]`."""
    return np.concatenate([decode(latent[None]) for latent in latents])


def chain(plan: Plan, draw: Drawer, decode: Decoder, hand_on: Callable[[Clip], Clip]) -> NDArray[np.uint8]:
    """The chain's keyframes, each once, decoded: uint8 `[N, H, W, 3]`."""
    clips: dict[str, Clip] = {}
    shown: list[NDArray[np.uint8]] = []
    jobs = [job for job, _ in plan.walk((), slice(None), levels=1)]
    for job in track(jobs, "clips", console=Console(stderr=True)):
        given = [clips[frame.key][frame.index] for frame in job.inputs]
        known = list(hand_on(np.stack(given))) if given else []
        (drawn,) = draw([job], [known])
        clips[job.key] = drawn.astype(np.float16)
        shown.append(stills(decode, clips[job.key][len(given) :]))
    return np.concatenate(shown)


def fifths(frames: NDArray[np.uint8]) -> str:
    """Sharpness, saturation and contrast of each fifth, in parts of the first one's."""
    reader = SignalReader()
    reader.add(frames)
    seen, cells = reader.finish(), []
    for values in (seen.sharpness, seen.saturation, seen.contrast):
        parts = np.array([part.mean() for part in np.array_split(values, 5)])
        cells.append(" ".join(f"{part / parts[0]:.2f}" for part in parts))
    return " | ".join(cells)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", default="toon-128-undistilled", help="a shipped model or a folder")
    parser.add_argument("--out", type=Path, required=True, help="folder of the storyboard and the picture")
    parser.add_argument("--frames", type=int, default=10126, help="of the film; a clip moves on by 180")
    asked = parser.parse_args()
    model, (episode,) = find_model(asked.model), episode_seeds("test", 1)
    board = write_board(script_of_episode(episode, asked.frames), episode, asked.out / f"{episode}.yaml")
    draw, decode, encode = Operations(model)(), Decoder(model), Encoder(model)
    ways: dict[str, Callable[[Clip], Clip]] = {
        "latents": lambda latents: latents,
        "pictures": lambda latents: encode(stills(decode, latents)),
    }
    shown: list[Pixels] = []
    print(
        "| handed on | prompts | keyframes | sharpness | saturation | contrast |\n|---|---|---|---|---|---|"
    )
    for prompts, strategy in (("yes", "lvdm"), ("no", "lvdm:text_guidance=0")):
        plan = Selection(storyboard=board, strategy=strategy, model=asked.model, store=asked.out).open().plan
        for name, hand_on in ways.items():
            frames = chain(plan, draw, decode, hand_on)
            print(f"| {name} | {prompts} | {len(frames)} | {fifths(frames)} |", flush=True)
            shown += [reduce(frames[k], 2) for k in np.linspace(0, len(frames) - 1, SHOWN).astype(int)]
    write_png(tiled(shown, SHOWN), asked.out / "chains.png")


if __name__ == "__main__":
    main()
