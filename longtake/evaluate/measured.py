"""The shape of results: a measure of one film, a film, and a row of films in the table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Floats32 = NDArray[np.float32]
Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Measured:
    """One number of one film."""

    value: float  # nan where it could not be measured
    units: Floats = field(default_factory=lambda: np.zeros(0))  # [U] what it is the mean of, if it is a mean
    note: str = ""  # why there is no value, or what to know about it
    low: float = float("nan")  # 95 % interval, where it is none of the mean of the units
    high: float = float("nan")


@dataclass(frozen=True, eq=False)
class Curve:
    """A number over the length of a film."""

    at: Floats  # [B] film frames: the middles of the bins
    values: Floats  # [B], nan where a bin is empty


@dataclass(frozen=True, eq=False)
class FilmResult:
    """All measures of one film."""

    name: str
    measured: dict[str, Measured]  # by a name of the catalogue
    curves: dict[str, Curve] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Row:
    """One line of the table: the films of a system, or of a control."""

    name: str
    kind: str  # "system", "reference" (ground truth) or "control"
    films: tuple[FilmResult, ...]
    together: dict[str, Measured] = field(
        default_factory=dict
    )  # measures of the whole set, such as distances
    curves: dict[str, Curve] = field(default_factory=dict)  # of the whole set


def mean_of(units: Sequence[float] | Floats, why_not: str, note: str = "") -> Measured:
    """The mean of the units that are numbers; not measured, because `why_not`, where there are none."""
    numbers = np.asarray(units, dtype=np.float64)
    numbers = numbers[~np.isnan(numbers)]
    return Measured(float(numbers.mean()), numbers, note) if len(numbers) else not_measured(why_not)


def not_measured(why: str) -> Measured:
    """No value, and the reason."""
    return Measured(float("nan"), note=why)
