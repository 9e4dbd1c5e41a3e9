"""Training the HD decoder: from latents of small frames to the same frames in high resolution.

It needs no captions, so any video will do (VideoGen, section 3.4: trained on unlabelled video), if it is as
large as what is to be learnt.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from longtake.data.footage import Draws, draw_stills
from longtake.models.pixels import to_model, to_pixels
from longtake.models.upsampler import HDDecoder
from longtake.models.vae import TKLVAE
from longtake.train.autoencoder import distance, psnr, spoil
from longtake.train.loop import step_seed

_SHOWN = 3  # frames on a sheet


class Pair(NamedTuple):
    """The same frames in two sizes, uint8."""

    small: Tensor  # [B, size, size, 3]
    large: Tensor  # [B, times size, times size, 3]


Pairs = Callable[[int, int, int], Pair]


def still_pairs(draws: Draws, size: int, times: int, batch: int, seed: int = 0) -> Pairs:
    """Single frames in both sizes."""

    def pairs(step: int, rank: int, world: int) -> Pair:
        drawn = [
            draw_stills(draws, random.Random(step_seed(seed, step, rank)), batch, side)
            for side in (size, times * size)
        ]
        return Pair(*map(torch.from_numpy, drawn))

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
        drawn = model(spoil(latents, self.noise, generator))
        return distance(drawn, true), {"psnr": psnr(drawn, true).detach()}


@torch.no_grad()
def hd_sheet(model: HDDecoder, vae: TKLVAE, draws: Draws, size: int) -> np.ndarray:
    """Frames above what the decoder makes of their latents: uint8 picture."""
    sides = (size, model.config.times * size)
    small, large = (draw_stills(draws, random.Random(5), _SHOWN, side) for side in sides)
    latents = vae.encode_latents(to_model(small)[:, None].to(model.device))
    drawn = to_pixels(model.decode_latents(latents)[:, 0])
    return np.concatenate([np.concatenate(list(row), axis=1) for row in (large, drawn)], axis=0)
