"""Does it move as it must: do feet carry walkers, do jumpers fly, is everybody where the clock says.

In an edition whose poses follow from prompt and scene clock everything but hues and layouts is determined, so
what is read of any film stands beside the script itself. Places are measured against the scenery, for a
camera that goes along hides whether anybody gets on.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from longtake.evaluate.measured import Floats, Ints, Measured, mean_of
from longtake.evaluate.prompts import PRESENT
from longtake.evaluate.readings import Readings
from longtake.evaluate.script import Script

_SPAN = 16  # frames over which a walker's way is measured
_HOP = 8  # frames: a way is put together of such, each far less than half a round of the scenery
_LONG = 40  # frames that a walker must walk for its way over the scene to be measured
WHOLE = 0.9  # share of a figure that must be in the picture
_CLEAR = 0.2  # by so much one foot must be likelier on the ground than the other
_LOST = 0.3  # picture widths: farther off is not worse
_BALL, _SUN, _LANDMARK = range(3)  # in `Readings.things`

NAMES = (
    "going", "going_scene", "foot_slip", "steps", "pose_error", "jump_arc", "ball_kept", "two_suns",
    "two_landmarks",
)  # fmt: skip


def going_measures(script: Script, readings: Readings) -> dict[str, Measured]:
    """The measures of the group "going", by their names in the catalogue.

    going: how far a walker gets against the scenery in 16 frames, as a share of how far it should;
    going_scene: over the scene. foot_slip: how far it gets less how far its steps ask for, as a share of how
    far it should. steps: share of frames on which the foot that stands is the one that the clock says.
    pose_error: distance of a figure's middle from where it should be, picture widths, 0.3 at most. jump_arc:
    share of the variance of the height of a jumper's middle that the scripted arc explains at its best shift
    in time. ball_kept: share of frames on which there are as many balls as there should be, where there
    should be any. two_suns, two_landmarks: share of frames with more than one of them. A unit is a scene,
    where somebody walks or jumps one of those who do.
    """
    assert script.world.round is not None
    walkers = [_walk(script, readings, who, frames) for who, frames in _walks(script, readings)]
    table = {
        name: [walk[name] for walk in walkers] for name in ("going", "going_scene", "foot_slip", "steps")
    }
    nobody = "nobody who walks was seen"
    things, balls = readings.thing_count, script.staged.balls
    kept = np.where(balls > 0, things[:, _BALL] == balls, np.nan)
    return {
        "going": mean_of(table["going"], f"{nobody} for {_SPAN} frames"),
        "going_scene": mean_of(table["going_scene"], f"{nobody} for {_LONG} frames"),
        "foot_slip": mean_of(table["foot_slip"], nobody),
        "steps": mean_of(table["steps"], nobody),
        "pose_error": mean_of(_pose_errors(script, readings), "nobody who is asked for was seen"),
        "jump_arc": mean_of(_arcs(script, readings), "nobody who jumps was seen"),
        "ball_kept": mean_of(_by_scene(script, kept), "nobody plays with a ball"),
        "two_suns": mean_of(_by_scene(script, things[:, _SUN] > 1), "there are no frames"),
        "two_landmarks": mean_of(_by_scene(script, things[:, _LANDMARK] > 1), "there are no frames"),
    }


def _seen(script: Script, readings: Readings) -> NDArray[np.bool_]:
    """[N, K]: asked for, wholly in the picture, and read there."""
    stage = script.staged
    return script.wanted.present & (stage.shown >= WHOLE) & (readings.presence > PRESENT)


def _walks(script: Script, readings: Readings) -> Iterator[tuple[int, Ints]]:
    """(who, frames in a row of one scene on which it should walk and is seen)."""
    walking = _seen(script, readings) & (script.staged.walks != 0)
    for who in range(walking.shape[1]):
        frames = np.flatnonzero(walking[:, who])
        scene = script.wanted.scene[frames]
        breaks = np.flatnonzero((np.diff(frames) > 3) | (np.diff(scene) != 0)) + 1
        yield from ((who, part) for part in np.split(frames, breaks) if len(part) > _SPAN)


def _walk(script: Script, readings: Readings, who: int, frames: Ints) -> dict[str, float]:
    """What is measured of one walk; nan where it is too short."""
    stage, period = script.staged, script.world.round
    assert period is not None
    facing = int(stage.walks[frames[0], who])
    within = (readings.middle[frames, who, 0].astype(float) - 0.5) / stage.zoom[frames]
    read = facing * _unwrapped(within - readings.landmark[frames].astype(float), frames, period)
    wanted = facing * ((stage.middle[frames, who, 0] - 0.5) / stage.zoom[frames] - stage.camera[frames])
    at = np.searchsorted(frames, frames + _SPAN)
    pairs = [(k, j) for k, j in enumerate(at) if j < len(frames) and frames[j] == frames[k] + _SPAN]
    nan = float("nan")
    due = sum(wanted[j] - wanted[k] for k, j in pairs)
    whole = wanted[-1] - wanted[0]
    return {
        "going": sum(read[j] - read[k] for k, j in pairs) / due if pairs else nan,
        "going_scene": (read[-1] - read[0]) / whole if frames[-1] - frames[0] >= _LONG else nan,
        "foot_slip": _slip(readings.contacts[frames, who], read, float(stage.step[frames[0], who]), whole),
        "steps": _on_time(readings.contacts[frames, who], stage.contacts[frames, who]),
    }


def _unwrapped(places: Floats, frames: Ints, period: float) -> Floats:
    """Places on a round as places on a line: over up to 8 frames the shorter way is the one that was gone."""
    rough = np.zeros(len(places))
    for k in range(1, len(places)):
        back = int(np.searchsorted(frames, frames[k] - _HOP))
        way = places[k] - places[back]
        rough[k] = rough[back] + (way + period / 2) % period - period / 2
    return rough


def _slip(contacts: NDArray[np.floating], read: Floats, step: float, whole: float) -> float:
    """|way - steps x length of a step| as a share of the way that is due, from the first step to the last."""
    ahead = contacts[:, 0].astype(float) - contacts[:, 1]
    side = np.where(ahead > _CLEAR, 1, np.where(ahead < -_CLEAR, -1, 0))
    known = np.flatnonzero(side)
    changes = known[1:][side[known[1:]] != side[known[:-1]]]
    if len(changes) < 2:  # it does not step, so it should not get on
        return float(abs(read[-1] - read[0]) / abs(whole))
    due = abs(whole) * (changes[-1] - changes[0]) / (len(read) - 1)
    got = read[changes[-1]] - read[changes[0]]
    return float(abs(got - step * (len(changes) - 1)) / due)


def _on_time(contacts: NDArray[np.floating], wanted: Floats) -> float:
    """Share of the frames on which one foot should stand and does."""
    alone = wanted[:, 0] + wanted[:, 1] == 1
    right = (contacts[:, 0] > contacts[:, 1]) == (wanted[:, 0] > wanted[:, 1])
    return float(right[alone].mean()) if alone.any() else float("nan")


def _pose_errors(script: Script, readings: Readings) -> Floats:
    """Mean distance of each scene."""
    seen = _seen(script, readings)
    off = np.linalg.norm(readings.middle.astype(float) - script.staged.middle, axis=2)
    off = np.where(seen, np.minimum(off, _LOST), np.nan)
    return _by_scene(script, _row_means(off))


def _row_means(table: Floats) -> Floats:
    """Means of the numbers of each row [N, K]; nan where it has none."""
    known = ~np.isnan(table)
    with np.errstate(invalid="ignore"):
        return np.asarray(np.where(known, table, 0).sum(axis=1) / known.sum(axis=1))


def _arcs(script: Script, readings: Readings) -> list[float]:
    """How well each jumper's height follows the scripted arc, whenever it jumps."""
    jump = script.world.actions.index("jump")
    jumping = _seen(script, readings) & (script.wanted.action == jump)
    found = []
    for who in range(jumping.shape[1]):
        frames = np.flatnonzero(jumping[:, who])
        for part in np.split(frames, np.flatnonzero(np.diff(script.wanted.scene[frames])) + 1):
            if len(part) > 2 * _SPAN and part[-1] - part[0] == len(part) - 1:
                read = readings.middle[part, who, 1].astype(float)
                found.append(_follows(read, script.staged.middle[part, who, 1]))
    return found


def _follows(read: Floats, wanted: Floats) -> float:
    """Share of the variance of `wanted` that `read` explains, at the best of shifts by up to 16 frames."""
    best = -np.inf
    for shift in range(-_SPAN, _SPAN + 1):
        low, high = max(0, shift), len(read) + min(0, shift)
        there, here = wanted[low - shift : high - shift], read[low:high]
        off = (here - here.mean()) - (there - there.mean())
        best = max(best, 1 - float(np.square(off).mean() / there.var()))
    return max(0.0, best)


def _by_scene(script: Script, values: NDArray[np.generic]) -> Floats:
    """The mean of the numbers of each scene [S]; nan where it has none."""
    numbers = values.astype(float)
    known = ~np.isnan(numbers)
    scene, count = script.wanted.scene, len(script.shots)
    with np.errstate(invalid="ignore"):
        sums = np.bincount(scene[known], numbers[known], count) / np.bincount(scene[known], minlength=count)
    return np.asarray(sums)
