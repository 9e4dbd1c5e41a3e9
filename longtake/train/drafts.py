"""Drafts to train with: what the stage before in a cascade, or a flow between known frames, leaves to refine.

A draft is noised to a level that the network is told (noise-level augmentation, Ho et al. 2022), so that it
learns how far to trust one. Flow between frames costs too much here: their blend stands for it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from longtake.diffusion.schedule import Schedule, diffuse
from longtake.given import Draft, Given
from longtake.models.latents import doubled, halved, nearest_known

_NEAR = 3.5  # film frames: the widest median spacing that frames between known ones are drafted for


@dataclass(frozen=True, kw_only=True)
class Drafts:
    """Which clips are drafted, and how."""

    coarse: float  # share of clips whose draft is themselves at half size
    between: float  # share of clips of near frames that know every second or third frame, the others drafted
    noise: float  # most noise on a draft, 0..1

    def __call__(
        self,
        latents: Tensor,
        given: Given,
        reference: Tensor,
        schedule: Schedule,
        generator: torch.Generator,
    ) -> Given:
        """`given` with the drafts of a batch of `latents[B, T, C, H, W]`, and with some of its masks changed.

        `reference[B, T]` are frames from elsewhere, which keep their masks.
        """
        time, mask = given.time, given.mask
        clips, length = time.shape
        chance, level, every = torch.rand(3, clips, generator=generator, device=generator.device).to(
            latents.device
        )
        noise = torch.randn(latents.shape, generator=generator, device=generator.device).to(latents.device)
        near = time.diff(dim=1).median(dim=1).values <= _NEAR if length > 2 else torch.zeros_like(chance) > 0
        is_coarse, is_between = chance < self.coarse, near & (chance > 1 - self.between)
        own = (~reference).cumsum(dim=1) - 1  # number of a frame among the clip's own
        apart = 2 + (every < 0.5).long()[:, None]
        posts = (own % apart == 0) | (own == own[:, -1:]) | reference
        fenced = posts[:, :, None, None, None].to(mask.dtype).expand_as(mask)
        mask = torch.where(is_between[:, None, None, None, None], fenced, mask)
        blend = nearest_known(latents * mask, mask, time)[:, :, : latents.shape[2]]
        rough = torch.where(is_coarse[:, None, None, None, None], doubled(halved(latents)), blend)
        level = (self.noise * level)[:, None].expand(time.shape)
        free = ~mask.bool().all(dim=(2, 3, 4)) & ~reference
        shown = (is_coarse | is_between)[:, None] & free
        draft = Draft(diffuse(rough, noise, level, schedule), torch.where(shown, level, -1.0))
        return replace(given, mask=mask, draft=draft)
