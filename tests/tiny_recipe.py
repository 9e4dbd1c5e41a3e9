"""A recipe of which every stage takes a moment: each part at its smallest, every kind of training in it."""

from __future__ import annotations

from dataclasses import replace

from longtake.plan import LevelSampling, Sampling
from longtake.recipes.recipe import (
    AutoencoderPart,
    ClipsPart,
    DecoderPart,
    DenoiserPart,
    DistillationPart,
    DraftsPart,
    HDPart,
    ProbesPart,
    Recipe,
    TextPart,
)
from longtake.train.loop import TrainConfig


def tiny() -> Recipe:
    config = TrainConfig(steps=2, batch=2, muon_lr=1e-2, adam_lr=1e-2, warmup=1, precision="bf16")
    sampling = Sampling(
        sampler="ddim", steps=2, shift=1.5, text_guidance=2.0, known_guidance=1.0, precision="bf16"
    )
    levels = LevelSampling(sampling, sampling, sampling)
    return Recipe(
        name="tiny",
        size=16,
        seed=0,
        episodes=5,
        autoencoder=AutoencoderPart(
            network={
                "latent_channels": 3,
                "encoder_channels": [8, 8],
                "decoder_channels": [8, 8],
                "decoder_blocks": 1,
                "heads": 2,
            },
            training=config,
            turned=0.5,
            kl_weight=1e-3,
        ),
        text=TextPart(
            network={"width": 16, "layers": 1, "heads": 2, "registers": 2, "registers_only": True},
            training=config,
        ),
        # 9 is not a multiple of what is encoded together.
        clips=ClipsPart(count=9, references=1, reference_steps=0.3, short_steps=0.5),
        denoiser=DenoiserPart(
            network={
                "latent_channels": 3,
                "text_channels": 16,
                "channels": [16, 16],
                "middle": 1,
                "head": 16,
                "embedding": 32,
                "known_channels": 8,
                "nearest": True,
                "drafted": True,
            },
            training=config,
            schedule="flow",
            prediction="flow",
            time_mean=0.0,
            time_std=1.0,
            known_noise=0.1,
            weights=(0.8, 1.0, 1.5),
            small=0.3,
            drafts=DraftsPart(coarse=0.3, between=0.4, noise=0.5),
            text_dropout=0.1,
            sampling=levels._replace(leaves=replace(sampling, text_guidance=1.0)),
        ),
        distillation=DistillationPart(training=config, substeps=2, aimed=levels),
        decoder=DecoderPart(training=replace(config, batch=1, steps=1), latent_noise=0.1, precision="fp32"),
        hd=HDPart(training=replace(config, batch=1, steps=1), times=4, channels=(8,)),
        sampling=levels._replace(leaves=replace(sampling, precision="fp32")),
        probes=ProbesPart(frame=config, clip=config, seeds=(3,)),
    )


def undistilled() -> Recipe:
    """The tiny recipe with a denoiser that ships as it is."""
    recipe = tiny()
    return replace(recipe, distillation=replace(recipe.distillation, training=None))


def plain() -> Recipe:
    """Without an HD decoder as well."""
    recipe = undistilled()
    return replace(recipe, hd=replace(recipe.hd, training=None))
