"""Does a decoder that looks along time gain anything, and how must its temporal layers begin?

Takes the frame-wise autoencoder of a run (`longtake train autoencoder`), freezes its encoder, trains the
decoder on clips as the stage `decoder` does, and compares on validation clips: frame by frame; with temporal
layers that begin as the identity (NUWA-XL's T-KLVAE); with temporal layers that begin at random.

    python benchmarks/decoders.py --run runs/toon-128 --out runs/decoders --seeds 0 1 --steps 150
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import nn

from longtake.data.clips import WorldDraws
from longtake.models.layers import TemporalAttention, TemporalConv
from longtake.models.load import load_network
from longtake.models.pixels import to_model
from longtake.models.vae import TKLVAE
from longtake.recipes import RECIPES, Recipe
from longtake.train.autoencoder import DecoderLoss, clip_batches, psnr
from longtake.train.loop import train
from longtake.world.script import episode_seeds

CLIPS = 12  # of the validation split
LEAF = 16


def framewise(stills: TKLVAE) -> TKLVAE:
    """The same autoencoder without any temporal layer."""
    made: TKLVAE = TKLVAE(**{**settings(stills), "temporal_decoder": False})
    made.load_state_dict({name: w for name, w in stills.state_dict().items() if ".temporal." not in name})
    return made


def identity(stills: TKLVAE) -> TKLVAE:
    """The same autoencoder with temporal layers that do nothing yet."""
    made: TKLVAE = TKLVAE(**{**settings(stills), "temporal_decoder": True})
    made.load_state_dict(stills.state_dict(), strict=False)
    return made


def at_random(stills: TKLVAE) -> TKLVAE:
    """The same autoencoder with temporal layers as PyTorch would begin them."""
    made = identity(stills)
    for module in made.decoder.modules():
        if isinstance(module, TemporalConv):
            module.reset_parameters()
        elif isinstance(module, TemporalAttention):
            module.out.reset_parameters()
    return made


ARMS: dict[str, Callable[[TKLVAE], TKLVAE]] = {
    "frame by frame": framewise,
    "temporal, identity at first": identity,
    "temporal, random at first": at_random,
}


def settings(model: TKLVAE) -> dict[str, object]:
    """The arguments that it was made with."""
    return {name: value for name, value in model.config.items() if not name.startswith("_")}


@torch.no_grad()
def measure(model: TKLVAE, recipe: Recipe) -> dict[str, float]:
    """PSNR of clean and of noisy latents, error of motion, and what two leaves make of a frame they share."""
    noise, found = torch.Generator().manual_seed(3), []
    for k in range(CLIPS):
        draws = WorldDraws(episode_seeds("validation", CLIPS))
        clip = draws.clip(random.Random(k), 2 * LEAF - 1, mix=(1, 0, 0, 0))
        true = to_model(clip.pixels(recipe.size))[None]
        latents = model.encode_latents(true)
        spoilt = latents + recipe.latent_noise * torch.randn(latents.shape, generator=noise)
        halves = slice(0, LEAF), slice(LEAF - 1, None)
        clean = [model.decode_latents(latents[:, half]) for half in halves]
        noisy = [model.decode_latents(spoilt[:, half]) for half in halves]
        motion = (noisy[0].diff(dim=1) - true[:, halves[0]].diff(dim=1)).abs().mean()
        found.append(
            {
                "dB": psnr(torch.cat(clean, 1), torch.cat([true[:, half] for half in halves], 1)).item(),
                "dB, noisy latents": psnr(
                    torch.cat(noisy, 1), torch.cat([true[:, half] for half in halves], 1)
                ).item(),
                "error of motion /255": 127.5 * motion.item(),
                "disagreement /255": 127.5 * (noisy[0][:, -1] - noisy[1][:, 0]).abs().mean().item(),
            }
        )
    return {name: statistics.mean(one[name] for one in found) for name in found[0]}


def main() -> None:
    """Train what is missing and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--run", type=Path, required=True, help="folder of a run with its autoencoder")
    parser.add_argument("--recipe", default="toon-128")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1])
    parser.add_argument("--steps", type=int, default=150, help="of one clip of two leaves each")
    asked = parser.parse_args()
    recipe = RECIPES[asked.recipe]()
    stills = load_network(TKLVAE, asked.run / "model" / "vae")
    rows = {"before": [measure(identity(stills).eval(), recipe)]}
    for seed in asked.seeds:
        for name, begin in ARMS.items():
            folder = asked.out / f"{name.replace(' ', '-').replace(',', '')}-{seed}"
            result = folder / "result.json"
            if not result.exists():
                torch.manual_seed(seed)
                model = begin(stills)
                model.encoder.requires_grad_(False)
                # Higher rates first destroy what stills taught.
                rates = replace(recipe.decoder, muon_lr=2.5e-4, adam_lr=3e-4)
                config = replace(rates, steps=asked.steps, batch=1, warmup=10, seed=seed)
                draws = WorldDraws(episode_seeds("train", recipe.episodes))
                batches = clip_batches(draws, recipe.size, config.batch, 2 * LEAF - 1, seed)
                loss = DecoderLoss(noise=recipe.latent_noise)
                made: nn.Module = train(model, loss, batches, config, folder)
                assert isinstance(made, TKLVAE)
                result.write_text(json.dumps(measure(made.eval(), recipe)) + "\n")
            rows.setdefault(name, []).append(json.loads(result.read_text()))
            print(name, seed, rows[name][-1], flush=True)
    columns = list(rows["before"][0])
    print("\n| decoder | " + " | ".join(columns) + " |\n" + "|---" * (1 + len(columns)) + "|")
    for name, runs in rows.items():
        values = np.array([[run[column] for column in columns] for run in runs])
        cells = zip(values.mean(0), (values.max(0) - values.min(0)) / 2, strict=True)
        print(f"| {name} | " + " | ".join(f"{mean:.2f} ± {half:.2f}" for mean, half in cells) + " |")


if __name__ == "__main__":
    main()
