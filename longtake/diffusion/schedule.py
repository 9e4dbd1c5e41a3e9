"""Noise schedules, functions from the noise level t in [0, 1] to (alpha, sigma), and sampling times.

The noised video is `x_t = alpha(t) x0 + sigma(t) eps`; t = 0 is clean, t = 1 is (nearly) pure noise.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

Schedule = Callable[[Tensor], tuple[Tensor, Tensor]]

# DDPM (Ho et al. 2020): beta from 1e-4 to 0.02 in 1000 steps, here per unit of time.
_BETA_START, _BETA_END = 1000 * 1e-4, 1000 * 0.02
# Stable Diffusion (Rombach et al. 2022): the square root of beta grows evenly in 1000 steps.
_SD_STEPS, _SD_START, _SD_END = 1000, 0.00085, 0.012


def flow(t: Tensor) -> tuple[Tensor, Tensor]:
    """Straight line from data to noise (rectified flow): alpha = 1 - t, sigma = t."""
    return 1 - t, t


def cosine(t: Tensor) -> tuple[Tensor, Tensor]:
    """Quarter circle: alpha = cos(pi t / 2), sigma = sin(pi t / 2); alpha(1) is exactly 0."""
    # The cosine is written as a sine: in floating point cos(pi / 2) is not 0, but sin(0) is.
    return torch.sin((1 - t) * (math.pi / 2)), torch.sin(t * (math.pi / 2))


def ddpm(t: Tensor) -> tuple[Tensor, Tensor]:
    """DDPM's linear betas made continuous (Song et al. 2021, equation 33); alpha(1) = 0.0066, not 0."""
    log_alpha = -0.5 * (_BETA_START * t + 0.5 * (_BETA_END - _BETA_START) * t**2)
    return log_alpha.exp(), (-torch.expm1(2 * log_alpha)).sqrt()


def sd(t: Tensor) -> tuple[Tensor, Tensor]:
    """Stable Diffusion's: at t = (k + 1) / 1000 the level of its step k, which runs from 0 to 999.

    Between two steps log alpha goes straight, from 0 at t = 0. alpha(1) = 0.068, not 0.
    """
    root = torch.linspace(_SD_START**0.5, _SD_END**0.5, _SD_STEPS, dtype=torch.float64)
    logs = torch.cat([root.new_zeros(1), torch.log1p(-(root**2)).cumsum(0)]).to(t)  # of alpha squared
    place = t * _SD_STEPS
    before = place.floor().clamp(0, _SD_STEPS - 1)
    step = before.long()
    log_alpha = 0.5 * torch.lerp(logs[step], logs[step + 1], place - before)
    return log_alpha.exp(), (-torch.expm1(2 * log_alpha)).sqrt()


SCHEDULES: dict[str, Schedule] = {"flow": flow, "cosine": cosine, "ddpm": ddpm, "sd": sd}


def per_frame(schedule: Schedule, t: Tensor) -> tuple[Tensor, Tensor]:
    """(alpha, sigma) of the levels `t[B, T]`, shaped `[B, T, 1, 1, 1]` to multiply a video `B T C H W`."""
    alpha, sigma = schedule(t[:, :, None, None, None])
    return alpha, sigma


def diffuse(x0: Tensor, noise: Tensor, t: Tensor, schedule: Schedule) -> Tensor:
    """`x_t = alpha(t) x0 + sigma(t) noise` for a video `B T C H W` and levels `t[B, T]`."""
    alpha, sigma = per_frame(schedule, t)
    return alpha * x0 + sigma * noise


def times(steps: int, shift: float = 1.0) -> list[float]:
    """The `steps + 1` descending noise levels of a sampling run, from exactly 1 to exactly 0.

    `shift` s moves evenly spaced levels towards the noise, t' = s t / (1 + (s - 1) t) (Esser et al. 2024,
    equation 23); 1 leaves them evenly spaced. Raises ValueError for fewer than one step or shift <= 0.
    """
    if steps < 1:
        raise ValueError(f"sampling needs at least 1 step, not {steps}")
    if not (shift > 0 and math.isfinite(shift)):
        raise ValueError(f"the time shift must be a positive number (1 = none), not {shift}")
    even = [1 - i / steps for i in range(steps)] + [0.0]
    # The same fraction as above, written so that t = 1 gives 1.0 for every shift.
    return [shift * t / (shift * t + (1 - t)) for t in even]
