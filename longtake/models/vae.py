"""T-KLVAE: a spatial KL autoencoder with temporal layers that are the identity at first (NUWA-XL, sec. 3.1).

Axes: B clips, T frames, C channels, H W pixels, h w = H/factor W/factor latent pixels; a latent pixel is a
square of `fold` x `fold` cells of P = C / fold^2 channels each. Inside, frames are one batch, and
`frames` = 0 means that they have nothing to do with each other.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.modeling_utils import ModelMixin
from torch import Tensor, nn

from longtake.models.layers import (
    ChannelNorm,
    SpatialAttention,
    TemporalAttention,
    TemporalConv,
    adam_,
    spatial_conv,
    zero_,
)


class Posterior(NamedTuple):
    """Independent normal distributions of latents, both `[B, T, C, h, w]` in float32."""

    mean: Tensor
    logvar: Tensor  # within [-30, 20]

    @property
    def mode(self) -> Tensor:
        """The most likely latents: the mean."""
        return self.mean

    def sample(self, generator: torch.Generator | None = None) -> Tensor:
        """Draw latents; the generator lives on the latents' device."""
        noise = torch.randn(self.mean.shape, generator=generator, device=self.mean.device)
        return self.mean + torch.exp(0.5 * self.logvar) * noise

    def kl(self) -> Tensor:
        """Kullback-Leibler divergence from the standard normal, nats per latent number, a scalar."""
        return 0.5 * (self.mean.square() + self.logvar.exp() - 1 - self.logvar).mean()


class Conv(nn.Module):
    """A spatial convolution and, where `kernel` > 0, a temporal one after it."""

    def __init__(
        self,
        inputs: int,  # channels
        outputs: int,  # channels
        kernel: int,  # frames of the temporal convolution, odd; 0 for none
        stride: int = 1,  # pixels
    ) -> None:
        super().__init__()
        self.spatial = spatial_conv(inputs, outputs, stride=stride)
        self.temporal = TemporalConv(outputs, kernel) if kernel else None

    def forward(self, x: Tensor, frames: int) -> Tensor:
        x = self.spatial(x)
        return self.temporal(x, frames) if self.temporal is not None and frames else x


class Attention(nn.Module):
    """Spatial attention and, where `temporal`, temporal attention after it."""

    def __init__(self, channels: int, heads: int, temporal: bool) -> None:
        super().__init__()
        self.spatial = SpatialAttention(channels, heads)
        self.temporal = TemporalAttention(channels, heads) if temporal else None

    def forward(self, x: Tensor, frames: int) -> Tensor:
        x = self.spatial(x)
        return self.temporal(x, frames) if self.temporal is not None and frames else x


class ResidualBlock(nn.Module):
    """x + conv(silu(norm(conv(silu(norm(x)))))); adds nothing at initialisation."""

    def __init__(self, channels: int, kernel: int) -> None:
        super().__init__()
        self.norm1 = ChannelNorm(channels)
        self.conv1 = Conv(channels, channels, kernel)
        self.norm2 = ChannelNorm(channels)
        self.conv2 = Conv(channels, channels, kernel)
        zero_(self.conv2.spatial)

    def forward(self, x: Tensor, frames: int) -> Tensor:
        h: Tensor = self.conv1(F.silu(self.norm1(x)), frames)
        h = self.conv2(F.silu(self.norm2(h)), frames)
        return x + h


def folded(cells: Tensor, fold: int) -> Tensor:
    """Cells `[B, T, P, fold h, fold w]` -> latents `[B, T, C, h, w]`, of which each is a square of cells."""
    return F.pixel_unshuffle(cells, fold) if fold > 1 else cells


def unfolded(latents: Tensor, fold: int) -> Tensor:
    """Latents `[B, T, C, h, w]` -> cells `[B, T, P, fold h, fold w]`: the inverse of `folded`."""
    return F.pixel_shuffle(latents, fold) if fold > 1 else latents


def run_blocks(blocks: nn.Module, x: Tensor, frames: int) -> Tensor:
    """One block after the other."""
    for block in blocks.children():
        x = block(x, frames)
    return x


