"""Recipes for models of the cartoon world."""

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


def toon_64() -> Recipe:
    """64x64 pixels, trained on two CPU cores (`torchrun --nproc-per-node 2`) in about two hours."""

    def sampling(text: float) -> Sampling:
        return Sampling(
            sampler="ddim", steps=8, shift=1.5, text_guidance=text, known_guidance=1.0, precision="bf16"
        )

    levels = LevelSampling(sampling(3.0), sampling(1.5), sampling(1.0))
    return Recipe(
        name="toon-64",
        size=64,
        seed=0,
        episodes=6000,
        autoencoder=AutoencoderPart(
            network={"latent_channels": 8},
            training=TrainConfig(
                steps=1300,
                batch=16,
                muon_lr=3e-3,
                adam_lr=3e-3,
                warmup=30,
                final_lr_fraction=0.01,
                ema=0.995,
                log_every=20,
                save_every=200,
                sheet_every=200,
                precision="bf16",
            ),
            turned=0.0,
            kl_weight=2e-3,
        ),
        text=TextPart(
            network={"width": 128, "layers": 3},
            training=TrainConfig(
                steps=900,
                batch=128,
                muon_lr=5e-3,
                adam_lr=3e-3,
                warmup=30,
                final_lr_fraction=0.02,
                ema=0.99,
                log_every=25,
                save_every=300,
            ),
        ),
        clips=ClipsPart(count=12_000, references=0, reference_steps=0.0, short_steps=0.07),
        denoiser=DenoiserPart(
            network={"latent_channels": 8, "text_channels": 128, "channels": [64, 192]},
            training=TrainConfig(
                steps=2750,
                batch=10,
                muon_lr=2.5e-3,
                adam_lr=1.5e-3,
                warmup=40,
                final_lr_fraction=0.02,
                ema=0.997,
                log_every=20,
                save_every=200,
                sheet_every=500,
                precision="bf16",
                compile=True,
            ),
            schedule="flow",
            prediction="flow",
            time_mean=0.3,
            time_std=1.1,
            known_noise=0.15,
            weights=(1.0, 1.0, 1.0),
            small=0.0,
            drafts=DraftsPart(coarse=0.0, between=0.0, noise=0.0),
            text_dropout=0.1,
            sampling=levels,
        ),
        distillation=DistillationPart(
            training=None, substeps=0, aimed=LevelSampling(sampling(1.0), sampling(1.0), sampling(1.0))
        ),
        decoder=DecoderPart(
            training=TrainConfig(
                steps=250,
                batch=1,
                muon_lr=1e-3,
                adam_lr=1e-3,
                warmup=10,
                final_lr_fraction=0.02,
                ema=0.98,
                log_every=10,
                save_every=50,
                precision="bf16",
            ),
            latent_noise=0.12,
            precision="bf16",
        ),
        hd=HDPart(training=None, times=1, channels=()),
        sampling=levels,
        probes=ProbesPart(frame=_probe(steps=1800, batch=64), clip=_probe(steps=3000, batch=8), seeds=(0, 1)),
    )


def toon_128() -> Recipe:
    """128x128 pixels, trained on two CPU cores in resumable runs, about three and a half hours in all.

    Autoencoder 32 minutes, clips 10, denoiser 2 h 7, distillation 10, decoder 9; at most 3 GB per process.
    What came of it is in the card of the default model.
    """
    small = toon_64()
    stills, diffusion = small.autoencoder.training, small.denoiser.training
    keyframes, gaps, leaves = small.denoiser.sampling
    leaves = replace(leaves, steps=4)  # as good as 8 between known ends (docs/log.md)

    def few(steps: int, shift: float) -> Sampling:
        return replace(keyframes, steps=steps, shift=shift, text_guidance=1.0)

    return replace(
        small,
        name="toon-128",
        size=128,
        autoencoder=AutoencoderPart(
            network={
                "latent_channels": 16,
                "encoder_channels": [32, 64, 96, 160],
                "decoder_channels": [160, 128, 80],
                "temporal_decoder": False,  # one that looks along time makes seams (docs/log.md)
            },
            training=replace(stills, steps=3000, sheet_every=500, save_every=100),
            turned=0.25,  # some figures lie in test episodes only, and came out broken (docs/log.md)
            kl_weight=7e-4,
        ),
        text=replace(small.text, network={"width": 128, "layers": 3, "registers_only": True}),
        clips=ClipsPart(count=11_264, references=2, reference_steps=0.35, short_steps=0.1),
        denoiser=replace(
            small.denoiser,
            network={
                "latent_channels": 16,
                "text_channels": 128,
                "channels": [96, 192],
                "head": 32,
                "known_channels": 64,
                "nearest": True,
                "drafted": True,
            },
            training=replace(diffusion, steps=6200, batch=10, decay=0.3, ema=0.998, compile=False),
            prediction="edm",  # "flow" leaves noise in what is drawn, which flickers (docs/log.md)
            weights=(0.8, 1.0, 1.5),  # leaves are easy and learn slowly: motion (docs/log.md)
            small=0.12,
            drafts=DraftsPart(coarse=0.12, between=0.25, noise=0.6),
            # Guided keyframes stand out of the film that is drawn between them (docs/log.md).
            sampling=LevelSampling(replace(keyframes, text_guidance=1.0), gaps, leaves),
        ),
        distillation=DistillationPart(
            training=replace(
                diffusion,
                steps=250,
                muon_lr=4e-4,
                adam_lr=3e-4,
                warmup=10,
                ema=0.98,
                log_every=10,
                save_every=50,
                compile=False,
            ),
            substeps=2,
            aimed=LevelSampling(few(8, 1.5), few(4, 1.0), few(3, 0.7)),
        ),
        decoder=replace(
            small.decoder,
            training=replace(stills, steps=1200, muon_lr=8e-4, adam_lr=8e-4, sheet_every=300),
            latent_noise=0.35,
        ),
        hd=HDPart(
            training=replace(
                stills, steps=1200, batch=8, muon_lr=1e-3, adam_lr=1e-3, sheet_every=200, save_every=50
            ),
            times=4,
            channels=(48, 32),
        ),
        # Leaves at a shift of 0.7 are smoother than their ends, which shows (docs/log.md).
        sampling=LevelSampling(few(8, 1.5), few(4, 1.0), few(3, 2.0)),
    )


