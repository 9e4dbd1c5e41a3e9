"""What the denoiser draws while it is trained: keyframes of two validation scripts, under the truth."""

from __future__ import annotations

from functools import partial

import numpy as np
import torch
from torch import Tensor

from longtake.conditioning.text import PromptEncoder
from longtake.data.clips import Clip
from longtake.data.script import episode_seeds
from longtake.diffusion import Denoiser, guide, times
from longtake.diffusion.prediction import Denoise
from longtake.diffusion.sampler import ddim
from longtake.diffusion.schedule import Schedule
from longtake.models.unet import MaskTemporalUNet
from longtake.models.vae import TKLVAE
from longtake.train.autoencoder import to_pixels

__all__ = ["keyframe_sheet"]

_FRAMES, _SPACING, _STEPS, _GUIDANCE = 16, 225, 8, 3.0


@torch.no_grad()
def keyframe_sheet(
    net: MaskTemporalUNet, vae: TKLVAE, encoder: PromptEncoder, schedule: Schedule, prediction: str, size: int
) -> np.ndarray:
    """Truth and drawing in turn, 16 keyframes a row: uint8 picture `[4 size, 16 size, 3]`."""
    rows = []
    for episode in episode_seeds("validation", 2):
        clip = Clip(episode=episode, numbers=tuple(range(0, _FRAMES * _SPACING, _SPACING)))
        denoise = _denoise(net, encoder.encode(["", *clip.captions]), schedule, prediction)
        shape = (1, _FRAMES, vae.config.latent_channels, size // vae.factor, size // vae.factor)
        noise = torch.randn(shape, generator=torch.Generator().manual_seed(episode)).to(net.device)
        latents = ddim(partial(denoise, known=torch.zeros_like(noise)), noise, times(_STEPS), schedule)
        drawn = to_pixels(vae.to(net.device).decode_latents(latents)[0])
        rows += [np.concatenate(list(part), axis=1) for part in (clip.pixels(size), drawn)]
    return np.concatenate(rows, axis=0)


def _denoise(net: MaskTemporalUNet, text: Tensor, schedule: Schedule, prediction: str) -> Denoise:
    """The guided denoiser of a clip of keyframes, frame k under row k + 1 of `text`, nothing known."""
    rows = torch.arange(1, _FRAMES + 1, device=net.device)[None]
    time = _SPACING * (rows - 1).float()

    def denoise(x: Tensor, t: Tensor, *, known: Tensor, prompt: Tensor) -> Tensor:
        inputs = {"text": text.to(net.device), "time": time, "known": known, "mask": known[:, :, :1]}
        return Denoiser(net, schedule, prediction).denoise(x, t, prompt=prompt, **inputs)

    full, without = partial(denoise, prompt=rows), partial(denoise, prompt=torch.zeros_like(rows))
    return guide(full, without, full, text_scale=_GUIDANCE)
