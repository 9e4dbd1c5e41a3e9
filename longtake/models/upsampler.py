"""The HD decoder: latents straight to pictures of several times the autoencoder's size (VideoGen).

Axes: B clips, T frames, C latent channels, h w latent pixels, H W pixels of the picture. Inside, frames are
one batch.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
import torch.nn.functional as F
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.modeling_utils import ModelMixin
from torch import Tensor, nn

from longtake.models.layers import ChannelNorm, adam_, spatial_conv, zero_
from longtake.models.vae import TKLVAE, PictureDecoder, ResidualBlock, run_blocks, statistics_of

_SHUFFLE = 4  # pixels per side that the last layer makes of one: no layer runs at full size


class HDDecoder(ModelMixin, ConfigMixin):  # type: ignore[misc]
    """The autoencoder's decoder with finer levels behind it.

    At initialisation it gives the autoencoder's pictures enlarged bicubically; training adds what was lost.
    It decodes frame by frame. Raises ValueError where the finer levels do not lead to `times`.
    """

    @register_to_config  # type: ignore[untyped-decorator]
    def __init__(
        self,
        latent_channels: int = 16,  # C
        channels: Sequence[int] = (160, 128, 80),  # of each level of the autoencoder's decoder
        blocks: int = 2,  # residual blocks per level
        heads: int = 4,  # of attention
        factor: int = 16,  # pixels of the autoencoder per latent pixel and side
        times: int = 4,  # pixels per side for each of the autoencoder's
        fine_channels: Sequence[int] = (48, 32),  # of each finer level
        latents_mean: Sequence[float] | None = None,  # of each latent channel, over data; None: 0
        latents_std: Sequence[float] | None = None,  # of each latent channel, over data; None: 1
    ) -> None:
        super().__init__()
        reached = 2 ** (len(channels) - 1 + len(fine_channels)) * _SHUFFLE
        if reached != factor * times:
            raise ValueError(
                f"{len(fine_channels)} finer levels make {reached} pixels of a latent one, not "
                f"{factor} x {times}: give fine_channels as many numbers as it needs"
            )
        self.factor = factor * times  # pixels per latent pixel and side
        self.coarse = PictureDecoder(
            channels, blocks, latent_channels, heads, 0, factor // 2 ** (len(channels) - 1)
        )
        self.up = nn.ModuleList(
            spatial_conv(i, o, kernel=1) for i, o in pairwise((channels[-1], *fine_channels))
        )
        self.fine = nn.ModuleList(
            nn.ModuleList(ResidualBlock(c, 0) for _ in range(blocks)) for c in fine_channels
        )
        self.norm = ChannelNorm(fine_channels[-1])
        self.last = adam_(zero_(spatial_conv(fine_channels[-1], 3 * _SHUFFLE**2)))
        self.shuffle = nn.PixelShuffle(_SHUFFLE)

    @classmethod
    def of(cls, vae: TKLVAE, times: int, fine_channels: Sequence[int]) -> HDDecoder:
        """Begun as the decoder of `vae`, whose temporal layers are left out.

        Raises ValueError for another autoencoder than a T-KLVAE, whose decoder is made otherwise, and for
        one that folds its latents.
        """
        if not isinstance(vae, TKLVAE):
            raise ValueError(f"an HD decoder is begun as that of a TKLVAE: a {type(vae).__name__} has none")
        config = vae.config
        if config.fold > 1:
            raise ValueError("an HD decoder knows no folded latents: learn a FrameDecoder from them")
        decoder: HDDecoder = cls(
            latent_channels=config.latent_channels,
            channels=list(config.decoder_channels),
            blocks=config.decoder_blocks,
            heads=config.heads,
            factor=vae.factor,
            times=times,
            fine_channels=list(fine_channels),
            latents_mean=config.latents_mean,
            latents_std=config.latents_std,
        )
        spatial = {
            name: value for name, value in vae.decoder.state_dict().items() if ".temporal." not in name
        }
        decoder.coarse.load_state_dict(spatial)
        return decoder

    def forward(self, latents: Tensor) -> Tensor:
        """Normalised latents `[B, T, C, h, w]` -> float32 pixels `[B, T, 3, H, W]`, about [-1, 1]."""
        b, t = latents.shape[:2]
        mean, std = statistics_of(self.config, latents)
        dtype = self.last.weight.dtype
        z = (latents * std + mean).flatten(0, 1).to(dtype).contiguous(memory_format=torch.channels_last)
        x = self.coarse.features(z, 0)
        small = self.coarse.picture(x, 0)
        for up, blocks in zip(self.up, self.fine, strict=True):
            x = run_blocks(blocks, F.interpolate(up(x), scale_factor=2.0, mode="nearest"), 0)
        detail: Tensor = self.shuffle(self.last(F.silu(self.norm(x))))
        large = F.interpolate(small.float(), scale_factor=float(self.config.times), mode="bicubic")
        return (large + detail.float()).view(b, t, *detail.shape[1:])

    @torch.no_grad()
    def decode_latents(self, latents: Tensor) -> Tensor:
        """Normalised latents `[B, T, C, h, w]` -> pixels `[B, T, 3, H, W]` in [-1, 1], float32."""
        pixels: Tensor = self(latents.float())
        return pixels.clamp(-1.0, 1.0)
