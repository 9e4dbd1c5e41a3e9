"""The endless script of an episode: which shot plays at a frame, by (seed, frame) alone.

An episode is a row of acts of 900 frames; an act's shots follow from (episode seed, act number), so that
any frame is found without what comes before it. Scenes return: after a cutaway of fewer than 15 frames,
after another shot of up to 150 frames, and, as an episode has four places and four characters, over and
over from act to act. No cut falls on, just before or just after a multiple of 15, where clips are joined.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from functools import lru_cache

from longtake.files import seed_of
from longtake.world.captions import caption
from longtake.world.vocabulary import (
    ACTIONS,
    CHARACTERS,
    PLACES,
    SPLITS,
    TIMES,
    Split,
    held_out,
)

ACT = 900  # frames; a multiple of 15, so that the offset below keeps act borders off the grid
_OFFSET = 7  # act k starts at ACT * k + _OFFSET (the first at 0)


@dataclass(frozen=True, kw_only=True)
class Actor:
    """One character of a shot."""

    name: str
    action: str
    facing: int  # -1 left, 1 right
    x: float  # 0..1; of a walker, where the shot begins
    travel: float  # how far a walker gets until the shot ends
    phase: float  # 0..1, of a periodic motion


@dataclass(frozen=True, kw_only=True)
class Shot:
    """A stretch of frames with one caption."""

    start: int
    end: int  # exclusive
    place: str
    time: str
    weather: str
    pan: int  # -1, 0, 1: where the camera moves
    actors: tuple[Actor, ...]  # left to right
    caption: str

    @property
    def cast(self) -> tuple[tuple[str, str, int], ...]:
        """Name, action and direction, left to right."""
        return tuple((a.name, a.action, a.facing if a.action == "walk" else 1) for a in self.actors)


@dataclass(frozen=True, kw_only=True)
class EpisodeFacts:
    """What holds for a whole episode and stands in no caption."""

    hues: dict[str, float]  # outfit hue of each character, uniform in 0..1
    layouts: dict[str, float]  # where each place's landmark stands, uniform in 0..1
    cast: tuple[str, ...]  # the four characters of the episode
    places: tuple[str, ...]  # its four places


def _chance(*key: object) -> random.Random:
    return random.Random(seed_of(repr(key)))


def split_of(seed: int) -> Split:
    """The split that an episode belongs to: 80 % train, 10 % validation, 10 % test, by hash of its seed."""
    draw = _chance("split", seed).random()
    return SPLITS[0] if draw < 0.8 else SPLITS[1] if draw < 0.9 else SPLITS[2]


def episode_seeds(split: Split, count: int, *, first: int = 0) -> list[int]:
    """The first `count` seeds of a split, from `first` upwards."""
    seeds: list[int] = []
    seed = first
    while len(seeds) < count:
        if split_of(seed) == split:
            seeds.append(seed)
        seed += 1
    return seeds


@lru_cache(maxsize=4096)
def episode_facts(seed: int) -> EpisodeFacts:
    """The hidden truth of an episode."""
    chance = _chance("latents", seed)
    return EpisodeFacts(
        hues={name: chance.random() for name in CHARACTERS},
        layouts={place: chance.random() for place in PLACES},
        cast=tuple(chance.sample(CHARACTERS, 4)),
        places=tuple(chance.sample(PLACES, 4)),
    )


def shot_at(seed: int, frame: int) -> Shot:
    """The shot that plays at `frame` (>= 0) of episode `seed`."""
    if frame < 0:
        raise ValueError(f"frames count from 0, not {frame}")
    act = max(0, (frame - _OFFSET) // ACT)
    for shot in _act(seed, act):
        if frame < shot.end:
            return shot
    raise AssertionError("acts leave no frame out")


def shots(seed: int, frames: int) -> tuple[Shot, ...]:
    """The shots of the first `frames` frames of an episode, whole: the last one may go on after them."""
    whole: list[Shot] = []
    while not whole or whole[-1].end < frames:
        whole.append(shot_at(seed, whole[-1].end if whole else 0))
    return tuple(whole)


def stage(shot: Shot, seed: int) -> Shot:
    """The shot with its actors in their places; chance follows from `seed` and the shot's start."""
    chance = _chance("stage", seed, shot.start)
    actors = tuple(
        replace(actor, phase=chance.random(), facing=actor.facing or chance.choice((-1, 1)))
        for actor in shot.actors
    )
    return _spread(replace(shot, actors=actors), chance)


@lru_cache(maxsize=512)
def _act(seed: int, act: int) -> tuple[Shot, ...]:
    start = ACT * act + _OFFSET if act else 0
    end = ACT * (act + 1) + _OFFSET
    chance = _chance("act", seed, act)
    train = split_of(seed) == "train"
    shots: list[Shot] = []
    while start < end:
        for shot, length in _scene(episode_facts(seed), chance, train):
            stop = _off_grid(start + length)
            if end - stop < 40:  # what is left would be too short to be a shot of its own
                stop = end
            if start < stop <= end:
                placed = _spread(replace(shot, start=start, end=stop), chance)
                shots.append(replace(placed, caption=caption(placed, chance, held_out=not train)))
                start = stop
    return tuple(shots)


def _off_grid(cut: int) -> int:
    while cut % 15 in (14, 0, 1):
        cut += 1
    return cut


def _scene(known: EpisodeFacts, chance: random.Random, train: bool) -> list[tuple[Shot, int]]:
    """One to three shots and their lengths: a plain one, one around a cutaway, or one that is returned to."""
    here = _stage(known, chance, train)
    kind = chance.choices(("plain", "cutaway", "return"), (0.55, 0.2, 0.25))[0]
    if kind == "plain":
        return [(here, chance.randint(50, 260))]
    away = _stage(known, chance, train)
    while away.place == here.place:
        away = _stage(known, chance, train)
    length = chance.randint(6, 11) if kind == "cutaway" else chance.randint(20, 140)
    return [(here, chance.randint(50, 130)), (away, length), (here, chance.randint(50, 130))]


def _stage(known: EpisodeFacts, chance: random.Random, train: bool) -> Shot:
    while True:
        place = chance.choice(known.places)
        names = chance.sample(known.cast, chance.choice((1, 2)))
        actions = [chance.choice(ACTIONS) for _ in names]
        if not (train and any(held_out(n, a, place) for n, a in zip(names, actions, strict=True))):
            break
    actors = tuple(
        Actor(name=n, action=a, facing=chance.choice((-1, 1)), x=0.5, travel=0.0, phase=chance.random())
        for n, a in zip(names, actions, strict=True)
    )
    return Shot(
        start=0,
        end=0,
        place=place,
        time=chance.choice(TIMES),
        weather="rain" if chance.random() < 0.2 else "clear",
        pan=chance.choices((0, -1, 1), (0.7, 0.15, 0.15))[0],
        actors=actors,
        caption="",
    )


def _spread(shot: Shot, chance: random.Random) -> Shot:
    """Gives every actor a place: one alone the middle, two a half each; walkers cross their part."""
    single = len(shot.actors) == 1
    actors = []
    for k, actor in enumerate(shot.actors):
        middle = 0.5 if single else (0.26, 0.74)[k]
        reach = 0.24 if single else 0.10
        x = middle + chance.uniform(-0.04, 0.04)
        if actor.action == "walk":
            travel = min(2 * reach, 0.012 * (shot.end - shot.start)) * actor.facing
            actors.append(replace(actor, x=middle - travel / 2, travel=travel))
        else:
            actors.append(replace(actor, x=x, travel=0.0, facing=1 if single else (1, -1)[k]))
    return replace(shot, actors=tuple(actors))
