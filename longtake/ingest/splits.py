"""Which films are for training, which for validation, which for the test: by what is in them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

from longtake.files import seed_of
from longtake.world.vocabulary import SPLITS, Split


class Assigned(NamedTuple):
    """Where a new film goes."""

    group: str  # of films that share pictures: the name of one of them
    split: Split
    clash: str  # "", or why it must not be kept


def assign_splits(
    new: Sequence[str],  # films
    old: Mapping[str, tuple[str, str]],  # film -> its group and split, as they are
    akin: Sequence[tuple[str, str]],  # films that show some of the same pictures
    shares: tuple[int, int, int],  # of train, validation, test
) -> dict[str, Assigned]:
    """Group and split of every new film; what old films have stays.

    Films that are akin, also by way of a third one, are a group and get one split. A new group's follows from
    the hash of its first film. A split that should have films and would have none gets the nearest of a split
    that has several.
    """
    members: dict[str, set[str]] = {}
    for film, (group, _) in old.items():
        members.setdefault(group or film, set()).add(film)
    groups = {film: members[old[film][0] or film] if film in old else {film} for film in (*old, *new)}
    for one, other in akin:
        if one in groups and other in groups:
            both = groups[one] | groups[other]
            for film in both:
                groups[film] = both
    assigned: dict[str, Assigned] = {}
    fresh: dict[str, list[str]] = {}  # group -> its films, where all are new
    for film in new:
        known = sorted(f for f in groups[film] if f in old)
        if not known:
            fresh.setdefault(min(groups[film], key=_hash_in), []).append(film)
            continue
        split: Split = next(s for s in SPLITS if s == old[known[0]][1])
        clash = ""
        if len({old[f][1] for f in known}) > 1:
            clash = "shows pictures of films in several splits: " + ", ".join(known)
        assigned[film] = Assigned(film if clash else old[known[0]][0] or known[0], split, clash)
    has = {split for _, split in old.values()}
    for group, split in _drawn(list(fresh), has, shares).items():
        assigned |= {film: Assigned(group, split, "") for film in fresh[group]}
    return assigned


def _drawn(groups: Sequence[str], has: set[str], shares: tuple[int, int, int]) -> dict[str, Split]:
    ends = [sum(shares[:k]) / sum(shares) for k in range(4)]
    within = dict(zip(SPLITS, pairwise(ends), strict=True))
    draws = {group: _draw(_hash_in(group)) for group in groups}
    splits = {
        group: next(split for split in SPLITS if draw < within[split][1]) for group, draw in draws.items()
    }
    for split, share in zip(SPLITS, shares, strict=True):
        if share and split not in {*splits.values(), *has}:
            counts = Counter(splits.values())
            start, end = within[split]
            spare = [group for group in groups if counts[splits[group]] > 1]
            if spare:
                splits[min(spare, key=lambda g: max(start - draws[g], draws[g] - end))] = split
    return splits


def _hash_in(film: str) -> str:
    """The part of a film's name that follows from its bytes: a file may be called otherwise tomorrow."""
    return film.rpartition("-")[2]


def _draw(name: str) -> float:
    """Uniform in 0..1, by the name alone."""
    return seed_of(f"split {name}") / 2**64
