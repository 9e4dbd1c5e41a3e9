"""What can be learnt from: films by number, with any frame of any of them, and what is seen in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from longtake.world.drawing import frames
from longtake.world.script import episode_seeds, shot_at
from longtake.world.vocabulary import Split

WORLD = "cartoon world"
_LENGTH = 4275  # film frames: what the keyframes of a film of 3,376 frames span, wherever they begin


class Footage(Protocol):
    """Films to learn from."""

    @property
    def name(self) -> str:
        """What it is, for caches and cards; another name where any frame or caption is another."""
        ...

    def films(self, split: Split) -> Sequence[int]:
        """The numbers of the films of "train", "validation" or "test"; no film is in two."""
        ...

    def length(self, film: int) -> int:
        """Frames of a film, at least 1."""
        ...

    def frames(self, film: int, numbers: Sequence[float], size: int) -> NDArray[np.uint8]:
        """Frames of a film at `numbers` from 0 to below its length: uint8 `[T, size, size, 3]`, RGB.

        What lies between two whole numbers is the frame before it where the film has nothing between.
        """
        ...

    def captions(self, film: int, numbers: Sequence[float]) -> list[str]:
        """What is seen in each of these frames, "" where nobody said."""
        ...


@lru_cache(maxsize=8)
def _seeds(split: Split, count: int) -> tuple[int, ...]:
    """Every stage asks for them, and counting out 40,000 takes seconds."""
    return tuple(episode_seeds(split, count))


@dataclass(frozen=True)
class CartoonWorld:
    """The procedural cartoon: episodes without end, of which the first `count` of each split are taken."""

    count: int

    @property
    def name(self) -> str:
        """As for every footage."""
        return WORLD

    def films(self, split: Split) -> Sequence[int]:
        """As for every footage."""
        return _seeds(split, self.count)

    def length(self, film: int) -> int:
        """As for every footage."""
        return _LENGTH

    def frames(self, film: int, numbers: Sequence[float], size: int) -> NDArray[np.uint8]:
        """As for every footage; between two frames the world draws what is between."""
        return frames(film, numbers, size)

    def captions(self, film: int, numbers: Sequence[float]) -> list[str]:
        """As for every footage."""
        return [shot_at(film, int(number)).caption for number in numbers]
