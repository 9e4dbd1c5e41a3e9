"""Recipes for models of one's own films."""

from __future__ import annotations

from dataclasses import replace

from longtake.plan import LevelSampling, Sampling
from longtake.recipes.recipe import ClipsPart, Recipe, TextPart
from longtake.recipes.toon import toon_64


def films_64() -> Recipe:
    """64x64 pixels, small networks, for a few films: about an hour of one older CPU core, 0.9 GB."""
    toon = toon_64()
    stills = toon.autoencoder.training

    def sampling(steps: int, text: float) -> Sampling:
        return replace(toon.sampling.keyframes, steps=steps, text_guidance=text)

    levels = LevelSampling(sampling(16, 1.5), sampling(8, 1.0), sampling(6, 1.0))
    return replace(
        toon,
        name="films-64",
        autoencoder=replace(
            toon.autoencoder,
            network={
                "latent_channels": 8,
                "encoder_channels": [32, 64, 96],
                "decoder_channels": [96, 64, 48],
                "temporal_decoder": False,
            },
            training=replace(stills, steps=500, ema=0.99, sheet_every=250, save_every=100),
            kl_weight=7e-4,
        ),
        text=TextPart(
            network={"width": 128, "layers": 3, "registers_only": True},
            training=replace(toon.text.training, steps=300, batch=64, save_every=100),
        ),
        clips=ClipsPart(count=1536, references=2, reference_steps=0.25, short_steps=0.1),
        denoiser=replace(
            toon.denoiser,
            network={
                "latent_channels": 8,
                "text_channels": 128,
                "channels": [48, 96],
                "middle": 2,
                "head": 24,
                "nearest": True,
            },
            training=replace(
                toon.denoiser.training,
                steps=800,
                batch=8,
                decay=0.4,
                ema=0.995,
                compile=False,
                save_every=100,
            ),
            prediction="edm",
            sampling=levels,
        ),
        decoder=replace(
            toon.decoder,
            training=replace(stills, steps=200, muon_lr=8e-4, adam_lr=8e-4, ema=0.98, sheet_every=200),
            latent_noise=0.3,
        ),
        sampling=levels,
    )
