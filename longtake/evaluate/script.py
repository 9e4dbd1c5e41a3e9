"""What a film should show, frame by frame, and how to draw a film that shows exactly that.

A `Script` is made of a test episode, or of a storyboard's prompts as far as they can be understood. Either
way its shots are staged in the cartoon world, so that the same script can be drawn again with other hidden
facts: the reference that a film of this script is measured against.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from longtake.evaluate.staged import Staged, staged
from longtake.world.edition import World
from longtake.world.episodes import EpisodeFacts, episode_facts
from longtake.world.facts import CaptionFacts, Shot
from longtake.world.second.drawing import GONE, HERE

# Frame number -> uint8 [size, size, 3]
DrawFrame = Callable[[int], NDArray[np.uint8]]

LEAF = 15  # film frames from one seam of a planned film to the next
_MOST = 2  # characters in a scene of the world
NOT_ASKED = -1  # in the tables of `Wanted`: the prompt says nothing of it


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What is asked of N frames, as numbers in the order of the vocabulary."""

    scene: NDArray[np.int64]  # [N] index of the shot
    present: NDArray[np.bool_]  # [N, 6] per character; all False where no cast is asked
    sure: NDArray[np.bool_]  # [N, 6] whether it can be said that it is there, or not: it may be coming in
    cast_asked: NDArray[np.bool_]  # [N] the prompt names someone
    action: NDArray[np.int64]  # [N, 6] index, or NOT_ASKED
    direction: NDArray[np.int64]  # [N, 6] 0 left, 1 none, 2 right, or NOT_ASKED
    place: NDArray[np.int64]  # [N] index, or NOT_ASKED
    time: NDArray[np.int64]  # [N] index, or NOT_ASKED
    weather: NDArray[np.int64]  # [N] index, or NOT_ASKED
    camera: NDArray[np.float64]  # [N] shift of the scenery by the camera's pan, in picture widths


@dataclass(frozen=True)
class Script:
    """The shots of a film and which of their facts a prompt asks for."""

    world: World  # whose shots they are
    shots: tuple[Shot, ...]  # contiguous from frame 0; the last one may end after the film
    demands: tuple[CaptionFacts, ...]  # per shot: what its prompt asks for
    length: int  # frames of the film

    @cached_property
    def starts(self) -> NDArray[np.int64]:
        """First frame of every shot `[S]`."""
        return np.array([shot.start for shot in self.shots])

    @cached_property
    def ends(self) -> NDArray[np.int64]:
        """Exclusive last frame of every shot within the film `[S]`."""
        return np.minimum([shot.end for shot in self.shots], self.length)

    @property
    def cuts(self) -> NDArray[np.int64]:
        """Frames at which a new shot begins (never frame 0)."""
        return self.starts[1:]

    def shot(self, number: int) -> Shot:
        """The shot that plays at frame `number`."""
        return self.shots[int(np.searchsorted(self.starts, number, side="right")) - 1]

    def picture(self, number: int, hidden: EpisodeFacts, size: int) -> NDArray[np.uint8]:
        """Frame `number` as it should look under these facts: uint8 `[size, size, 3]`."""
        return self.world.draw(self.shot(number), hidden, number, size)[0]

    @cached_property
    def cast(self) -> NDArray[np.bool_]:
        """Whom the prompt of each shot names `[S, 6]`; on some of its frames one may be yet to come in."""
        names = [{name for name, _, _ in demand.cast} for demand in self.demands]
        return np.array([[who in named for who in self.world.characters] for named in names])

    @cached_property
    def staged(self) -> Staged:
        """Where everybody should be; of an edition whose poses follow from prompt and clock."""
        return staged(self.world, self.shots, self.length)

    @cached_property
    def wanted(self) -> Wanted:
        """The script as tables."""
        cartoon = self.world
        scene = np.repeat(np.arange(len(self.shots)), self.ends - self.starts)
        action = np.full(self.cast.shape, NOT_ASKED)
        direction = np.full(self.cast.shape, NOT_ASKED)
        for row, demand in enumerate(self.demands):
            for name, doing, side in demand.cast:
                who = cartoon.characters.index(name)
                if doing is not None:
                    action[row, who] = cartoon.actions.index(doing)
                    direction[row, who] = side + 1
        there, does, goes = self.cast[scene], action[scene], direction[scene]
        sure = np.ones_like(there)
        if cartoon.clocked:
            stage = self.staged
            sure = ~there | (stage.shown >= HERE) | (stage.shown <= GONE)
            there = there & (stage.shown >= HERE)
            does, goes = (np.where(stage.busy, asked, NOT_ASKED) for asked in (does, goes))
        return Wanted(
            scene=scene,
            present=there,
            sure=sure,
            cast_asked=np.any(self.cast, axis=1)[scene],
            action=does,
            direction=goes,
            place=_indices([demand.place for demand in self.demands], cartoon.places)[scene],
            time=_indices([demand.time for demand in self.demands], cartoon.times)[scene],
            weather=_indices([demand.weather for demand in self.demands], cartoon.weathers)[scene],
            camera=np.array([cartoon.camera(self.shots[k], frame) for frame, k in enumerate(scene)]),
        )


# (script, seed, size) -> pictures of a film
DrawFilm = Callable[[Script, int, int], DrawFrame]


def truth(script: Script, seed: int, size: int) -> DrawFrame:
    """The script drawn with the hidden facts of episode `seed`, as it should be."""
    hidden = episode_facts(seed)
    return lambda number: script.picture(number, hidden, size)


def script_of_episode(cartoon: World, seed: int, length: int) -> Script:
    """The first `length` frames of an episode of the cartoon world, whose captions are the prompts."""
    shots = cartoon.shots(seed, length)
    return Script(cartoon, shots, tuple(cartoon.read_caption(shot.caption) for shot in shots), length)


def script_of_prompts(cartoon: World, scenes: Sequence[tuple[int, str]], length: int) -> Script:
    """A script of `(first frame, prompt)` pairs, ascending from 0; what they leave open is staged.

    What a prompt does not say of place or time stays as in the scene before, and is not asked for. Of more
    than two characters the first two are asked for: the world has no more in a picture.
    """
    shots, demands = [], []
    ends = [*(at for at, _ in scenes[1:]), length]
    place, time = cartoon.places[0], cartoon.times[1]
    for (start, prompt), end in zip(scenes, ends, strict=True):
        demand = cartoon.read_caption(prompt)
        demand = replace(demand, cast=demand.cast[:_MOST])
        place, time = demand.place or place, demand.time or time
        shots.append(cartoon.shot_of(replace(demand, place=place, time=time), start, end, prompt))
        demands.append(demand)
    return Script(cartoon, tuple(shots), tuple(demands), length)


def _indices(names: Sequence[str | None], table: Sequence[str]) -> NDArray[np.int64]:
    return np.array([NOT_ASKED if name is None else table.index(name) for name in names])
