"""Scenes outside every script: any cast, also twice the same figure, anywhere in the picture.

What reads pictures must not learn what scripts never do: generated films put two foxes into one picture, let
them walk without getting anywhere, and leave a scene in the middle of a step.
"""

from __future__ import annotations

import random
from dataclasses import replace
from itertools import pairwise

from longtake.world.script import EpisodeFacts
from longtake.world.second.motion import GAITS
from longtake.world.second.script import Stage, shot_of
from longtake.world.second.shot import Actor, Shot, Tempo
from longtake.world.vocabulary import ACTIONS, CHARACTERS, PLACES, TIMES

WEATHERS = ("clear", "rain", "snow", "dust")
_APART = 0.17  # least distance between two figures, in picture widths: less, and one hides the other


def random_facts(chance: random.Random) -> EpisodeFacts:
    """Hues and layouts of no episode."""
    return EpisodeFacts(
        hues={name: chance.random() for name in CHARACTERS},
        layouts={place: chance.random() for place in PLACES},
        cast=CHARACTERS,
        places=PLACES,
    )


def random_shot(
    chance: random.Random,
    start: int,  # its first frame
    frames: int,  # how long it lasts
) -> Shot:
    """Half of them staged as in a script, half anyhow: none to three figures, in one of four one of them twice.

    Times are free in half of them: what reads a film must not count on the clock.
    """
    shot = _scripted(chance, start, frames) if chance.random() < 0.5 else _anyhow(chance, start, frames)
    if chance.random() < 0.5:
        pace, even = 0.7 * 2 ** chance.random(), shot.walks_on and len(shot.actors) > 1
        tempo = Tempo(seed=chance.getrandbits(32), pace=pace, even=even)
        shot = replace(shot, actors=tuple(replace(actor, tempo=tempo) for actor in shot.actors))
    return shot


def _stage(chance: random.Random, cast: tuple[tuple[str, str, int], ...]) -> Stage:
    return Stage(
        place=chance.choice(PLACES),
        time=chance.choice(TIMES),
        weather=chance.choice(WEATHERS) if chance.random() < 0.4 else "clear",
        pan=chance.choices((0, -1, 1), (0.7, 0.15, 0.15))[0],
        close=chance.random() < 0.25,
        enters=chance.random() < 0.3,
        leaves=chance.random() < 0.3,
        cast=cast,
    )


def _scripted(chance: random.Random, start: int, frames: int) -> Shot:
    names = chance.sample(CHARACTERS, chance.choice((1, 2)))
    cast = tuple((name, chance.choice(ACTIONS), chance.choice((-1, 1))) for name in names)
    return shot_of(_stage(chance, cast), start, start + frames)


def _anyhow(chance: random.Random, start: int, frames: int) -> Shot:
    count = chance.choices((0, 1, 2, 3), (0.10, 0.30, 0.46, 0.14))[0]
    names = chance.sample(CHARACTERS, count)
    if count > 1 and chance.random() < 0.4:
        names[-1] = names[0]
    shot = shot_of(_stage(chance, ()), start, start + frames)
    actors = tuple(_actor(chance, name, x) for name, x in zip(names, _apart(chance, count), strict=True))
    return replace(shot, actors=actors, close=count == 1 and chance.random() < 0.3)


def _actor(chance: random.Random, name: str, x: float) -> Actor:
    """A walker gets as far as it gets, within its part of the picture or out of it."""
    action, facing = chance.choice(ACTIONS), chance.choice((-1, 1))
    late = chance.random()
    if action != "walk":
        return Actor(name=name, action=action, facing=1, x=x, late=late)
    way = 1.0 if chance.random() < 0.7 else chance.uniform(0.1, 0.4)
    stride = GAITS[name].stride * chance.uniform(0.7, 1.1)
    return Actor(
        name=name, action=action, facing=facing, x=x - facing * chance.uniform(0, 0.2), way=way, stride=stride, late=late
    )


def _apart(chance: random.Random, count: int) -> list[float]:
    while True:
        places = [chance.uniform(0.1, 0.9) for _ in range(count)]
        ordered = sorted(places)
        if all(b - a >= _APART for a, b in pairwise(ordered)):
            return places
