"""What the denoiser draws while it is trained: keyframes of two films, under the truth."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np
import torch

from longtake.conditions.text import PromptEncoder
from longtake.data.footage import CLIP_FRAMES, Excerpt, Footage
from longtake.diffusion import Denoiser, guide, times
from longtake.diffusion.prediction import Denoise
from longtake.diffusion.sampler import ddim
from longtake.diffusion.schedule import Schedule
from longtake.given import Given
from longtake.models.pixels import to_pixels
from longtake.models.unet import MaskTemporalUNet
from longtake.models.vae import TKLVAE
from longtake.train.denoiser import given_of_clip

_SPACING, _STEPS, _GUIDANCE = 225, 8, 3.0


@torch.no_grad()
def keyframe_sheet(
    net: MaskTemporalUNet,
    vae: TKLVAE,
    encoder: PromptEncoder,
    schedule: Schedule,
    prediction: str,
    footage: Footage,
    films: Sequence[int],
    size: int,
) -> np.ndarray:
    """Truth and drawing in turn, 16 keyframes a row: uint8 picture `[2 films size, 16 size, 3]`.

    They are 225 frames apart, less where a film is shorter, and fewer where it has fewer frames.
    """
    rows = []
    for film in films:
        clip = _keyframes(footage, film)
        count = len(clip.numbers)
        shape = (1, count, vae.config.latent_channels, size // vae.factor, size // vae.factor)
        noise = torch.randn(shape, generator=torch.Generator().manual_seed(film)).to(net.device)
        text = encoder.encode(["", *clip.captions])
        given = given_of_clip(text, clip.numbers, torch.zeros_like(noise), torch.zeros_like(noise[:, :, :1]))
        denoise = _guided(Denoiser(net, schedule, prediction), given)
        latents = ddim(denoise, noise, times(_STEPS), schedule)
        drawn = to_pixels(vae.to(net.device).decode_latents(latents)[0])
        for part in (clip.pixels(size), drawn):
            row = np.concatenate(list(part), axis=1)
            rows.append(np.pad(row, ((0, 0), (0, (CLIP_FRAMES - count) * size), (0, 0))))
    return np.concatenate(rows, axis=0)


def _keyframes(footage: Footage, film: int) -> Excerpt:
    last = footage.length(film) - 1
    count = min(CLIP_FRAMES, last + 1)
    spacing = min(_SPACING, last / max(1, count - 1))
    return Excerpt(footage=footage, film=film, numbers=tuple(int(k * spacing) for k in range(count)))


def _guided(denoiser: Denoiser, given: Given) -> Denoise:
    full, without = (partial(denoiser.denoise, given=each) for each in (given, given.without_prompt()))
    return guide(full, without, full, text_scale=_GUIDANCE)
