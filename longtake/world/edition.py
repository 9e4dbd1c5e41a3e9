"""The editions of the cartoon world: what all who read it may ask of one, and where each of them is.

A model, its probes and its limits belong to the edition that they were made with, so a world that is drawn
better is another edition beside the one before, which draws on as it did.
"""

from __future__ import annotations

import importlib
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Protocol

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from longtake.errors import OptionError
from longtake.world.episodes import EpisodeFacts, episode_facts
from longtake.world.facts import Actor, CaptionFacts, FrameTruth, Shot
from longtake.world.vocabulary import ACTIONS, CHARACTERS, PLACES, TIMES

Pixels = NDArray[np.uint8]

_HOMES = {1: "longtake.world.first", 2: "longtake.world.second"}  # edition -> the module with its `WORLD`
EDITIONS = tuple(_HOMES)
CURRENT = max(EDITIONS)


class Draw(Protocol):
    """How an edition draws."""

    def __call__(
        self, shot: Shot, hidden: EpisodeFacts, number: float, size: int = 64, width: int | None = None
    ) -> tuple[Pixels, FrameTruth]:
        """Frame `number` of a film in which `shot` plays then, uint8 `[size, size, 3]`, RGB; what it shows.

        `number` sets the clock and, from the shot's start on, all motion; nothing else of the film is asked
        for. `width`: pixels of a wider picture, whose middle is the square.
        """
        ...


class Waveform(Protocol):
    """How an edition sounds."""

    def __call__(
        self,
        seed: int,
        start: float,
        samples: int,
        *,
        rate: int = 48_000,
        channels: int = 2,
        fps: float = 12.0,
    ) -> NDArray[np.float32]:
        """`samples` samples of episode `seed` from second `start` (>= 0) on: `[samples, channels]`, -1..1.

        `rate` is in samples a second; `fps`: frames a second at which the episode is shown.
        """
        ...


@dataclass(frozen=True, kw_only=True, repr=False)
class World:
    """An edition of the cartoon world: its words, scripts and pictures."""

    edition: int
    characters: tuple[str, ...] = CHARACTERS
    places: tuple[str, ...] = PLACES
    actions: tuple[str, ...] = ACTIONS
    times: tuple[str, ...] = TIMES
    weathers: tuple[str, ...]
    clock_period: int  # frames in which the sun or moon crosses the sky once
    round: float | None = None  # picture widths after which the scenery comes again; None: it is no band
    # Whether poses follow from prompt and scene clock, so that it can be said where everybody should be.
    clocked: bool = False

    # Scripts. Shots are the edition's own kind, and may only be given back to it.
    shot_at: Callable[[int, int], Shot]  # episode, frame (>= 0) -> the shot that plays then
    shot_of: Callable[[CaptionFacts, int, int, str], Shot]  # facts with place and time, start, end, caption
    stage: Callable[[Shot, int], Shot]  # shot, seed -> its actors in their places for as long as it lasts

    # Pictures
    draw: Draw
    camera: Callable[[Shot, float], float]  # shot, frame -> shift of the scenery, in picture widths

    waveform: Waveform | None = None  # None: it is silent

    # Words
    read_caption: Callable[[str], CaptionFacts]
    vocabulary: Callable[[], list[str]]  # every word that a caption can contain, sorted
    lexicon: Callable[[], Mapping[str, Sequence[str]]]  # character or place -> the phrases that name it

    # Scenes of no script: what probes learn from, and what is wrong in one way
    random_shot: Callable[[random.Random, int, int], Shot]  # chance, first frame, frames
    moved: Callable[[Shot, Generator], Shot]  # its actors elsewhere near by, at other moments of what they do
    doubled: Callable[[Shot, Actor], Shot]  # one of its actors there twice

    def __repr__(self) -> str:
        return f"world({self.edition})"

    @property
    def name(self) -> str:
        """As caches, runs and cards call it; the first was there before there were others."""
        return "cartoon world" if self.edition == 1 else f"cartoon world, edition {self.edition}"

    def shots(self, seed: int, frames: int) -> tuple[Shot, ...]:
        """The shots of the first `frames` frames of an episode, whole: the last one may go on after them."""
        whole: list[Shot] = []
        while not whole or whole[-1].end < frames:
            whole.append(self.shot_at(seed, whole[-1].end if whole else 0))
        return tuple(whole)

    def frame(self, seed: int, number: float, size: int = 64) -> Pixels:
        """Frame `number` of episode `seed`, or what lies between two: uint8 `[size, size, 3]`, RGB."""
        return self.draw(self.shot_at(seed, int(number)), episode_facts(seed), number, size)[0]

    def frames(self, seed: int, numbers: Sequence[float], size: int = 64) -> Pixels:
        """Several frames: uint8 `[T, size, size, 3]`."""
        return np.stack([self.frame(seed, number, size) for number in numbers])

    def frame_truth(self, seed: int, number: int) -> FrameTruth:
        """What frame `number` of episode `seed` shows."""
        return self.draw(self.shot_at(seed, number), episode_facts(seed), number, 16)[1]

    def wide_frame(self, seed: int, number: float, height: int, width: int) -> Pixels:
        """Frame `number` of episode `seed` with what lies beside it: uint8 `[height, width, 3]`, RGB.

        Its middle is `frame` of the same height but for the smoothing of what crosses the square's edges: a
        few pixels of its two outermost columns. The landmark, the sun and the characters are there once.
        """
        return self.draw(self.shot_at(seed, int(number)), episode_facts(seed), number, height, width)[0]


@cache
def world(edition: int) -> World:
    """An edition by its number. Raises OptionError, a ValueError, where there is none."""
    if edition not in _HOMES:
        known = ", ".join(map(str, EDITIONS))
        raise OptionError(
            f"there is no edition {edition} of the cartoon world: name one of {known}, or take another "
            "version of longtake",
            "edition",
        )
    found: World = importlib.import_module(_HOMES[edition]).WORLD
    return found
