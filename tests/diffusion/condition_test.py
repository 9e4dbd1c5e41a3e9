from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from longtake.diffusion.condition import blind, only_known, pin
from longtake.diffusion.prediction import Denoise, Denoiser, Network
from longtake.diffusion.sampler import SAMPLERS
from longtake.diffusion.schedule import SCHEDULES, diffuse, flow, times
from longtake.given import Given

SHAPE = (2, 5, 4, 6, 6)  # B T C H W


class Net(nn.Module):
    """One convolution over everything a network sees."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv3d(10, 4, 3, padding=1)

    def forward(self, x: Tensor, t: Tensor, given: Given) -> Tensor:
        level = t[:, :, None, None, None].expand_as(given.mask)
        seen = torch.cat([x, given.known, given.mask, level], dim=2)  # B T C H W
        output: Tensor = self.conv(seen.movedim(1, 2)).movedim(1, 2)
        return output


def draw(seed: int = 0) -> tuple[Tensor, Tensor, Tensor]:
    """Known latents, a mask of both ends and of a rectangle in frame 2, noise."""
    known, noise = torch.randn(2, *SHAPE, generator=torch.Generator().manual_seed(seed)).unbind()
    mask = torch.zeros(2, 5, 1, 6, 6)
    mask[:, [0, -1]] = 1
    mask[1, 2, :, 1:4, 2:5] = 1
    return known, mask, noise


def given(known: Tensor, mask: Tensor) -> Given:
    """These known cells; nothing else is looked at here."""
    nothing = torch.zeros(known.shape[:2])
    return Given(time=nothing, text=torch.zeros(1, 1, 1), prompt=nothing.long(), known=known, mask=mask)


def record(denoise: Denoise, into: list[tuple[Tensor, Tensor]]) -> Denoise:
    def recorded(x: Tensor, t: Tensor) -> Tensor:
        into.append((x, t))
        return denoise(x, t)

    return recorded


@pytest.fixture
def denoise() -> Network:
    torch.manual_seed(1)
    return Denoiser(Net().requires_grad_(False), flow, "flow").denoise


@pytest.mark.parametrize("sampler", SAMPLERS)
@pytest.mark.parametrize("options", [{}, {"level": 0.1}, {"paper_exact": True}])
def test_known_cells_come_back_bit_for_bit(sampler: str, options: dict[str, float], denoise: Network) -> None:
    known, mask, noise = draw()
    known[0, 0, 0, 0, 0] = -0.0
    pinned = pin(denoise, given(known, mask), noise, flow, **options)  # type: ignore[arg-type]
    result = SAMPLERS[sampler](pinned, noise, times(4, 2.0), flow)
    where = mask.bool().expand_as(known)
    assert torch.equal(result[where].view(torch.int32), known[where].view(torch.int32))
    assert not torch.isclose(result[~where], known[~where]).any()


@pytest.mark.parametrize("sampler", SAMPLERS)
@pytest.mark.parametrize("schedule", ["flow", "cosine"])
def test_the_state_at_known_cells_follows_known_plus_noise(sampler: str, schedule: str) -> None:
    known, mask, noise = draw()
    states: list[tuple[Tensor, Tensor]] = []
    net = Denoiser(Net().requires_grad_(False), SCHEDULES[schedule], "v")
    pinned = record(pin(net.denoise, given(known, mask), noise, SCHEDULES[schedule], level=0.05), states)
    SAMPLERS[sampler](pinned, noise, times(6), SCHEDULES[schedule])
    where = mask.bool().expand_as(known)
    for x, t in states:
        torch.testing.assert_close(x[where], diffuse(known, noise, t, SCHEDULES[schedule])[where])


@pytest.mark.parametrize("level", [0.0, 0.1])
def test_what_the_net_sees(level: float) -> None:
    known, mask, noise = draw()
    x, t = torch.randn(SHAPE), torch.full((2, 5), 0.8)

    def net(seen: Tensor, t_seen: Tensor, told: Given) -> Tensor:
        whole = torch.tensor([True, False, False, False, True]).expand(2, 5)
        assert torch.equal(t_seen[whole], torch.full((4,), level))
        assert torch.equal(t_seen[~whole], t[~whole])  # also the frame that is known in part
        where = mask.bool().expand_as(x)
        torch.testing.assert_close(seen[where], ((1 - level) * known + level * noise)[where])
        assert torch.equal(seen[~where], x[~where])
        assert (told.known[~where] == 0).all()
        return seen

    pin(net, given(known, mask), noise, flow, level=level)(x, t)


def test_paper_exact_leaves_x_and_t_at_the_clips_level() -> None:
    known, mask, noise = draw()
    x, t = torch.randn(SHAPE), torch.full((2, 5), 0.8)
    seen: list[tuple[Tensor, Tensor]] = []

    def net(x: Tensor, t: Tensor, given: Given) -> Tensor:
        seen.append((x, t))
        return x

    pin(net, given(known, mask), noise, flow, paper_exact=True)(x, t)
    assert torch.equal(seen[0][0], x)
    assert torch.equal(seen[0][1], t)


Wrap = Callable[[Network, Given, Tensor], Denoise]


@pytest.mark.parametrize(
    "wrap",
    [
        lambda d, known, noise: pin(d, known, noise, flow),
        lambda d, known, noise: pin(d, known, noise, flow, level=0.1),
        lambda d, known, noise: pin(d, known, noise, flow, paper_exact=True),
        lambda d, known, noise: blind(d, known),
    ],
)
def test_content_outside_the_mask_never_matters(wrap: Wrap, denoise: Network) -> None:
    known, mask, noise = draw()
    results = []
    for outside in (known, -7 * known, torch.full_like(known, torch.nan)):
        other = torch.where(mask.bool(), known, outside)
        results.append(SAMPLERS["ddim"](wrap(denoise, given(other, mask), noise), noise, times(3), flow))
    assert torch.equal(results[0], results[1])
    assert torch.equal(results[0], results[2])


def test_content_inside_the_mask_matters(denoise: Network) -> None:
    known, mask, noise = draw()
    changed = known.clone()
    changed[:, 0] += 1
    a, b = (
        SAMPLERS["ddim"](pin(denoise, given(k, mask), noise, flow), noise, times(3), flow)
        for k in (known, changed)
    )
    assert not torch.isclose(a[:, 1], b[:, 1]).all()


def test_blind_hides_known_frames_and_still_returns_them() -> None:
    known, mask, _ = draw()
    x, t = torch.randn(SHAPE), torch.full((2, 5), 0.8)

    def net(seen: Tensor, t_seen: Tensor, told: Given) -> Tensor:
        assert torch.equal(seen, x)
        assert torch.equal(t_seen, t)
        assert not told.known.any()
        assert not told.mask.any()
        return seen

    assert torch.equal(blind(net, given(known, mask))(x, t), torch.where(mask.bool(), known, x))


def test_nothing_known_is_the_bare_denoiser(denoise: Network) -> None:
    known, mask, noise = draw()
    nothing = torch.zeros_like(mask)
    x, t = torch.randn(SHAPE), torch.full((2, 5), 0.8)
    bare = denoise(x, t, given(torch.zeros_like(known), nothing))
    assert torch.equal(pin(denoise, given(known, nothing), noise, flow)(x, t), bare)


def test_only_known_is_the_product() -> None:
    known, mask, _ = draw()
    assert torch.equal(only_known(known, mask), known * mask)
