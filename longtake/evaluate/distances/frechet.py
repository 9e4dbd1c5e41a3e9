"""Distances between two sets of feature vectors: Frechet, and KID of whole sets and of films.

A set is kept as its moments, which add up: batches, clips and films are pooled in any order, and a film drawn
anew in a bootstrap costs one addition. Everything is float64. No distance here is free of N: Frechet's is too
large by about a constant / N, so both sides have the same N, and `floor` tells what N alone makes of nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from longtake.evaluate.measured import Floats, Ints

_HALVINGS = 10  # of a reference, for its floor


@dataclass(frozen=True, eq=False)
class Moments:
    """Number, mean and scatter of feature vectors; `pool` puts sets together."""

    n: int
    mean: Floats  # [D]
    scatter: Floats  # [D, D] sum of the outer products of the deviations from the mean

    @staticmethod
    def of(features: NDArray[np.floating]) -> Moments:
        """Of features `[n, D]`, n >= 0. Raises ValueError where they are no such table or not finite."""
        x = _table(features)
        mean = x.mean(axis=0) if len(x) else np.zeros(x.shape[1])
        centred = x - mean
        return Moments(len(x), mean, centred.T @ centred)

    @staticmethod
    def given(mean: Floats, covariance: Floats, n: int) -> Moments:
        """Of `n` vectors with this mean `[D]` and covariance `[D, D]` (ddof = 1)."""
        return Moments(n, np.asarray(mean, dtype=np.float64), np.asarray(covariance) * float(n - 1))

    @property
    def covariance(self) -> Floats:
        """`[D, D]`, with ddof = 1. Raises ValueError where n < 2."""
        if self.n < 2:
            raise ValueError(f"{self.n} samples have no covariance: measure at least two, better thousands")
        covariance: Floats = self.scatter / (self.n - 1)
        return covariance


def pool(parts: Sequence[Moments]) -> Moments:
    """The moments of all parts together, by the update of Chan, Golub and LeVeque (1979) for many parts.

    Only deviations are squared, never the features themselves: a mean of 1000 costs no digits.
    """
    counts = np.array([part.n for part in parts])
    means = np.stack([part.mean for part in parts])
    n = int(counts.sum())
    mean = counts @ means / max(n, 1)
    apart = np.sqrt(counts)[:, None] * (means - mean)
    scatter: Floats = np.sum([part.scatter for part in parts], axis=0) + apart.T @ apart
    return Moments(n, mean, scatter)


def frechet(a: Moments, b: Moments) -> float:
    """Squared Frechet distance of the normal distributions with these moments (Dowson and Landau 1982).

    |m1 - m2|^2 + tr(S1 + S2 - 2 (S1 S2)^(1/2)), where the trace of the root is that of (R S2 R)^(1/2) with
    R = S1^(1/2): two symmetric eigenvalue problems, so that singular covariances do no harm and no general
    matrix root is taken. Raises ValueError where a side has fewer than two samples or widths differ.
    """
    if a.mean.shape != b.mean.shape:
        raise ValueError(
            f"features of {len(a.mean)} and of {len(b.mean)} numbers cannot be compared: "
            "take both sides from one network"
        )
    one, two = a.covariance, b.covariance
    values, vectors = np.linalg.eigh(one)
    root = (vectors * np.sqrt(values.clip(0))) @ vectors.T
    middle = root @ two @ root
    overlap = np.sqrt(np.linalg.eigvalsh((middle + middle.T) / 2).clip(0)).sum()
    distance = np.square(a.mean - b.mean).sum() + np.trace(one) + np.trace(two) - 2 * overlap
    return max(0.0, float(distance))


def floor(x: NDArray[np.floating], n: int, generator: np.random.Generator) -> float:
    """What the Frechet distance of nothing comes to at N = n: mean over ten times two disjoint parts of x.

    `x`: features `[N, D]` of a reference, independent of each other. Raises ValueError where N < 2 n.
    """
    x = _table(x)
    if len(x) < 2 * n:
        raise ValueError(f"two parts of {n} need {2 * n} samples, here are {len(x)}: ask for a smaller N")
    distances = []
    for _ in range(_HALVINGS):
        mixed = generator.permutation(x)
        distances.append(frechet(Moments.of(mixed[:n]), Moments.of(mixed[n : 2 * n])))
    return float(np.mean(distances))


def kid(x: NDArray[np.floating], y: NDArray[np.floating], subset: int | None = None) -> float:
    """Unbiased squared MMD of features `[n, D]`, kernel (x.y / D + 1)^3 (Binkowski et al., arXiv 1801.01401).

    Around 0, also below, where both sets are of one distribution, whatever n. Whole sets without `subset`;
    else the mean over disjoint subsets of that many in the order given. Raises ValueError where n differs, is
    < 4, or does not make two subsets.
    """
    x, y = _equal(x, y, least=4)
    if subset is None:
        return _whole_kid(x, y)
    blocks = len(x) // subset
    if blocks < 2 or subset < 4:
        raise ValueError(
            f"{len(x)} samples make no two subsets of {subset}: take 4 to {len(x) // 2}, or None"
        )
    parts = [slice(k * subset, (k + 1) * subset) for k in range(blocks)]
    return float(np.mean([_whole_kid(x[part], y[part]) for part in parts]))


def kid_of_films(
    x: NDArray[np.floating], y: NDArray[np.floating], counts: Ints
) -> Callable[[NDArray[np.int64]], float]:
    """A function from some films' indices, which may repeat, to the `kid` of their samples.

    `x`, `y`: features `[n, D]` of all films and of their references, film after film, `counts[i]` of film i.
    Kernels are summed by film once, so that a resample of films costs nothing.
    """
    x, y = _equal(x, y, least=4)
    # Copies, as numpy multiplies an array by itself in another way, whose last digits are others.
    terms = _kernel(x, x.copy()) + _kernel(y, y.copy()) - _kernel(x, y) - _kernel(y, x)
    starts = np.cumsum(counts) - counts
    sums = np.add.reduceat(np.add.reduceat(terms, starts, axis=0), starts, axis=1)
    diagonals = np.add.reduceat(np.diag(terms), starts)

    def distance(chosen: Ints) -> float:
        n = counts[chosen].sum()
        return float((sums[np.ix_(chosen, chosen)].sum() - diagonals[chosen].sum()) / (n * (n - 1)))

    return distance


def _kernel(a: Floats, b: Floats) -> Floats:
    values: Floats = (a @ b.T / a.shape[1] + 1) ** 3
    return values


def _whole_kid(x: Floats, y: Floats) -> float:
    """Mean over i != j of h(i, j) = k(x_i, x_j) + k(y_i, y_j) - k(x_i, y_j) - k(x_j, y_i), a U-statistic."""
    cross = _kernel(x, y)
    terms = _kernel(x, x) + _kernel(y, y) - cross - cross.T
    return float(terms[~np.eye(len(x), dtype=bool)].reshape(len(x), len(x) - 1).mean())


def _equal(x: NDArray[np.floating], y: NDArray[np.floating], least: int) -> tuple[Floats, Floats]:
    if len(x) != len(y) or len(x) < least:
        raise ValueError(f"{len(x)} and {len(y)} samples: take the same number of both, {least} or more")
    return _table(x), _table(y)


def _table(features: NDArray[np.floating]) -> Floats:
    if features.ndim != 2:
        raise ValueError(f"features are a table [n, D], not {list(features.shape)}")
    x = features.astype(np.float64)
    if not np.isfinite(x).all():
        raise ValueError("features are not finite: look at the frames or at the network that they come from")
    return x
