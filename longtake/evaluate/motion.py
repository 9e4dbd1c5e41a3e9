"""How a film moves: as much as it should, smoothly, without flicker, and as sharp as it should be.

A frozen film has no seam, no drift and a perfect memory: the measures of consistency mean nothing without
these.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from longtake.evaluate.measured import Floats, Measured, mean_of, not_measured
from longtake.evaluate.readings import Signals
from longtake.evaluate.script import Script
from longtake.evaluate.seams import calm_steps

_LAG = 8  # frames, that of `Signals.lag`
_LEAST = 1e-4  # of 0..1: less motion, or detail, than anyone sees; keeps logarithms finite


def motion_measures(script: Script, signals: Signals, reference: Signals | None) -> dict[str, Measured]:
    """Lag ratio, flicker, motion, sharpness, haze; all leave out what lies at a scripted cut or next to it.

    Lag ratio: mean difference over 8 frames by that over 1 frame; 0 where nothing moves, 1 where frames are
    in no order, 8 where all moves on and on. Flicker: mean |2 L(t) - L(t-1) - L(t+1)| of the mean luminance
    in 1/255, mean over scenes. Motion, sharpness and haze: log2 of the ratio to the `reference`, the same
    script drawn with other hidden facts; 0 = as much, not measured without one. Haze of the worst scenes: of
    the tenth of scenes that have most of it.

    Units are per scene. Those of ratios are linearised: their mean is the ratio of the whole film, and they
    spread as it would over other scenes (Taylor series variance of a ratio).
    """
    calm = calm_steps(script)
    smooth = np.append(calm[:-1] & calm[1:], False)  # of frames: the steps into and out of them
    all_calm = np.lib.stride_tricks.sliding_window_view(np.append(np.zeros(_LAG - 1, dtype=bool), calm), _LAG)
    lagged: NDArray[np.bool_] = np.all(all_calm, axis=1)
    bend = np.zeros(script.length)
    level = signals.luminance.astype(np.float64)
    bend[1:-1] = 255 * np.abs(2 * level[1:-1] - level[:-2] - level[2:])
    flicker, frames = _per_scene(script, smooth, bend)
    return {
        "lag_ratio": _ratio(*_per_scene(script, lagged, signals.lag, signals.difference)),
        "flicker": mean_of(flicker / frames, "no scene has enough frames"),
        **_against(script, calm, signals, reference),
    }


def _against(
    script: Script, calm: NDArray[np.bool_], signals: Signals, reference: Signals | None
) -> dict[str, Measured]:
    """The measures that need a reference."""
    if reference is None:
        names = "motion", "sharpness", "haze", "haze_worst"
        return dict.fromkeys(names, not_measured("there is no reference"))
    pairs = {
        "motion": (signals.difference, reference.difference),
        "sharpness": (signals.sharpness, reference.sharpness),
        "haze": (signals.haze, reference.haze),
    }
    ratios = {name: _log_ratio(*_per_scene(script, calm, *pair)) for name, pair in pairs.items()}
    film, true, _ = _per_scene(script, calm, *pairs["haze"])
    scenes = np.sort(np.log2((film + _LEAST) / (true + _LEAST)))
    return {
        **ratios,
        "haze_worst": mean_of(scenes[-max(1, len(scenes) // 10) :], "no scene has enough frames"),
    }


def _per_scene(script: Script, use: NDArray[np.bool_], *values: NDArray[np.floating]) -> list[Floats]:
    """Of each scene with frames in `use` `[N]`: the sums of the values over them, and their number, last."""
    scene = script.wanted.scene[use]
    frames = np.bincount(scene, minlength=len(script.shots)).astype(np.float64)
    sums = [np.bincount(scene, weights=value[use], minlength=len(script.shots)) for value in values]
    return [np.asarray(each[frames > 0], dtype=np.float64) for each in (*sums, frames)]


def _ratio(over: Floats, under: Floats, frames: Floats) -> Measured:
    """The ratio of the sums, 0 where both are 0."""
    if not len(frames):
        return not_measured(f"no scene has more than {_LAG} frames")
    if not under.any():
        return Measured(0.0, np.zeros(len(frames)), "nothing moves")
    ratio = over.sum() / under.sum()
    return Measured(float(ratio), ratio + (over - ratio * under) / under.mean())


def _log_ratio(film: Floats, reference: Floats, frames: Floats) -> Measured:
    """log2 of the ratio of the means over all frames."""
    if not len(frames):
        return not_measured("no scene has enough frames")
    shares = []  # each scene's part in the relative deviation from the mean
    means = []
    for sums in (film, reference):
        means.append(sums.sum() / frames.sum() + _LEAST)
        shares.append((sums + _LEAST * frames) / (means[-1] * frames.mean()))
    value = math.log2(means[0] / means[1])
    return Measured(value, value + (shares[0] - shares[1]) / math.log(2))
