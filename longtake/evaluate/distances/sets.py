"""Distances between a set of films and its references: Avg-FID, B-FVD, and B-FVD over the time of the films.

Films and references come in pairs: reference i shows the script of film i under other hidden facts. Frames
and clips of one film are not independent, so the N that decides how far chance reaches is the number of
*films*: time bins are pooled over films and never averaged over single films, of which each alone would be
almost all bias (independent normals of 64 numbers, whose true distance is 0: 1.1 pooled over 2,048 samples,
35 as the mean over 32 blocks of 64), and intervals come from drawing whole pairs of films.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from longtake.data.footage import CLIP_FRAMES
from longtake.evaluate.distances.frechet import Moments, frechet, kid, kid_of_films, pool
from longtake.evaluate.measured import Curve, Measured, not_measured
from longtake.evaluate.readings import Watched
from longtake.files import data_digest

Features = Sequence[NDArray[np.floating]]  # of each film, the features of its frames or clips in order [n, D]

_SUBSET = 512  # samples of a kernel distance
_PARTS = 10  # of the films' time
_LEAST = 8  # clips in a part of the time: with fewer, a distance is noise


@dataclass(frozen=True, kw_only=True)
class Distance:
    """One number between two sets of films, and what it depends on."""

    value: float
    low: float  # 95 % interval by a bootstrap over films; nan where there is none
    high: float
    samples: int  # N of each distance, the same on both sides: frames or clips
    films: int  # on each side: how many of the samples are independent
    note: str = ""


@dataclass(frozen=True, kw_only=True, eq=False)
class OverTime:
    """A distance in each of B equal parts of the films' length."""

    at: NDArray[np.float64]  # [B] middles of the parts, 0..1 of the film's length
    values: NDArray[np.float64]  # [B]
    slope: Distance  # per part, a straight line by least squares; its `samples` are those of one part


@dataclass(frozen=True, kw_only=True)
class NetworkDistance:
    """A number of one row by a network of published numbers, with all that a comparison of it needs."""

    row: str
    name: str  # such as "B-FVD-16 (i3d)"
    definition: str
    distance: Distance  # nan where there is none, and the note says why
    sha256: str  # of the weights
    references: str  # digest of the references' keys; of CLIPSIM, which has none: of the prompts
    curve: tuple[float, ...] = ()  # the values that a slope over time is of
    scenes: Mapping[str, list[tuple[float, float]]] = field(default_factory=dict)  # film -> similarity, rank


def pooled_distance(
    films: Features, references: Features, generator: np.random.Generator, resamples: int = 200
) -> Distance:
    """All samples of all films pooled -> one Frechet distance to all samples of all references.

    `films[i]`: features of film i `[n, D]`, `references[i]` those of its reference. Of frames this is
    Avg-FID, which NUWA-XL (arXiv 2303.12346, section 4.2) takes for "the average quality of generated frames"
    and says no more: FID with the frames as samples. Of clips of X frames that do not overlap, at the films'
    own frame rate (`networks.film_features` cuts them), it is B-FVD-X: our reading of NUWA-XL, whose own
    sentence is `b_fvd_literal`. Raises ValueError where numbers of films or samples differ.
    """
    _check(films, references)
    ours, theirs = ([Moments.of(film) for film in side] for side in (films, references))

    def distance(chosen: NDArray[np.int64]) -> float:
        return frechet(pool([ours[i] for i in chosen]), pool([theirs[i] for i in chosen]))

    value = distance(np.arange(len(films)))
    low, high = bootstrap(distance, len(films), generator, resamples)
    return Distance(
        value=value,
        low=max(0.0, low) if np.isfinite(low) else low,
        high=high,
        samples=sum(part.n for part in ours),
        films=len(films),
    )


