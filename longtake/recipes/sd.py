"""A recipe that goes on from Stable Diffusion: an inflated model learns what lies between its images."""

from __future__ import annotations

from dataclasses import replace

from longtake.plan import LevelSampling
from longtake.recipes.inflate import SAMPLING
from longtake.recipes.recipe import DraftsPart, Recipe
from longtake.recipes.toon import toon_128


def sd(size: int, prediction: str) -> Recipe:
    """Begins with a model that `inflate` made (`--from`), and trains only the layers that it added.

    Autoencoder, text encoder and the layers of the image network stay as they are. The rates and the number
    of steps are a guess: nobody has run it at full size yet.
    """
    toon = toon_128()
    levels = LevelSampling(SAMPLING, SAMPLING, SAMPLING)
    return replace(
        toon,
        name=f"sd-{size}",
        size=size,
        trained="added",
        autoencoder=replace(toon.autoencoder, network={}, turned=0.0),
        text=replace(toon.text, network={}),
        clips=replace(toon.clips, count=20_000, references=0, reference_steps=0.0),
        denoiser=replace(
            toon.denoiser,
            network={},
            training=replace(
                toon.denoiser.training,
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
            drafts=DraftsPart(coarse=0.0, between=0.0, noise=0.0),
            sampling=levels,
        ),
        distillation=replace(toon.distillation, training=None, substeps=0),
        decoder=replace(
            toon.decoder,
            training=replace(toon.decoder.training, steps=1000, batch=1, muon_lr=3e-4, adam_lr=3e-4),
            precision="fp32",
        ),
        hd=replace(toon.hd, training=None),
        sampling=levels,
    )
