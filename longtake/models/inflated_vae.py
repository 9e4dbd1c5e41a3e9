"""A pretrained image autoencoder in the place of T-KLVAE: Stable Diffusion's AutoencoderKL, inflated.

Its layers stay as they are, with frames as their batch; behind each comes a layer along time that adds
nothing at first (NUWA-XL, section 3.1).

Axes: B clips, T frames, C channels, H W pixels, h w = H/factor W/factor latent pixels. `frames` = 0 means
that the frames of a batch have nothing to do with each other.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import zip_longest
from typing import Any, cast

import torch
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.attention_processor import Attention
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from diffusers.models.modeling_utils import ModelMixin
from diffusers.models.resnet import ResnetBlock2D
from torch import Tensor, nn

from longtake.models.layers import TemporalAttention, TemporalConv, adam_, laid_as, zero_
from longtake.models.vae import ClipAutoencoder, Posterior

_BLOCKS = {"DownEncoderBlock2D", "UpDecoderBlock2D"}


class Along(nn.Module):
    """x + a convolution along time: the same layers as T-KLVAE's, which are the identity at first.

    The identity stands outside the convolution, so that it is exact in numbers that round what they convolve.
    """

    def __init__(self, channels: int, kernel: int) -> None:
        super().__init__()
        self.conv = zero_(TemporalConv(channels, kernel))

    def forward(self, x: Tensor, frames: int) -> Tensor:
        out: Tensor = x + self.conv(x, frames)
        return out


class InflatedVAE(ClipAutoencoder, ModelMixin, ConfigMixin):  # type: ignore[misc]
    """An image autoencoder with the interface of `TKLVAE`, and layers along time behind its own.

    At initialisation every frame is encoded and decoded as by the image autoencoder. Heights and widths must
    be multiples of `factor`. Raises ValueError where the image autoencoder is of another layout.
    """

    _no_split_modules = ("ResnetBlock2D", "Attention", "Along", "TemporalAttention")  # see train/shard.py

    @register_to_config  # type: ignore[untyped-decorator]
    def __init__(
        self,
        image_config: Mapping[str, Any],  # of the image network, an AutoencoderKL
        latent_channels: int,  # C of the latents, as the image network has them
        temporal_encoder: bool = False,  # let a frame's latents depend on its neighbours
        temporal_decoder: bool = True,  # let a frame's pixels depend on its neighbours' latents
        temporal_kernel: int = 3,  # frames, odd
        head: int = 64,  # channels of a head of temporal attention
        latents_mean: Sequence[float] | None = None,  # of each latent channel, the shift; None: 0
        latents_std: Sequence[float] | None = None,  # of each latent channel, one over the scale; None: 1
    ) -> None:
        super().__init__()
        _check(image_config)
        self._adopt(AutoencoderKL.from_config(dict(image_config)))

    @classmethod
    def of(cls, image: AutoencoderKL, **settings: Any) -> InflatedVAE:
        """What `image` becomes; it takes over its layers, and its scale as the latents' statistics."""
        config = {key: value for key, value in image.config.items() if not key.startswith("_")}
        count, scale = config["latent_channels"], config["scaling_factor"]
        mean = config.get("latents_mean") or [config.get("shift_factor") or 0.0] * count
        spread = config.get("latents_std") or [1.0] * count
        with torch.device("meta"):
            vae: InflatedVAE = cls(
                image_config=config,
                latent_channels=count,
                latents_mean=list(mean),
                latents_std=[one / scale for one in spread],
                **settings,
            )
        vae._adopt(image)
        return vae

    def _adopt(self, image: AutoencoderKL) -> None:
        """Have `image` inside, and new layers to it."""
        config = self.config
        self.factor = 2 ** (len(image.config.block_out_channels) - 1)  # pixels per latent pixel and side
        for part in (image.encoder, image.decoder):
            adam_(part.conv_in)
            adam_(part.conv_out)
        self.image = image
        self.added = nn.ModuleDict()
        for name, part, wanted in (
            ("encoder", image.encoder, config.temporal_encoder),
            ("decoder", image.decoder, config.temporal_decoder),
        ):
            if wanted:
                kinds = (_along(step, config.temporal_kernel, config.head) for step in _steps(part))
                self.added[name] = nn.ModuleList(kinds)

    @property
    def encoder(self) -> nn.Module:
        """All that decides what latents a frame has."""
        return self._half("encoder", self.image.quant_conv)

    @property
    def decoder(self) -> nn.Module:
        """All that decides what pixels latents become."""
        return self._half("decoder", self.image.post_quant_conv)

    def _half(self, name: str, between: nn.Module | None) -> nn.Module:
        added = [self.added[name]] if name in self.added else []
        return nn.ModuleList(
            part for part in (getattr(self.image, name), between, *added) if part is not None
        )

    def temporal_parameters(self) -> list[nn.Parameter]:
        """Parameters of the temporal layers, for instance to train only them."""
        return list(self.added.parameters())

    def encode(self, video: Tensor, framewise: bool = False) -> Posterior:
        """Pixels `[B, T, 3, H, W]` in [-1, 1] -> posterior of latents `[B, T, C, h, w]`."""
        height, width = video.shape[-2:]
        if height % self.factor or width % self.factor:
            raise ValueError(f"{width}x{height} pixels: make both sides multiples of {self.factor}")
        out = self._run("encoder", self._encode, video, framewise)
        mean, logvar = out.chunk(2, dim=2)
        return Posterior(mean, logvar.clamp(-30.0, 20.0))

    def decode(self, latents: Tensor, framewise: bool = False) -> Tensor:
        """Latents `[B, T, C, h, w]`, not normalised -> float32 pixels `[B, T, 3, H, W]`, about [-1, 1]."""
        return self._run("decoder", self._decode, latents, framewise)

    def _run(self, half: str, run: Callable[[Tensor, int], Tensor], clips: Tensor, framewise: bool) -> Tensor:
        """`run` on `[B, T, ...]`, in float32.

        Without gradients no more is computed at once than depends on each other, a frame or a clip: on a CPU
        the image network's sums depend on how many pictures there are, and large pictures need the memory.
        """
        b, t = clips.shape[:2]
        pictures = clips.flatten(0, 1).to(self.image.decoder.conv_out.weight.dtype).contiguous()
        along = half in self.added and not framewise
        at_once = b * t if torch.is_grad_enabled() else t if along else 1
        out = torch.cat([run(part, t if along else 0) for part in torch.split(pictures, at_once)])
        return out.float().reshape(b, t, *out.shape[1:])

    def _encode(self, x: Tensor, frames: int) -> Tensor:
        x = self._passed("encoder", x, frames)
        return x if self.image.quant_conv is None else self.image.quant_conv(x)

    def _decode(self, z: Tensor, frames: int) -> Tensor:
        z = z if self.image.post_quant_conv is None else self.image.post_quant_conv(z)
        return self._passed("decoder", z, frames)

    def _passed(self, half: str, x: Tensor, frames: int) -> Tensor:
        part = getattr(self.image, half)
        steps = list(_steps(part))
        added = [*cast(nn.ModuleList, self.added[half])] if frames else []
        for step, along in zip_longest(steps, added):
            if step is part.conv_out:
                x = part.conv_act(part.conv_norm_out(x))
            x = step(x, None) if isinstance(step, ResnetBlock2D) else step(x)
            if along is not None:
                x = laid_as(along(x, frames), x)
        return x


