"""Films beside real videos: what can be measured where no storyboard says what there should be.

Nothing is read but pixels, by no network that learnt anything, so any video will do as a reference. Every
frame gives its middle square, averaged to 64x64 pixels. Frames are compared one by one, whatever their rate:
videos of another frame rate move more, or less, from frame to frame.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from longtake.evaluate.catalogue import BESIDE_REAL_VIDEOS
from longtake.evaluate.distances.extractors import RandomVideoNet
from longtake.evaluate.distances.frechet import floor
from longtake.evaluate.distances.published import Networks, feature_distances, features_of
from longtake.evaluate.distances.sets import (
    Features,
    NetworkDistance,
    pooled_distance,
    reference_digest,
    refuse_overlap,
)
from longtake.evaluate.drift import curve, drift_measures
from longtake.evaluate.kept import keep, kept_path, load_kept
from longtake.evaluate.measured import FilmResult, Floats32, Measured, Row, not_measured
from longtake.evaluate.motion import motion_measures
from longtake.evaluate.probes import watch_by_all
from longtake.evaluate.readings import Signals, WatchedPixels
from longtake.evaluate.script import Script, script_of_prompts
from longtake.evaluate.seams import calm_steps, cut_measures, jumps_of
from longtake.evaluate.signals import shrink
from longtake.evaluate.sources import Source
from longtake.evaluate.watching import arrays_of, pixels_of
from longtake.video import Pixels, VideoError
from longtake.world.edition import world

REAL = "real videos"  # the row of the references

_VERSION = 1  # raise it when the same frames give other numbers
_SIZE = 64  # pixels per side
_SPLITS = 10  # of the real videos into halves


def watch_pixels(frames: Iterable[Pixels]) -> WatchedPixels:
    """See all frames, uint8 `[H, W, 3]` of 64 pixels a side or more; VideoError for others, and for none."""
    return watch_by_all(map(_square, frames), [])[0]


def measure_real(
    films: Mapping[str, Source],
    real: Mapping[str, Source],
    name: str,  # of the films' row
    folder: Path,  # that keeps what was seen
    on_done: Callable[[int, int], None] | None = None,  # hears how many videos of how many were seen
) -> tuple[list[Row], dict[str, Any]]:
    """The rows of the films and of the real videos, and facts on them, for the report.

    Raises VideoError for what is no video, or too small, and ValueError where a film is among the real ones.
    """
    keys = [{called: source.key for called, source in side.items()} for side in (films, real)]
    refuse_overlap(set(keys[0].values()), set(keys[1].values()))
    seen: list[dict[str, WatchedPixels]] = [{}, {}]
    for side, sources in enumerate((films, real)):
        for called, source in sources.items():
            seen[side][called] = _seen(called, source, folder)
            if on_done:
                on_done(sum(map(len, seen)), len(films) + len(real))
    ours, theirs = ([film.motion_features for film in side.values()] for side in seen)
    typical = _typical(list(seen[1].values()))
    distance, samples = _distance(ours, theirs)
    rows = [
        Row(called, kind, tuple(_result(n, film.signals, typical) for n, film in side.items()),
            {"fd_motion": measured})
        for called, kind, side, measured in (
            (name, "system", seen[0], distance),
            (REAL, "reference", seen[1], _apart(theirs, samples)),
        )
    ]  # fmt: skip
    facts = {
        "films": keys[0],
        REAL: keys[1],
        "references": reference_digest(keys[1].values()),
        "random network": RandomVideoNet().sha256,
        "pixels": f"the middle square of every frame, averaged to {_SIZE}x{_SIZE}; whatever its frame rate",
        "clips of 16 frames": f"{sum(map(len, ours))} of films, {sum(map(len, theirs))} of real videos; "
        f"{samples} of each are compared",
    }
    return rows, facts


def distances_to_real(
    films: Mapping[str, Source],
    real: Mapping[str, Source],
    name: str,
    networks: Networks,
    folder: Path,
    on_done: Callable[[int, int], None] | None = None,
) -> list[NetworkDistance]:
    """Distances by named networks of the films, and of every second real video to the others.

    CLIPSIM and LPIPS need prompts and pairs of frames, which there are none of.
    """
    sides: list[list[dict[str, Floats32]]] = [[], []]
    nets = {called: net for called, net in networks.extractors.items() if called != "lpips"}
    for side, sources in zip(sides, (films, real), strict=True):
        for source in sources.values() if nets else ():
            side.append(features_of(source, nets, folder))
            if on_done:
                on_done(sum(map(len, sides)), len(films) + len(real))
    distances = []
    digest = reference_digest(source.key for source in real.values())
    for called, net in nets.items():
        ours, theirs = ([seen[called] for seen in side] for side in sides)
        distances += feature_distances(name, net, *matched(ours, theirs), digest)
        if len(theirs) > 1:
            half = reference_digest(source.key for source in list(real.values())[1::2])
            distances += feature_distances(f"{REAL}, half", net, *matched(theirs[::2], theirs[1::2]), half)
    return distances


def matched(films: Features, real: Features, most: int | None = None) -> tuple[list[Any], list[Any]]:
    """Both sides with as many samples as the smaller has, and at most `most`, spread evenly over the larger.

    The real samples come in as many pieces as there are films, each as long as its film and in an order by
    chance, so that functions of pairs take them: a resample then draws films and pieces of real videos, and
    every part of a film's time is compared with real samples of any time. Films without samples are left out.
    """
    count = min(sum(map(len, films)), sum(map(len, real)))
    count = count if most is None else min(count, most)
    ours = [film for film in _thinned(films, count) if len(film)]
    pool = np.concatenate(_thinned(real, count))
    chance = np.random.default_rng(0)
    pieces = np.split(pool, np.cumsum([len(film) for film in ours])[:-1]) if ours else []
    return ours, [chance.permutation(piece) for piece in pieces]


def _thinned(films: Features, count: int) -> list[NDArray[np.floating]]:
    """`count` of all samples, spread evenly, by film."""
    total = sum(map(len, films))
    chosen = np.arange(count) * total // max(count, 1)
    ends = np.cumsum([len(film) for film in films])
    return [
        film[chosen[(chosen >= end - len(film)) & (chosen < end)] - (end - len(film))]
        for film, end in zip(films, ends, strict=True)
    ]


def _square(frame: Pixels) -> Pixels:
    """The middle square, as many pixels a side as the frame's shorter one, averaged to 64x64."""
    height, width = frame.shape[:2]
    side = min(height, width)
    if side < _SIZE:
        raise VideoError(f"frames of {width}x{height} are too small: give {_SIZE}x{_SIZE} or more")
    top, left = (height - side) // 2, (width - side) // 2
    return shrink(frame[top : top + side, left : left + side], _SIZE)


