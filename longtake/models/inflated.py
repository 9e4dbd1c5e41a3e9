"""A pretrained image network that becomes Mask Temporal Diffusion: Stable Diffusion's U-Net, inflated.

Its layers stay as they are, with frames as their batch; behind them come layers along time, known latents and
spacings, which add nothing at first. So at first every frame is what the image network alone makes of it.

Axes: B clips, T frames, C latent channels, H W latent pixels, N = B*T frames, D channels of a level, E
channels of a frame's embedding, P prompts.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

import torch
import torch.nn.functional as F
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.modeling_utils import ModelMixin
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from torch import Tensor, nn

from longtake.given import Given
from longtake.models.layers import ChannelNorm, TemporalAttention, TemporalConv, adam_, laid_as, zero_
from longtake.models.unet import Injection, Spacing, known_features, known_levels

_List = Sequence[nn.Module]
_Grid = Sequence[_List]  # blocks of the levels
_BLOCKS = {"CrossAttnDownBlock2D", "DownBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"}
# Settings of the image network that its own layers see to. Any other must be as it is by default, for it asks
# for something that `forward` does not do: a class, the size of a picture, a hint.
_FREE = {
    "act_fn", "attention_head_dim", "block_out_channels", "cross_attention_dim", "cross_attention_norm",
    "down_block_types", "downsample_padding", "dropout", "flip_sin_to_cos", "freq_shift",
    "in_channels", "layers_per_block", "mid_block_scale_factor", "norm_eps", "norm_num_groups",
    "num_attention_heads", "only_cross_attention", "out_channels", "resnet_out_scale_factor",
    "resnet_time_scale_shift", "sample_size", "transformer_layers_per_block", "up_block_types",
    "upcast_attention", "use_linear_projection",
}  # fmt: skip


def image_timestep(t: Tensor) -> Tensor:
    """Noise levels 0..1 -> the time steps 0..999 of a network trained in 1,000: level (k + 1) / 1000 is k.

    Levels between two steps get a time between them; a clean frame gets 0, the least noise that was trained.
    """
    steps = (1000 * t.float() - 1).clamp(min=0)
    whole = steps.round()
    # Float32 misses the step by a few millionths, which the fastest of the sines would show.
    return torch.where((steps - whole).abs() < 1e-3, whole, steps)


class Between(nn.Module):
    """What comes behind a residual block of the image network, and behind the attention that follows there.

    h + convolution along time, injection, (spatial attention, attention to the prompt), temporal attention:
    the order of NUWA-XL's blocks. All of it adds nothing at first.
    """

    def __init__(self, channels: int, heads: int, injected: int) -> None:
        super().__init__()
        self.norm = ChannelNorm(channels)
        self.conv = zero_(TemporalConv(channels))
        self.injection = Injection(channels, injected)
        self.time = TemporalAttention(channels, heads)

    def forward(
        self,
        h: Tensor,  # [N, D, H, W]
        attend: Callable[[Tensor], Tensor],  # the image network's attention
        bias: Tensor,  # of temporal attention, [B, K, T, T]; a level with fewer heads takes the first
        known: dict[int, tuple[Tensor, Tensor]],  # width of a level -> features, mask: [N, *, H, W]
    ) -> Tensor:
        count = bias.shape[-1]
        h = h + self.conv(F.silu(self.norm(h)), count)
        h = attend(laid_as(self.injection(h, *known[h.shape[-1]]), h))
        return laid_as(self.time(h, count, bias[:, : self.time.heads]), h)


class Added(nn.Module):
    """All that an image network of these levels lacks; its parameters are what inflating adds."""

    def __init__(
        self,
        latent_channels: int,
        channels: list[int],  # of each level
        blocks: int,  # residual blocks per level on the way down; one more on the way up
        head: int,  # channels of a head of temporal attention
        known_channels: int,
        nearest: bool,
    ) -> None:
        super().__init__()

        def between(c: int) -> Between:
            return Between(c, max(1, c // head), known_channels)

        self.spacing = Spacing(4 * channels[0], max(1, max(channels) // head))
        self.known = known_features(latent_channels, known_channels, len(channels), nearest)
        self.down = nn.ModuleList(nn.ModuleList(between(c) for _ in range(blocks)) for c in channels)
        self.middle = between(channels[-1])
        self.up = nn.ModuleList(
            nn.ModuleList(between(c) for _ in range(blocks + 1)) for c in reversed(channels)
        )


class InflatedUNet(ModelMixin, ConfigMixin):  # type: ignore[misc]
    """Stable Diffusion's U-Net as `MaskTemporalUNet`: the same inputs and outputs.

    At initialisation the output of each frame is that of the image network for that frame, its noise level
    and its prompt. Raises ValueError where the image network is of a kind that takes further inputs.

    `enable_gradient_checkpointing()` does what it does for `MaskTemporalUNet`; a block is a residual block of
    the image network with the attention and the new layers behind it.
    """

    _supports_gradient_checkpointing = True
    _no_split_modules = ("ResnetBlock2D", "Transformer2DModel", "Between")  # see train/shard.py

    @register_to_config  # type: ignore[untyped-decorator]
    def __init__(
        self,
        image_config: Mapping[str, Any],  # of the image network, a UNet2DConditionModel
        head: int = 64,  # channels of a head of temporal attention
        known_channels: int = 64,  # of the known latents' features
        nearest: bool = True,  # tell each frame its nearest known latents; not the paper's
    ) -> None:
        super().__init__()
        self.gradient_checkpointing = False  # diffusers' name
        _check(image_config)
        self._adopt(UNet2DConditionModel.from_config(dict(image_config)))

    @classmethod
    def of(cls, image: UNet2DConditionModel, **settings: Any) -> InflatedUNet:
        """The network that `image` becomes; it takes over its layers, so there is no second copy of them."""
        config = {key: value for key, value in image.config.items() if not key.startswith("_")}
        with torch.device("meta"):
            net: InflatedUNet = cls(image_config=config, **settings)
        net._adopt(image)
        return net

    def _adopt(self, image: UNet2DConditionModel) -> None:
        """Have `image` inside, and new layers to it."""
        for ends in (image.conv_in, image.time_embedding, image.conv_out):
            adam_(ends)
        self.image = image
        self.added = Added(
            image.config.in_channels,
            list(image.config.block_out_channels),
            image.config.layers_per_block,
            self.config.head,
            self.config.known_channels,
            self.config.nearest,
        )

    def temporal_parameters(self) -> list[nn.Parameter]:
        """Parameters of the layers that the image network lacks, for instance to train only them."""
        return list(self.added.parameters())

    def enable_gradient_checkpointing(self, *how: Any) -> None:
        """As diffusers has it, but for parts of what is computed twice anyway."""
        super().enable_gradient_checkpointing(*how)
        for part in self.image.modules():
            if hasattr(part, "gradient_checkpointing"):
                part.gradient_checkpointing = False

    def forward(self, x: Tensor, t: Tensor, given: Given) -> Tensor:
        """One evaluation; arguments, result and errors are those of `MaskTemporalUNet`.

        It takes no drafts and reads no tracks.

        Without gradients clips are computed one by one: on a CPU the image network's sums depend on how many
        frames there are, and a clip must not depend on which others are drawn with it.
        """
        self._check(x, given)
        if torch.is_grad_enabled() or len(x) == 1:
            return self._clips(x, t, given)
        each = [slice(b, b + 1) for b in range(len(x))]
        return torch.cat([self._clips(x[one], t[one], given.rows(one)) for one in each])

    def _check(self, x: Tensor, given: Given) -> None:
        """Raises ValueError where the network can not take these."""
        height, width = x.shape[-2:]
        coarsest = 2 ** (len(self.image.config.block_out_channels) - 1)
        if height % coarsest or width % coarsest:
            raise ValueError(f"latents of {width}x{height}: make both sides multiples of {coarsest}")
        if given.draft is not None:
            raise ValueError("this network takes no drafts: use a model that was trained with them")
        if given.tracks:
            raise ValueError(f"this network reads no tracks: leave out {', '.join(map(repr, given.tracks))}")

    def _clips(self, x: Tensor, t: Tensor, given: Given) -> Tensor:
        image, added, pictures = self.image, self.added, x.flatten(0, 1).contiguous()
        spaced, bias = added.spacing(given.time)
        steps = image.get_time_embed(sample=pictures, timestep=image_timestep(t.flatten()))
        embedding = image.time_embedding(steps) + spaced.flatten(0, 1)
        words = given.text[given.prompt.flatten()]  # N tokens D
        known = known_levels(added.known, given, nearest=self.config.nearest)

        def passed(block: nn.Module, k: int, h: Tensor, between: nn.Module) -> Tensor:
            """Through the k-th residual block of the image network's `block`, its attention and ours."""
            resnet, attentions = cast(_List, block.resnets)[k], getattr(block, "attentions", None)

            def attend(h: Tensor) -> Tensor:
                if attentions is None:
                    return h
                return cast(Tensor, attentions[k](h, encoder_hidden_states=words, return_dict=False)[0])

            def through(h: Tensor) -> Tensor:
                return cast(Tensor, between(resnet(h, embedding), attend, bias, known))

            if self.gradient_checkpointing and torch.is_grad_enabled():
                return cast(Tensor, self._gradient_checkpointing_func(through, h))
            return through(h)

        h = image.conv_in(pictures)
        skips = [h]
        for block, betweens in zip(image.down_blocks, cast(_Grid, added.down), strict=True):
            for k, between in enumerate(betweens):
                h = passed(block, k, h, between)
                skips.append(h)
            for shrink in block.downsamplers or ():
                h = shrink(h)
                skips.append(h)
        h = passed(image.mid_block, 0, h, added.middle)
        for resnet in image.mid_block.resnets[1:]:
            h = resnet(h, embedding)
        for block, betweens in zip(image.up_blocks, cast(_Grid, added.up), strict=True):
            for k, between in enumerate(betweens):
                h = passed(block, k, torch.cat([h, skips.pop()], dim=1), between)
            for grow in block.upsamplers or ():
                h = grow(h)
        out = image.conv_out(image.conv_act(image.conv_norm_out(h)))
        return cast(Tensor, out.reshape(x.shape))


def _check(image: Mapping[str, Any]) -> None:
    """Raises ValueError where the image network of this config does what `forward` does not."""
    usual = {
        name: argument.default
        for name, argument in inspect.signature(UNet2DConditionModel.__init__).parameters.items()
    }
    unusual = [
        f"{key} = {value!r}"
        for key, value in image.items()
        if key in usual and key not in _FREE and value != usual[key]
    ]
    strange = {*image.get("down_block_types", ()), *image.get("up_block_types", ())} - _BLOCKS
    unusual += sorted(f"blocks of the kind {kind}" for kind in strange)
    ins, outs = (image.get(f"{which}_channels", usual[f"{which}_channels"]) for which in ("in", "out"))
    if ins != outs:
        unusual.append(f"{ins} channels in and {outs} out")
    if not isinstance(image.get("layers_per_block", 2), int):
        unusual.append("another number of layers on each level")
    if unusual:
        raise ValueError(
            f"this U-Net is none of Stable Diffusion 1 or 2 for text alone, whose layout is needed: it has "
            f"{', '.join(unusual)}"
        )
