"""Which frames a training clip takes, and what it is told about them."""

from __future__ import annotations

import random
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from longtake.data.script import Shot, shot_at
from longtake.data.world import frames

__all__ = ["Clip", "draw_clip", "draw_references", "draw_stills"]

# Of a film of 3,376 frames; of a clip whose frames between are made by flow; of twice the frame rate.
_STRIDES = (1, 15, 225, 3, 0.5)
_KEYFRAME_START = 900  # the widest clips begin early, where most films begin
_FAR = 3400  # film frames between a clip and its references at most: those of a film of 3,376 frames
_LOOKS = 12  # frames looked at in search of a reference


@dataclass(frozen=True, kw_only=True)
class Clip:
    """Frames of one episode at given numbers, not yet drawn."""

    episode: int
    numbers: tuple[float, ...]  # whole, or halves between two frames

    @property
    def captions(self) -> list[str]:
        """One caption per frame."""
        return [shot_at(self.episode, int(n)).caption for n in self.numbers]

    def pixels(self, size: int) -> NDArray[np.uint8]:
        """uint8 `[T, size, size, 3]`."""
        return frames(self.episode, list(self.numbers), size)


def draw_clip(
    episodes: list[int],
    chance: random.Random,
    length: int = 16,
    mix: tuple[float, ...] = (0.26, 0.22, 0.26, 0.12, 0.08, 0.06),
) -> Clip:
    """A clip of `length` frames. `mix`: shares of strides 1, 15, 225, 3, 0.5, and of any from 2 to 4,000.

    Half of the clips of strides 15 and 225 have other gaps, a quarter of all above 1 uneven ones: plans with
    other depths have them too.
    """
    kind = chance.choices(range(len(mix)), mix)[0]
    stride = float(_STRIDES[kind]) if kind < len(_STRIDES) else 2.0 * 2000.0 ** chance.random()
    if kind in (1, 2) and chance.random() < 0.5:
        stride *= chance.uniform(0.66, 1.2)
    steps = [stride] * (length - 1)
    if stride > 1 and chance.random() < 0.25:
        steps = [stride * chance.uniform(0.4, 1.6) for _ in steps]
    first = chance.randrange(_KEYFRAME_START if stride > 100 else 4200)
    numbers, at = [float(first)], float(first)
    for step in steps:
        least = min(stride, 1.0)
        at = max(at + step, numbers[-1] + least)
        numbers.append(round(at / least) * least)
    return Clip(episode=chance.choice(episodes), numbers=tuple(numbers))


def draw_references(clip: Clip, chance: random.Random, count: int) -> tuple[float, ...]:
    """`count` frames of the clip's episode outside of it that show a place or a character of it.

    Each is found for one frame of the clip: it shares the place or a character with it, where a few looks
    around find such a frame, and is any frame otherwise.
    """
    first, last = int(clip.numbers[0]), int(clip.numbers[-1])
    found: list[float] = []
    while len(found) < count:
        target = shot_at(clip.episode, int(chance.choice(clip.numbers)))
        for _ in range(_LOOKS):
            number = chance.randrange(max(0, first - _FAR), last + _FAR)
            if number in found or first <= number <= last:
                number = last + 1 + chance.randrange(_FAR)
            if _akin(shot_at(clip.episode, number), target):
                break
        if number not in found:
            found.append(number)
    return tuple(found)


def _akin(one: Shot, other: Shot) -> bool:
    names = {actor.name for actor in one.actors}
    return one.place == other.place or any(actor.name in names for actor in other.actors)


def draw_stills(episodes: list[int], chance: random.Random, count: int, size: int) -> NDArray[np.uint8]:
    """`count` frames from anywhere: uint8 `[count, size, size, 3]`."""
    return np.stack(
        [frames(chance.choice(episodes), [chance.randrange(4200)], size)[0] for _ in range(count)]
    )
