"""Which frames training takes from the cartoon world, and what is told of them."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from longtake.data.footage import CartoonWorld, Footage
from longtake.world.script import Shot, shot_at

MIX = (0.26, 0.22, 0.26, 0.12, 0.08, 0.06)  # shares of the kinds of clips that all levels of a film need

# Of a film of 3,376 frames; of a clip whose frames between are made by flow; of twice the frame rate.
_STRIDES = (1, 15, 225, 3, 0.5)
_KEYFRAME_START = 900  # the widest clips begin early, where most films begin
_START = 4200
_FAR = 3400  # film frames between a clip and its references at most: those of a film of 3,376 frames
_LOOKS = 12  # frames looked at in search of a reference


@dataclass(frozen=True, kw_only=True)
class Clip:
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


class Draws(Protocol):
    """What is drawn by chance from some films of a footage."""

    def clip(self, chance: random.Random, length: int = 16, mix: tuple[float, ...] = MIX) -> Clip:
        """A clip of `length` frames, fewer where the film has no more, in ascending order.

        `mix`: shares of clips of neighbouring frames, of frames 15 apart, of keyframes, of frames 3 apart, of
        half frames, and of any other spacing.
        """
        ...

    def references(self, clip: Clip, chance: random.Random, count: int) -> tuple[float, ...]:
        """`count` frames of the clip's film outside of it that show what it shows, or none."""
        ...

    def still(self, chance: random.Random) -> Clip:
        """A single frame from anywhere."""
        ...


@dataclass(frozen=True)
class WorldDraws:
    """Draws from episodes of the cartoon world, which have no end and more frames between their frames."""

    films: Sequence[int]
    footage: CartoonWorld = field(default_factory=partial(CartoonWorld, 0))  # of any number of films

    def clip(self, chance: random.Random, length: int = 16, mix: tuple[float, ...] = MIX) -> Clip:
        """Strides are 1, 15, 225, 3, 0.5, and any from 2 to 4,000.

        Half of the clips of strides 15 and 225 have other gaps, a quarter of all above 1 uneven ones: plans
        with other depths have them too.
        """
        kind = chance.choices(range(len(mix)), mix)[0]
        stride = float(_STRIDES[kind]) if kind < len(_STRIDES) else 2.0 * 2000.0 ** chance.random()
        if kind in (1, 2) and chance.random() < 0.5:
            stride *= chance.uniform(0.66, 1.2)
        steps = [stride] * (length - 1)
        if stride > 1 and chance.random() < 0.25:
            steps = [stride * chance.uniform(0.4, 1.6) for _ in steps]
        first = chance.randrange(_KEYFRAME_START if stride > 100 else _START)
        numbers, at = [float(first)], float(first)
        for step in steps:
            least = min(stride, 1.0)
            at = max(at + step, numbers[-1] + least)
            numbers.append(round(at / least) * least)
        return Clip(footage=self.footage, film=chance.choice(self.films), numbers=tuple(numbers))

    def references(self, clip: Clip, chance: random.Random, count: int) -> tuple[float, ...]:
        """Each is found for one frame of the clip: it shares the place or a character with it, where a few
        looks around find such a frame, and is any frame otherwise.
        """
        first, last = int(clip.numbers[0]), int(clip.numbers[-1])
        found: list[float] = []
        while len(found) < count:
            target = shot_at(clip.film, int(chance.choice(clip.numbers)))
            for _ in range(_LOOKS):
                number = chance.randrange(max(0, first - _FAR), last + _FAR)
                if number in found or first <= number <= last:
                    number = last + 1 + chance.randrange(_FAR)
                if _akin(shot_at(clip.film, number), target):
                    break
            if number not in found:
                found.append(number)
        return tuple(found)

    def still(self, chance: random.Random) -> Clip:
        """As for all draws."""
        film = chance.choice(self.films)
        return Clip(footage=self.footage, film=film, numbers=(chance.randrange(_START),))


def draw_stills(draws: Draws, chance: random.Random, count: int, size: int) -> NDArray[np.uint8]:
    """`count` frames from anywhere: uint8 `[count, size, size, 3]`."""
    return np.concatenate([draws.still(chance).pixels(size) for _ in range(count)])


def _akin(one: Shot, other: Shot) -> bool:
    names = {actor.name for actor in one.actors}
    return one.place == other.place or any(actor.name in names for actor in other.actors)
