"""Latents made of latents without a weight: at half and twice their size, and the nearest known ones.

Axes: B clips, T frames, C latent channels, H W latent pixels.
"""

from __future__ import annotations

import torch
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


def nearest_features(channels: int) -> int:
    """Channels of `nearest_known` for latents of `channels` channels."""
    return 2 * channels + 2


def nearest_known(known: Tensor, mask: Tensor, time: Tensor) -> Tensor:
    """The blend of the nearest known latents before and after each cell, their difference, and their weights.

    known [B, T, C, H, W], mask [B, T, 1, H, W] (1 = known), time [B, T] ascending. Returns
    [B, T, 2 C + 2, H, W]: linear interpolation in time (a lone neighbour counts alone, none at all is 0),
    later minus earlier neighbour (0 where one is missing), and the two weights, which sum to 1 or are both 0.
    """
    count = time.shape[1]
    index = torch.arange(count, device=time.device).view(1, -1, 1, 1, 1)
    there = mask > 0.5
    before = torch.where(there, index, -1).cummax(dim=1).values  # B T 1 H W
    after = torch.where(there, index, count).flip(1).cummin(dim=1).values.flip(1)
    has_before, has_after = before >= 0, after < count
    before, after = before.clamp(min=0), after.clamp(max=count - 1)
    when = time[:, :, None, None, None].expand(mask.shape)
    since, until = when - when.gather(1, before), when.gather(1, after) - when
    # On a known frame both are itself, at no distance.
    part = torch.where(since + until > 0, until / (since + until).clamp(min=1e-6), 0.5)
    earlier = torch.where(has_before & has_after, part, has_before.to(part.dtype))
    later = torch.where(has_before & has_after, 1 - part, has_after.to(part.dtype))
    earlier, later = earlier.to(known.dtype), later.to(known.dtype)
    first, second = (known.gather(1, at.expand(known.shape)) for at in (before, after))
    both = (has_before & has_after).to(known.dtype)
    return torch.cat([earlier * first + later * second, both * (second - first), earlier, later], dim=2)
