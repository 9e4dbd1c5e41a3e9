"""Episodes by their seeds, the same in every edition: their splits, and what holds for a whole one."""

from __future__ import annotations

import random
from dataclasses import dataclass
from functools import lru_cache

from longtake.files import seed_of
from longtake.world.vocabulary import CHARACTERS, PLACES, SPLITS, Split


@dataclass(frozen=True, kw_only=True)
class EpisodeFacts:
    """What holds for a whole episode and stands in no caption."""

    hues: dict[str, float]  # outfit hue of each character, uniform in 0..1
    layouts: dict[str, float]  # where each place's landmark stands, uniform in 0..1
    cast: tuple[str, ...]  # the four characters of the episode
    places: tuple[str, ...]  # its four places


def chance_of(*key: object) -> random.Random:
    """The chance that belongs to a place in the world, named by `key`."""
    return random.Random(seed_of(repr(key)))


def split_of(seed: int) -> Split:
    """The split that an episode belongs to: 80 % train, 10 % validation, 10 % test, by hash of its seed."""
    draw = chance_of("split", seed).random()
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
    chance = chance_of("latents", seed)
    return EpisodeFacts(
        hues={name: chance.random() for name in CHARACTERS},
        layouts={place: chance.random() for place in PLACES},
        cast=tuple(chance.sample(CHARACTERS, 4)),
        places=tuple(chance.sample(PLACES, 4)),
    )


def random_facts(chance: random.Random) -> EpisodeFacts:
    """Hues and layouts of no episode."""
    return EpisodeFacts(
        hues={name: chance.random() for name in CHARACTERS},
        layouts={place: chance.random() for place in PLACES},
        cast=CHARACTERS,
        places=PLACES,
    )
