"""What several test files share."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# A machine that has other things to do as well is no fault of a test's.
settings.register_profile("suite", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("suite")
# In the background a shell has Ctrl-C ignored, and every process that the tests start would inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)

VOCABULARY = ["fox", "frog", "rabbit", "in", "the", "meadow", "rain", "jumps", "sleeps"]


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a model of all parts, small and random: frames of 16 pixels, latents [2, 4, 4].

    Layers that start at zero are drawn too, so that prompts, known frames, times and neighbours have a say.
    """
    import torch

    from longtake.conditions.text import SmallTextEncoder
    from longtake.manifest import Manifest, write_manifest
    from longtake.models.unet import MaskTemporalUNet
    from longtake.models.upsampler import HDDecoder
    from longtake.models.vae import TKLVAE
    from longtake.plan import Sampling

    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("model") / "tiny"
    generator = torch.Generator().manual_seed(1)
    parts = {
        "unet": MaskTemporalUNet(
            latent_channels=2,
            text_channels=16,
            channels=(16, 32),
            middle=1,
            head=16,
            embedding=32,
            known_channels=8,
            drafted=True,
        ),
        "text": SmallTextEncoder(
            vocabulary=VOCABULARY, width=16, layers=1, heads=2, registers=2, max_words=12
        ),
        "vae": TKLVAE(
            latent_channels=2, encoder_channels=(8, 8), decoder_channels=(8, 8), decoder_blocks=1, heads=2
        ),
    }
    parts["hd"] = HDDecoder.of(parts["vae"], 4, (8,))
    for name, part in parts.items():
        with torch.no_grad():
            for weights in part.parameters():
                weights.copy_(0.2 * torch.randn(weights.shape, generator=generator))
        part.save_pretrained(folder / name, safe_serialization=True)
    both = {"sampler": "ddim", "shift": 1.0, "precision": "fp32"}
    write_manifest(
        Manifest(
            folder=folder,
            name="tiny",
            size=16,
            latents=(2, 4, 4),
            clip_length=16,
            schedule="cosine",
            prediction="v",
            keyframes=Sampling(steps=3, text_guidance=2.0, known_guidance=1.0, **both),
            gaps=Sampling(steps=2, text_guidance=2.0, known_guidance=1.5, **both),
            leaves=Sampling(steps=2, text_guidance=1.0, known_guidance=1.5, **both),
            decoder_precision="fp32",
            files={},
            drafts=True,
            hd=64,
        )
    )
    return folder