def _seen(name: str, source: Source, folder: Path) -> WatchedPixels:
    """As `watch_pixels`; `folder` keeps it."""
    path = kept_path(folder, _VERSION, source.key, "pixels", RandomVideoNet().sha256)
    if not path.is_file():
        try:
            seen = watch_pixels(source.frames())
        except VideoError as error:
            raise VideoError(f"{name}: {error}") from error
        keep(path, **arrays_of(seen))
    return pixels_of(load_kept(path))


def _scenes(signals: Signals) -> Script:
    """A script that asks for nothing, and cuts where the film jumps: what spans a cut is no motion."""
    step = signals.difference
    jumps = np.flatnonzero(jumps_of(step)).tolist() if len(step) > 1 else []
    return _cut_at(jumps, len(step))


def _cut_at(jumps: Sequence[int], frames: int) -> Script:
    """Of any world; the first has nobody to stage."""
    return script_of_prompts(world(1), [(number, "") for number in (0, *jumps)], frames)


def _typical(real: Sequence[WatchedPixels]) -> tuple[float, float] | None:
    """Mean motion and sharpness of the real videos, each by its own mean; None where no frames are calm."""
    calm = [(film.signals, calm_steps(_scenes(film.signals))) for film in real]
    means = [
        (signals.difference[use].mean(), signals.sharpness[use].mean()) for signals, use in calm if use.any()
    ]
    return (float(np.mean([m for m, _ in means])), float(np.mean([s for _, s in means]))) if means else None


def _result(name: str, signals: Signals, typical: tuple[float, float] | None) -> FilmResult:
    """The measures of one film."""
    frames = len(signals.difference)
    reference = typical and replace(
        signals,
        difference=np.full(frames, typical[0], dtype=np.float32),
        sharpness=np.full(frames, typical[1], dtype=np.float32),
    )
    drift = drift_measures(np.full(frames, np.nan), signals, None)
    moves = motion_measures(_scenes(signals), signals, reference)
    own = "the film's own: holds what its scenes change" if frames > 1 else "fewer than two frames"
    return FilmResult(
        name,
        {
            "cuts": cut_measures(_cut_at((), frames), signals)["spurious_cuts"],
            **{called: one for called, one in moves.items() if called in BESIDE_REAL_VIDEOS},
            **{
                called: Measured(drift[called].value, note=own)
                for called in ("drift_saturation", "drift_contrast")
            },
        },
        {
            "saturation": curve(signals.saturation),
            "contrast": curve(signals.contrast),
            "motion": curve(signals.difference),
        },
    )


def _distance(films: Features, real: Features) -> tuple[Measured, int]:
    """FD motion of the films to the real videos, and how many clips of each were compared."""
    ours, theirs = matched(films, real)
    samples = sum(map(len, ours))
    if samples < 2:
        return not_measured("fewer than two clips of 16 frames: take longer films, or more"), samples
    distance = pooled_distance(ours, theirs, np.random.default_rng(0))
    width = ours[0].shape[1]
    note = f"N = {samples} of {distance.films} films"
    note += f", fewer than the {width} features: mostly bias" if samples < width else ""
    return Measured(distance.value, note=note, low=distance.low, high=distance.high), samples


def _apart(real: Features, samples: int) -> Measured:
    """FD motion of one half of the real videos to the other, mean of ten ways to halve them.

    No video is in both halves, as no film is among the real videos. The note has the floor, too: clips of all
    videos mixed, then halved, which is what the number of clips alone makes of nothing.
    """
    pool, chance = np.concatenate(real), np.random.default_rng(0)
    most = min(samples, len(pool) // 2)
    if most < 2:
        return not_measured("fewer than four clips of 16 frames: take longer videos, or more")
    nothing = floor(pool, most, chance)
    remark = f"floor {nothing:.4g}: the clips of all, mixed and halved, N = {most}"
    real = [video for video in real if len(video)]
    distances, counts = [], []
    for _ in range(_SPLITS if len(real) > 1 else 0):
        order = chance.permutation(len(real))
        one, two = ([real[i] for i in half] for half in np.array_split(order, 2))
        ours, theirs = matched(one, two, most)
        counts.append(sum(map(len, ours)))
        if counts[-1] > 1:
            distances.append(pooled_distance(ours, theirs, chance, resamples=0).value)
    if not distances:
        return Measured(nothing, note=remark)
    least, most = min(counts), max(counts)
    numbers = str(most) if least == most else f"{least} to {most}"
    note = f"half of the videos to the others, N = {numbers}; {remark}"
    return Measured(float(np.mean(distances)), note=note)