class PictureEncoder(nn.Module):
    """Pixels -> mean and log variance of latents; each level halves the size and then runs its blocks.

    With a `patch` the first level takes blocks of pixels instead, so that no layer runs at half size.
    """

    def __init__(
        self,
        channels: Sequence[int],  # of each level, largest pictures first
        blocks: int,  # per level
        latent_channels: int,
        heads: int,  # of the attention; 0: there is none
        kernel: int,  # frames; 0 for no temporal layers
        patch: int,  # pixels per side of the blocks that the first layer sees; 1: it halves the size
    ) -> None:
        super().__init__()
        self.patch = patch
        self.down = nn.ModuleList(
            Conv(i, o, kernel, stride=1 if patch > 1 and level == 0 else 2)
            for level, (i, o) in enumerate(pairwise((3 * patch**2, *channels)))
        )
        self.blocks = nn.ModuleList(
            nn.ModuleList(ResidualBlock(c, kernel) for _ in range(blocks)) for c in channels
        )
        self.attention = Attention(channels[-1], heads, bool(kernel)) if heads else None
        self.norm = ChannelNorm(channels[-1])
        self.last = adam_(Conv(channels[-1], 2 * latent_channels, kernel))
        adam_(self.down[0])
        bias = self.last.spatial.bias
        assert bias is not None
        with (
            torch.no_grad()
        ):  # latents start with little noise, or the decoder would first learn to ignore them
            bias[latent_channels:] = -4.0

    def forward(self, x: Tensor, frames: int) -> Tensor:
        if self.patch > 1:
            x = F.pixel_unshuffle(x, self.patch).contiguous(memory_format=torch.channels_last)
        for level, down in enumerate(self.down):
            x = run_blocks(self.blocks[level], down(x, frames), frames)
        if self.attention is not None:
            x = self.attention(x, frames)
        out: Tensor = self.last(F.silu(self.norm(x)), frames)
        return out


class PictureDecoder(nn.Module):
    """Latents -> pixels; 1x1 convolutions and nearest neighbours between levels, a pixel shuffle at the end.

    No layer runs at full size, which makes it 4 times cheaper than the usual tail.
    """

    def __init__(
        self,
        channels: Sequence[int],  # of each level, smallest pictures first
        blocks: int | Sequence[int],  # per level
        latent_channels: int,
        heads: int,  # of the attention; 0: there is none
        kernel: int,  # frames; 0 for no temporal layers
        shuffle: int,  # pixels per side that the last layer makes of one
    ) -> None:
        super().__init__()
        self.first = adam_(Conv(latent_channels, channels[0], kernel))
        self.attention = Attention(channels[0], heads, bool(kernel)) if heads else None
        counts = [blocks] * len(channels) if isinstance(blocks, int) else blocks
        self.blocks = nn.ModuleList(
            nn.ModuleList(ResidualBlock(c, kernel) for _ in range(count))
            for c, count in zip(channels, counts, strict=True)
        )
        self.up = nn.ModuleList(spatial_conv(i, o, kernel=1) for i, o in pairwise(channels))
        self.norm = ChannelNorm(channels[-1])
        self.last = adam_(Conv(channels[-1], 3 * shuffle**2, kernel))
        self.shuffle = nn.PixelShuffle(shuffle)

    def forward(self, z: Tensor, frames: int) -> Tensor:
        return self.picture(self.features(z, frames), frames)

    def features(self, z: Tensor, frames: int) -> Tensor:
        """What the last level knows."""
        x: Tensor = self.first(z, frames)
        if self.attention is not None:
            x = self.attention(x, frames)
        for level, blocks in enumerate(self.blocks):
            if level:
                x = F.interpolate(self.up[level - 1](x), scale_factor=2.0, mode="nearest")
            x = run_blocks(blocks, x, frames)
        return x

    def picture(self, features: Tensor, frames: int) -> Tensor:
        """The pixels of it."""
        out: Tensor = self.shuffle(self.last(F.silu(self.norm(features)), frames))
        return out


class ClipAutoencoder:
    """What every autoencoder of clips offers over its own `encode` and `decode`."""

    config: Any  # with latent_channels, latents_mean, latents_std

    def encode(self, video: Tensor, framewise: bool = False) -> Posterior:
        """Pixels `[B, T, 3, H, W]` in [-1, 1] -> posterior of latents `[B, T, C, h, w]`."""
        raise NotImplementedError

    def decode(self, latents: Tensor, framewise: bool = False) -> Tensor:
        """Latents `[B, T, C, h, w]`, not normalised -> float32 pixels `[B, T, 3, H, W]`, about [-1, 1]."""
        raise NotImplementedError

    def forward(
        self, video: Tensor, noise: Tensor | None = None, framewise: bool = False
    ) -> tuple[Tensor, Posterior]:
        """Encode, draw with the given standard normal `noise` (None: the mean), decode: for training."""
        posterior = self.encode(video, framewise)
        latents = posterior.mean
        if noise is not None:
            latents = latents + torch.exp(0.5 * posterior.logvar) * noise
        return self.decode(latents, framewise), posterior

    def normalise(self, latents: Tensor) -> Tensor:
        """Posterior's units -> about zero mean and unit variance per channel, as diffusion wants them."""
        mean, std = statistics_of(self.config, latents)
        return (latents - mean) / std

    def denormalise(self, latents: Tensor) -> Tensor:
        """The inverse of `normalise`."""
        mean, std = statistics_of(self.config, latents)
        return latents * std + mean

    @torch.no_grad()
    def encode_latents(self, video: Tensor) -> Tensor:
        """Pixels `[B, T, 3, H, W]` in [-1, 1] -> normalised mean latents `[B, T, C, h, w]`, float32."""
        return self.normalise(self.encode(video).mean)

    @torch.no_grad()
    def decode_latents(self, latents: Tensor) -> Tensor:
        """Normalised latents `[B, T, C, h, w]` -> pixels `[B, T, 3, H, W]` in [-1, 1], float32."""
        return self.decode(self.denormalise(latents.float())).clamp(-1.0, 1.0)


