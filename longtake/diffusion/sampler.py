"""Samplers: functions from a denoiser, noise and a list of times to a video. No state, no guidance.

Both solve the probability-flow ODE of `x_t = alpha(t) x0 + sigma(t) eps` and work for any schedule,
also where alpha = 0 (pure noise) or sigma = 0 (the end).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple, TypeVar

import torch
from torch import Tensor

from longtake.diffusion.prediction import Denoise
from longtake.diffusion.schedule import Schedule

N = TypeVar("N", float, Tensor)

# sampler(denoise, noise[B,T,C,H,W], times, schedule) -> video[B,T,C,H,W]
Sampler = Callable[[Denoise, Tensor, Sequence[float], Schedule], Tensor]


def ddim(denoise: Denoise, noise: Tensor, times: Sequence[float], schedule: Schedule) -> Tensor:
    """Deterministic DDIM (Song et al. 2021, equation 12 with eta = 0), order 1.

    `noise` is the state at times[0]; `times` descend, the last one usually 0, and there the result is
    the last x0 bit for bit. Calls `denoise(x, t[B, T])` once per step. Euler's method for the flow schedule.
    """
    x = noise
    for step in _steps(times, schedule):
        x = step.advance(x, denoise(x, step.levels(x)))
    return x


def dpm_2m(denoise: Denoise, noise: Tensor, times: Sequence[float], schedule: Schedule) -> Tensor:
    """DPM-Solver++(2M) (Lu et al. 2022, algorithm 2), order 2; arguments as `ddim`.

    One call per step too. Steps of infinite length in log(alpha / sigma), from alpha = 0 and to sigma = 0,
    are DDIM steps.
    """
    x = noise
    previous: tuple[Tensor, float] | None = None  # x0 and length of the step before
    for step in _steps(times, schedule):
        x0 = denoise(x, step.levels(x))
        # x0 in the middle of this step, on the line through the last two; level if either step is endless.
        slope = 0.5 * step.length / previous[1] if previous and math.isfinite(step.length) else 0.0
        x = step.advance(x, x0 + slope * (x0 - previous[0]) if previous and slope else x0)
        previous = x0, step.length
    return x


SAMPLERS: dict[str, Sampler] = {"ddim": ddim, "dpm-2m": dpm_2m}


def coefficients(alpha: N, sigma: N, alpha_next: N, sigma_next: N) -> tuple[N, N]:
    """(keep, add) of a step x' = keep x + add x0 that is exact for an x0 that stays the same."""
    keep = sigma_next / sigma
    return keep, alpha_next - alpha * keep


class _Step(NamedTuple):
    """From one time to the next, in plain 64-bit numbers: coefficients lose nothing to the state's dtype."""

    time: float
    keep: float  # sigma' / sigma
    add: float  # alpha' - alpha sigma' / sigma
    length: float  # growth of log(alpha / sigma), infinite from alpha = 0 and to sigma' = 0

    def levels(self, x: Tensor) -> Tensor:
        return x.new_full(x.shape[:2], self.time)

    def advance(self, x: Tensor, x0: Tensor) -> Tensor:
        """alpha' x0 + sigma' (x - alpha x0) / sigma: the ODE's solution for an x0 that stays the same."""
        if self.keep == 0:  # 0 * x + x0 would turn -0.0 into 0.0, and known frames come back bit for bit
            return self.add * x0
        return self.keep * x + self.add * x0


def _steps(times: Sequence[float], schedule: Schedule) -> Iterator[_Step]:
    assert all(a > b for a, b in pairwise(times)), "times must descend"
    alphas, sigmas = (values.tolist() for values in schedule(torch.tensor(times, dtype=torch.float64)))
    for i in range(len(times) - 1):
        alpha, sigma, alpha_next, sigma_next = alphas[i], sigmas[i], alphas[i + 1], sigmas[i + 1]
        keep, add = coefficients(alpha, sigma, alpha_next, sigma_next)
        ratio = alpha * sigma_next / (alpha_next * sigma)  # exp(-length)
        yield _Step(times[i], keep, add, -math.log(ratio) if ratio else math.inf)
