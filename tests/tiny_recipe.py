"""A recipe of which every stage takes a moment: each part at its smallest, every kind of training in it."""

from __future__ import annotations

from dataclasses import replace

from longtake.plan import Sampling
from longtake.recipes import Recipe
from longtake.train.loop import TrainConfig


def tiny() -> Recipe:
    config = TrainConfig(steps=2, batch=2, muon_lr=1e-2, adam_lr=1e-2, warmup=1, precision="bf16")
    sampling = Sampling(
        sampler="ddim", steps=2, shift=1.5, text_guidance=2.0, known_guidance=1.0, precision="bf16"
    )
    return Recipe(
        name="tiny",
        size=16,
        seed=0,
        episodes=5,
        autoencoder={
            "latent_channels": 3,
            "encoder_channels": [8, 8],
            "decoder_channels": [8, 8],
            "decoder_blocks": 1,
            "heads": 2,
        },
        stills=config,
        turned=0.5,
        kl_weight=1e-3,
        text={"width": 16, "layers": 1, "heads": 2, "registers": 2, "registers_only": True},
        captions=config,
        clips=9,  # not a multiple of what is encoded together
        references=1,
        reference_steps=0.3,
        denoiser={
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
        diffusion=config,
        schedule="flow",
        prediction="flow",
        time_mean=0.0,
        time_std=1.0,
        known_noise=0.1,
        weights=(0.8, 1.0, 1.5),
        small=0.3,
        coarse=0.3,
        between=0.4,
        draft_noise=0.5,
        text_dropout=0.1,
        short_clips=0.5,
        undistilled=(sampling, sampling, replace(sampling, text_guidance=1.0)),
        distillation=config,
        substeps=2,
        aimed=(sampling, sampling, sampling),
        decoder=replace(config, batch=1, steps=1),
        latent_noise=0.1,
        hd=replace(config, batch=1, steps=1),
        hd_times=4,
        hd_channels=(8,),
        keyframes=sampling,
        gaps=sampling,
        leaves=replace(sampling, precision="fp32"),
        decoder_precision="fp32",
        frame_probe=config,
        clip_probe=config,
        probe_seeds=(3,),
    )
