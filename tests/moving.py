"""Films of a ball that crosses a coloured field, with a caption per shot: small footage for tests."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from longtake.data.film_draws import RealFilms
from longtake.world.vocabulary import Split

_COLOURS = {"red": (200, 40, 40), "green": (40, 180, 60), "blue": (50, 70, 210)}
_SHOT = 12  # frames


@dataclass(frozen=True)
class Moving(RealFilms):
    """Film k has `lengths[k]` frames; the last `held` films are for validation. Shots repeat every third."""

    lengths: tuple[int, ...] = (40, 61, 300, 50)
    held: int = 1
    told: bool = True  # whether anybody said what is seen

    @property
    def name(self) -> str:
        return f"moving {self.lengths} {self.held} {self.told}"

    def films(self, split: Split) -> Sequence[int]:
        every, count = range(len(self.lengths)), len(self.lengths) - self.held
        return {"train": every[:count], "validation": every[count:], "test": every[:0]}[split]

    def length(self, film: int) -> int:
        return self.lengths[film]

    def frames(self, film: int, numbers: Sequence[float], size: int) -> NDArray[np.uint8]:
        pictures = np.empty((len(numbers), size, size, 3), np.uint8)
        for picture, number in zip(pictures, numbers, strict=True):
            assert 0 <= number < self.length(film)
            picture[:] = _COLOURS[self._colour(int(number))]
            at = int((film + int(number)) * size / 24) % size
            picture[size // 3 : 2 * size // 3, at : at + size // 4] = 240
        return pictures

    def captions(self, film: int, numbers: Sequence[float]) -> list[str]:
        said = [f"A ball crosses the {self._colour(int(number))} field." for number in numbers]
        return said if self.told else [""] * len(said)

    def _colour(self, number: int) -> str:
        return list(_COLOURS)[number // _SHOT % 3]
