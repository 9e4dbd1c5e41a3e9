"""A clip that goes on from the noise and the latents of the one before (VidRD, arXiv 2309.03549).

Where a clip follows another one, R[i] stands for that one's latents before its step i, frames in reverse:
frame 0 of R[i] is the last frame of the clip before. A clip hands on R[0], the noise it began with, and of
its last frames R[i] at the steps at which they will guide.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from longtake.diffusion.prediction import Denoise
from longtake.diffusion.sampler import ddim
from longtake.diffusion.schedule import Schedule


class Past(NamedTuple):
    """What a clip took over."""

    noise: Tensor  # R[0] of all frames, [T, C, H, W]
    latents: list[Tensor]  # of each guided frame R[1], R[2] and so on, [steps - 1, C, H, W]


def past_of(handed: Tensor, steps: Sequence[int]) -> Past:
    """What the clip before handed on, `[T + sum(steps - 1), C, H, W]`, with its frames in reverse.

    `steps` says in how many steps each guided frame is guided.
    """
    lengths = [max(0, count - 1) for count in steps]
    noise, *latents = torch.split(handed, [len(handed) - sum(lengths), *lengths])
    return Past(noise.flip(0), latents)


def reused_noise(past: Tensor, fresh: Tensor, guided: int, recycled: float) -> Tensor:
    """The noise `[T, C, H, W]` of a clip, of unit variance in every frame, from R[0] and fresh noise.

    The first `guided` frames have that of the clip before (frame-level noise reversion), the others
    a / sqrt(1 + a^2) of it and 1 / sqrt(1 + a^2) of the fresh one, a = `recycled` (past-dependent noise
    sampling).
    """
    past, spread = past[: len(fresh)], math.sqrt(1 + recycled**2)
    mixed = (recycled / spread) * past + fresh / spread
    return torch.cat([past[:guided], mixed[guided:]])


def sample_reusing(
    denoise: Denoise,
    noise: Tensor,
    times: Sequence[float],
    schedule: Schedule,
    steps: Sequence[int],
    past: Past | None,
) -> tuple[Tensor, Tensor]:
    """DDIM under staged guidance: a video `[1, T, C, H, W]`, and what the clip hands on.

    Before step i the latents of guided frame f become R[i][f] while i < `steps[f]`. `noise[1, T, C, H, W]` is
    the state at times[0]; `past` None: nothing guides.
    """
    x, count = noise, noise.shape[1]
    kept: dict[tuple[int, int], Tensor] = {}
    for i in range(len(times) - 1):
        guided = [f for f, until in enumerate(steps[:count]) if 0 < i < until]  # at step 0 the noise is R[0]
        if past is not None and guided:
            x = x.clone()
            for f in guided:
                x[0, f] = past.latents[f][i - 1]
        for f in guided:
            kept[f, i] = x[0, count - 1 - f]
        x = ddim(denoise, x, times[i : i + 2], schedule)
    handed = [kept.get((f, i), noise[0, 0]) for f, until in enumerate(steps) for i in range(1, until)]
    return x, torch.stack([*noise[0], *handed])
