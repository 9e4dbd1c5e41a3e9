"""Order of convergence against the closed form, and equality with diffusers on clips of constant t."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pytest
import torch
from diffusers import DDIMScheduler, DPMSolverMultistepScheduler, FlowMatchEulerDiscreteScheduler
from torch import Tensor

from longtake.diffusion.prediction import Denoise, Denoiser
from longtake.diffusion.sampler import SAMPLERS, ddim, dpm_2m
from longtake.diffusion.schedule import SCHEDULES, Schedule, flow, per_frame, times
from longtake.given import Given

SHAPE = (2, 3, 4, 5, 5)  # B T C H W
MEAN, STD = 0.7, 0.4  # of the Gaussian data


def gaussian(schedule: Schedule) -> Denoise:
    """E[x0 | x_t] for x0 ~ N(MEAN, STD^2)."""

    def denoise(x: Tensor, t: Tensor) -> Tensor:
        alpha, sigma = per_frame(schedule, t)
        return MEAN + alpha * STD**2 / (alpha**2 * STD**2 + sigma**2) * (x - alpha * MEAN)

    return denoise


def exact(noise: Tensor, schedule: Schedule, start: float, end: float) -> Tensor:
    """Where the ODE carries a state: it keeps (x - alpha m) / sqrt(alpha^2 s^2 + sigma^2)."""
    (alpha, alpha_end), (sigma, sigma_end) = schedule(torch.tensor([start, end], dtype=torch.float64))
    spread, spread_end = ((a**2 * STD**2 + s**2).sqrt() for a, s in ((alpha, sigma), (alpha_end, sigma_end)))
    state: Tensor = alpha_end * MEAN + spread_end / spread * (noise - alpha * MEAN)
    return state


def error(sampler: str, schedule: Schedule, steps: list[float]) -> float:
    noise = torch.randn(SHAPE, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    result = SAMPLERS[sampler](gaussian(schedule), noise, steps, schedule)
    return float((result - exact(noise, schedule, steps[0], steps[-1])).norm() / noise.norm())


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("shift", [1.0, 2.0])
@pytest.mark.parametrize(("sampler", "expected"), [("ddim", 1), ("dpm-2m", 2)])
def test_order_of_convergence(sampler: str, expected: int, schedule: str, shift: float) -> None:
    errors = [
        error(sampler, SCHEDULES[schedule], [0.05 + 0.55 * t for t in times(n, shift)]) for n in (128, 512)
    ]
    assert math.log(errors[0] / errors[1], 4) == pytest.approx(expected, abs=0.1)


@pytest.mark.parametrize("schedule", ["flow", "cosine"])
@pytest.mark.parametrize(("sampler", "expected"), [("ddim", 1), ("dpm-2m", 2)])
def test_order_from_pure_noise_to_clean(sampler: str, expected: int, schedule: str) -> None:
    # Even steps in t grow endless in log(alpha / sigma) at both ends: h^2 log(1/h) for the second order.
    errors = [error(sampler, SCHEDULES[schedule], times(n)) for n in (256, 1024)]
    assert expected - 0.3 < math.log(errors[0] / errors[1], 4) < expected + 0.1


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("steps", [8, 16])
def test_the_second_order_is_the_better_one_at_few_steps(schedule: str, steps: int) -> None:
    first, second = (error(sampler, SCHEDULES[schedule], times(steps)) for sampler in ("ddim", "dpm-2m"))
    assert second < first


@pytest.mark.parametrize("sampler", SAMPLERS)
@pytest.mark.parametrize("schedule", SCHEDULES)
def test_one_call_per_step_at_the_given_times(sampler: str, schedule: str) -> None:
    seen: list[float] = []

    def denoise(x: Tensor, t: Tensor) -> Tensor:
        assert t.shape == SHAPE[:2]
        seen.extend(set(t.flatten().tolist()))
        return 0.5 * x

    steps = times(7, 3.0)
    result = SAMPLERS[sampler](denoise, torch.randn(SHAPE), steps, SCHEDULES[schedule])
    assert seen == pytest.approx(steps[:-1])
    assert result.isfinite().all()


@pytest.mark.parametrize("sampler", SAMPLERS)
@pytest.mark.parametrize("steps", [1, 2, 5])
def test_a_certain_denoiser_is_obeyed_bit_for_bit(sampler: str, steps: int) -> None:
    x0 = torch.randn(SHAPE)
    x0.view(-1)[0] = -0.0
    for schedule in SCHEDULES.values():
        result = SAMPLERS[sampler](lambda x, t: x0, torch.randn(SHAPE), times(steps), schedule)
        assert torch.equal(result.view(torch.int32), x0.view(torch.int32))


def test_flow_ddim_is_euler() -> None:
    noise, steps = torch.randn(SHAPE, dtype=torch.float64), times(9, 3.0)
    x = noise
    for t, t_next in pairwise(steps):
        velocity = (x - gaussian(flow)(x, torch.full(SHAPE[:2], t, dtype=torch.float64))) / t
        x = x + (t_next - t) * velocity
    torch.testing.assert_close(ddim(gaussian(flow), noise, steps, flow), x)


# ---- diffusers


def net(x: Tensor, t: Tensor) -> Tensor:
    """Something smooth that depends on x and on the level, the same for every prediction type."""
    return torch.tanh(x.flip(-1)) * (0.3 + 0.4 * t[:, :, None, None, None])


def denoise_with(schedule: Schedule, prediction: str) -> Denoise:
    """x0 by the network above, whatever is given."""
    denoiser = Denoiser(lambda x, t, given: net(x, t), schedule, prediction)
    nothing = torch.zeros(SHAPE[:2])
    given = Given(
        time=nothing,
        text=torch.zeros(1, 1, 1),
        prompt=nothing.long(),
        known=torch.zeros(SHAPE),
        mask=torch.zeros(SHAPE)[:, :, :1],
    )
    return lambda x, t: denoiser.denoise(x, t, given)


def of_table(cumulative: Tensor, final: Tensor) -> Schedule:
    """Diffusers' table of alpha^2: row i at t = (i + 1) / 1000, and where its last step ends at t = 0."""
    table = torch.cat([final.reshape(1), cumulative]).double()

    def schedule(t: Tensor) -> tuple[Tensor, Tensor]:
        squared = table[(t * len(cumulative)).round().long()].to(t.dtype)
        return squared.sqrt(), (1 - squared).sqrt()

    return schedule


