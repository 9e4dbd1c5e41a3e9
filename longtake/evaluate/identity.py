"""Does the film remember: is a character the same later on, does a place look as it did.

The colour of an outfit and the layout of a place stand in no prompt, so a film that follows its prompts alone
draws them anew each time. They are compared only on frames where the script asks for the character or the
place and the probe agrees that it is there; elsewhere a reading means nothing. A unit is a pair of shots: the
median over pairs of their frames, so that two shots with many frames weigh no more than two with few.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from itertools import combinations, combinations_with_replacement

import numpy as np
from numpy.typing import NDArray

from longtake.evaluate.measured import Floats, Ints, Measured, mean_of, not_measured
from longtake.evaluate.prompts import PRESENT
from longtake.evaluate.reach import Reach
from longtake.evaluate.readings import Readings
from longtake.evaluate.script import Script
from longtake.world.facts import LANDMARK, LANDMARK_RANGE

Metric = Callable[[Floats, Floats], Floats]

_FAR = 500  # frames; a pair for identity_far is further apart
_NEAR, _MIDDLE = 15, 225  # frames of a gap: near is below the first, far above the second
_SAMPLES = 8  # frames of a shot that are compared, at most


def identity_measures(script: Script, readings: Readings, reach: Reach | None) -> dict[str, Measured]:
    """The measures of the group "identity", by their names in the catalogue; `reach` None: no plan is known.

    identity_*: distance of hues on a circle of length 1 (0.25 by chance) of one character, over frames more
    than 500 apart, of two shots or of one that is so long. revisit_*: distance of layouts (1/3 by chance) of
    one place in two shots between which the film was elsewhere, by how far the frames lie apart. The layout
    follows from the landmark and the shift of the scenery that was asked for: in the first edition it is off
    by 0.1 at most in a film that pans otherwise. Where scenery comes again, so do layouts.
    """
    return {**_identity(script, readings, reach), **_revisits(script, readings, reach)}


def cast_hues(script: Script, readings: Readings) -> dict[int, float]:
    """The mean hue (0..1, on the circle) of every character that is asked for and seen, by its index."""
    shown = script.wanted.present & (readings.presence > PRESENT)
    turned = np.exp(2j * np.pi * readings.hue.astype(float))
    seen = np.flatnonzero(np.any(shown, axis=0)).tolist()
    return {who: float(np.angle(turned[shown[:, who], who].mean()) / (2 * np.pi) % 1) for who in seen}


def diversity(casts: Sequence[dict[int, float]]) -> Measured:
    """Mean distance of one character's hues (`cast_hues`) in two films; units: per pair and character.

    0.25 where films are drawn independently, 0 where one cast plays in all of them.
    """
    if len(casts) < 2:
        return not_measured("needs at least two films")
    everyone = sorted({who for cast in casts for who in cast})
    hues = np.array([[cast.get(who, np.nan) for who in everyone] for cast in casts])
    units = [_around(a, b) for a, b in combinations(hues, 2)]
    return mean_of(np.concatenate(units), "no two films show the same character")


def _identity(script: Script, readings: Readings, reach: Reach | None) -> dict[str, Measured]:
    units, joined = [], []
    shown = script.wanted.present & (readings.presence > PRESENT)
    for who in range(len(script.world.characters)):
        hue = readings.hue[:, who].astype(float)
        frames = _by_shot(script, shown[:, who])
        for a, b in combinations_with_replacement(frames, 2):
            units.append(_apart(hue, _around, frames[a], frames[b], _FAR + 1, script.length))
            joined.append(reach is not None and reach.characters[who, a] == reach.characters[who, b])
    why = f"no character was seen twice, over {_FAR} frames apart"
    return {
        "identity_far": mean_of(units, why),
        **_by_reach("identity", units, joined, reach),
    }


def _revisits(script: Script, readings: Readings, reach: Reach | None) -> dict[str, Measured]:
    bands = {
        "revisit_near": (1, _NEAR - 1),
        "revisit_middle": (_NEAR, _MIDDLE),
        "revisit_far": (_MIDDLE + 1, script.length),
    }
    units: dict[str, list[float]] = {name: [] for name in bands}
    joined = []
    wanted = script.wanted
    layout = (readings.landmark.astype(float) - wanted.camera - LANDMARK) / LANDMARK_RANGE
    again = script.world.round
    between = _between if again is None else partial(_around, length=again / LANDMARK_RANGE)
    place = wanted.place[script.starts]
    visit = np.cumsum(np.diff(place, prepend=place[:1]) != 0)  # shots in a row at one place are one visit
    recognised = np.argmax(readings.place, axis=1) == wanted.place
    for where in range(len(script.world.places)):
        frames = _by_shot(script, recognised & (wanted.place == where))
        for a, b in combinations(frames, 2):
            if visit[a] != visit[b]:
                for name, (low, high) in bands.items():
                    units[name].append(_apart(layout, between, frames[a], frames[b], low, high))
                joined.append(reach is not None and reach.places[where, a] == reach.places[where, b])
    why_not = "no place was seen again {} frames later"
    return {
        "revisit_near": mean_of(units["revisit_near"], why_not.format(f"under {_NEAR}")),
        "revisit_middle": mean_of(units["revisit_middle"], why_not.format(f"{_NEAR} to {_MIDDLE}")),
        "revisit_far": mean_of(units["revisit_far"], why_not.format(f"over {_MIDDLE}")),
        **_by_reach("revisit", units["revisit_middle"] + units["revisit_far"], joined * 2, reach),
    }


def _by_reach(
    name: str, units: Sequence[float], joined: Sequence[bool], reach: Reach | None
) -> dict[str, Measured]:
    if reach is None:
        unknown = not_measured("no plan is known")
        return {f"{name}_reached": unknown, f"{name}_unreached": unknown}
    every = np.array(units, dtype=float)
    counted = ~np.isnan(every)
    near = np.array(joined, dtype=bool)
    share = 100 * np.mean(near[counted]) if np.any(counted) else 0.0
    return {
        f"{name}_reached": mean_of(every[near], "no pair is within reach", f"{share:.0f} % of pairs"),
        f"{name}_unreached": mean_of(
            every[~near], "no pair is beyond reach", f"{100 - share:.0f} % of pairs"
        ),
    }


def _by_shot(script: Script, shown: NDArray[np.bool_]) -> dict[int, Ints]:
    """The frames at which `shown` [N] holds, by shot, for the shots that have any."""
    frames = np.flatnonzero(shown)
    shots, first = np.unique(script.wanted.scene[frames], return_index=True)
    return dict(zip(shots.tolist(), np.split(frames, first[1:]), strict=False))  # no frames: one empty part


def _apart(values: Floats, distance: Metric, first: Ints, second: Ints, low: int, high: int) -> float:
    """Median distance of the values [N] at frames of two shots that are `low` to `high` frames apart, or nan.

    Up to eight frames of each that can have such a partner stand for the shot, evenly spaced and none at its
    ends where it is long.
    """
    if second[-1] - first[0] < low or second[0] - first[-1] > high:
        return float("nan")
    i = _sampled(first[first >= second[0] - high])
    j = _sampled(second[second <= first[-1] + high])
    gap = j - i[:, None]
    apart = distance(values[i][:, None], values[j])[(gap >= low) & (gap <= high)]
    return float(np.median(apart)) if len(apart) else float("nan")


def _sampled(frames: Ints) -> Ints:
    count = min(_SAMPLES, len(frames))
    return frames[(2 * np.arange(count) + 1) * len(frames) // (2 * count)]


def _around(a: Floats, b: Floats, length: float = 1) -> Floats:
    """Distance on a circle."""
    turn = np.abs(a - b) % length
    return np.asarray(np.minimum(turn, length - turn))


def _between(a: Floats, b: Floats) -> Floats:
    return np.asarray(np.abs(a - b))
