"""Scenes outside every script: any cast, also twice the same figure, anywhere in the picture.

What reads pictures must not learn what scripts never do: generated films put two foxes into one picture, let
them walk without getting anywhere, and leave a scene in the middle of a step.
"""

from __future__ import annotations

import random
from dataclasses import replace
from itertools import pairwise

import numpy as np
from numpy.random import Generator

from longtake.world import facts
from longtake.world.second.motion import GAITS, staging
from longtake.world.second.script import WEATHERS, shot_of
from longtake.world.second.shot import Actor, CaptionFacts, Shot, Tempo
from longtake.world.vocabulary import ACTIONS, CHARACTERS, PLACES, TIMES

_APART = 0.17  # least distance between two figures, in picture widths: less, and one hides the other


def random_shot(
    chance: random.Random,
    start: int,  # its first frame
    frames: int,  # how long it lasts
) -> Shot:
    """Half of them staged as in a script, half anyhow: none to three figures, now and then one of them twice.

    Times are free in half of them: what reads a film must not count on the clock.
    """
    shot = _scripted(chance, start, frames) if chance.random() < 0.5 else _anyhow(chance, start, frames)
    if chance.random() < 0.5:
        pace, even = 0.7 * 2 ** chance.random(), shot.walks_on and len(shot.actors) > 1
        tempo = Tempo(seed=chance.getrandbits(32), pace=pace, even=even)
        shot = replace(shot, actors=tuple(replace(actor, tempo=tempo) for actor in shot.actors))
    return shot


def doubled(shot: facts.Shot, who: facts.Actor) -> Shot:
    """The shot with `who` there twice: the copy does the same, in the picture and far from all others."""
    assert isinstance(shot, Shot), "a shot of another edition"
    assert isinstance(who, Actor), "an actor of another edition"
    times = np.linspace(0, shot.end - shot.start, 9)
    paths = np.array([staging(shot, since).xs for since in times]).T  # [actors, time]
    beside = np.linspace(-0.7, 0.7, 57)
    copies = paths[shot.actors.index(who)] + beside[:, None]  # [places, time]
    room = np.abs(copies[:, None] - paths).min(axis=1).mean(axis=1)
    outside = np.maximum(0, np.abs(copies - 0.5) - 0.36).mean(axis=1)
    best = float(beside[(room - 4 * outside).argmax()])
    return replace(shot, actors=(*shot.actors, replace(who, x=who.x + best)))


def moved(shot: facts.Shot, chance: Generator) -> Shot:
    """The shot with its actors elsewhere within their part of the picture, at other moments."""
    assert isinstance(shot, Shot), "a shot of another edition"
    reach = 0.2 if len(shot.actors) == 1 else 0.1
    actors = tuple(
        replace(actor, x=actor.x + chance.uniform(-reach, reach), late=chance.random())
        for actor in shot.actors
    )
    return replace(shot, actors=actors)


def _stage(chance: random.Random, cast: tuple[tuple[str, str, int], ...]) -> CaptionFacts:
    return CaptionFacts(
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
        name=name,
        action=action,
        facing=facing,
        x=x - facing * chance.uniform(0, 0.2),
        way=way,
        stride=stride,
        late=late,
    )


def _apart(chance: random.Random, count: int) -> list[float]:
    while True:
        places = [chance.uniform(0.1, 0.9) for _ in range(count)]
        ordered = sorted(places)
        if all(b - a >= _APART for a, b in pairwise(ordered)):
            return places
