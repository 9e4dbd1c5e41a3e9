"""Latents at half and at twice their size: what the stages of a cascade hand to each other.

Axes: B clips, T frames, C channels, H W latent pixels.
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor


def halved(latents: Tensor) -> Tensor:
    """`[B, T, C, H, W]` -> `[B, T, C, H / 2, W / 2]`: means over squares."""
    small = F.avg_pool2d(latents.flatten(0, 1), 2)
    return small.view(*latents.shape[:3], *small.shape[2:])


def doubled(latents: Tensor) -> Tensor:
    """`[B, T, C, H, W]` -> `[B, T, C, 2 H, 2 W]`, bilinear."""
    large = F.interpolate(latents.flatten(0, 1), scale_factor=2.0, mode="bilinear")
    return large.view(*latents.shape[:3], *large.shape[2:])
