"""Mask Temporal Diffusion: what its output depends on, at initialisation and later, and what it never can."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from networks import evaluated
from torch import Tensor

from longtake.conditions.track import ClockTrack, in_one_batch
from longtake.given import Draft
from longtake.models.unet import MaskTemporalUNet

DTYPES = pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
NEAREST = pytest.mark.parametrize("nearest", [False, True])
LEVELS = pytest.mark.parametrize("levels", [2, 3])
INPUTS = ["x", "t", "time", "text", "prompt", "known", "mask"]


@pytest.fixture(autouse=True)
def _no_gradients() -> Iterator[None]:
    with torch.no_grad():
        yield


def tiny(**changes: Any) -> MaskTemporalUNet:
    torch.manual_seed(0)
    sizes: dict[str, Any] = {
        "latent_channels": 4,
        "text_channels": 24,
        "channels": (16, 32),
        "middle": 1,
        "head": 16,
        "embedding": 32,
        "known_channels": 8,
    }
    net: MaskTemporalUNet = MaskTemporalUNet(**(sizes | changes)).eval()
    return net


def deep(**changes: Any) -> MaskTemporalUNet:
    return tiny(channels=(16, 32, 48), convs=(2, 1, 1), up_blocks=(2, 1, 1), **changes)


def of(levels: int, nearest: bool = False) -> MaskTemporalUNet:
    return tiny(nearest=nearest) if levels == 2 else deep(nearest=nearest)


def shaken(net: MaskTemporalUNet) -> MaskTemporalUNet:
    """A network none of whose layers is zero, as after training."""
    generator = torch.Generator().manual_seed(1)
    for p in net.parameters():
        p += 0.1 * torch.randn(p.shape, generator=generator)
    return net


def inputs(
    clips: int = 2, frames: int = 5, size: int = 8, channels: int = 4, text: int = 24
) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(2)

    def normal(*shape: int) -> Tensor:
        return torch.randn(shape, generator=generator)

    mask = torch.zeros(clips, frames, 1, size, size)
    mask[:, 0] = 1
    return {
        "x": normal(clips, frames, channels, size, size),
        "t": torch.rand(clips, frames, generator=generator),
        "time": torch.rand(clips, frames, generator=generator).mul(20).cumsum(1),
        "text": normal(3, 6, text),
        "prompt": torch.randint(0, 3, (clips, frames), generator=generator),
        "known": normal(clips, frames, channels, size, size),
        "mask": mask,
    }


def changed(given: dict[str, Tensor], name: str) -> dict[str, Tensor]:
    """The same inputs but for one, which is different everywhere."""
    old = given[name]
    if name == "prompt":
        new = (old + 1) % len(given["text"])
    elif name == "mask":
        new = 1 - old
    elif name == "time":
        new = 2 * old
    elif name == "t":
        new = 1 - 0.9 * old
    else:
        new = 1.7 * old.flip(-1)  # no mere scale and shift, which a norm would hide
    return given | {name: new}


@NEAREST
@LEVELS
def test_at_initialisation_each_frame_of_the_output_depends_on_that_frame_of_x_alone(
    levels: int, nearest: bool
) -> None:
    net, given = of(levels, nearest), inputs()
    out = evaluated(net, given)
    assert out.std() > 0.05  # not for want of an output
    assert not torch.equal(evaluated(net, changed(given, "x")), out)
    for name in set(INPUTS) - {"x"}:
        assert torch.equal(evaluated(net, changed(given, name)), out), name
    given["x"][:, 2] += 1
    moved = (evaluated(net, given) != out).flatten(2).any(2)
    assert moved.tolist() == [[False, False, True, False, False]] * 2


@NEAREST
@LEVELS
def test_later_the_output_depends_on_everything(levels: int, nearest: bool) -> None:
    net, given = shaken(of(levels, nearest)), inputs()
    out = evaluated(net, given)
    for name in INPUTS:
        moved = (evaluated(net, changed(given, name)) - out).abs().flatten(2).amax(2)
        assert (moved > 1e-4).all(), name  # every frame of every clip
    given["x"][0, 2] += 1
    moved = (evaluated(net, given) != out).flatten(2).any(2)
    assert moved[0].all()  # frames of a clip see each other
    assert not moved[1].any()  # clips do not


@NEAREST
@pytest.mark.parametrize("frame", [0, 4])
def test_another_known_frame_moves_the_frames_between(frame: int, nearest: bool) -> None:
    net, given = shaken(tiny(nearest=nearest)), inputs()
    given["mask"][:, -1] = 1
    out = evaluated(net, given)
    given["known"][:, frame] += 1
    assert ((evaluated(net, given) - out).abs().flatten(2).amax(2) > 1e-4).all()


@pytest.mark.parametrize(
    ("nearest", "moves"),
    [(False, [False, False, False, False, True]), (True, [False, True, True, True, True])],
)
def test_a_frame_is_told_its_neighbours_only_if_asked(nearest: bool, moves: list[bool]) -> None:
    # The output cannot tell: there, frames see each other through attention in any case.
    net, given = tiny(nearest=nearest), inputs()
    given["mask"][:, -1] = 1
    told: list[Tensor] = []
    net.known[0].register_forward_pre_hook(lambda _, received: told.append(received[0]))
    evaluated(net, given)
    given["known"][:, -1] += 1
    evaluated(net, given)
    moved = (told[0] != told[1]).reshape(2, 5, -1).any(2)
    assert moved.tolist() == [moves] * 2


@NEAREST
def test_what_known_holds_outside_the_mask_is_never_looked_at(nearest: bool) -> None:
    net, given = shaken(tiny(nearest=nearest)), inputs()
    given["mask"][:, 3, :, :4] = 1  # also within a frame
    out = evaluated(net, given)
    given["known"] += 10 * torch.randn(given["known"].shape) * (1 - given["mask"])
    assert torch.equal(evaluated(net, given), out)


@pytest.mark.parametrize("frames", [1, 2, 7, 16])
def test_any_length_and_size(frames: int) -> None:
    for net, size in ((tiny(), 2), (deep(), 4), (deep(), 8)):
        given = inputs(1, frames, size)
        assert evaluated(shaken(net), given).shape == given["x"].shape
    wide = inputs(1, frames)
    parts = {name: wide[name][..., :4, :] for name in ("x", "known", "mask")}  # 4 high, 8 wide
    out = evaluated(tiny(), wide | parts)
    assert out.shape == (1, frames, 4, 4, 8)
    assert out.isfinite().all()


def test_sizes_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="multiples of 2"):
        evaluated(tiny(), inputs(size=7))
    with pytest.raises(ValueError, match="multiples of 4"):
        evaluated(deep(), inputs(size=6))
    with pytest.raises(ValueError, match="as many numbers as there are levels"):
        tiny(channels=(16, 32, 48))


def same_bits_alone(net: MaskTemporalUNet, given: dict[str, Tensor], dtype: torch.dtype) -> None:
    short = {name: given[name].to(dtype) for name in ("x", "text", "known", "mask")}
    given, net = given | short, net.to(dtype=dtype)
    whole = evaluated(net, given)
    assert whole.dtype == dtype
    for part in (slice(0, 1), slice(len(whole) - 1, None)):
        alone = {name: given[name] if name == "text" else given[name][part] for name in INPUTS}
        assert torch.equal(evaluated(net, alone), whole[part])


@NEAREST
@DTYPES
@pytest.mark.parametrize("frames", [1, 3, 16])
def test_a_batch_changes_no_bit(dtype: torch.dtype, frames: int, nearest: bool) -> None:
    same_bits_alone(shaken(tiny(nearest=nearest)), inputs(3, frames), dtype)


@DTYPES
def test_a_batch_changes_no_bit_at_full_width(dtype: torch.dtype) -> None:
    torch.manual_seed(0)
    same_bits_alone(shaken(MaskTemporalUNet().eval()), inputs(2, 16, 8, 8, 128), dtype)


def test_prompts_of_others_change_no_bit() -> None:
    net, given = shaken(tiny()), inputs()
    given["prompt"] = given["prompt"] % 2
    out = evaluated(net, given)
    assert torch.equal(evaluated(net, given | {"text": given["text"][:2]}), out)


@NEAREST
def test_save_and_load(tmp_path: Path, nearest: bool) -> None:
    net, given = shaken(deep(nearest=nearest)), inputs()
    net.save_pretrained(tmp_path)
    files = {path.name for path in tmp_path.iterdir()}
    assert files == {"config.json", "diffusion_pytorch_model.safetensors"}
    again = MaskTemporalUNet.from_pretrained(tmp_path, local_files_only=True, low_cpu_mem_usage=False).eval()
    assert torch.equal(evaluated(again, given), evaluated(net, given))


def test_a_folder_from_before_the_flag_still_loads(tmp_path: Path) -> None:
    net, given = shaken(tiny()), inputs()
    net.save_pretrained(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    assert config.pop("nearest") is False
    (tmp_path / "config.json").write_text(json.dumps(config))
    again = MaskTemporalUNet.from_pretrained(tmp_path, local_files_only=True, low_cpu_mem_usage=False).eval()
    assert torch.equal(evaluated(again, given), evaluated(net, given))


@pytest.mark.parametrize(
    ("switch", "absent"),
    [
        ({"inject_down": False}, ["down.0.injection.", "down.1.injection."]),
        ({"inject_up": False}, ["up.0.0.injection.", "up.1.0.injection."]),
        ({"inject_down": False, "inject_up": False}, ["known.", "down.0.injection.", "up.1.0.injection."]),
        ({"spaced": False}, ["spacing."]),
        ({"summarised": False}, ["summary."]),
    ],
)
def test_a_switch_removes_its_parameters(switch: dict[str, bool], absent: list[str]) -> None:
    full = {name for name, _ in tiny().named_parameters()}
    assert all(any(name.startswith(prefix) for name in full) for prefix in absent)
    net = shaken(tiny(**switch))
    left = {name for name, _ in net.named_parameters()}
    assert left < full
    assert not any(name.startswith(prefix) for name in left for prefix in absent)
    given = inputs()
    out = evaluated(net, given)
    deaf = {"known."} <= set(absent), "spacing." in absent
    for name, ignored in (("known", deaf[0]), ("mask", deaf[0]), ("time", deaf[1]), ("text", False)):
        assert torch.equal(evaluated(net, changed(given, name)), out) == ignored


@NEAREST
def test_every_parameter_is_trained(nearest: bool) -> None:
    net, given = shaken(deep(nearest=nearest)), inputs()
    with torch.enable_grad():
        evaluated(net, given).square().mean().backward()
    # A shift of all scores alike is no shift: softmax hides it.
    hidden = {"spacing.pair.2.bias"}
    for name, p in net.named_parameters():
        assert p.grad is not None
        assert (p.grad.abs().max() > 1e-9) or name in hidden, name


def gradients(given: dict[str, Tensor], again: bool) -> tuple[Tensor, dict[str, Tensor]]:
    """Output and gradients of weights and inputs, of a network that computes its blocks once or `again`."""
    net = shaken(deep(nearest=True, drafted=True))
    if again:
        net.enable_gradient_checkpointing()
    learnt = {"x", "text", "known"}
    leaves = {name: given[name].clone().requires_grad_(name in learnt) for name in given}
    draft = Draft(given["x"].flip(-1), torch.full(given["t"].shape, 0.3))
    with torch.enable_grad():
        out = evaluated(net, {**leaves, "draft": draft})
        out.square().mean().backward()
    found = {name: p.grad for name, p in (*net.named_parameters(), *leaves.items()) if p.requires_grad}
    assert all(grad is not None for grad in found.values())
    return out, {name: grad for name, grad in found.items() if grad is not None}


@pytest.mark.parametrize("size", [8, 16])
def test_blocks_that_compute_twice_have_the_same_gradients(size: int) -> None:
    given = inputs(size=size)
    (out, kept), (same, computed) = (gradients(given, again) for again in (False, True))
    assert torch.equal(out, same)
    assert kept.keys() == computed.keys()
    for name, grad in kept.items():
        assert torch.equal(grad, computed[name]), name


@pytest.mark.parametrize("name", ["known", "mask", "text", "prompt", "time", "t"])
def test_gradients_of_blocks_that_compute_twice_know_the_condition(name: str) -> None:
    given = inputs()
    (_, kept), (_, moved) = (gradients(told, True) for told in (given, changed(given, name)))
    inner = [weight for weight in kept if weight.startswith(("down.", "bottom.", "up."))]
    differ = [weight for weight in inner if not torch.equal(kept[weight], moved[weight])]
    assert len(differ) > 0.9 * len(inner)


def test_what_computes_twice_keeps_less() -> None:
    kept = []
    for again in (False, True):
        net, sizes = shaken(deep()), list[int]()
        if again:
            net.enable_gradient_checkpointing()

        def pack(tensor: Tensor, sizes: list[int] = sizes) -> Tensor:
            sizes.append(tensor.numel())
            return tensor

        with torch.enable_grad(), torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
            evaluated(net, inputs())
        kept.append(sum(sizes))
    assert kept[1] < 0.4 * kept[0]


def test_a_draft_has_no_say_at_first_and_later_where_there_is_one() -> None:
    given = inputs()
    latents, level = torch.randn_like(given["x"]), torch.full(given["t"].shape, 0.3)
    plain, drafting = tiny(), tiny(drafted=True)
    drafting.load_state_dict(plain.state_dict(), strict=False)

    def drafted(latents: Tensor, level: Tensor) -> Tensor:
        return evaluated(drafting, {**given, "draft": Draft(latents, level)})

    assert torch.equal(drafted(latents, level), evaluated(plain, given))
    shaken(drafting)
    seen = drafted(latents, level)
    assert not torch.equal(seen, drafted(latents + 1, level))
    assert not torch.equal(seen, drafted(latents, level + 0.1)), "its level is told"
    assert torch.equal(drafted(latents, torch.full_like(level, -1)), evaluated(drafting, given))
    level[:, 2] = -1
    other = latents.clone()
    other[:, 2] += 1
    assert torch.equal(drafted(latents, level), drafted(other, level)), "what is no draft is not looked at"


def test_a_network_without_drafts_says_so() -> None:
    given = inputs()
    with pytest.raises(ValueError, match="takes no drafts"):
        evaluated(tiny(), {**given, "draft": Draft(given["x"], given["t"])})


def test_it_compiles_in_one_piece_whatever_is_given() -> None:
    net, given = shaken(tiny(drafted=True, tracks={"clock": {"timing": 17}})), inputs()
    clock = ClockTrack().at(torch.arange(5.0))
    given |= {
        "draft": Draft(torch.randn_like(given["x"]), torch.full(given["t"].shape, 0.3)),
        "tracks": in_one_batch([{"clock": clock}] * 2),
    }
    graphs = 0

    def count(graph: torch.fx.GraphModule, example: list[Tensor]) -> Callable[..., Any]:
        nonlocal graphs
        graphs += 1
        return graph

    compiled = torch.compile(net, backend=count, fullgraph=True, dynamic=False)
    for clip in (given, given | {"x": given["x"] + 1}):
        torch.testing.assert_close(evaluated(compiled, clip), evaluated(net, clip))
    assert graphs == 1
