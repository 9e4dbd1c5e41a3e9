"""Scenes outside every script: any cast, also twice the same figure, anywhere in the picture.

What reads pictures must not learn what scripts never do: generated films put two foxes into one picture.
"""

from __future__ import annotations

import random
from itertools import pairwise

from longtake.world.script import Actor, EpisodeFacts, Shot
from longtake.world.vocabulary import ACTIONS, CHARACTERS, PLACES, TIMES

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
