"""How many channels should latents have, and how many pixels should one of them stand for?

Trains for each arm and seed, all for equal steps: an autoencoder on stills, a cache of clips, and a small
denoiser on them. Compares what the autoencoder loses, what a little noise on the latents costs, and how near
gaps that the denoiser draws between true ends come to the truth, in pixels, where all arms can be compared.

    python benchmarks/latents.py --out runs/latents --size 64 --seeds 0 1

Finished arms are kept in --out and not trained again. Prints the table as Markdown.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from gaps import gap_job, psnr

from longtake.conditions.text import SmallTextEncoder
from longtake.data.clips import WorldDraws
from longtake.data.footage import CartoonWorld
from longtake.draw.decode import Decoder
from longtake.draw.network import Operations
from longtake.manifest import find_model, read_manifest
from longtake.models.load import load_network
from longtake.models.pixels import to_model
from longtake.recipes import RECIPES, Recipe
from longtake.recipes.stages import do_stage
from longtake.train.loop import TrainConfig
from longtake.world.script import episode_seeds

# Latent channels, and channels of the encoder's levels: each level halves the size.
ARMS: dict[str, tuple[int, list[int]]] = {
    "4 channels, 8 pixels": (4, [64, 96, 128]),
    "8 channels, 8 pixels": (8, [64, 96, 128]),
    "16 channels, 8 pixels": (16, [64, 96, 128]),
    "16 channels, 16 pixels": (16, [64, 96, 128, 192]),
    "32 channels, 16 pixels": (32, [64, 96, 128, 192]),
}
STAGES = ("autoencoder", "latents", "denoiser", "package")
CLIPS = 24  # of the validation split, per spacing
NOISE = 0.2  # on the latents, in their spread


def recipe_of(channels: int, levels: list[int], asked: argparse.Namespace, seed: int) -> Recipe:
    """The recipe of an arm: `toon-64` or `toon-128` with these latents, and the steps that were asked for."""
    base = RECIPES[f"toon-{asked.size}"]()

    def quick(config: TrainConfig, steps: int, batch: int) -> TrainConfig:
        return replace(
            config, steps=steps, batch=batch, seed=seed, sheet_every=10**6, decay=1.0, compile=False
        )

    return replace(
        base,
        seed=seed,
        autoencoder={
            **base.autoencoder,
            "latent_channels": channels,
            "encoder_channels": levels,
            "decoder_channels": [128, 96, 64],
            "temporal_decoder": False,
        },
        stills=quick(base.stills, asked.stills, 32),
        clips=asked.clips,
        references=0,
        reference_steps=0.0,
        denoiser={**base.denoiser, "latent_channels": channels},
        diffusion=quick(base.diffusion, asked.steps, 10),
        distillation=None,
        leaves=replace(base.leaves, steps=8, shift=1.5),  # unguided: how all arms draw gaps and leaves
    )


@torch.no_grad()
def measure(recipe: Recipe, package: Path) -> dict[str, float]:
    """PSNR in dB of what the autoencoder and the denoiser of a model make of validation clips."""
    manifest = read_manifest(package)
    draw, decode = Operations(package)(), Decoder(package)
    chance, found = np.random.default_rng(5), {}
    stills: list[tuple[float, float]] = []
    for name, mix in (("gaps", (0, 1, 0, 0)), ("leaves", (1, 0, 0, 0))):
        drawn: list[float] = []
        for k in range(CLIPS):
            clip = WorldDraws(episode_seeds("validation", CLIPS)).clip(random.Random(k), mix=mix)
            true = clip.pixels(recipe.size)
            weights = next(decode.vae.parameters())
            latents = decode.vae.encode_latents(to_model(true)[None].to(weights.device, weights.dtype))[0]
            known = latents.float().cpu().numpy().astype(np.float16)
            spoilt = known + NOISE * chance.standard_normal(known.shape).astype(np.float16)
            stills.append((psnr(decode(known), true), psnr(decode(spoilt.astype(np.float16)), true)))
            job = gap_job(clip, manifest.digest, manifest.leaves, k)
            (made,) = draw([job], [[known[0], known[-1]]])
            drawn.append(psnr(decode(made.astype(np.float16)), true))
        found[f"drawn {name}, dB"] = statistics.mean(drawn)
    for what, values in zip(("stills, dB", "noisy latents, dB"), zip(*stills, strict=True), strict=True):
        found[what] = statistics.mean(values)
    return found


def make(name: str, seed: int, asked: argparse.Namespace) -> dict[str, float]:
    """Trains and measures one arm; a finished one is read."""
    channels, levels = ARMS[name]
    run = asked.out / f"{name.replace(', ', '-').replace(' ', '-')}-{seed}"
    result = run / "result.json"
    if not result.exists():
        recipe = recipe_of(channels, levels, asked, seed)
        load_network(SmallTextEncoder, find_model(recipe.name) / "text").save_pretrained(
            run / "model" / "text"
        )
        began = time.process_time()
        for stage in STAGES:
            do_stage(stage, recipe, CartoonWorld(recipe.episodes), run, "cpu")
        found = measure(recipe, run / "package") | {"seconds": time.process_time() - began}
        result.write_text(json.dumps(found, indent=1) + "\n")
    told: dict[str, float] = json.loads(result.read_text())
    return told


def table(found: Mapping[str, list[dict[str, float]]]) -> str:
    """Mean and half the range over seeds of every arm, as Markdown."""
    columns = list(next(iter(found.values()))[0])
    lines = ["| latents | " + " | ".join(columns) + " |", "|---" * (1 + len(columns)) + "|"]
    for name, runs in found.items():
        values = np.array([[run[column] for column in columns] for run in runs])
        cells = zip(values.mean(0), (values.max(0) - values.min(0)) / 2, strict=True)
        lines.append(f"| {name} | " + " | ".join(f"{mean:.2f} ± {half:.2f}" for mean, half in cells) + " |")
    return "\n".join(lines)


def main() -> None:
    """Train what is missing and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--size", type=int, default=64, choices=(64, 128))
    parser.add_argument("--arms", default="all", help=f"all, or of: {'; '.join(ARMS)}; separated by ;")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1])
    parser.add_argument("--stills", type=int, default=500, help="steps of 32 stills")
    parser.add_argument("--clips", type=int, default=1024, help="in the cache")
    parser.add_argument("--steps", type=int, default=220, help="of the denoiser, of 10 clips")
    asked = parser.parse_args()
    names = list(ARMS) if asked.arms == "all" else [name.strip() for name in asked.arms.split(";")]
    found: dict[str, list[dict[str, float]]] = {}
    for seed in asked.seeds:
        for name in names:
            found.setdefault(name, []).append(make(name, seed, asked))
            print(f"{name}, seed {seed}: {found[name][-1]}", flush=True)
    print(table(found))


if __name__ == "__main__":
    main()
