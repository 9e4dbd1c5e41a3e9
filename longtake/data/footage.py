"""What can be learnt from: films by number, with any frame of any of them, and what is seen in it."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from longtake.world.vocabulary import Split

CLIP_FRAMES = 16  # of a whole training clip; that many are drawn, and measured, at a time
MIX = (0.26, 0.22, 0.26, 0.12, 0.08, 0.06)  # shares of the kinds of clips that all levels of a film need


class Footage(Protocol):
    """Films to learn from."""

    @property
    def name(self) -> str:
        """What it is, for caches and cards; another name where any frame or caption is another."""
        ...

    @property
    def scripted(self) -> bool:
        """Whether its films are episodes of the cartoon world, by their seeds: then the script tells exactly
        what every frame shows, and a model that learnt from them is evaluated beside ground truth.
        """
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

    def lexicon(self) -> Mapping[str, Sequence[str]]:
        """Subjects that are known by name, with the phrases that name them; none where any word may do."""
        ...

    def draws(self, films: Sequence[int]) -> Draws:
        """How clips and stills are drawn from these of its films. Raises ValueError where there are none."""
        ...


class Draws(Protocol):
    """What is drawn by chance from some films of a footage."""

    def clip(self, chance: random.Random, length: int = CLIP_FRAMES, mix: tuple[float, ...] = MIX) -> Excerpt:
        """A clip of `length` frames, fewer where the film has no more, in ascending order.

        `mix`: shares of clips of neighbouring frames, of frames 15 apart, of keyframes, of frames 3 apart, of
        half frames, and of any other spacing.
        """
        ...

    def references(self, clip: Excerpt, chance: random.Random, count: int) -> tuple[float, ...]:
        """`count` frames of the clip's film outside of it that show what it shows, or none."""
        ...

    def still(self, chance: random.Random) -> Excerpt:
        """A single frame from anywhere."""
        ...


@dataclass(frozen=True, kw_only=True)
class Excerpt:
    """Frames of one film at given numbers, not yet looked at."""

    footage: Footage
    film: int
    numbers: tuple[float, ...]  # whole, or halves between two frames

    @property
    def captions(self) -> list[str]:
        """One caption per frame."""
        return self.footage.captions(self.film, self.numbers)

    def pixels(self, size: int) -> NDArray[np.uint8]:
        """uint8 `[T, size, size, 3]`."""
        return self.footage.frames(self.film, self.numbers, size)


def draw_stills(draws: Draws, chance: random.Random, count: int, size: int) -> NDArray[np.uint8]:
    """`count` frames from anywhere: uint8 `[count, size, size, 3]`."""
    return np.concatenate([draws.still(chance).pixels(size) for _ in range(count)])


def films_to_show(footage: Footage, most: int) -> Sequence[int]:
    """The films that show how training goes: the first of validation, of train where none is held out."""
    return (footage.films("validation") or footage.films("train"))[:most]
