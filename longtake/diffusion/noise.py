"""Noise of a clip whose frames may have some of it in common.

Ge et al. (2023), "Preserve Your Own Correlation", section 4.2: where neighbouring frames start from alike
noise, what stands still comes out alike. Every frame's noise by itself stays standard normal.
"""

from __future__ import annotations

import torch
from torch import Generator, Tensor

__all__ = ["draw_noise", "share_noise"]


def share_noise(own: Tensor, common: Tensor, share: float) -> Tensor:
    """Noise `[B, T, C, H, W]` of which `common[B, 1, C, H, W]` is a `share` (0..1) of the variance."""
    noise: Tensor = (1 - share) ** 0.5 * own + share**0.5 * common
    return noise


def draw_noise(shape: torch.Size, share: float, generator: Generator) -> Tensor:
    """Standard normal noise of `shape` `[B, T, C, H, W]`; two frames of a clip are correlated by `share`."""
    own = torch.randn(shape, generator=generator, device=generator.device)
    if not share:
        return own
    common = torch.randn(own[:, :1].shape, generator=generator, device=generator.device)
    return share_noise(own, common, share)
