"""A decoder by itself: latents to pictures of a size of its own, with few layers where pictures are large.

Axes: B clips, T frames, C latent channels, h w latent pixels, H W pixels of the picture. Inside, frames are
one batch.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.modeling_utils import ModelMixin
from torch import Tensor

from longtake.models.vae import PictureDecoder, statistics_of, unfolded


class FrameDecoder(ModelMixin, ConfigMixin):  # type: ignore[misc]
    """Decodes, frame by frame, the latents of an autoencoder whose own pictures may have another size."""

    @register_to_config  # type: ignore[untyped-decorator]
    def __init__(
        self,
        latent_channels: int = 16,  # C
        channels: Sequence[int] = (96, 64, 32),  # of each level, smallest pictures first
        blocks: int | Sequence[int] = (2, 2, 1),  # residual blocks per level
        heads: int = 0,  # of the attention among the smallest pictures' pixels; 0: there is none
        shuffle: int = 4,  # pixels per side that the last layer makes of one
        fold: int = 2,  # cells per side that are one latent pixel
        latents_mean: Sequence[float] | None = None,  # of each latent channel, over data; None: 0
        latents_std: Sequence[float] | None = None,  # of each latent channel, over data; None: 1
    ) -> None:
        super().__init__()
        self.factor = fold * 2 ** (len(channels) - 1) * shuffle  # pixels per latent pixel and side
        self.decoder = PictureDecoder(channels, blocks, latent_channels // fold**2, heads, 0, shuffle)

    @classmethod
    def of(cls, vae: Any, **shape: Any) -> FrameDecoder:
        """One of the latents of `vae`; `shape`: `channels`, `blocks`, `heads` and `shuffle`."""
        config = vae.config
        decoder: FrameDecoder = cls(
            latent_channels=config.latent_channels,
            fold=config.fold,
            latents_mean=config.latents_mean,
            latents_std=config.latents_std,
            **shape,
        )
        return decoder

    def forward(self, latents: Tensor) -> Tensor:
        """Normalised latents `[B, T, C, h, w]` -> float32 pixels `[B, T, 3, H, W]`, about [-1, 1]."""
        mean, std = statistics_of(self.config, latents)
        cells = unfolded(latents * std + mean, self.config.fold).flatten(0, 1)
        dtype = self.decoder.first.spatial.weight.dtype
        out: Tensor = self.decoder(cells.to(dtype).contiguous(memory_format=torch.channels_last), 0)
        return out.float().view(*latents.shape[:2], *out.shape[1:])

    @torch.no_grad()
    def decode_latents(self, latents: Tensor) -> Tensor:
        """Normalised latents `[B, T, C, h, w]` -> pixels `[B, T, 3, H, W]` in [-1, 1], float32."""
        pixels: Tensor = self(latents.float())
        return pixels.clamp(-1.0, 1.0)
