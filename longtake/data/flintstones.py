"""The cartoon world in the shape of FlintstonesHD, which was never released: as many films, long and large.

FlintstonesHD (NUWA-XL, Yin et al. 2023, arXiv 2303.12346, section 4.1): 166 episodes of 38,000 frames on
average, 1440x1080 pixels, a caption for every frame. How lengths vary is not said; here they do by up to a
fifth. Nothing lies on disk: any frame of any episode is drawn when it is asked for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from longtake.data.film_draws import FilmDraws
from longtake.files import seed_of
from longtake.world.edition import World, world
from longtake.world.episodes import episode_seeds
from longtake.world.vocabulary import Split

MEAN_FRAMES, WIDTH, HEIGHT = 38_000, 1440, 1080
_COUNTS: dict[Split, int] = {"train": 132, "validation": 17, "test": 17}  # 166 in all: about 80, 10 and 10 %
_SPREAD = 7_600  # frames by which an episode is longer or shorter, at most


@lru_cache(maxsize=1)
def _lengths() -> dict[int, int]:
    """Frames of every episode. Two by two they are as much longer as shorter, so that the mean is exact."""
    episodes = [seed for split, count in _COUNTS.items() for seed in episode_seeds(split, count)]
    lengths: dict[int, int] = {}
    for one, other in zip(episodes[::2], episodes[1::2], strict=True):
        more = seed_of(f"flintstones {one}") % (2 * _SPREAD + 1) - _SPREAD
        lengths |= {one: MEAN_FRAMES + more, other: MEAN_FRAMES - more}
    return lengths


@dataclass(frozen=True)
class FlintstonesShape:
    """166 episodes of the cartoon world, a `Footage`; a film's number is the seed of its episode.

    Between two frames the world draws what is between. A number that is no episode's, or a frame behind its
    episode's end, is a ValueError.
    """

    edition: int  # of the world
    scripted = True

    @property
    def world(self) -> World:
        """The edition."""
        return world(self.edition)

    @property
    def name(self) -> str:
        return f"{self.world.name} in the shape of FlintstonesHD"

    def films(self, split: Split) -> Sequence[int]:
        return episode_seeds(split, _COUNTS[split])

    def length(self, film: int) -> int:
        if film not in _lengths():
            raise ValueError(f"there is no episode {film}: take the numbers that `films` names")
        return _lengths()[film]

    def frames(self, film: int, numbers: Sequence[float], size: int) -> NDArray[np.uint8]:
        """The middle squares."""
        self._check(film, numbers)
        return self.world.frames(film, numbers, size)

    def pictures(self, film: int, numbers: Sequence[float], height: int = HEIGHT) -> NDArray[np.uint8]:
        """Whole frames, 4:3: uint8 `[T, height, 4/3 height, 3]`, RGB; `height` is a multiple of 6."""
        if height % 6:
            raise ValueError(f"a height of {height} pixels has no even 4:3 width: take a multiple of 6")
        self._check(film, numbers)
        width = height * WIDTH // HEIGHT
        return np.stack([self.world.wide_frame(film, number, height, width) for number in numbers])

    def captions(self, film: int, numbers: Sequence[float]) -> list[str]:
        self._check(film, numbers)
        return [self.world.shot_at(film, int(number)).caption for number in numbers]

    def lexicon(self) -> Mapping[str, Sequence[str]]:
        return self.world.lexicon()

    def draws(self, films: Sequence[int]) -> EpisodeDraws:
        return EpisodeDraws(self, films, between=True)

    def _check(self, film: int, numbers: Sequence[float]) -> None:
        length = self.length(film)
        if len(numbers) and not 0 <= min(numbers) <= max(numbers) < length:
            given = f"{min(numbers)} to {max(numbers)}"
            raise ValueError(f"episode {film} has frames 0 to {length - 1}, not {given}")


class EpisodeDraws(FilmDraws):
    """Draws from episodes that end. References share a place or a character with the clip."""

    footage: FlintstonesShape

    def _seen(self, film: int, numbers: Sequence[float]) -> Sequence[frozenset[str]]:
        shots = [self.footage.world.shot_at(film, int(number)) for number in numbers]
        return [frozenset({shot.place, *(actor.name for actor in shot.actors)}) for shot in shots]
