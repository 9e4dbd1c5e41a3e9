"""Stable Diffusion's U-Net inflated: at first the image network frame by frame, then more."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import DDIMScheduler, UNet2DConditionModel
from networks import evaluated
from tiny_sd import SD_NOISE, UNET, stirred
from torch import Tensor

from longtake.diffusion import SCHEDULES, Denoiser, ddim, times
from longtake.diffusion.loss import DiffusionLoss
from longtake.given import Draft, Given, Signal
from longtake.models.inflated import InflatedUNet, image_timestep
from longtake.models.layers import TemporalConv
from longtake.models.load import network_in
from longtake.train.muon import muon_names

CLIPS, FRAMES, PROMPTS = 2, 5, 3
# The U-Nets of Stable Diffusion 1.5 and 2.1, as their config.json has them, and their numbers of parameters.
FULL: dict[str, tuple[dict[str, Any], int]] = {
    "1.5": ({"sample_size": 64, "cross_attention_dim": 768, "attention_head_dim": 8}, 859_520_964),
    "2.1": (
        {
            "sample_size": 96,
            "cross_attention_dim": 1024,
            "attention_head_dim": [5, 10, 20, 20],
            "use_linear_projection": True,
            "upcast_attention": True,
        },
        865_910_724,
    ),
}


def image_network(**settings: Any) -> UNet2DConditionModel:
    torch.manual_seed(0)
    return UNet2DConditionModel(**{**UNET, **settings}).eval()


def inputs(seed: int = 0) -> dict[str, Tensor]:
    chance = torch.Generator().manual_seed(seed)

    def normal(*shape: int) -> Tensor:
        return torch.randn(shape, generator=chance)

    return {
        "x": normal(CLIPS, FRAMES, 4, 8, 8),
        "t": torch.rand(CLIPS, FRAMES, generator=chance),
        "time": torch.rand(CLIPS, FRAMES, generator=chance).cumsum(1) * 100,
        "text": normal(PROMPTS, 7, 16),
        "prompt": torch.randint(0, PROMPTS, (CLIPS, FRAMES), generator=chance),
        "known": normal(CLIPS, FRAMES, 4, 8, 8),
        "mask": (torch.rand(CLIPS, FRAMES, 1, 8, 8, generator=chance) > 0.5).float(),
    }


def perturbed() -> InflatedUNet:
    net: InflatedUNet = stirred(InflatedUNet.of(image_network(), head=16, known_channels=8).eval())
    return net


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"use_linear_projection": True, "attention_head_dim": (2, 4), "upcast_attention": True},
        {
            "block_out_channels": (32, 32, 32),
            "layers_per_block": 1,
            "down_block_types": ("CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "DownBlock2D"),
            "up_block_types": ("UpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D"),
        },
    ],
    ids=["1.5", "2.1", "three levels"],
)
@torch.no_grad()
def test_at_first_every_frame_is_what_the_image_network_makes_of_it(settings: dict[str, Any]) -> None:
    image = image_network(**settings)
    net = InflatedUNet.of(image, head=16, known_channels=8).eval()
    given = inputs()
    out = evaluated(net, given)
    said, steps = given["text"][given["prompt"]], image_timestep(given["t"])
    together = [image(x, t, s).sample for x, t, s in zip(given["x"], steps, said, strict=True)]
    assert torch.equal(out, torch.stack(together))  # bit for bit, a clip's frames being the batch
    for b in range(CLIPS):
        for k in range(FRAMES):  # on a CPU sums are rounded otherwise where there is one frame
            alone = image(given["x"][b, k : k + 1], steps[b, k], said[b, k : k + 1]).sample[0]
            torch.testing.assert_close(out[b, k], alone, rtol=0, atol=5e-6)
    other = {**inputs(1), **{key: given[key] for key in ("x", "t", "text", "prompt")}}
    assert torch.equal(evaluated(net, other), out)  # whatever is known, and when


@pytest.mark.parametrize("of", ["known", "mask", "time", "neighbours"])
@torch.no_grad()
def test_once_changed_it_looks_at_what_is_known_and_around(of: str) -> None:
    net, given = perturbed(), inputs()
    out, other = evaluated(net, given), dict(given)
    if of == "neighbours":
        other["x"] = given["x"].clone()
        other["x"][:, 1:] += 1
    else:
        other[of] = inputs(1)[of]
    assert (evaluated(net, other)[:, 0] - out[:, 0]).abs().max() > 1e-3


@torch.no_grad()
def test_what_is_under_the_mask_is_not_looked_at() -> None:
    net, given = perturbed(), inputs()
    hidden = given["known"] + 9 * (1 - given["mask"])
    assert torch.equal(evaluated(net, {**given, "known": hidden}), evaluated(net, given))


@torch.no_grad()
def test_a_clip_is_the_same_whichever_are_drawn_with_it() -> None:
    net, given = perturbed(), inputs()
    both = evaluated(net, given)
    for b in range(CLIPS):
        alone = {key: part if key == "text" else part[b : b + 1] for key, part in given.items()}
        assert torch.equal(evaluated(net, alone), both[b : b + 1])


def test_with_gradients_clips_are_computed_together_to_the_same() -> None:
    net, given = perturbed(), inputs()
    with torch.no_grad():
        one_by_one = evaluated(net, given)
    torch.testing.assert_close(evaluated(net, given), one_by_one, rtol=0, atol=2e-5)


def gradients(given: dict[str, Tensor], again: bool) -> tuple[Tensor, dict[str, Tensor], int]:
    """Output, gradients of weights and inputs, and how many numbers were kept for them."""
    net, sizes = perturbed(), list[int]()
    if again:
        net.enable_gradient_checkpointing()
    learnt = {"x", "text", "known"}
    leaves = {name: given[name].clone().requires_grad_(name in learnt) for name in given}

    def pack(tensor: Tensor) -> Tensor:
        sizes.append(tensor.numel())
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        out = evaluated(net, leaves)
    out.square().mean().backward()
    found = {name: p.grad for name, p in (*net.named_parameters(), *leaves.items()) if p.requires_grad}
    return out, {name: grad for name, grad in found.items() if grad is not None}, sum(sizes)


def test_blocks_that_compute_twice_have_the_same_gradients_and_keep_less() -> None:
    (out, kept, much), (same, computed, little) = (gradients(inputs(), again) for again in (False, True))
    assert torch.equal(out, same)
    assert kept.keys() == computed.keys()
    assert {"x", "text", "known"} < kept.keys()
    for name, grad in kept.items():
        assert torch.equal(grad, computed[name]), name
    assert little < 0.4 * much


@pytest.mark.parametrize("name", ["known", "mask", "text", "prompt", "time", "t"])
def test_gradients_of_blocks_that_compute_twice_know_the_condition(name: str) -> None:
    given = inputs()
    (_, kept, _), (_, moved, _) = (
        gradients(told, True) for told in (given, {**given, name: inputs(1)[name]})
    )
    inner = [weight for weight in kept if weight.startswith("image.down_blocks")]
    differ = [weight for weight in inner if not torch.equal(kept[weight], moved[weight])]
    assert len(differ) > 0.9 * len(inner)


def test_noise_levels_are_the_steps_that_were_trained() -> None:
    levels = torch.tensor([0.0, 0.0005, 0.001, 0.5, 0.9995, 1.0])
    assert image_timestep(levels).tolist()[:4] == [0, 0, 0, 499]
    assert image_timestep(levels)[4].item() == pytest.approx(998.5)
    grid = torch.arange(1, 1001) / 1000
    assert torch.equal(image_timestep(grid), torch.arange(1000.0))


@pytest.mark.parametrize(("prediction", "ours"), [("epsilon", "epsilon"), ("v_prediction", "v")])
@pytest.mark.parametrize("steps", [1, 4])
@torch.no_grad()
def test_ddim_is_that_of_diffusers(prediction: str, ours: str, steps: int) -> None:
    image = image_network()
    scheduler = DDIMScheduler(
        **SD_NOISE, prediction_type=prediction, clip_sample=False, timestep_spacing="trailing"
    )
    scheduler.set_timesteps(steps)
    given = inputs()
    said = given["text"][given["prompt"]]
    x = given["x"][0]
    for step in scheduler.timesteps:
        x = scheduler.step(image(x, step, said[0]).sample, step, x).prev_sample
    net = InflatedUNet.of(image, head=16, known_channels=8).eval()
    denoiser = Denoiser(net, SCHEDULES["sd"], ours)
    conditions = Given(**{key: given[key] for key in ("time", "text", "prompt", "known", "mask")})

    def denoise(x: Tensor, t: Tensor) -> Tensor:
        return denoiser.denoise(x, t, conditions.rows(slice(1)))

    drawn = ddim(denoise, given["x"][:1], times(steps), SCHEDULES["sd"])[0]
    torch.testing.assert_close(drawn, x, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("version", FULL)
def test_every_pretrained_weight_has_its_one_place_at_full_size(version: str) -> None:
    settings, count = FULL[version]
    with torch.device("meta"):
        image = UNet2DConditionModel(**settings)
        pretrained = {name: weight.shape for name, weight in image.state_dict().items()}
        net = InflatedUNet.of(image)
    assert sum(shape.numel() for shape in pretrained.values()) == count
    ours = {name: weight.shape for name, weight in net.state_dict().items()}
    assert {name.removeprefix("image."): s for name, s in ours.items() if name[:6] == "image."} == pretrained
    new = {name for name in ours if not name.startswith("image.")}
    assert new == {name for name, _ in net.named_parameters() if name.startswith("added.")}
    assert {name.split(".")[1] for name in new} == {"spacing", "known", "down", "middle", "up"}
    # Behind each residual block of the image network but the last of the middle a layer along time.
    along = [m for m in net.added.modules() if isinstance(m, TemporalConv)]
    assert len(along) == 8 + 1 + 12
    assert [m.in_channels for m in along[:8]] == [320, 320, 640, 640, 1280, 1280, 1280, 1280]


@torch.no_grad()
def test_a_folder_keeps_it_whole_or_in_parts(tmp_path: Path) -> None:
    net = perturbed()
    net.save_pretrained(tmp_path / "whole")
    net.save_pretrained(tmp_path / "parts", max_shard_size="1MB")
    assert len(list((tmp_path / "parts").glob("*.safetensors"))) > 2
    for folder in (tmp_path / "whole", tmp_path / "parts"):
        again = network_in(folder)
        assert isinstance(again, InflatedUNet)
        assert torch.equal(evaluated(again, inputs()), evaluated(net, inputs()))
    half = network_in(tmp_path / "whole", torch.bfloat16)
    assert {p.dtype for p in half.parameters()} == {torch.bfloat16}
    short = {
        key: part.bfloat16() if key in ("x", "text", "known", "mask") else part
        for key, part in inputs().items()
    }
    torch.testing.assert_close(evaluated(half, short).float(), evaluated(net, inputs()), rtol=0, atol=0.1)


def test_weights_of_another_network_are_refused(tmp_path: Path) -> None:
    perturbed().save_pretrained(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps({**config, "known_channels": 16}))
    with pytest.raises(ValueError, match="does not hold the weights of a InflatedUNet"):
        network_in(tmp_path)
    (tmp_path / "config.json").write_text(json.dumps({**config, "_class_name": "Other"}))
    with pytest.raises(ValueError, match="a network of the kind Other: use one of MaskTemporalUNet"):
        network_in(tmp_path)


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"in_channels": 9}, "9 channels in and 4 out"),
        ({"class_embed_type": "timestep"}, "class_embed_type = 'timestep'"),
        ({"addition_embed_type": "text_time"}, "addition_embed_type = 'text_time'"),
        ({"down_block_types": ("AttnDownBlock2D", "DownBlock2D")}, "blocks of the kind AttnDownBlock2D"),
        ({"layers_per_block": (1, 2)}, "another number of layers on each level"),
    ],
)
def test_networks_that_take_more_are_refused(settings: dict[str, Any], reason: str) -> None:
    config = {key: value for key, value in image_network().config.items() if key[0] != "_"}
    with pytest.raises(ValueError, match=f"none of Stable Diffusion 1 or 2.*{reason}"):
        InflatedUNet(image_config={**config, **settings})


def test_drafts_tracks_and_odd_sizes_are_refused() -> None:
    net, given = perturbed(), inputs()
    signal = Signal(valid=torch.ones(CLIPS, FRAMES, dtype=torch.bool), timing=torch.ones(CLIPS, FRAMES, 1))
    with pytest.raises(ValueError, match="reads no tracks: leave out 'sound'"):
        evaluated(net, {**given, "tracks": {"sound": signal}})
    with pytest.raises(ValueError, match="takes no drafts"):
        evaluated(net, {**given, "draft": Draft(given["x"], given["t"])})
    small = {key: part[..., :7] if key in ("x", "known", "mask") else part for key, part in given.items()}
    with pytest.raises(ValueError, match="make both sides multiples of 2"):
        evaluated(net, small)


def test_training_what_was_added_leaves_the_image_network_and_learns_a_clip() -> None:
    """30 steps on one clip that moves: the loss falls, and only new layers change."""
    net: InflatedUNet = InflatedUNet.of(image_network(), head=16, known_channels=8).train()
    net.requires_grad_(False)
    for p in net.temporal_parameters():
        p.requires_grad_(True)
    assert muon_names(net) <= {name for name, _ in net.named_parameters() if name.startswith("added.")}
    before = {name: weight.clone() for name, weight in net.state_dict().items()}
    given = inputs()
    clip = torch.stack([torch.roll(given["x"][:1, 0], k, dims=-1) for k in range(FRAMES)], dim=1)
    loss = DiffusionLoss(
        schedule=SCHEDULES["sd"],
        prediction="epsilon",
        time_mean=0.0,
        time_std=1.0,
        terminal_share=0.0,
        known_noise_max=0.1,
    )
    mask = torch.zeros(1, FRAMES, 1, 8, 8)
    mask[:, [0, -1]] = 1
    optimiser = torch.optim.AdamW(net.temporal_parameters(), 3e-3)

    def step(seed: int) -> Tensor:
        chance = torch.Generator().manual_seed(seed)
        conditions = Given(
            time=given["time"][:1], text=given["text"], prompt=given["prompt"][:1], known=clip, mask=mask
        )
        return loss(net, clip, conditions, generator=chance)[0]

    with torch.no_grad():
        first = sum(float(step(seed)) for seed in range(100, 108))
    for seed in range(30):
        optimiser.zero_grad()
        step(seed).backward()
        optimiser.step()
    with torch.no_grad():
        last = sum(float(step(seed)) for seed in range(100, 108))
    assert last < 0.8 * first
    changed = {name for name, weight in net.state_dict().items() if not torch.equal(weight, before[name])}
    assert changed
    assert all(name.startswith("added.") for name in changed)
    assert {name.split(".")[1] for name in changed} == {"spacing", "known", "down", "middle", "up"}


def test_first_and_last_layers_are_not_for_muon() -> None:
    names = muon_names(InflatedUNet.of(image_network(), head=16, known_channels=8))
    assert not any("conv_in" in name or "conv_out" in name or "added.known" in name for name in names)
    assert any("attentions" in name for name in names)
    assert any("time.qkv" in name for name in names)
