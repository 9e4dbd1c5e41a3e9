"""The probes: small networks that read a picture or a short clip of the cartoon world.

They are instruments, not parts of a generator: trained on their own scenes, gated on ground truth, and never
used to train or to choose what they measure. Characters are found as peaks of a map, one map for each, so
that two copies of one character are two peaks.

Axes: N frames, B clips, T frames of a clip, K characters, C channels, H W pixels.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.modeling_utils import ModelMixin
from torch import Tensor, nn

from longtake.models.layers import ChannelNorm, TemporalConv, spatial_conv

PROBE_SIZE = 64  # pixels per side of every picture a probe sees
_RARE = -4.0  # logit at first: hardly any cell holds a figure


class FrameLook(NamedTuple):
    """What the frame probe says of N pictures."""

    heat: Tensor  # [N, K, 16, 16] logits: a character's middle lies in this cell
    hue: Tensor  # [N, K, 2] cosine and sine of the outfit's hue, not normalised
    place: Tensor  # [N, places] logits
    time: Tensor  # [N, times] logits
    weather: Tensor  # [N, weathers] logits
    landmark: Tensor  # [N, 16] logits of the column that it stands in
    clock: Tensor  # [N, 16] logits of its column
    features: Tensor  # [N, D]


class ClipLook(NamedTuple):
    """What the clip probe says of B clips of T frames."""

    heat: Tensor  # [B, T, K, 8, 8] logits: a character's middle lies in this cell
    action: Tensor  # [B, T, K, actions] logits
    direction: Tensor  # [B, T, K, 3] logits of left, none, right
    features: Tensor  # [B, D]


class Residual(nn.Module):
    """x + conv(silu(norm(x)))."""

    def __init__(
        self,
        channels: int,  # of input and output
    ) -> None:
        super().__init__()
        self.norm = ChannelNorm(channels)
        self.conv = spatial_conv(channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = x + self.conv(F.silu(self.norm(x)))
        return out


class Down(nn.Module):
    """Halves the picture: normalised, then a convolution with stride 2."""

    def __init__(
        self,
        inputs: int,  # channels
        outputs: int,  # channels
    ) -> None:
        super().__init__()
        self.norm = ChannelNorm(inputs)
        self.conv = spatial_conv(inputs, outputs, 3, 2)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.conv(F.silu(self.norm(x)))
        return out


class FrameProbe(ModelMixin, ConfigMixin):  # type: ignore[misc]
    """Who is where, in which outfit, in what place, at what time: of single pictures."""

    @register_to_config  # type: ignore[untyped-decorator]
    def __init__(
        self,
        characters: int = 6,  # K
        places: int = 6,
        times: int = 4,
        weathers: int = 2,
        width: int = 48,  # channels at 16x16; twice as many at 8x8
    ) -> None:
        super().__init__()
        self.stem = spatial_conv(5, width // 2, 5, 2)
        self.down = Down(width // 2, width)
        self.fine = nn.Sequential(Residual(width), Residual(width))
        self.coarse = nn.Sequential(
            Down(width, 2 * width), Residual(2 * width), Residual(2 * width), Residual(2 * width)
        )
        self.merge = nn.Sequential(ChannelNorm(3 * width), nn.SiLU(), spatial_conv(3 * width, width, 1))
        self.refine = Residual(width)
        self.norm = ChannelNorm(width)
        self.maps = spatial_conv(width, 3 * characters + 2, 3)
        self.answers = nn.Linear(4 * width, places + times + weathers)
        expect_few(self.maps, characters)

    def forward(self, pictures: Tensor) -> FrameLook:
        """Pictures `[N, 3, 64, 64]`, values -1..1."""
        fine = self.fine(self.down(self.stem(with_place(pictures))))
        coarse = self.coarse(fine)
        both = torch.cat([fine, F.interpolate(coarse, scale_factor=2)], 1)
        maps = self.maps(F.silu(self.norm(self.refine(self.merge(both)))))
        heat, hue, objects = torch.split(maps, [self.config.characters, 2 * self.config.characters, 2], dim=1)
        pooled = torch.cat([coarse.mean((2, 3)), coarse.amax((2, 3))], 1)
        sizes = [self.config.places, self.config.times, self.config.weathers]
        place, time, weather = torch.split(self.answers(pooled), sizes, dim=1)
        columns = objects.logsumexp(2)  # N 2 16: of all cells one above the other
        return FrameLook(
            heat=heat,
            hue=heat_pool(heat, hue.reshape(len(hue), -1, 2, *hue.shape[2:])),
            place=place,
            time=time,
            weather=weather,
            landmark=columns[:, 0],
            clock=columns[:, 1],
            features=pooled,
        )


class ClipProbe(ModelMixin, ConfigMixin):  # type: ignore[misc]
    """What everyone does, and which way they walk: for every frame of a clip, from those around it."""

    @register_to_config  # type: ignore[untyped-decorator]
    def __init__(
        self,
        characters: int = 6,  # K
        actions: int = 6,
        width: int = 32,  # channels at 16x16; three times as many at 8x8
    ) -> None:
        super().__init__()
        wide = 3 * width
        self.stem = spatial_conv(3, width, 5, 2)
        self.down = Down(width, width)
        self.fine = Residual(width)
        self.early = TemporalConv(width, 3)
        self.coarse = Down(width, wide)
        self.blocks = nn.ModuleList(Residual(wide) for _ in range(3))
        self.mixes = nn.ModuleList(TemporalConv(wide, 5) for _ in range(3))
        self.norm = ChannelNorm(wide)
        self.maps = spatial_conv(wide, characters + actions + 3, 3)
        expect_few(self.maps, characters)

    def forward(self, clips: Tensor) -> ClipLook:
        """Clips `[B, T, 3, 64, 64]`, values -1..1."""
        count = clips.shape[1]
        x = clips.flatten(0, 1).contiguous(memory_format=torch.channels_last)
        x = self.coarse(self.early(self.fine(self.down(self.stem(x))), count))
        for block, mix in zip(self.blocks, self.mixes, strict=True):
            x = mix(block(x), count)
        x = F.silu(self.norm(x))
        sizes = [self.config.characters, self.config.actions, 3]
        heat, action, direction = torch.split(self.maps(x), sizes, dim=1)
        everyone = torch.cat([action, direction], 1)[:, None].expand(-1, self.config.characters, -1, -1, -1)
        moves = heat_pool(heat, everyone)
        moves = moves.view(-1, count, *moves.shape[1:])
        means, highest = x.mean((2, 3)), x.amax((2, 3))
        return ClipLook(
            heat=heat.reshape(-1, count, *heat.shape[1:]),
            action=moves[..., : self.config.actions],
            direction=moves[..., self.config.actions :],
            features=torch.cat([means, highest], 1).view(-1, count, 2 * x.shape[1]).mean(1),
        )


def heat_pool(heat: Tensor, values: Tensor) -> Tensor:
    """`values` `[N, K, C, H, W]` where each character is by `heat` `[N, K, H, W]` -> `[N, K, C]`."""
    weights = heat.flatten(2).softmax(-1)
    return torch.einsum("nks,nkcs->nkc", weights, values.flatten(3))


def count_peaks(heat: Tensor, above: float = 0.5) -> Tensor:
    """Logits `[N, K, H, W]` -> number of peaks `[N, K]`, each more probable than `above`.

    A peak is the highest of the nine cells around it, the first one where several are, so that no figure is
    counted twice.
    """
    _, highest = F.max_pool2d(heat, 3, stride=1, padding=1, return_indices=True)
    cells = torch.arange(heat.shape[-2] * heat.shape[-1], device=heat.device).view(heat.shape[-2:])
    return ((highest == cells) & (heat.sigmoid() > above)).sum((-2, -1))


def expect_few(maps: nn.Conv2d, characters: int) -> None:
    """Begin with maps on which hardly any cell holds a figure."""
    assert maps.bias is not None
    nn.init.constant_(maps.bias[:characters], _RARE)


def with_place(pictures: Tensor) -> Tensor:
    """The pictures and two more channels: how far right and how far down a pixel is, -1..1."""
    n, _, height, width = pictures.shape
    down = torch.linspace(-1, 1, height, device=pictures.device, dtype=pictures.dtype)
    right = torch.linspace(-1, 1, width, device=pictures.device, dtype=pictures.dtype)
    grid = torch.stack(torch.meshgrid(down, right, indexing="ij"))
    both = torch.cat([pictures, grid.expand(n, -1, -1, -1)], 1)
    return both.contiguous(memory_format=torch.channels_last)
