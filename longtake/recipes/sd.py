"""A recipe that goes on from Stable Diffusion: an inflated model learns what lies between its images."""

from __future__ import annotations

from dataclasses import replace

from longtake.recipes.inflate import SAMPLING
from longtake.recipes.recipe import Recipe
from longtake.recipes.toon import toon_128


def sd(size: int, prediction: str) -> Recipe:
    """Begins with a model that `inflate` made (`--from`), and trains only the layers that it added.

    Autoencoder, text encoder and the layers of the image network stay as they are. The rates and the number
    of steps are a guess: nobody has run it at full size yet.
    """
    toon = toon_128()
    return replace(
        toon,
        name=f"sd-{size}",
        size=size,
        autoencoder={},
        text={},
        denoiser={},
        trained="added",
        turned=0.0,
        clips=20_000,
        references=0,
        reference_steps=0.0,
        diffusion=replace(
            toon.diffusion,
            steps=20_000,
            batch=2,
            muon_lr=1e-3,
            adam_lr=3e-4,
            warmup=200,
            ema=0.999,
            recompute=True,
            save_every=500,
            sheet_every=1000,
        ),
        schedule="sd",
        prediction=prediction,
        weights=(1.0, 1.0, 1.0),
        small=0.0,
        coarse=0.0,
        between=0.0,
        draft_noise=0.0,
        undistilled=(SAMPLING, SAMPLING, SAMPLING),
        distillation=None,
        substeps=0,
        decoder=replace(toon.decoder, steps=1000, batch=1, muon_lr=3e-4, adam_lr=3e-4),
        hd=None,
        keyframes=SAMPLING,
        gaps=SAMPLING,
        leaves=SAMPLING,
        decoder_precision="fp32",
    )
