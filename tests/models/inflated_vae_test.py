"""Stable Diffusion's autoencoder inflated: at first the image autoencoder frame by frame, then more."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import AutoencoderKL
from tiny_sd import stirred
from torch import Tensor

from longtake.models.inflated_vae import InflatedVAE
from longtake.models.load import network_in
from longtake.models.upsampler import HDDecoder

CLIPS, FRAMES = 2, 5
# The autoencoder of Stable Diffusion, as its config.json has it.
FULL: dict[str, Any] = {
    "block_out_channels": (128, 256, 512, 512),
    "layers_per_block": 2,
    "latent_channels": 4,
    "sample_size": 512,
    "down_block_types": ("DownEncoderBlock2D",) * 4,
    "up_block_types": ("UpDecoderBlock2D",) * 4,
}


def image_network(**settings: Any) -> AutoencoderKL:
    torch.manual_seed(0)
    tiny = {
        "block_out_channels": (8, 16),
        "norm_num_groups": 4,
        "latent_channels": 4,
        "sample_size": 16,
        "down_block_types": ("DownEncoderBlock2D",) * 2,
        "up_block_types": ("UpDecoderBlock2D",) * 2,
    }
    return AutoencoderKL(**{**tiny, **settings}).eval()


def video(seed: int = 0) -> Tensor:
    return torch.rand(CLIPS, FRAMES, 3, 16, 16, generator=torch.Generator().manual_seed(seed)) * 2 - 1


def perturbed(**settings: Any) -> InflatedVAE:
    net: InflatedVAE = stirred(InflatedVAE.of(image_network(), **settings).eval())
    return net


@pytest.mark.parametrize(
    "settings",
    [{}, {"use_quant_conv": False, "use_post_quant_conv": False, "mid_block_add_attention": False}],
)
@torch.no_grad()
def test_at_first_every_frame_is_the_image_autoencoders_bit_for_bit(settings: dict[str, Any]) -> None:
    image = image_network(**settings)
    net = InflatedVAE.of(image, temporal_encoder=True).eval()
    found = [image.encode(clip).latent_dist for clip in video()]  # a clip's frames being the batch
    posterior = net.encode(video())
    assert torch.equal(posterior.mean, torch.stack([one.mean for one in found]))
    assert torch.equal(posterior.logvar, torch.stack([one.logvar for one in found]))
    z = posterior.mean.contiguous()
    assert torch.equal(net.decode(z), torch.stack([image.decode(clip).sample for clip in z]))
    alone = torch.stack([image.encode(frame[None]).latent_dist.mean[0] for frame in video().flatten(0, 1)])
    assert torch.equal(net.encode(video(), framewise=True).mean.flatten(0, 1), alone)
    pictures = torch.stack([image.decode(one[None]).sample[0] for one in z.flatten(0, 1)])
    assert torch.equal(net.decode(z, framewise=True).flatten(0, 1), pictures)
    torch.testing.assert_close(net.decode(z).flatten(0, 1), pictures, rtol=0, atol=1e-5)


@pytest.mark.parametrize(("encoder", "decoder"), [(False, True), (True, False), (True, True), (False, False)])
@torch.no_grad()
def test_once_changed_a_frame_depends_on_its_neighbours_where_asked(encoder: bool, decoder: bool) -> None:
    net = perturbed(temporal_encoder=encoder, temporal_decoder=decoder)
    other = video().clone()
    other[:, 1:] = video(1)[:, 1:]
    z, z_other = net.encode(video()).mean, net.encode(other).mean
    assert torch.equal(z[:, 0], z_other[:, 0]) != encoder
    mixed = z.clone()
    mixed[:, 1:] += 1
    assert torch.equal(net.decode(z)[:, 0], net.decode(mixed)[:, 0]) != decoder
    assert torch.equal(net.decode(z, framewise=True)[:, 0], net.decode(mixed, framewise=True)[:, 0])


@torch.no_grad()
def test_latents_are_scaled_as_the_diffusion_model_wants_them() -> None:
    plain = InflatedVAE.of(image_network())
    z = plain.encode_latents(video())
    torch.testing.assert_close(z, plain.encode(video()).mean * 0.18215)
    torch.testing.assert_close(plain.denormalise(z), plain.encode(video()).mean)
    shifted = InflatedVAE.of(image_network(scaling_factor=0.5, shift_factor=0.25))
    torch.testing.assert_close(shifted.encode_latents(video()), (shifted.encode(video()).mean - 0.25) * 0.5)
    assert plain.decode_latents(z).abs().max() <= 1


def test_with_gradients_it_computes_the_same_and_draws_in_between() -> None:
    net = perturbed(temporal_encoder=True)
    with torch.no_grad():
        z = net.encode(video()).mean
    made, posterior = net(video(), torch.zeros_like(z))
    torch.testing.assert_close(posterior.mean, z, rtol=0, atol=1e-5)
    made.square().mean().backward()
    assert all(p.grad is not None for p in net.temporal_parameters())


def test_its_halves_hold_all_that_is_trained() -> None:
    net = perturbed(temporal_encoder=True)
    encoder, decoder = (set(half.parameters()) for half in (net.encoder, net.decoder))
    assert not encoder & decoder
    assert encoder | decoder == set(net.parameters())
    assert set(net.temporal_parameters()) < encoder | decoder


def test_every_pretrained_weight_has_its_one_place_at_full_size() -> None:
    with torch.device("meta"):
        image = AutoencoderKL(**FULL)
        pretrained = {name: weight.shape for name, weight in image.state_dict().items()}
        net = InflatedVAE.of(image)
    assert sum(shape.numel() for shape in pretrained.values()) == 83_653_863
    assert net.factor == 8
    ours = {name: weight.shape for name, weight in net.state_dict().items()}
    assert {name.removeprefix("image."): s for name, s in ours.items() if name[:6] == "image."} == pretrained
    new = {name for name in ours if not name.startswith("image.")}
    assert new == {name for name, _ in net.named_parameters() if name.startswith("added.decoder.")}
    # The first layer, 2 blocks and attention in the middle, 4 levels of 3 blocks, 3 enlargements, the last.
    assert {int(name.split(".")[2]) for name in new} == set(range(1 + 3 + 12 + 3 + 1))


@torch.no_grad()
def test_a_folder_keeps_it(tmp_path: Path) -> None:
    net = perturbed()
    net.save_pretrained(tmp_path)
    again = network_in(tmp_path)
    assert isinstance(again, InflatedVAE)
    assert torch.equal(
        again.decode_latents(video()[:, :, :1].expand(-1, -1, 4, -1, -1)),
        net.decode_latents(video()[:, :, :1].expand(-1, -1, 4, -1, -1)),
    )
    assert again.config.latents_std == net.config.latents_std


def test_other_layouts_are_refused() -> None:
    config = {key: value for key, value in image_network().config.items() if key[0] != "_"}
    with pytest.raises(ValueError, match="blocks of the kind AttnUpDecoderBlock2D"):
        InflatedVAE(
            image_config={**config, "up_block_types": ("AttnUpDecoderBlock2D",) * 2}, latent_channels=4
        )
    with pytest.raises(ValueError, match="multiples of 2"):
        perturbed().encode(video()[..., :15])
    with pytest.raises(ValueError, match="begun as that of a TKLVAE: a InflatedVAE has none"):
        HDDecoder.of(perturbed(), 4, (8,))  # type: ignore[arg-type]
