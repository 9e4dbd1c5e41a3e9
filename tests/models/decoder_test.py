"""A decoder by itself: frame by frame, from the numbers that its autoencoder's latents are made of."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from longtake.models.decoder import FrameDecoder
from longtake.models.load import network_in
from longtake.models.vae import TKLVAE

DTYPES = pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
SMALL = {"channels": (12, 8, 8), "blocks": (1, 1, 0)}
LIGHT = {"channels": (96, 64, 32), "blocks": (2, 2, 1)}


def vae() -> TKLVAE:
    made: TKLVAE = TKLVAE(
        latent_channels=16, fold=2, patch=4, encoder_channels=(8, 8), decoder_channels=(8, 8), heads=0
    )
    made.set_statistics([0.5] * 8 + [-1.0] * 8, [2.0] * 8 + [0.5] * 8)
    return made


def shaken(**shape: object) -> FrameDecoder:
    torch.manual_seed(0)
    decoder = FrameDecoder.of(vae(), **shape).eval()
    with torch.no_grad():
        for weights in decoder.parameters():
            weights.add_(0.1 * torch.randn(weights.shape))
    return decoder


@pytest.mark.parametrize(("shape", "factor"), [(SMALL, 32), ({**SMALL, "shuffle": 2}, 16), (LIGHT, 32)])
def test_the_size_follows_from_levels_and_shuffle(shape: dict[str, object], factor: int) -> None:
    decoder = shaken(**shape)
    assert decoder.factor == factor
    pixels = decoder.decode_latents(torch.randn(2, 3, 16, 2, 1))
    assert pixels.shape == (2, 3, 3, 2 * factor, factor)
    assert pixels.dtype == torch.float32
    assert pixels.abs().max() <= 1


def test_it_knows_the_latents_of_its_autoencoder() -> None:
    net, decoder = vae(), shaken(**SMALL)
    for name in ("latent_channels", "fold", "latents_mean", "latents_std"):
        assert decoder.config[name] == net.config[name]
    latents = torch.randn(1, 2, 16, 2, 2)
    plain = FrameDecoder(**SMALL).eval()
    plain.load_state_dict(decoder.state_dict())
    with torch.no_grad():
        assert torch.equal(decoder(latents), plain(net.denormalise(latents)))


@DTYPES
@pytest.mark.parametrize("shape", [SMALL, {**SMALL, "heads": 2}])
def test_a_batch_changes_no_bit(shape: dict[str, object], dtype: torch.dtype) -> None:
    decoder, latents = shaken(**shape).to(dtype=dtype), torch.randn(3, 5, 16, 4, 4)
    made = decoder.decode_latents(latents)
    for part in (slice(0, 1), slice(2, 3), slice(0, 2)):
        assert torch.equal(decoder.decode_latents(latents[part]), made[part])
    for frame in range(5):
        assert torch.equal(decoder.decode_latents(latents[:1, frame : frame + 1])[0, 0], made[0, frame])


@DTYPES
@pytest.mark.slow
def test_a_batch_changes_no_bit_at_full_size(dtype: torch.dtype) -> None:
    decoder, latents = shaken(**LIGHT).to(dtype=dtype), torch.randn(2, 16, 16, 8, 8)
    made = decoder.decode_latents(latents)
    for part in (slice(0, 1), slice(1, 2)):
        assert torch.equal(decoder.decode_latents(latents[part]), made[part])
    for frame in range(16):
        assert torch.equal(decoder.decode_latents(latents[:1, frame : frame + 1])[0, 0], made[0, frame])
    assert torch.equal(decoder.decode_latents(latents[:1, :3])[0], made[0, :3])


def test_it_is_saved_and_loaded(tmp_path: Path) -> None:
    decoder = shaken(**SMALL)
    decoder.save_pretrained(tmp_path, safe_serialization=True)
    assert (tmp_path / "diffusion_pytorch_model.safetensors").is_file()
    again, latents = network_in(tmp_path), torch.randn(1, 1, 16, 2, 2)
    assert isinstance(again, FrameDecoder)
    assert torch.equal(again.decode_latents(latents), decoder.decode_latents(latents))
