"""What `render --fps` puts between two frames, beside repeating, blending and moving along the flow.

    python benchmarks/between.py --model toon-128 --clips 60 --sheet between.png

Validation episodes are drawn at whole frames and half way between. The whole ones are known: as pixels to
what repeats, blends or moves them, and as latents to the network, which draws the halves as the leaves of a
film at twice the rate are drawn. PSNR against the true halves, over everything and over the pixels in which
the two frames around differ (by more than 16 of 255).
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track
from rich.table import Table

from longtake.data.clips import Clip
from longtake.data.footage import CartoonWorld
from longtake.draw.decode import Decoder
from longtake.draw.flow import FLOWS, moved
from longtake.draw.network import Operations
from longtake.manifest import DEFAULT_MODEL, Manifest, find_model, read_manifest
from longtake.plan import ClipSpec, Job, Plan, Scene, Timeline, finer
from longtake.strategies import NuwaXL
from longtake.train.autoencoder import to_model
from longtake.video import Pixels, write_png
from longtake.world.script import episode_seeds, shot_at

_KNOWN = 6  # frames of a clip: five between them
NO_DRAFT = "no draft"
_MOVES = 16  # of 255: from here on a pixel counts as moving


def clips(count: int) -> Iterator[Clip]:
    """Stretches of one shot each."""
    chance, episodes, found = random.Random(3), episode_seeds("validation", 64), 0
    while found < count:
        episode, start = chance.choice(episodes), chance.randrange(4200)
        if shot_at(episode, start) == shot_at(episode, start + _KNOWN - 1):
            found += 1
            numbers = tuple(start + k / 2 for k in range(2 * _KNOWN - 1))
            yield Clip(footage=CartoonWorld(64), film=episode, numbers=numbers)


def job_of(clip: Clip, manifest: Manifest, flow: str) -> Job:
    """What `--fps` has the network draw over a leaf that shows the clip's whole frames, but for the flow."""
    line = Timeline((Scene("all", 0, clip.captions[0]),), _KNOWN)
    seed = clip.film * 10_000 + int(clip.numbers[0])
    still = Plan.of(NuwaXL(manifest, options=NuwaXL.Options(references=0), seed=seed), line)
    motion: Any = flow
    steps = manifest.leaves.steps if flow == NO_DRAFT else 1
    sampling = replace(manifest.leaves, steps=steps)
    (shown,) = finer(still, 2, model=manifest.digest, sampling=sampling, flow=motion).shown(slice(None))
    assert isinstance(shown.leaf.spec, ClipSpec)
    return replace(shown.leaf, spec=replace(shown.leaf.spec, draft=None)) if flow == NO_DRAFT else shown.leaf


def errors(made: Pixels, true: Pixels, before: Pixels, after: Pixels) -> tuple[float, float, int]:
    """Squared error of all pixels, of those that move, and how many these are."""
    square = np.square(made.astype(float) - true).mean(axis=-1)
    moves = np.abs(before.astype(int) - after).max(axis=-1) > _MOVES
    return float(square.mean()), float(square[moves].sum()), int(moves.sum())


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", default=DEFAULT_MODEL, help="a shipped model or a folder")
    parser.add_argument("--clips", type=int, default=60)
    parser.add_argument("--sheet", type=Path, help="a picture of the first halves by every way")
    asked = parser.parse_args()
    folder = find_model(asked.model)
    manifest = read_manifest(folder)
    draw, decode = Operations(folder, device="cpu")(), Decoder(folder, "cpu")
    found: dict[str, list[tuple[float, float, int]]] = {}
    rows: list[list[Pixels]] = []
    for clip in track(list(clips(asked.clips)), "clips"):
        true = clip.pixels(manifest.size)
        latents = decode.vae.encode_latents(to_model(true[::2])[None])[0].float().numpy()
        known = [*latents.astype(np.float16)]
        whole = decode(np.stack(known))
        made: dict[str, list[Pixels]] = {
            "repeated": list(whole[:-1]),
            "blended": [moved(a, b, [0.5], FLOWS["none"])[0] for a, b in pairwise(whole)],
            "moved": [moved(a, b, [0.5], FLOWS["dis"])[0] for a, b in pairwise(whole)],
        }
        for flow in ("dis", "none", NO_DRAFT):
            job = job_of(clip, manifest, flow)
            drawn: NDArray[np.float32] = draw([job], [known])[0]
            made[f"network, {flow}"] = list(decode(drawn.astype(np.float16))[1 : 2 * _KNOWN - 1 : 2])
        through = decode.vae.encode_latents(to_model(true[1::2])[None])[0].float().numpy()
        made["truth through the autoencoder"] = list(decode(through.astype(np.float16)))
        for name, halves in made.items():
            around = zip(halves, true[1::2], true[::2], true[2::2], strict=False)
            found.setdefault(name, []).extend(errors(*four) for four in around)
        if len(rows) < 4:
            rows.append([true[0], true[1], true[2], *(halves[0] for halves in made.values())])
    table = Table("frames between", "PSNR, dB", "of what moves")
    for name, values in found.items():
        everywhere = np.mean([one for one, _, _ in values])
        moving = sum(square for _, square, _ in values) / max(1, sum(count for _, _, count in values))
        table.add_row(name, *(f"{10 * np.log10(255**2 / error):.2f}" for error in (everywhere, moving)))
    Console().print(table)
    if asked.sheet:
        write_png(np.concatenate([np.concatenate(row, axis=1) for row in rows], axis=0), asked.sheet)


if __name__ == "__main__":
    main()
