"""Does the film show what was asked for: cast, counts, actions, place, time of day and weather, per frame.

Only what a prompt asks for is counted. All frames of a scene count alike, those right after a cut too: a film
that takes a while to settle is wrong for that while. Measures are means over scenes, so that a short cutaway
weighs as much as a long scene; only the F1 of the cast is taken over all frames at once.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from longtake.evaluate.measured import Floats, Measured, mean_of
from longtake.evaluate.readings import Readings
from longtake.evaluate.script import NOT_ASKED, Script
from longtake.world.vocabulary import held_out

PRESENT = 0.5  # a character is read as present where its probability is higher

_NO_WALK = 1  # in Wanted.direction
_NO_CAST = "no prompt names a character"


def frame_correct(script: Script, readings: Readings) -> Floats:
    """1 where all that is asked of a frame is read in it, else 0 `[N]`; nan where nothing is asked.

    Asked for are the exact cast, the place, the time of day and the weather, each where the prompt names it.
    """
    wanted = script.wanted
    judged = wanted.cast_asked.copy()
    right = ~judged | np.all(((readings.presence > PRESENT) == wanted.present) | ~wanted.sure, axis=1)
    attributes = (
        (wanted.place, readings.place),
        (wanted.time, readings.time),
        (wanted.weather, readings.weather),
    )
    for index, read in attributes:
        judged |= index != NOT_ASKED
        right &= (index == NOT_ASKED) | (np.argmax(read, axis=1) == index)
    return np.where(judged, right.astype(float), np.nan)


def prompt_measures(script: Script, readings: Readings) -> dict[str, Measured]:
    """The measures of the group "prompt", by their names in the catalogue.

    Actions and directions are judged on frames where the character is asked for and read as present, and
    directions only of characters that should walk: of the others "does not walk" says no more than the action
    does. A scene is composed where its prompt has a pair, of a character and an action or a place, that no
    training episode shows; else it is familiar. Counts, cast and off-script characters are judged where a
    cast is asked for; a character that is there twice is wrong on any frame.
    """
    wanted = script.wanted
    seen = readings.presence > PRESENT
    counts = np.rint(readings.count)
    correct = frame_correct(script, readings)
    scenes = _share(script, correct == 1, ~np.isnan(correct))
    composed = np.array(
        [
            any(held_out(name, action, demand.place) for name, action, _ in demand.cast)
            for demand in script.demands
        ]
    )
    there = wanted.present & seen
    acts = there & (wanted.action != NOT_ASKED)
    walks = there & (wanted.direction != NOT_ASKED) & (wanted.direction != _NO_WALK)
    did = np.argmax(readings.action, axis=2) == wanted.action
    went = np.argmax(readings.direction, axis=2) == wanted.direction
    cast = wanted.cast_asked
    counted = np.all((counts == wanted.present) | ~wanted.sure, axis=1)
    extra = np.sum(seen & ~wanted.present & wanted.sure, axis=1)
    return {
        "scene_accuracy": mean_of(scenes, "the prompts ask for nothing"),
        "scenes_familiar": mean_of(scenes[~composed], "every scene has a pair that training never shows"),
        "scenes_composed": mean_of(scenes[composed], "no scene has a pair that training never shows"),
        "worst_tenth": mean_of(_worst_tenth(scenes), "the prompts ask for nothing"),
        "character_f1": _f1(script, seen),
        "action_accuracy": mean_of(
            _share(script, (acts & did).sum(axis=1), acts.sum(axis=1)),
            "no character of which an action is asked was seen",
        ),
        "direction_accuracy": mean_of(
            _share(script, (walks & went).sum(axis=1), walks.sum(axis=1)),
            "no character that should walk left or right was seen",
        ),
        "count_accuracy": mean_of(_share(script, counted & cast, cast), _NO_CAST),
        "doubled": mean_of(
            _share(script, np.any(counts >= 2, axis=1), np.ones(script.length)), "there are no frames"
        ),
        "off_script": mean_of(_share(script, extra * cast, cast), _NO_CAST),
    }


def _share(script: Script, hits: NDArray[np.generic], out_of: NDArray[np.generic]) -> Floats:
    """The sum of `hits` [N] over that of `out_of` [N] per scene [S]; nan where the latter is 0."""
    scene, count = script.wanted.scene, len(script.shots)
    with np.errstate(invalid="ignore"):
        return np.asarray(
            np.bincount(scene, hits.astype(float), count) / np.bincount(scene, out_of.astype(float), count)
        )


def _worst_tenth(scenes: Floats) -> Floats:
    ordered = np.sort(scenes[~np.isnan(scenes)])
    return ordered[: max(1, len(ordered) // 10)]


def _f1(script: Script, seen: NDArray[np.bool_]) -> Measured:
    """F1 of "this character is there", over all frames and characters; units: the same of each scene."""
    wanted = script.wanted
    cast = wanted.cast_asked
    hits = 2 * np.sum(wanted.present & seen, axis=1) * cast
    either = (np.sum(wanted.present, axis=1) + np.sum(seen & wanted.sure, axis=1)) * cast
    scenes = mean_of(_share(script, hits, either), _NO_CAST)
    return Measured(float(hits.sum() / either.sum()), scenes.units) if len(scenes.units) else scenes