def run_diffusers(
    scheduler: DDIMScheduler | DPMSolverMultistepScheduler, noise: Tensor, levels: Sequence[float]
) -> Tensor:
    x = noise
    for level, timestep in zip(levels, scheduler.timesteps, strict=True):
        output = net(x, x.new_full(SHAPE[:2], level))
        x = scheduler.step(output, timestep, x).prev_sample
    return x


@pytest.mark.parametrize("prediction", ["epsilon", "v_prediction", "sample"])
@pytest.mark.parametrize("spacing", ["leading", "trailing"])
@pytest.mark.parametrize("final_one", [True, False])
def test_ddim_equals_diffusers(prediction: str, spacing: str, final_one: bool) -> None:
    scheduler = DDIMScheduler(
        clip_sample=False, prediction_type=prediction, timestep_spacing=spacing, set_alpha_to_one=final_one
    )
    check_ddim(scheduler, {"epsilon": "epsilon", "v_prediction": "v", "sample": "x0"}[prediction])


def test_ddim_equals_diffusers_from_zero_terminal_signal() -> None:
    check_ddim(
        DDIMScheduler(
            clip_sample=False,
            prediction_type="v_prediction",
            timestep_spacing="trailing",
            rescale_betas_zero_snr=True,
        ),
        "v",
    )


def check_ddim(scheduler: DDIMScheduler, prediction: str) -> None:
    scheduler.set_timesteps(10)
    steps = [(int(i) + 1) / 1000 for i in scheduler.timesteps] + [0.0]
    schedule = of_table(scheduler.alphas_cumprod, scheduler.final_alpha_cumprod)
    noise = torch.randn(SHAPE, dtype=torch.float64)
    ours = ddim(denoise_with(schedule, prediction), noise, steps, schedule)
    torch.testing.assert_close(ours, run_diffusers(scheduler, noise, steps[:-1]), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("shift", [1.0, 3.0])
def test_flow_equals_diffusers_euler(shift: float) -> None:
    scheduler = FlowMatchEulerDiscreteScheduler(shift=shift)
    scheduler.set_timesteps(sigmas=list(np.linspace(1, 1 / 10, 10)))
    steps = times(10, shift)
    torch.testing.assert_close(scheduler.sigmas, torch.tensor(steps))
    noise = torch.randn(SHAPE)
    x = noise
    for level, timestep in zip(steps, scheduler.timesteps, strict=False):
        x = scheduler.step(net(x, x.new_full(SHAPE[:2], level)), timestep, x).prev_sample
    torch.testing.assert_close(ddim(denoise_with(flow, "flow"), noise, steps, flow), x)


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
def test_dpm_2m_equals_diffusers() -> None:
    # 15 steps or more, or diffusers also lowers the order of steps that we do not.
    scheduler = DPMSolverMultistepScheduler(
        prediction_type="flow_prediction", use_flow_sigmas=True, flow_shift=3.0
    )
    scheduler.set_timesteps(16)
    steps = scheduler.sigmas.double().tolist()
    noise = torch.randn(SHAPE)
    ours = dpm_2m(denoise_with(flow, "flow"), noise, steps, flow)
    torch.testing.assert_close(ours, run_diffusers(scheduler, noise, steps[:-1]), rtol=1e-4, atol=1e-4)
