from __future__ import annotations

import pytest
import torch
from torch import Tensor

from longtake.diffusion.condition import blind, pin
from longtake.diffusion.guidance import guide
from longtake.diffusion.prediction import Denoise
from longtake.diffusion.sampler import ddim
from longtake.diffusion.schedule import diffuse, flow, times
from longtake.given import Given

SHAPE = (1, 4, 2, 3, 3)  # B T C H W
known, noise = torch.randn(2, *SHAPE, generator=torch.Generator().manual_seed(0)).unbind()
known[0, 0, 0, 0, 0] = -0.0  # keeps its sign, too
mask = torch.zeros(1, 4, 1, 3, 3)
mask[:, [0, -1]] = 1
PROMPT = torch.ones(1, 4, dtype=torch.long)
GIVEN = Given(time=torch.zeros(1, 4), text=torch.zeros(2, 1, 1), prompt=PROMPT, known=known, mask=mask)


class Net:
    """Counts its calls and keeps what it saw; its x0 depends on text and on known frames."""

    def __init__(self) -> None:
        self.calls: list[tuple[Tensor, Tensor, Tensor, Tensor]] = []

    def __call__(self, x: Tensor, t: Tensor, given: Given) -> Tensor:
        self.calls.append((x, t, given.prompt, given.mask))
        return 0.5 * x + given.prompt[:, :, None, None, None] + 0.1 * given.known.sum(dim=1, keepdim=True)


def wrapped(net: Net, text_scale: float, known_scale: float) -> Denoise:
    return guide(
        pin(net, GIVEN, noise, flow),
        pin(net, GIVEN.without_prompt(), noise, flow),
        blind(net, GIVEN),
        text_scale=text_scale,
        known_scale=known_scale,
    )


@pytest.mark.parametrize(
    ("text", "frames", "passes"), [(1, 1, 1), (3, 1, 2), (1, 1.5, 2), (3, 1.5, 3), (0, 1, 2)]
)
def test_passes_are_made_only_for_scales_that_differ_from_one(
    text: float, frames: float, passes: int
) -> None:
    net = Net()
    ddim(wrapped(net, text, frames), noise, times(5), flow)
    assert len(net.calls) == 5 * passes


def test_no_guidance_is_the_full_pass_bit_for_bit() -> None:
    full = pin(Net(), GIVEN, noise, flow)
    assert torch.equal(ddim(wrapped(Net(), 1, 1), noise, times(5), flow), ddim(full, noise, times(5), flow))


@pytest.mark.parametrize(("text", "frames"), [(3.0, 1.0), (1.0, 1.5), (2.0, 0.5), (0.0, 0.0)])
def test_formula(text: float, frames: float) -> None:
    x, t = torch.randn(SHAPE), torch.full((1, 4), 0.6)
    full, without_text = (pin(Net(), each, noise, flow)(x, t) for each in (GIVEN, GIVEN.without_prompt()))
    without_known = blind(Net(), GIVEN)(x, t)
    expected = full + (text - 1) * (full - without_text) + (frames - 1) * (full - without_known)
    torch.testing.assert_close(wrapped(Net(), text, frames)(x, t), expected)


@pytest.mark.parametrize(("text", "frames"), [(3.0, 1.0), (1.0, 1.5), (2.0, 0.5), (0.0, 0.0)])
def test_guided_known_frames_are_the_known_ones_bit_for_bit(text: float, frames: float) -> None:
    result = ddim(wrapped(Net(), text, frames), noise, times(5), flow)
    assert torch.equal(result[:, [0, -1]].view(torch.int32), known[:, [0, -1]].view(torch.int32))


def test_the_pass_without_known_frames_sees_the_clips_own_noise() -> None:
    net = Net()
    ddim(wrapped(net, 1.0, 2.0), noise, times(4), flow)
    for (x_full, t_full, _, mask_full), (x, t, prompt, nothing) in zip(
        net.calls[::2], net.calls[1::2], strict=True
    ):
        assert torch.equal(mask_full, mask)
        assert torch.equal(x_full[:, [0, -1]], known[:, [0, -1]])
        assert (t_full[:, [0, -1]] == 0).all()
        assert not nothing.any()
        assert torch.equal(prompt, PROMPT)
        assert (t == t[0, 0]).all()
        torch.testing.assert_close(x[:, [0, -1]], diffuse(known, noise, t, flow)[:, [0, -1]])