def _steps(part: nn.Module) -> Iterator[nn.Module]:
    """The layers of an encoder or decoder as they run; norm and activation precede the last."""
    net: Any = part
    first, *others = net.mid_block.resnets
    middle = [first]
    for attention, resnet in zip(net.mid_block.attentions, others, strict=True):
        middle += [resnet] if attention is None else [attention, resnet]
    decodes = hasattr(net, "up_blocks")
    levels = net.up_blocks if decodes else net.down_blocks
    outer = [
        step
        for level in levels
        for step in (*level.resnets, *((level.upsamplers if decodes else level.downsamplers) or ()))
    ]
    yield net.conv_in
    yield from [*middle, *outer] if decodes else [*outer, *middle]
    yield net.conv_out


def _along(step: nn.Module, kernel: int, head: int) -> nn.Module:
    """What comes behind a layer: attention behind attention, a convolution behind all else."""
    layer: Any = step
    if isinstance(step, Attention):
        channels = layer.to_q.in_features
        return TemporalAttention(channels, max(1, channels // head))
    return Along(layer.out_channels, kernel)


def _check(image: Mapping[str, Any]) -> None:
    """Raises ValueError where the image autoencoder of this config has blocks that are not run here."""
    usual = {
        name: argument.default
        for name, argument in inspect.signature(AutoencoderKL.__init__).parameters.items()
    }
    kinds = {kind for way in ("down", "up") for kind in image.get(f"{way}_block_types", ())} - _BLOCKS
    channels = [image.get(f"{which}_channels", usual[f"{which}_channels"]) for which in ("in", "out")]
    if kinds or channels != [3, 3]:
        unlike = f"blocks of the kind {', '.join(sorted(kinds))}" if kinds else f"{channels} channels"
        raise ValueError(f"this autoencoder has {unlike}: use one of Stable Diffusion's layout")