def toon_128_2() -> Recipe:
    """`toon_128` on the world's second edition, with an autoencoder and probes for it.

    Cells are eight pixels wide and have 4 channels, folded 2x2 into the same 8x8x16 numbers: 3 dB more on
    figures in the same time (docs/log.md). About 5 hours of one CPU core for the autoencoder.
    """
    base = toon_128()
    stills = replace(
        base.autoencoder.training,
        steps=20_000,
        batch=32,
        muon_lr=6e-3,
        adam_lr=6e-3,
        decay=0.4,
        warmup=100,
        ema=0.999,
        log_every=50,
        save_every=200,
        sheet_every=1000,
    )
    return replace(
        base,
        name="toon-128-2",
        edition=2,
        autoencoder=AutoencoderPart(
            network={
                "latent_channels": 16,
                "fold": 2,
                "patch": 4,
                "heads": 0,
                "encoder_channels": [64, 112],
                "decoder_channels": [128, 80],
                "temporal_decoder": False,
            },
            training=stills,
            turned=0.1,  # what stands in training may lie, and the other way round
            kl_weight=3e-3,
        ),
        text=replace(base.text, network={**base.text.network, "max_words": 80}),
        hd=HDPart(training=None, times=1, channels=()),
        probes=ProbesPart(frame=_probe(steps=3000, batch=64), clip=_probe(steps=3600, batch=8), seeds=(0, 1)),
    )


def toon_128_accelerated(minutes: int = 25) -> Recipe:
    """`toon_128` for an accelerator of the H200's class, planned for 10 or 25 minutes; larger networks.

    About a quarter of the time each goes to the autoencoder and to drawing and encoding clips on the host's
    cores, the rest to the denoiser and its distillation. Longer runs are resumed with more steps.
    """
    if minutes not in (10, 25):
        raise ValueError(f"there are plans for 10 and 25 minutes, not {minutes}")
    base, long = toon_128(), minutes == 25
    assert base.distillation.training is not None
    assert base.hd.training is not None
    stills = replace(
        base.autoencoder.training,
        steps=6000 if long else 2500,
        batch=256,
        compile=True,
        sheet_every=500,
        save_every=500,
    )
    diffusion = replace(
        base.denoiser.training,
        steps=7500 if long else 3600,
        batch=256,
        muon_lr=2e-3,
        compile=True,
        save_every=500,
        sheet_every=1000,
    )
    network = {"channels": [192, 448] if long else [128, 320], "middle": 6, "head": 64}
    distillation = replace(base.distillation.training, steps=800 if long else 300, batch=256)
    decoder = replace(base.decoder.training, steps=1200 if long else 400, batch=256)
    hd = replace(base.hd.training, steps=2000 if long else 800, batch=64)
    return replace(
        base,
        name=f"toon-128-{minutes}min",
        episodes=40_000,
        autoencoder=replace(base.autoencoder, training=stills),
        clips=replace(base.clips, count=100_000 if long else 32_000),
        denoiser=replace(base.denoiser, network={**base.denoiser.network, **network}, training=diffusion),
        distillation=replace(base.distillation, training=distillation),
        decoder=replace(base.decoder, training=decoder),
        hd=replace(base.hd, training=hd),
    )


def toon_256() -> Recipe:
    """256x256 pixels, latents of 16x16 cells, planned for an hour of an accelerator of the H200's class."""
    base = toon_128_accelerated(25)
    autoencoder = {
        "latent_channels": 16,
        "encoder_channels": [48, 96, 128, 192],
        "decoder_channels": [192, 128, 96],
        "temporal_decoder": False,
    }
    denoiser = {"channels": [96, 192, 448], "convs": [2, 2, 1], "up_blocks": [1, 1, 1], "head": 32}
    return replace(
        base,
        name="toon-256",
        size=256,
        autoencoder=replace(
            base.autoencoder,
            network=autoencoder,
            training=replace(base.autoencoder.training, steps=8000, batch=128),
        ),
        clips=replace(base.clips, count=60_000),
        denoiser=replace(
            base.denoiser,
            network={**base.denoiser.network, **denoiser},
            training=replace(base.denoiser.training, steps=16_000, batch=128),
            # More cells tell the same thing, so more noise hides as much of it (Hoogeboom et al. 2023).
            time_mean=base.denoiser.time_mean + 0.5,
        ),
    )


def _probe(steps: int, batch: int) -> TrainConfig:
    return TrainConfig(
        steps=steps,
        batch=batch,
        muon_lr=3e-3,
        adam_lr=2e-3,
        warmup=50,
        final_lr_fraction=0.01,
        ema=0.995,
        log_every=25,
        save_every=250,
        precision="bf16",
    )
