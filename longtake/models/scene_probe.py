"""The frame probe of the world's second edition: who is where in a picture, on which feet, before what.

An instrument as the probes of `probe.py` are: figures, balls, suns and landmarks are peaks of maps, so that
two of a kind are two peaks. Where a peak lies within its cell is read beside it.

Axes: N frames, K characters, C channels, H W pixels.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.modeling_utils import ModelMixin
from torch import Tensor, nn

from longtake.models.layers import ChannelNorm, spatial_conv
from longtake.models.probe import Down, Residual, expect_few, heat_pool, with_place

THINGS = 3  # of which there are maps beside the characters': ball, sun or moon, landmark


class SceneLook(NamedTuple):
    """What the probe says of N pictures."""

    heat: Tensor  # [N, K + 3, 16, 16] logits: the middle of a character, or of a thing, lies in this cell
    offset: Tensor  # [N, K + 3, 2] of the likeliest one, right and down from its cell's middle, in cells
    hue: Tensor  # [N, K, 2] cosine and sine of the outfit's hue, not normalised
    contacts: Tensor  # [N, K, 2] logits: this foot stands on the ground
    place: Tensor  # [N, places] logits
    time: Tensor  # [N, times] logits
    weather: Tensor  # [N, weathers] logits
    scenery: Tensor  # [N, 2] cosine and sine of where the landmark is on the scenery's round, not normalised
    features: Tensor  # [N, D]


class SceneProbe(ModelMixin, ConfigMixin):  # type: ignore[misc]
    """Who is where, in which outfit, with which feet on the ground, in what place: of single pictures."""

    @register_to_config  # type: ignore[untyped-decorator]
    def __init__(
        self,
        characters: int = 6,  # K
        places: int = 6,
        times: int = 4,
        weathers: int = 4,
        width: int = 48,  # channels at 16x16; twice as many at 8x8
    ) -> None:
        super().__init__()
        wide, kinds = 2 * width, characters + THINGS
        self.stem = spatial_conv(5, width, 5, 2)
        self.early = Residual(width)
        self.down = Down(width, width)
        self.fine = nn.Sequential(Residual(width), Residual(width))
        self.coarse = nn.Sequential(Down(width, wide), Residual(wide), Residual(wide), Residual(wide))
        self.merge = nn.Sequential(ChannelNorm(3 * width), nn.SiLU(), spatial_conv(3 * width, wide, 1))
        self.refine = nn.Sequential(Residual(wide), Residual(wide))
        self.norm = ChannelNorm(wide)
        self.maps = spatial_conv(wide, kinds + 2 * kinds + 4 * characters, 3)
        self.answers = nn.Linear(2 * wide, places + times + weathers)
        self.round = nn.Sequential(nn.Linear(8 * wide + places, wide), nn.SiLU(), nn.Linear(wide, 2))
        expect_few(self.maps, kinds)

    def forward(self, pictures: Tensor) -> SceneLook:
        """Pictures `[N, 3, 64, 64]`, values -1..1."""
        n, k = len(pictures), self.config.characters
        fine = self.fine(self.down(self.early(self.stem(with_place(pictures)))))
        coarse = self.coarse(fine)
        both = torch.cat([fine, F.interpolate(coarse, scale_factor=2)], 1)
        maps = self.maps(F.silu(self.norm(self.refine(self.merge(both)))))
        heat, offset, hue, contacts = torch.split(maps, [k + THINGS, 2 * (k + THINGS), 2 * k, 2 * k], dim=1)

        def there(values: Tensor, of: Tensor) -> Tensor:
            return heat_pool(of, values.reshape(n, of.shape[1], 2, *values.shape[2:]))

        pooled = torch.cat([coarse.mean((2, 3)), coarse.amax((2, 3))], 1)
        sizes = [self.config.places, self.config.times, self.config.weathers]
        place, time, weather = torch.split(self.answers(pooled), sizes, dim=1)
        columns = torch.cat([coarse.mean(2).flatten(1), place.softmax(1)], 1)  # N 8*wide+places
        return SceneLook(
            heat=heat,
            offset=there(offset, heat),
            hue=there(hue, heat[:, :k]),
            contacts=there(contacts, heat[:, :k]),
            place=place,
            time=time,
            weather=weather,
            scenery=self.round(columns),
            features=pooled,
        )


def middles(look: SceneLook) -> Tensor:
    """x and y (0..1) of the likeliest middle of every kind: `[N, K + 3, 2]`."""
    cells = look.heat.shape[-1]
    best = look.heat.flatten(2).argmax(-1)
    cell = torch.stack([best % cells, best // cells], -1).float()
    return (cell + 0.5 + look.offset.float()) / cells
