"""How sure a mean is: bootstrap intervals over films, or within the one film, and paired differences.

What may be drawn again are films: the frames of one film, and even its scenes, lean on each other. Where
there is one film only, the interval is over its scenes and pairs, and says so: it speaks of that film alone.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from longtake.evaluate.measured import Floats, Row

Over = Literal["films", "scenes and pairs within the film", "none"]

_LEVEL = 0.95
_AT_ONCE = 1_000_000  # numbers drawn at a time: a film can have many pairs


@dataclass(frozen=True, kw_only=True)
class Interval:
    """A measure of a row, and the range that holds its mean; nan where there is none."""

    value: float
    low: float
    high: float
    over: Over  # what was drawn again
    n: int  # how many of them; where nothing was drawn again: films that have a value
    left_out: int  # films without a value
    note: str  # why there is no value, or what to know about it


@dataclass(frozen=True, kw_only=True)
class Paired:
    """By how much the films of one row exceed those of another, script by script."""

    value: float  # mean difference
    low: float
    high: float
    n: int  # scripts that both rows have a value for
    left_out: int  # scripts that only one has, or that one could not be measured on
    significant: bool  # the interval excludes 0


def interval(
    values: Sequence[float] | Floats,
    generator: np.random.Generator,
    resamples: int = 2000,
) -> tuple[float, float]:
    """The 95 % percentile bootstrap interval of the mean of `values` [N] (Efron 1979), whatever their order.

    (nan, nan) for fewer than two values: one value says nothing of its own spread.
    """
    ordered = np.sort(np.asarray(values, dtype=np.float64))  # the order of films must not change the draw
    assert not np.isnan(ordered).any()
    count = len(ordered)
    if count < 2:
        return float("nan"), float("nan")
    step = max(1, _AT_ONCE // count)
    means = [
        ordered[generator.integers(0, count, (min(step, resamples - done), count))].mean(axis=1)
        for done in range(0, resamples, step)
    ]
    low, high = np.quantile(np.concatenate(means), [(1 - _LEVEL) / 2, (1 + _LEVEL) / 2])
    return float(low), float(high)


def film_values(row: Row, name: str) -> Floats:
    """The measure in every film of the row [F], nan where it is missing; [1] if it is of the whole set."""
    if name in row.together:
        return np.array([row.together[name].value])
    return np.array(
        [film.measured[name].value if name in film.measured else np.nan for film in row.films],
        dtype=np.float64,
    )


def interval_of(row: Row, name: str) -> Interval:
    """The mean of the measure over the films of the row that have it, with its 95 % interval.

    Over films where several have it, over the units of the film where one has, none otherwise. A measure of
    the whole set brings its own or has none: its clips and pairs are not independent. Equal rows give equal
    intervals: the draw is seeded by the names of the row and the measure.
    """
    values = film_values(row, name)
    known = np.sort(values[~np.isnan(values)])
    sample = known
    over: Over = "films"
    if name in row.together or not len(known):
        sample = known[:0]
    elif len(known) == 1:
        film = row.films[int(np.flatnonzero(~np.isnan(values))[0])]
        sample, over = film.measured[name].units, "scenes and pairs within the film"
    low, high = interval(sample, _generator(row.name, name))
    drawn = len(sample) > 1
    if name in row.together:
        low, high = row.together[name].low, row.together[name].high
    return Interval(
        value=float(known.mean()) if len(known) else float("nan"),
        low=low,
        high=high,
        over=over if drawn else "none",
        n=len(sample) if drawn else len(known),
        left_out=len(values) - len(known),
        note=_note(row, name),
    )


def paired(row_a: Row, row_b: Row, name: str) -> Paired:
    """The measure in the films of `row_a` less that in the films of `row_b` of the same names.

    What the scripts have in common cancels, so that a small difference shows. Raises ValueError where two
    films of a row have one name.
    """
    a, b = _by_script(row_a, name), _by_script(row_b, name)
    both = np.array([a[script] - b[script] for script in sorted(a.keys() & b.keys())], dtype=np.float64)
    known = np.sort(both[~np.isnan(both)])
    low, high = interval(known, _generator(row_a.name, row_b.name, name))
    return Paired(
        value=float(known.mean()) if len(known) else float("nan"),
        low=low,
        high=high,
        n=len(known),
        left_out=len(a.keys() | b.keys()) - len(known),
        significant=low > 0 or high < 0,
    )


def _by_script(row: Row, name: str) -> dict[str, float]:
    names = [film.name for film in row.films]
    if len(set(names)) < len(names):
        raise ValueError(f"two films of '{row.name}' have one name: rename one, films are matched by name")
    return {
        film.name: film.measured[name].value if name in film.measured else float("nan") for film in row.films
    }


def _note(row: Row, name: str) -> str:
    """The notes of the measure, each once; films may differ in theirs, so only two are told."""
    if name in row.together:
        return row.together[name].note
    every = [film.measured[name].note for film in row.films if name in film.measured]
    notes = sorted({note for note in every if note})
    more = f"; and {len(notes) - 2} more" if len(notes) > 2 else ""
    return "; ".join(notes[:2]) + more if every else "not computed"


def _generator(*names: str) -> np.random.Generator:
    """Chance that depends on the names only."""
    digest = hashlib.sha256("\0".join(names).encode()).digest()
    return np.random.default_rng(int.from_bytes(digest[:8], "big"))
