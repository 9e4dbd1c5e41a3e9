from __future__ import annotations

import math
from itertools import pairwise

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from longtake.diffusion.schedule import SCHEDULES, diffuse, flow, times

t = torch.linspace(0, 1, 101, dtype=torch.float64)


@pytest.mark.parametrize("name", SCHEDULES)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_signal_falls_and_noise_grows_from_clean(name: str, dtype: torch.dtype) -> None:
    alpha, sigma = SCHEDULES[name](t.to(dtype))
    assert (float(alpha[0]), float(sigma[0])) == (1, 0)
    assert (alpha.diff() < 0).all()
    assert (sigma.diff() > 0).all()
    assert alpha.dtype == sigma.dtype == dtype


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_terminal_signal(dtype: torch.dtype) -> None:
    one = torch.ones((), dtype=dtype)
    for name in ("flow", "cosine"):
        assert tuple(map(float, SCHEDULES[name](one))) == (0, 1)
    assert 0.006 < float(SCHEDULES["ddpm"](one)[0]) < 0.007


def test_closed_forms() -> None:
    torch.testing.assert_close(torch.stack(SCHEDULES["flow"](t)), torch.stack([1 - t, t]))
    angle = t * math.pi / 2
    torch.testing.assert_close(torch.stack(SCHEDULES["cosine"](t)), torch.stack([angle.cos(), angle.sin()]))
    alpha, sigma = SCHEDULES["ddpm"](t)
    torch.testing.assert_close(alpha**2 + sigma**2, torch.ones_like(t))


def test_ddpm_is_the_limit_of_the_thousand_discrete_steps() -> None:
    discrete = (1 - torch.linspace(1e-4, 0.02, 1000, dtype=torch.float64)).cumprod(0).sqrt()
    alpha, _ = SCHEDULES["ddpm"](torch.arange(1, 1001, dtype=torch.float64) / 1000)
    assert float((alpha - discrete).abs().max()) < 2e-3


def test_sd_meets_every_step_that_stable_diffusion_was_trained_at() -> None:
    from diffusers import DDIMScheduler

    scheduler = DDIMScheduler(beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear")
    for dtype, error in ((torch.float32, 2e-6), (torch.float64, 1e-6)):  # the scheduler's table is float32
        alpha, sigma = SCHEDULES["sd"](torch.arange(1, 1001, dtype=dtype) / 1000)
        torch.testing.assert_close(alpha**2, scheduler.alphas_cumprod.to(dtype), rtol=0, atol=error)
        torch.testing.assert_close(alpha**2 + sigma**2, torch.ones_like(alpha))


def test_diffuse_gives_each_frame_its_own_level() -> None:
    x0, noise = torch.randn(2, 2, 3, 1, 4, 5).unbind()
    x = diffuse(x0, noise, torch.tensor([[0.0, 1.0, 0.25], [0.5, 0.0, 1.0]]), flow)
    assert torch.equal(x[0, 0], x0[0, 0])
    assert torch.equal(x[0, 1], noise[0, 1])
    torch.testing.assert_close(x[0, 2], 0.75 * x0[0, 2] + 0.25 * noise[0, 2])
    torch.testing.assert_close(x[1, 0], 0.5 * x0[1, 0] + 0.5 * noise[1, 0])


@given(st.integers(1, 200), st.floats(0.05, 20))
def test_times_descend_from_one_to_zero(steps: int, shift: float) -> None:
    values = times(steps, shift)
    assert len(values) == steps + 1
    assert (values[0], values[-1]) == (1.0, 0.0)
    assert all(a > b for a, b in pairwise(values))
    for i, value in enumerate(values):
        even = 1 - i / steps
        assert value == pytest.approx(shift * even / (1 + (shift - 1) * even))


@given(st.integers(2, 50), st.floats(0.1, 10), st.floats(1.01, 3))
def test_a_larger_shift_moves_every_inner_time_up(steps: int, shift: float, factor: float) -> None:
    assert all(
        a < b for a, b in zip(times(steps, shift)[1:-1], times(steps, shift * factor)[1:-1], strict=True)
    )


@pytest.mark.parametrize(
    ("steps", "shift"), [(0, 1.0), (-3, 1.0), (4, 0.0), (4, -1.0), (4, math.inf), (4, math.nan)]
)
def test_impossible_times_are_refused(steps: int, shift: float) -> None:
    with pytest.raises(ValueError, match=r"step|shift"):
        times(steps, shift)
