"""How well does a model fill gaps whose truth is known?

Takes clips of the cartoon world's test split, gives the model both ends as latents, and compares what it
draws in between with the truth: PSNR of the model, of linear interpolation between the ends' pixels, of the
nearer end held still, and of the autoencoder alone, which is the ceiling. A second table, of neighbouring
frames, is about what moves: dcos is the cosine between drawn and true differences of neighbouring frames on
pixels that move (1: as in truth, 0: unrelated), PSNR is that of these pixels.

    python benchmarks/gaps.py --model toon-128 --clips 12
"""

from __future__ import annotations

import argparse
import random
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track

from longtake.data.cartoon import CartoonWorld
from longtake.data.footage import Excerpt
from longtake.draw.decode import ClipDecoder
from longtake.draw.network import ClipSampler
from longtake.manifest import DEFAULT_MODEL, find_model, read_manifest
from longtake.models.pixels import to_model
from longtake.plan import ClipSpec, Frame, Job, Sampling
from longtake.world.episodes import episode_seeds

Pixels = NDArray[np.uint8]
_MOVES = 8  # of 255: how far a pixel must change from frame to frame


def gap_job(clip: Excerpt, model: str, sampling: Sampling, seed: int) -> Job:
    """The job that fills `clip` between its ends."""
    captions = clip.captions
    prompts = tuple(dict.fromkeys(captions))
    spec = ClipSpec(
        times=tuple(n - clip.numbers[0] for n in clip.numbers),
        prompts=prompts,
        rows=tuple(prompts.index(caption) for caption in captions),
        known=(0, len(captions) - 1),
        seed=seed,
        model=model,
        sampling=sampling,
    )
    return Job(spec, (Frame("first", 0), Frame("last", 0)))


def psnr(drawn: NDArray[np.floating] | Pixels, true: Pixels) -> float:
    """Peak signal-to-noise ratio in dB of the inner frames."""
    error = (drawn[1:-1].astype(np.float64) - true[1:-1]) ** 2
    return float(10 * np.log10(255**2 / max(error.mean(), 1e-9)))


def moving(drawn: NDArray[np.floating] | Pixels, true: Pixels) -> tuple[float, float]:
    """dcos, and PSNR in dB, of the pixels that move in the truth `[T, H, W, 3]`; nan where none does."""
    theirs, ours = (np.diff(part.astype(np.float64), axis=0) for part in (true, drawn))
    moves = np.abs(theirs).max(axis=-1) > _MOVES
    if not moves.any():
        return float("nan"), float("nan")
    size = np.linalg.norm(theirs[moves]) * np.linalg.norm(ours[moves])
    off = (drawn[1:].astype(np.float64) - true[1:])[moves]
    cosine = float((theirs[moves] * ours[moves]).sum() / max(size, 1e-9))
    return cosine, float(10 * np.log10(255**2 / max(np.square(off).mean(), 1e-9)))


def rivals(true: Pixels) -> tuple[NDArray[np.float64], Pixels]:
    """Linear interpolation between the ends, and the nearer end: `[T, H, W, 3]` each."""
    share = np.linspace(0, 1, len(true))[:, None, None, None]
    return true[0] * (1 - share) + true[-1] * share, np.where(share < 0.5, true[0], true[-1]).astype(np.uint8)


def main() -> None:
    """Print a table, a row per spacing."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", default=DEFAULT_MODEL, help="a shipped model or a folder")
    parser.add_argument("--clips", type=int, default=12, help="per spacing")
    parser.add_argument("--length", type=int, default=16, help="frames of a clip")
    args = parser.parse_args()
    folder: Path = find_model(args.model)
    manifest = read_manifest(folder)
    draw, decode = ClipSampler(folder), ClipDecoder(folder)
    episodes = episode_seeds("test", args.clips)
    print("| spacing | model | linear | nearer end | autoencoder |\n|---|---|---|---|---|")
    for spacing, sampling in ((15, manifest.gaps), (1, manifest.leaves)):
        rows, moved = [], []
        for k in track(range(args.clips), f"spacing {spacing}", transient=True, console=Console(stderr=True)):
            start = random.Random(k).randrange(3000)
            numbers = tuple(range(start, start + spacing * args.length, spacing))
            clip = Excerpt(
                footage=CartoonWorld(args.clips, manifest.edition), film=episodes[k], numbers=numbers
            )
            true = clip.pixels(manifest.size)
            with torch.inference_mode():
                weights = next(decode.vae.parameters())
                latents = decode.vae.encode_latents(to_model(true)[None].to(weights.device, weights.dtype))[0]
            known = latents.float().cpu().numpy().astype(np.float16)
            drawn = decode(
                draw([gap_job(clip, manifest.digest, sampling, k)], [[known[0], known[-1]]])[0].astype(
                    np.float16
                )
            )
            linear, nearer = rivals(true)
            parts = (drawn, linear, nearer, decode(known))
            rows.append([psnr(part, true) for part in parts])
            moved.append([moving(part, true) for part in parts])
        print(
            f"| {spacing} | "
            + " | ".join(f"{np.mean(column):.2f}" for column in zip(*rows, strict=True))
            + " |"
        )
    print("\n| what moves | model | linear | nearer end | autoencoder |\n|---|---|---|---|---|")
    for name, values in zip(("dcos", "dB"), np.nanmean(np.array(moved), axis=0).T, strict=True):
        print(f"| {name} | " + " | ".join(f"{value:.3f}" for value in values) + " |")


if __name__ == "__main__":
    main()
