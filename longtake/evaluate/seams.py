"""Where clips meet: does the picture jump there, and does it jump where the script cuts and nowhere else?

A film is drawn in clips. Most share their end frames (arXiv 2303.12346): frame b on their border was drawn
first, by a clip above; the clip before it ends in frame b - 1, and frame b is shown from the clip that begins
with it. In a chain that shares none, b is the first frame of a clip. A seam is thus a step into b or a step
out of b that is larger than the steps around.

The cartoon world has beats of its own that fall on borders. Its sun moves every 20 frames: these steps are
left out. Its rain looks alike every 3 frames: borders are compared with frames whole threes away.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from longtake.evaluate.measured import Floats, Ints, Measured, mean_of, not_measured
from longtake.evaluate.readings import Signals
from longtake.evaluate.script import Script
from longtake.plan import Plan

_AROUND = 15  # frames on either side that a border is compared with
_SUN = 20  # frames from one step of the sun or moon to the next, from frame 0 on
_RAIN = 3  # frames in which rain falls by whole pixels: 8 of 64
_OTHERS = np.setdiff1d(np.arange(-_AROUND, _AROUND + 1, _RAIN), [0])
_MEDIAN = 8  # frames on either side from which a cut's usual step is learnt
# Chosen on ground truth: it cuts between like pictures too, and it has fast jumps that are no cuts.
_FACTOR = 2.5  # a cut is so many times the usual step …
_FLOOR = 7 / 255  # … and so much more
_REACH = 5  # frames on either side in which a scripted cut is the largest step
_STRETCH = 100  # frames in which jumps are counted together


class Borders(NamedTuple):
    """The frames of a film at which coarse clips meet, and those at which only leaves do."""

    coarse: Ints
    fine: Ints


def calm_steps(script: Script) -> NDArray[np.bool_]:
    """Per frame `[N]`: the step from the frame before is neither a scripted cut nor next to one.

    A film may cut one frame early or late. Frame 0 has no step.
    """
    calm = np.ones(script.length + 1, dtype=bool)
    for shift in (-1, 0, 1):
        calm[np.maximum(script.starts + shift, 0)] = False
    return calm[:-1]


def borders_of(plan: Plan | None) -> Borders:
    """Those of a planned film; none where it is not known how the film was drawn."""
    coarse, fine = plan.borders() if plan is not None else ([], [])
    return Borders(np.array(coarse, dtype=np.int64), np.array(fine, dtype=np.int64))


def seam_measures(script: Script, signals: Signals, borders: Borders) -> dict[str, Measured]:
    """How often a border shows a larger change than the frames around it; 0.5 = no seam, 1 = always.

    Per border b the probability P(X_b > X_j) + P(X_b = X_j) / 2 over frames j that are 3, 6 … 15 away, in
    the same scene, and share no step with any border. X is, for seams, the larger one of the steps into and
    out of a frame, and for jolts the second difference centred on it: motion that changes its speed or
    direction. Steps at and next to scripted cuts are left out, with the borders that they touch. Units are
    per border.
    """
    calm = _comparable_steps(script)
    usable = np.append(calm[:-1] & calm[1:], False)  # both steps of the frame
    inner = usable.copy()
    for shift in (-1, 0, 1):
        inner[np.concatenate(borders) + shift] = False
    step = signals.difference
    changes = {
        "seam": np.append(np.maximum(step[:-1], step[1:]), 0),
        "jolt": np.append(signals.second[1:], 0),
    }
    alone = not sum(map(len, borders))
    why = "all frames are of one clip" if alone else "no such border lies within a scene"
    return {
        f"{name}_{grid}": mean_of(_stand_out(change, at[usable[at]], inner, script), why)
        for name, change in changes.items()
        for grid, at in borders._asdict().items()
    }


def seam_profile(script: Script, signals: Signals, borders: NDArray[np.int64]) -> Floats:
    """Mean step `[31]` into the frames from 15 before to 15 after a border, nan where there is none.

    Steps at and next to cuts, and those of the sun, are left out.
    """
    frames = borders[:, None] + np.arange(-_AROUND, _AROUND + 1)
    seen = (frames >= 0) & (frames < script.length)
    frames = np.where(seen, frames, 0)  # frame 0 is never calm
    calm = _comparable_steps(script)[frames]
    total = np.where(calm, signals.difference[frames], 0).sum(axis=0, dtype=np.float64)
    count = calm.sum(axis=0)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def cut_measures(script: Script, signals: Signals) -> dict[str, Measured]:
    """The share of scripted cuts that the film shows, and jumps elsewhere per 1,000 frames.

    A jump is a step of more than 2.5 times the median of the 17 steps around it, plus 7/255. A cut is found
    where a jump lies at most one frame from it and is the largest step of the five frames on either side: in
    frames that are out of order, other jumps are as large. The units are the cuts, and stretches of about
    100 frames.
    """
    step = signals.difference
    if len(step) < 2:
        return dict.fromkeys(("cut_recall", "spurious_cuts"), not_measured("the film has no second frame"))
    jumps = jumps_of(step)
    scripted = np.zeros(len(step), dtype=bool)
    for shift in (-1, 0, 1):
        scripted[np.minimum(script.cuts + shift, len(step) - 1)] = True
    at_cuts, elsewhere = np.where(jumps & scripted, step, 0), np.where(scripted, 0, step)
    reach = [slice(max(cut - _REACH, 0), cut + _REACH + 1) for cut in script.cuts]
    shown = [
        float(0 < at_cuts[cut - 1 : cut + 2].max() >= elsewhere[around].max())
        for cut, around in zip(script.cuts, reach, strict=True)
    ]
    stretches = np.array_split(jumps & ~scripted, max(1, len(step) // _STRETCH))
    return {
        "cut_recall": mean_of(shown, "the script has no cut"),
        "spurious_cuts": mean_of([1000 * float(part.mean()) for part in stretches], ""),
    }


def _comparable_steps(script: Script) -> NDArray[np.bool_]:
    """Calm steps `[N]` without those of the sun."""
    return np.logical_and(calm_steps(script), np.arange(script.length) % _SUN)


def _stand_out(
    change: NDArray[np.float32], borders: NDArray[np.int64], inner: NDArray[np.bool_], script: Script
) -> list[float]:
    """Per border, how its change ranks among those around: 0 lowest, 0.5 like them, 1 highest."""
    scene, ranks = script.wanted.scene, []
    for border in borders:
        around = border + _OTHERS
        around = around[(around >= 0) & (around < len(scene))]
        others = change[around[inner[around] & (scene[around] == scene[border])]]
        if len(others):
            ranks.append(float(np.mean((change[border] > others) + 0.5 * (change[border] == others))))
    return ranks


def jumps_of(step: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Frames `[N]` into which the step is far larger than those around."""
    steps = np.pad(step[1:], (_MEDIAN + 1, _MEDIAN), constant_values=np.nan)  # frame 0 has no step
    usual = np.nanmedian(np.lib.stride_tricks.sliding_window_view(steps, 2 * _MEDIAN + 1), axis=1)
    jumps: NDArray[np.bool_] = step > _FACTOR * usual + _FLOOR
    return jumps
