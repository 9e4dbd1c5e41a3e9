"""The cartoon world as footage: episodes without end, and which of their frames training takes."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from longtake.data.footage import CLIP_FRAMES, MIX, Excerpt
from longtake.world.edition import World, world
from longtake.world.episodes import episode_seeds
from longtake.world.facts import Shot
from longtake.world.vocabulary import Split

WORLD = "cartoon world"  # the first edition, which runs and caches that name no footage learnt from
_LENGTH = 4275  # film frames: what the keyframes of a film of 3,376 frames span, wherever they begin

# Of a film of 3,376 frames; of a clip whose frames between are made by flow; of twice the frame rate.
_STRIDES = (1, 15, 225, 3, 0.5)
_KEYFRAME_START = 900  # the widest clips begin early, where most films begin
_START = 4200
_FAR = 3400  # film frames between a clip and its references at most: those of a film of 3,376 frames
_LOOKS = 12  # frames looked at in search of a reference


@lru_cache(maxsize=8)
def _seeds(split: Split, count: int) -> tuple[int, ...]:
    """Every stage asks for them, and counting out 40,000 takes seconds."""
    return tuple(episode_seeds(split, count))


@dataclass(frozen=True)
class CartoonWorld:
    """The procedural cartoon, a `Footage`: episodes without end; the first `count` of each split are taken.

    A film's number is the seed of its episode. Between two frames the world draws what is between.
    """

    count: int
    edition: int  # of the world
    scripted = True

    @property
    def world(self) -> World:
        """The edition."""
        return world(self.edition)

    @property
    def name(self) -> str:
        return self.world.name

    def films(self, split: Split) -> Sequence[int]:
        return _seeds(split, self.count)

    def length(self, film: int) -> int:
        return _LENGTH

    def frames(self, film: int, numbers: Sequence[float], size: int) -> NDArray[np.uint8]:
        return self.world.frames(film, numbers, size)

    def captions(self, film: int, numbers: Sequence[float]) -> list[str]:
        return [self.world.shot_at(film, int(number)).caption for number in numbers]

    def lexicon(self) -> Mapping[str, Sequence[str]]:
        return self.world.lexicon()

    def draws(self, films: Sequence[int]) -> WorldDraws:
        return WorldDraws(films, self)


@dataclass(frozen=True)
class WorldDraws:
    """Draws from episodes of the cartoon world, which have no end and more frames between their frames."""

    films: Sequence[int]
    footage: CartoonWorld

    def clip(self, chance: random.Random, length: int = CLIP_FRAMES, mix: tuple[float, ...] = MIX) -> Excerpt:
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
        return Excerpt(footage=self.footage, film=chance.choice(self.films), numbers=tuple(numbers))

    def references(self, clip: Excerpt, chance: random.Random, count: int) -> tuple[float, ...]:
        """Each is found for one frame of the clip: it shares the place or a character with it, where a few
        looks around find such a frame, and is any frame otherwise.
        """
        shot_at = self.footage.world.shot_at
        first, last = int(clip.numbers[0]), int(clip.numbers[-1])
        chosen: list[float] = []
        while len(chosen) < count:
            target = shot_at(clip.film, int(chance.choice(clip.numbers)))
            for _ in range(_LOOKS):
                number = chance.randrange(max(0, first - _FAR), last + _FAR)
                if number in chosen or first <= number <= last:
                    number = last + 1 + chance.randrange(_FAR)
                if _akin(shot_at(clip.film, number), target):
                    break
            if number not in chosen:
                chosen.append(number)
        return tuple(chosen)

    def still(self, chance: random.Random) -> Excerpt:
        film = chance.choice(self.films)
        return Excerpt(footage=self.footage, film=film, numbers=(chance.randrange(_START),))


def _akin(one: Shot, other: Shot) -> bool:
    names = {actor.name for actor in one.actors}
    return one.place == other.place or any(actor.name in names for actor in other.actors)