class TKLVAE(ClipAutoencoder, ModelMixin, ConfigMixin):  # type: ignore[misc]
    """Autoencoder of clips of any length T: no compression in time, `factor` per side in space.

    `framewise=True` runs the frames as if no temporal layer existed: the image autoencoder inside. At
    initialisation both ways give the same bits. Heights and widths must be multiples of `factor`.
    """

    @register_to_config  # type: ignore[untyped-decorator]
    def __init__(
        self,
        latent_channels: int = 8,
        encoder_channels: Sequence[int] = (64, 96, 128),  # of each level; each level halves the size
        decoder_channels: Sequence[int] = (128, 96, 64),  # of each level, smallest pictures first
        encoder_blocks: int = 1,  # residual blocks per level
        decoder_blocks: int | Sequence[int] = 2,  # residual blocks per level
        heads: int = 4,  # of every attention; 0: there is none
        temporal_encoder: bool = False,  # let a frame's latents depend on its neighbours
        temporal_decoder: bool = True,  # let a frame's pixels depend on its neighbours' latents
        temporal_kernel: int = 3,  # frames, odd
        latents_mean: Sequence[float] | None = None,  # of each latent channel, over data; None: 0
        latents_std: Sequence[float] | None = None,  # of each latent channel, over data; None: 1
        patch: int = 1,  # pixels per side of the blocks that the encoder begins with; 1: with pixels
        fold: int = 1,  # cells per side that are folded into one latent pixel
    ) -> None:
        super().__init__()
        halvings = len(encoder_channels) - (patch > 1)
        cell = patch * 2**halvings  # pixels per cell and side
        self.factor = cell * fold  # pixels per latent pixel and side
        if len(decoder_channels) > cell.bit_length():
            raise ValueError(
                f"{len(decoder_channels)} decoder levels undo more than the encoder does: "
                f"use {cell.bit_length()}"
            )
        if latent_channels % fold**2:
            raise ValueError(f"{latent_channels} latent channels are not those of {fold}x{fold} cells")
        channels = latent_channels // fold**2  # of a cell
        kernels = [temporal_kernel if on else 0 for on in (temporal_encoder, temporal_decoder)]
        self.encoder = PictureEncoder(encoder_channels, encoder_blocks, channels, heads, kernels[0], patch)
        shuffle = cell // 2 ** (len(decoder_channels) - 1)
        self.decoder = PictureDecoder(decoder_channels, decoder_blocks, channels, heads, kernels[1], shuffle)

    def temporal_parameters(self) -> list[nn.Parameter]:
        """Parameters of the temporal layers, for instance to train only them."""
        kinds = (TemporalConv, TemporalAttention)
        return [p for module in self.modules() if isinstance(module, kinds) for p in module.parameters()]

    def encode(self, video: Tensor, framewise: bool = False) -> Posterior:
        """Pixels `[B, T, 3, H, W]` in [-1, 1] -> posterior of latents `[B, T, C, h, w]`."""
        b, t, _, height, width = video.shape
        if height % self.factor or width % self.factor:
            raise ValueError(f"{width}x{height} pixels: make both sides multiples of {self.factor}")
        out: Tensor = self.encoder(self._images(video), 0 if framewise else t)
        mean, logvar = out.float().view(b, t, *out.shape[1:]).chunk(2, dim=2)
        fold = self.config.fold
        return Posterior(folded(mean, fold), folded(logvar.clamp(-30.0, 20.0), fold))

    def decode(self, latents: Tensor, framewise: bool = False) -> Tensor:
        """Latents `[B, T, C, h, w]`, not normalised -> float32 pixels `[B, T, 3, H, W]`, about [-1, 1]."""
        b, t = latents.shape[:2]
        cells = unfolded(latents, self.config.fold)
        out: Tensor = self.decoder(self._images(cells), 0 if framewise else t)
        return out.float().view(b, t, *out.shape[1:])

    def set_statistics(self, mean: Sequence[float], std: Sequence[float]) -> None:
        """Put the latents' measured mean and deviation per channel into the config, saved with the model."""
        self.register_to_config(latents_mean=list(mean), latents_std=list(std))

    def _images(self, clips: Tensor) -> Tensor:
        weight = self.encoder.last.spatial.weight
        return clips.flatten(0, 1).to(weight.dtype).contiguous(memory_format=torch.channels_last)


def statistics_of(config: Any, latents: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and deviation per channel, each `[1, 1, C, 1, 1]`, as a network's config has them."""
    c = config.latent_channels
    mean, std = config.latents_mean or [0.0] * c, config.latents_std or [1.0] * c
    shape = (1, 1, c, 1, 1)
    return latents.new_tensor(mean).view(shape), latents.new_tensor(std).view(shape)
