"""T-KLVAE: at first the frame-wise autoencoder, bit for bit; then it is not; and it comes back from disk."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor

from longtake.manifest import find_model
from longtake.models.layers import SpatialConv, TemporalConv
from longtake.models.load import network_in
from longtake.models.vae import TKLVAE, Posterior, folded, unfolded

FOLDED = {"fold": 2, "patch": 4, "encoder_channels": (8, 12), "decoder_channels": (12, 8), "heads": 0}
CELLS_8 = FOLDED | {"latent_channels": 16, "encoder_channels": (64, 112), "decoder_channels": (128, 80)}
DTYPES = pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])


def tiny(seed: int = 0, **changes: object) -> TKLVAE:
    torch.manual_seed(seed)
    sizes = {
        "encoder_channels": (8, 12, 16),
        "decoder_channels": (16, 12, 8),
        "latent_channels": 4,
        "heads": 2,
    }
    return TKLVAE(**(sizes | {"decoder_blocks": 1} | changes)).eval()


def shaken(model: TKLVAE) -> TKLVAE:
    """A model none of whose layers is the identity, as after training."""
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for p in model.parameters():
            p += 0.1 * torch.randn(p.shape, generator=generator)
    return model


def video(*shape: int, seed: int = 0) -> Tensor:
    return 2 * torch.rand(shape, generator=torch.Generator().manual_seed(seed)) - 1


@DTYPES
@pytest.mark.parametrize("encoder", [False, True])
def test_at_first_equals_the_framewise_autoencoder(encoder: bool, dtype: torch.dtype) -> None:
    model, clip = tiny(temporal_encoder=encoder).to(dtype=dtype), video(2, 5, 3, 16, 24)
    # blocks and spatial attentions of an image autoencoder that was trained already
    temporal = {id(p) for p in model.temporal_parameters()}
    with torch.no_grad():
        for p in model.parameters():
            if id(p) not in temporal:
                p += 0.1 * torch.randn_like(p)
        posterior, alone = model.encode(clip), model.encode(clip, framewise=True)
        assert torch.equal(posterior.mean, alone.mean)
        assert torch.equal(posterior.logvar, alone.logvar)
        made = model.decode(posterior.mean)
        assert torch.equal(made, model.decode(posterior.mean, framewise=True))
    frames = torch.cat([model.decode(posterior.mean[:, i : i + 1], framewise=True) for i in range(5)], 1)
    assert torch.equal(made, frames)  # each frame by itself in truth


def test_the_framewise_autoencoder_has_no_temporal_layers_at_all() -> None:
    model, plain = tiny(), tiny(1, temporal_decoder=False)
    assert not plain.temporal_parameters()
    plain.load_state_dict({k: v for k, v in model.state_dict().items() if k in plain.state_dict()})
    clip = video(1, 3, 3, 16, 16)
    assert torch.equal(model(clip)[0], plain(clip)[0])


def test_temporal_layers_stand_after_every_spatial_convolution_and_attention() -> None:
    model = tiny(temporal_encoder=True, decoder_blocks=2)
    spatial = [m for m in model.modules() if isinstance(m, SpatialConv) and m.kernel_size != (1, 1)]
    temporal = [m for m in model.modules() if isinstance(m, TemporalConv)]
    assert len(spatial) == len(temporal) == (3 + 3 * 2 + 1) + (1 + 3 * 2 * 2 + 1)


def test_temporal_layers_move_after_a_step() -> None:
    model, clip = tiny(), video(2, 4, 3, 16, 16)
    before = [p.clone() for p in model.temporal_parameters()]
    optimiser = torch.optim.Adam(model.parameters(), 1e-2)
    for _ in range(2):  # the second step goes through what the first made non-zero
        optimiser.zero_grad()
        (model(clip)[0] - clip).abs().mean().backward()
        optimiser.step()
    assert all(not torch.equal(a, b) for a, b in zip(before, model.temporal_parameters(), strict=True))
    z = model.encode(clip).mean.detach()
    assert not torch.equal(model.decode(z), model.decode(z, framewise=True))
    z[:, 0] += 1
    moved = (model.decode(z) != model.decode(model.encode(clip).mean)).flatten(2).any(2)
    assert moved.all()  # attention reaches every frame of the clip


def test_a_spatial_encoder_does_not_look_at_neighbours() -> None:
    model, clip = shaken(tiny()), video(1, 4, 3, 16, 16)
    whole = model.encode(clip).mean
    assert torch.equal(whole[:, 2:3], model.encode(clip[:, 2:3]).mean)
    both = shaken(tiny(temporal_encoder=True))
    assert not torch.equal(both.encode(clip).mean[:, 2:3], both.encode(clip[:, 2:3]).mean)


@DTYPES
@pytest.mark.parametrize("changes", [{}, FOLDED], ids=["plain", "folded"])
def test_a_batch_changes_no_bit(changes: dict[str, object], dtype: torch.dtype) -> None:
    model, clips = shaken(tiny(**changes)).to(dtype=dtype), video(4, 5, 3, 32, 32)
    latents = model.encode_latents(clips)
    made = model.decode_latents(latents)
    for b in (0, 3):
        assert torch.equal(model.encode_latents(clips[b : b + 1]), latents[b : b + 1])
        assert torch.equal(model.decode_latents(latents[b : b + 1]), made[b : b + 1])
    assert torch.equal(model.decode_latents(latents[:3]), made[:3])


@DTYPES
@pytest.mark.slow
@pytest.mark.parametrize("changes", [{}, CELLS_8], ids=["plain", "folded"])
def test_a_batch_changes_no_bit_at_full_size(changes: dict[str, object], dtype: torch.dtype) -> None:
    torch.manual_seed(0)
    model, clips = shaken(TKLVAE(**changes).eval()).to(dtype=dtype), video(5, 16, 3, 64, 64)
    latents = model.encode_latents(clips)
    made = model.decode_latents(latents)
    for part in (slice(0, 1), slice(4, 5), slice(1, 3), slice(0, 4)):
        assert torch.equal(model.encode_latents(clips[part]), latents[part])
        assert torch.equal(model.decode_latents(latents[part]), made[part])


@pytest.mark.parametrize("frames", [1, 2, 16, 19])
@pytest.mark.parametrize("size", [(8, 8), (24, 40)])
def test_any_length_and_size(frames: int, size: tuple[int, int]) -> None:
    model, clip = shaken(tiny()), video(1, frames, 3, *size)
    latents = model.encode_latents(clip)
    assert latents.shape == (1, frames, 4, size[0] // 8, size[1] // 8)
    made = model.decode_latents(latents)
    assert made.shape == clip.shape
    assert made.dtype == torch.float32
    assert made.abs().max() <= 1


def test_a_size_that_does_not_divide_is_refused() -> None:
    with pytest.raises(ValueError, match="multiples of 8"):
        tiny().encode(video(1, 1, 3, 16, 20))


def test_the_factor_follows_from_the_levels() -> None:
    model = tiny(encoder_channels=(8, 12, 16, 16))
    assert model.factor == 16
    clip = video(1, 2, 3, 32, 32)
    assert model(clip)[0].shape == clip.shape
    with pytest.raises(ValueError, match="use 3"):
        tiny(encoder_channels=(8, 16), decoder_channels=(16, 12, 8, 8))


def test_folding_keeps_each_number_and_its_square() -> None:
    cells = video(2, 3, 5, 8, 12)
    latents = folded(cells, 2)
    assert latents.shape == (2, 3, 20, 4, 6)
    assert torch.equal(unfolded(latents, 2), cells)
    assert torch.equal(folded(unfolded(latents, 2), 2), latents)
    square = cells[1, 2, :, 2:4, 6:8]  # of one latent pixel
    assert torch.equal(latents[1, 2, :, 1, 3], square.flatten())
    assert folded(cells, 1) is unfolded(cells, 1) is cells


def test_folded_latents_are_those_of_the_cells() -> None:
    model, clip = shaken(tiny(**FOLDED)), video(2, 3, 3, 32, 48)
    assert model.factor == 16
    assert model.decoder.first.spatial.in_channels == 1
    posterior = model.encode(clip)
    assert posterior.mean.shape == posterior.logvar.shape == (2, 3, 4, 2, 3)
    inside = model.encoder(clip.flatten(0, 1).contiguous(memory_format=torch.channels_last), 0)
    assert torch.equal(unfolded(posterior.mean, 2).flatten(0, 1), inside[:, :1])
    assert torch.equal(unfolded(posterior.logvar, 2).flatten(0, 1), inside[:, 1:])
    assert model(clip)[0].shape == clip.shape
    with pytest.raises(ValueError, match="multiples of 16"):
        model.encode(video(1, 1, 3, 32, 40))


def test_only_whole_cells_are_folded() -> None:
    with pytest.raises(ValueError, match="6 latent channels are not those of 2x2 cells"):
        tiny(fold=2, latent_channels=6)


def test_blocks_are_counted_by_level() -> None:
    model = tiny(decoder_blocks=[2, 0, 1])
    assert [len(blocks) for blocks in model.decoder.blocks] == [2, 0, 1]


def test_models_from_before_folding_are_as_they_were() -> None:
    model, latents = network_in(find_model("toon-128") / "vae"), video(1, 2, 16, 8, 8)
    assert (model.factor, model.config.fold, model.config.patch) == (16, 1, 1)
    with torch.no_grad():
        images = model.denormalise(latents)[0].contiguous(memory_format=torch.channels_last)
        assert torch.equal(model.decode_latents(latents)[0], model.decoder(images, 0).clamp(-1, 1))


@pytest.mark.parametrize("changes", [{}, FOLDED], ids=["plain", "folded"])
def test_save_and_load(tmp_path: Path, changes: dict[str, object]) -> None:
    model, clip = shaken(tiny(**changes)), video(1, 3, 3, 16, 16)
    model.set_statistics([0.1, 0.2, -0.3, 0.0], [2.0, 1.5, 0.5, 1.0])
    model.save_pretrained(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {
        "config.json",
        "diffusion_pytorch_model.safetensors",
    }
    config = network_in(tmp_path).config
    for name in ("fold", "patch", "heads", "latent_channels", "latents_mean", "latents_std"):
        assert config[name] == model.config[name]
    again = TKLVAE.from_pretrained(tmp_path, local_files_only=True, low_cpu_mem_usage=False)
    latents = model.encode_latents(clip)
    assert torch.equal(again.encode_latents(clip), latents)
    assert torch.equal(again.decode_latents(latents), model.decode_latents(latents))
    half = TKLVAE.from_pretrained(tmp_path, low_cpu_mem_usage=False, torch_dtype=torch.bfloat16)
    assert half.dtype == torch.bfloat16
    torch.testing.assert_close(half.decode_latents(latents), model.decode_latents(latents), atol=0.1, rtol=0)


def test_normalise() -> None:
    model, latents = tiny(), video(2, 3, 4, 2, 2)
    assert torch.equal(model.normalise(latents), latents)
    model.set_statistics([1.0, 2.0, 3.0, 4.0], [2.0, 4.0, 8.0, 16.0])
    expected = (latents[:, :, 2] - 3) / 8
    torch.testing.assert_close(model.normalise(latents)[:, :, 2], expected)
    torch.testing.assert_close(model.denormalise(model.normalise(latents)), latents)


def test_posterior() -> None:
    mean, logvar = torch.full((50_000,), 2.0), torch.full((50_000,), -1.0)
    posterior = Posterior(mean, logvar)
    drawn = posterior.sample(torch.Generator().manual_seed(0))
    assert torch.equal(drawn, posterior.sample(torch.Generator().manual_seed(0)))
    assert drawn.mean().item() == pytest.approx(2.0, abs=0.01)
    assert drawn.var().item() == pytest.approx(torch.tensor(-1.0).exp().item(), rel=0.02)
    assert torch.equal(posterior.mode, mean)
    normal = torch.distributions.Normal(mean, (logvar / 2).exp())
    expected = torch.distributions.kl_divergence(normal, torch.distributions.Normal(0.0, 1.0)).mean()
    torch.testing.assert_close(posterior.kl(), expected)
    torch.testing.assert_close(Posterior(mean * 0, logvar * 0).kl(), torch.tensor(0.0))
