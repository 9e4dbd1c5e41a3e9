"""Scenes outside every script: any cast, also twice the same figure, anywhere in the picture.

What reads pictures must not learn what scripts never do: generated films put two foxes into one picture. And
what measures films is tried on scenes that are wrong in one way.
"""

from __future__ import annotations

import random
from dataclasses import replace
from itertools import pairwise

import numpy as np
from numpy.random import Generator

from longtake.world import facts
from longtake.world.first.script import Actor, Shot
from longtake.world.vocabulary import ACTIONS, CHARACTERS, PLACES, TIMES

_APART = 0.17  # least distance between two figures, in picture widths: less, and one hides the other


def random_shot(
    chance: random.Random,
    start: int,  # its first frame
    frames: int,  # how long it lasts
) -> Shot:
    """A shot of none to three figures; one scene in four shows a character twice."""
    count = chance.choices((0, 1, 2, 3), (0.06, 0.34, 0.48, 0.12))[0]
    names = chance.sample(CHARACTERS, count)
    if count > 1 and chance.random() < 0.4:
        names[-1] = names[0]
    actors = tuple(
        _actor(chance, name, x, frames) for name, x in zip(names, _apart(chance, count), strict=True)
    )
    return Shot(
        start=start,
        end=start + frames,
        place=chance.choice(PLACES),
        time=chance.choice(TIMES),
        weather="rain" if chance.random() < 0.3 else "clear",
        pan=chance.choices((0, -1, 1), (0.7, 0.15, 0.15))[0],
        actors=actors,
        caption="",
    )


def doubled(shot: facts.Shot, who: facts.Actor) -> Shot:
    """The shot with `who` there twice: the copy stays where, on average, all actors keep farthest from it."""
    assert isinstance(shot, Shot), "a shot of another edition"
    assert isinstance(who, Actor), "an actor of another edition"
    places, time = np.linspace(0.14, 0.86, 37), np.linspace(0, 1, 9)
    paths = np.array([a.x + a.travel * time for a in shot.actors])  # [actors, time]
    room = np.abs(places[:, None, None] - paths).min(axis=1).mean(axis=1)
    second = replace(who, x=float(places[room.argmax()]), travel=0.0)
    return replace(shot, actors=(second, *shot.actors))


def moved(shot: facts.Shot, chance: Generator) -> Shot:
    """The shot with its actors elsewhere within their part of the picture, at other moments."""
    assert isinstance(shot, Shot), "a shot of another edition"
    reach = 0.2 if len(shot.actors) == 1 else 0.1  # see script.stage
    actors = tuple(
        replace(actor, x=actor.x + chance.uniform(-reach, reach), phase=chance.random())
        for actor in shot.actors
    )
    return replace(shot, actors=actors)


def _actor(chance: random.Random, name: str, x: float, frames: int) -> Actor:
    action, facing = chance.choice(ACTIONS), chance.choice((-1, 1))
    travel = facing * min(0.3, 0.012 * frames) if action == "walk" else 0.0
    return Actor(
        name=name, action=action, facing=facing, x=x - travel / 2, travel=travel, phase=chance.random()
    )


def _apart(chance: random.Random, count: int) -> list[float]:
    while True:
        places = [chance.uniform(0.1, 0.9) for _ in range(count)]
        ordered = sorted(places)
        if all(b - a >= _APART for a, b in pairwise(ordered)):
            return places