def kernel_distance(
    films: Features, references: Features, generator: np.random.Generator, most: int, resamples: int = 200
) -> Distance:
    """KID of at most `most` samples of each side, spread evenly over the films, as `pooled_distance` takes
    them; its cost grows with their square.
    """
    _check(films, references)
    each = max(most // len(films), 4)
    counts = np.array([min(each, len(film)) for film in films])
    x, y = (
        np.concatenate([film[np.arange(n) * len(film) // n] for n, film in zip(counts, side, strict=True)])
        for side in (films, references)
    )
    distance = kid_of_films(x, y, counts)
    value = distance(np.arange(len(films)))
    low, high = bootstrap(distance, len(films), generator, resamples if counts.min() > 1 else 0)
    return Distance(value=value, low=low, high=high, samples=len(x), films=len(films))


def b_fvd_over_time(
    films: Features,
    references: Features,
    generator: np.random.Generator,
    bins: int = _PARTS,
    resamples: int = 200,
) -> OverTime:
    """B-FVD-X in each of `bins` equal parts of the films: the clips of a part, pooled over films, to those of
    the same part of the references.

    Every part has the same number of clips, as the bias depends on it; up to one clip a part is left out.
    Films that grow worse have a positive slope; compare it with that of true films. Raises ValueError as
    `pooled_distance`, and where a film has fewer clips than there are parts, or a part has a single clip.
    """
    _check(films, references)
    ours, theirs = _parts(films, bins), _parts(references, bins)

    def values(chosen: NDArray[np.int64]) -> list[float]:
        return [
            frechet(pool([one[i] for i in chosen]), pool([two[i] for i in chosen]))
            for one, two in zip(ours, theirs, strict=True)
        ]

    def slope(chosen: NDArray[np.int64]) -> float:
        return _slope(values(chosen))

    curve = values(np.arange(len(films)))
    low, high = bootstrap(slope, len(films), generator, resamples)
    return OverTime(
        at=(np.arange(bins) + 0.5) / bins,
        values=np.array(curve),
        slope=Distance(
            value=_slope(curve),
            low=low,
            high=high,
            samples=sum(part.n for part in ours[0]),
            films=len(films),
        ),
    )


def b_fvd_literal(films: Features, references: Features) -> Distance:
    """NUWA-XL's sentence to the letter: a long video is split "into several short clips to calculate the
    average FVD of all clips" (arXiv 2303.12346, section 4.2).

    The k-th clips of all films -> a distance to the k-th clips of all references; then the mean over k. N is
    the number of films, so with few of them this is bias and little else: for comparison only, beside
    `pooled_distance`. Raises ValueError as that does, for a single film, and where films differ in length.
    """
    _check(films, references)
    clips = len(films[0])
    if any(len(film) != clips for film in films):
        raise ValueError("the literal B-FVD compares k-th clips: take films of one length")
    parts = zip(_parts(films, clips), _parts(references, clips), strict=True)
    value = float(np.mean([frechet(pool(one), pool(two)) for one, two in parts]))
    n = len(films)
    return Distance(value=value, low=np.nan, high=np.nan, samples=n, films=n, note="literal")


def too_short(films: Features) -> tuple[str, int]:
    """Why `b_fvd_over_time` of these films would be noise, empty where it is not, and a part's clips."""
    least = sum(len(film) // _PARTS for film in films)
    if least >= _LEAST and all(len(film) >= _PARTS for film in films):
        return "", least
    return (
        f"{least} clips in each of {_PARTS} parts of the time are too few: take longer films, or more",
        least,
    )


def bootstrap(
    statistic: Callable[[NDArray[np.int64]], float],  # of the films (and their references) of these indices
    films: int,
    generator: np.random.Generator,
    resamples: int = 200,
) -> tuple[float, float]:
    """A 95 % interval of a statistic of `films` films, by drawing films with replacement.

    nan for one film, and without resamples. The quantiles are shifted by the bootstrap's own bias: a resample
    holds fewer different films, so its distances are too large by about as much as the distance itself is. On
    sets of 4 to 16 simulated films plain quantiles held the distance's mean in 6 % to 64 % of all cases,
    shifted ones in 92 % or more.
    """
    if films < 2 or not resamples:
        return float("nan"), float("nan")
    drawn = np.array([statistic(generator.integers(films, size=films)) for _ in range(resamples)])
    low, high = np.quantile(drawn, (0.025, 0.975)) - drawn.mean() + statistic(np.arange(films))
    return float(low), float(high)


def set_distances(
    films: Sequence[Watched],
    references: Sequence[Watched],  # of the same scripts, in the same order
    generator: np.random.Generator,
    resamples: int = 200,  # 0 for no intervals
) -> tuple[dict[str, Measured], Curve | None]:
    """The catalogue's distances of a set of films, and the curve of the one that drift is read from.

    `fd_frames` is Avg-FID on the frame probe, `fd_clips` B-FVD-16 on the clip probe, `fd_motion` B-FVD-16 on
    the random network, `fd_drift` the slope of that over time; `kid_...` are kernel distances of the same
    features. Notes hold N. Not measured where there are fewer than two samples, and over time where a part
    has fewer than eight clips.
    """

    def of(read: Callable[[Watched], NDArray[np.floating]]) -> tuple[Features, Features]:
        return [read(seen) for seen in films], [read(seen) for seen in references]

    pairs = {
        "fd_frames": of(lambda seen: seen.readings.features),
        "fd_clips": of(lambda seen: seen.readings.clip_features),
        "fd_motion": of(lambda seen: seen.motion_features),
    }
    distances = {
        name: _measured(pooled_distance(*pair, generator, resamples))
        if sum(len(film) for film in pair[0]) > 1
        else not_measured("fewer than two samples: take longer films, or more")
        for name, pair in pairs.items()
    }
    distances |= {f"kid_{name}": _kid(*pairs[f"fd_{name}"]) for name in ("clips", "motion")}
    motion = pairs["fd_motion"]
    why_not, _ = too_short(motion[0])
    if why_not:
        return {**distances, "fd_drift": not_measured(why_not)}, None
    over = b_fvd_over_time(*motion, generator, resamples=resamples)
    frames = float(np.mean([len(film) for film in motion[0]])) * CLIP_FRAMES
    return {**distances, "fd_drift": _measured(over.slope)}, Curve(over.at * frames, over.values)


def reference_digest(ids: Iterable[str]) -> str:
    """sha256 of a set of references, by their ids or the digests of their frames, in any order.

    Two results can be compared only where it is the same.
    """
    return data_digest(sorted(ids))


def refuse_overlap(generated: set[str], reference: set[str]) -> None:
    """Raises ValueError where a film is its own reference: digests of films that are in both sets."""
    both = sorted(generated & reference)
    if both:
        raise ValueError(
            f"{len(both)} of {len(generated)} films are among the references, such as {both[0][:12]}: a "
            "distance to oneself says nothing, so take other films as the reference"
        )


def _measured(distance: Distance) -> Measured:
    note = f"N = {distance.samples} of {distance.films} films"
    return Measured(distance.value, note=note, low=distance.low, high=distance.high)


def _kid(films: Features, references: Features) -> Measured:
    """KID of all films pooled; of many samples the mean over subsets."""
    x, y = np.concatenate(films), np.concatenate(references)
    if len(x) < 4:
        return not_measured("fewer than four samples: take longer films, or more")
    value = kid(x, y, _SUBSET if len(x) >= 2 * _SUBSET else None)
    return Measured(value, note=f"N = {len(x)} of {len(films)} films")


def _check(films: Features, references: Features) -> None:
    if len(films) != len(references) or not films:
        raise ValueError(
            f"{len(films)} films and {len(references)} references: every film needs its own reference"
        )
    for i, (film, reference) in enumerate(zip(films, references, strict=True)):
        if len(film) != len(reference):
            raise ValueError(
                f"film {i} has {len(film)} samples, its reference {len(reference)}: the distance depends on "
                "their number, so cut both to one length"
            )


def _parts(films: Features, bins: int) -> list[list[Moments]]:
    """Per part of the time, the moments of each film in it."""
    short = min(len(film) for film in films)
    if short < bins:
        raise ValueError(f"a film of {short} clips has no {bins} parts: ask for fewer, or take longer films")

    def part(film: NDArray[np.floating], k: int) -> Moments:
        first = k * len(film) // bins
        return Moments.of(film[first : first + len(film) // bins])

    return [[part(film, k) for film in films] for k in range(bins)]


def _slope(values: Sequence[float]) -> float:
    line = np.polynomial.Polynomial.fit(np.arange(len(values)), values, 1)
    return float(line.convert().coef[1]) if len(values) > 1 else float("nan")
