"""The HD decoder begins as the autoencoder's pictures enlarged, and each frame is decoded by itself."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
import torch.nn.functional as F

from longtake.models.upsampler import HDDecoder
from longtake.models.vae import TKLVAE


@pytest.fixture
def vae() -> TKLVAE:
    torch.manual_seed(0)
    made: TKLVAE = TKLVAE(
        latent_channels=2, encoder_channels=(8, 8), decoder_channels=(8, 8), decoder_blocks=1, heads=2
    ).eval()
    with torch.no_grad():
        for weights in made.parameters():
            weights.add_(0.1 * torch.randn(weights.shape))
    made.set_statistics([0.5, -1.0], [2.0, 0.5])
    return made


def test_at_first_it_is_the_autoencoders_picture_enlarged(vae: TKLVAE) -> None:
    latents = torch.randn(2, 3, 2, 4, 4)
    with torch.no_grad():
        made = HDDecoder.of(vae, 4, (8,)).eval()(latents)
        small = vae.decode(vae.denormalise(latents), framewise=True)
        large = F.interpolate(small.flatten(0, 1), scale_factor=4.0, mode="bicubic").view(2, 3, 3, 64, 64)
    assert torch.equal(made, large)


def test_each_frame_is_decoded_by_itself_and_within_bounds(vae: TKLVAE) -> None:
    decoder = HDDecoder.of(vae, 4, (8,)).eval()
    with torch.no_grad():
        for weights in decoder.parameters():
            weights.add_(0.1 * torch.randn(weights.shape))
    latents = torch.randn(1, 3, 2, 4, 4)
    together = decoder.decode_latents(latents)
    assert together.shape == (1, 3, 3, 64, 64)
    assert together.abs().max() <= 1
    alone = torch.cat([decoder.decode_latents(latents[:, k : k + 1]) for k in range(3)], dim=1)
    assert torch.allclose(together, alone, atol=1e-5)
    other = latents.clone()
    other[:, 1] += 1
    moved = (decoder.decode_latents(other) != together).flatten(2).any(dim=2)[0]
    assert moved.tolist() == [False, True, False]


def test_it_is_saved_and_loaded(vae: TKLVAE, tmp_path: Path) -> None:
    decoder = HDDecoder.of(vae, 4, (8,))
    decoder.save_pretrained(tmp_path, safe_serialization=True)
    again = HDDecoder.from_pretrained(tmp_path, low_cpu_mem_usage=False).eval()
    latents = torch.randn(1, 1, 2, 4, 4)
    assert torch.equal(again.decode_latents(latents), decoder.eval().decode_latents(latents))
    assert again.factor == 16


def test_finer_levels_must_lead_to_the_size(vae: TKLVAE) -> None:
    with pytest.raises(ValueError, match="2 finer levels make 32 pixels of a latent one, not 4 x 4"):
        HDDecoder.of(vae, 4, (8, 8))


def test_folded_latents_are_refused() -> None:
    net = TKLVAE(latent_channels=4, fold=2, encoder_channels=(8, 8), decoder_channels=(8, 8), heads=2)
    with pytest.raises(ValueError, match="learn a FrameDecoder"):
        HDDecoder.of(net, 4, (8,))
