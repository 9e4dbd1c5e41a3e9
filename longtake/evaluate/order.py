"""Does the film tell its story in order: are scenes found where the script has them, does the clock run on.

The sun or moon crosses the sky once in 4,500 frames and no prompt speaks of it. Frames that are drawn without
knowing where they stand in the film cannot get it right.
"""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from longtake.evaluate.measured import Floats, Ints, Measured, mean_of, not_measured
from longtake.evaluate.readings import Readings
from longtake.evaluate.script import NOT_ASKED, Script

_SHORTEST = 12  # frames; shorter shots are not looked for
_SMOOTH = 9  # frames over which a match is averaged
_BIN = 20  # frames of one reading of the clock, which moves in such steps
_WRAP = 0.8  # of a period: a step of the clock as wide as this is its start over again
_STRETCH = 10  # bins over which the clock must run on
_STANDS = 0.25  # of its due speed: a clock that is slower stands or runs back


def order_measures(script: Script, readings: Readings) -> dict[str, Measured]:
    """The measures of the group "order", by their names in the catalogue.

    tau: -1..1, Kendall's tau between the script's order of the shots that no other shot can be taken for and
    the order in which the film shows them best; two that are found at once count 0. Units: the mean of each
    shot with all others. clock_order: -1..1, Spearman's correlation of the clock with time within stretches
    of one period, each weighed by its length; 0 for a clock that stands still. clock_back: 0..1, share of the
    time at which the clock is more than 90 frames behind what it showed in the 200 frames before.
    """
    clock, period = _clock(readings.clock), script.world.clock_period
    return {
        "tau": _tau(script, readings),
        "clock_order": _clock_order(clock, period),
        "clock_back": _clock_back(clock, period),
    }


def _tau(script: Script, readings: Readings) -> Measured:
    demands = _demands(script)
    long = script.ends - script.starts >= _SHORTEST
    shots = np.flatnonzero(_unmistakable(demands) & long)
    if len(shots) < 2 or script.length < _SMOOTH:
        return not_measured(f"fewer than two shots of {_SHORTEST} frames ask for something of their own")
    frames = np.array([_best_frame(script, readings, int(shot)) for shot in shots])
    agree = np.sign(frames - frames[:, None]) * np.sign(shots - shots[:, None])
    return mean_of(agree.sum(axis=1) / (len(shots) - 1), "")


def _demands(script: Script) -> Ints:
    """What each shot asks for `[S, 4]`: cast (as bits), place, time, weather, or NOT_ASKED."""
    wanted, at = script.wanted, script.starts
    cast = script.cast @ (1 << np.arange(script.cast.shape[1]))
    cast[~wanted.cast_asked[at]] = NOT_ASKED
    return np.stack([cast, wanted.place[at], wanted.time[at], wanted.weather[at]], axis=1)


def _unmistakable(demands: Ints) -> NDArray[np.bool_]:
    """Shots `[S]` that differ from every other in something that both ask for."""
    both = (demands != NOT_ASKED)[:, None] & (demands != NOT_ASKED)
    differ = np.any(both & (demands[:, None] != demands), axis=2)
    return np.asarray(differ.sum(axis=1) == len(demands) - 1)


def _best_frame(script: Script, readings: Readings, shot: int) -> int:
    """The first of the frames around which the film matches best what the shot asks for."""
    wanted, at = script.wanted, script.starts[shot]
    match = []
    if wanted.cast_asked[at]:
        match.append(np.prod(np.where(script.cast[shot], readings.presence, 1 - readings.presence), axis=1))
    indices = (wanted.place[at], readings.place), (wanted.time[at], readings.time)
    for index, read in (*indices, (wanted.weather[at], readings.weather)):
        if index != NOT_ASKED:
            match.append(read[:, index])
    smooth = np.convolve(np.mean(match, axis=0, dtype=float), np.full(_SMOOTH, 1 / _SMOOTH), "valid")
    return int(np.argmax(smooth.round(6)))  # rounded, so that frames that are equal are a tie


def _clock(read: NDArray[np.float32]) -> Floats:
    """The clock per 20 frames, counted on where it starts over again; what is left at the end is dropped.

    The upper median of each bin: a mean of the two in the middle may lie between one crossing and the next.
    """
    bins = read[: len(read) // _BIN * _BIN].reshape(-1, _BIN).astype(float)
    middle = np.sort(bins, axis=1)[:, _BIN // 2].round(4)  # rounded: equal frames are read alike
    step = np.diff(middle, prepend=middle[:1])
    return np.asarray(middle + np.cumsum((step < -_WRAP).astype(int) - (step > _WRAP)))


def _clock_order(clock: Floats, period: int) -> Measured:
    crossing = period // _BIN
    stretches = [clock[at : at + crossing] for at in range(0, len(clock), crossing)]
    stretches = [stretch for stretch in stretches if len(stretch) > 2]
    if not stretches:
        return not_measured(f"the film is shorter than {3 * _BIN} frames")
    order = [_spearman(stretch, np.arange(len(stretch), dtype=float)) for stretch in stretches]
    return Measured(float(np.average(order, weights=[len(stretch) for stretch in stretches])))


def _clock_back(clock: Floats, period: int) -> Measured:
    """The speed is the median over all pairs of bins (Theil-Sen), so that no single wrong reading decides."""
    if len(clock) < _STRETCH:
        return not_measured(f"the film is shorter than {_STRETCH * _BIN} frames")
    early, late = np.triu_indices(_STRETCH, k=1)
    stretches = sliding_window_view(clock, _STRETCH)
    speed = np.median((stretches[:, late] - stretches[:, early]) / (late - early), axis=1)
    return mean_of((speed < _STANDS * _BIN / period).astype(float), "")


def _spearman(x: Floats, y: Floats) -> float:
    """Spearman's rank correlation; 0 where one of the two is constant."""
    a, b = _ranks(x), _ranks(y)
    scale = np.sqrt(np.sum(a * a) * np.sum(b * b))
    return float(np.sum(a * b) / scale) if scale else 0.0


def _ranks(x: Floats) -> Floats:
    """Ranks around 0; equal values share the mean of theirs."""
    _, which, count = np.unique(x, return_inverse=True, return_counts=True)
    return np.asarray((np.cumsum(count) - (count - 1) / 2)[which] - (len(x) + 1) / 2)
