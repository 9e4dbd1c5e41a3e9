"""Training the HD decoder: from latents of small frames to the same frames in high resolution.

It needs no captions, so any video will do (VideoGen, section 3.4: trained on unlabelled video).
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from longtake.data.clips import draw_stills
from longtake.data.script import episode_seeds
from longtake.data.videos import open_videos, video_stills
from longtake.models.upsampler import HDDecoder
from longtake.models.vae import TKLVAE
from longtake.train.autoencoder import distance, psnr, to_model, to_pixels
from longtake.train.loop import step_seed

__all__ = ["HDLoss", "Pair", "hd_sheet", "video_pairs", "world_pairs"]


class Pair(NamedTuple):
    """The same frames in two sizes, uint8."""

    small: Tensor  # [B, size, size, 3]
    large: Tensor  # [B, times size, times size, 3]


Pairs = Callable[[int, int, int], Pair]


def world_pairs(episodes: list[int], size: int, times: int, batch: int, seed: int = 0) -> Pairs:
    """Frames of the cartoon world, drawn in both sizes."""

    def pairs(step: int, rank: int, world: int) -> Pair:
        drawn = [
            draw_stills(episodes, random.Random(step_seed(seed, step, rank)), batch, side)
            for side in (size, times * size)
        ]
        return Pair(*map(torch.from_numpy, drawn))

    return pairs


def video_pairs(folder: Path, size: int, times: int, batch: int, seed: int = 0) -> Pairs:
    """Frames of the videos in `folder`, cut to squares; the small ones are means over squares of pixels.

    Raises ValueError where none of its files is a video.
    """
    videos = open_videos(folder)

    def pairs(step: int, rank: int, world: int) -> Pair:
        large = video_stills(videos, random.Random(step_seed(seed, step, rank)), batch, times * size)
        squares = large.reshape(batch, size, times, size, times, 3)
        small = squares.mean(axis=(2, 4)).round().astype(np.uint8)
        return Pair(torch.from_numpy(small), torch.from_numpy(large))

    return pairs


@dataclass(frozen=True, kw_only=True)
class HDLoss:
    """Reconstruction of the large frames from latents of the small ones, as inexact as drawn latents are."""

    vae: TKLVAE  # in evaluation mode, not trained: its encoder makes the latents
    noise: float  # standard deviation at most, of normalised latents; of each frame from 0 to this

    def __call__(
        self, model: HDDecoder, batch: Pair, generator: torch.Generator
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Loss, and PSNR of the large frames."""
        true = to_model(batch.large)[:, None]
        latents = self.vae.encode_latents(to_model(batch.small)[:, None])
        noise = torch.randn(latents.shape, generator=generator, device=latents.device)
        level = self.noise * torch.rand(len(latents), generator=generator, device=latents.device)
        made = model(latents + level[:, None, None, None, None] * noise)
        return distance(made, true), {"psnr": psnr(made, true).detach()}


@torch.no_grad()
def hd_sheet(model: HDDecoder, vae: TKLVAE, size: int, count: int = 3) -> np.ndarray:
    """Validation frames above what the decoder makes of their latents: uint8 picture."""
    episodes, times = episode_seeds("validation", 64), model.config.times
    small, large = (draw_stills(episodes, random.Random(5), count, side) for side in (size, times * size))
    latents = vae.encode_latents(to_model(small)[:, None].to(model.device))
    made = to_pixels(model.decode_latents(latents)[:, 0])
    return np.concatenate([np.concatenate(list(row), axis=1) for row in (large, made)], axis=0)
