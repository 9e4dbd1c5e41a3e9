"""Does a film get worse, paler or harsher the longer it lasts?"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from longtake.evaluate.measured import Curve, Floats, Measured
from longtake.evaluate.readings import Signals


def curve(values: NDArray[np.floating], bins: int = 20) -> Curve:
    """Means of the numbers among `values` `[N]` over `bins` stretches of nearly equal length, at most N."""
    edges = np.linspace(0, len(values), min(bins, len(values)) + 1).round().astype(int)
    known = ~np.isnan(values)
    sums = np.add.reduceat(np.where(known, values, 0).astype(np.float64), edges[:-1])
    counts = np.add.reduceat(known.astype(int), edges[:-1])
    means = np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)
    return Curve((edges[:-1] + edges[1:] - 1) / 2, means)


def slope(line: Curve) -> float:
    """Rise of the least-squares line per 1,000 frames; nan with fewer than two known bins."""
    at, values = _known(line)
    if len(at) < 2:
        return float("nan")
    away = at - at.mean()
    return float(1000 * away @ values / (away @ away))


def drift_measures(
    correct: NDArray[np.floating], signals: Signals, reference: Signals | None
) -> dict[str, Measured]:
    """Slopes per 1,000 frames of correctness, saturation and contrast over 20 stretches of the film.

    `correct` `[N]` is 0..1 per frame, nan where nothing is asked. Saturation and contrast (0..1) are those
    of the film less those of the `reference`, the same script drawn with other hidden facts: what the script
    itself changes is no drift. Without a reference they are the film's own.
    """
    note = "" if reference else "without a reference: holds what the script changes"
    series = {"drift_correctness": (np.asarray(correct, dtype=np.float64), "")}
    for name in ("saturation", "contrast"):
        own: Floats = getattr(signals, name).astype(np.float64)
        series[f"drift_{name}"] = (own - getattr(reference, name) if reference else own, note)
    measured = {}
    for name, (values, remark) in series.items():
        rise = slope(curve(values))
        measured[name] = Measured(rise, note="fewer than two bins have a value" if np.isnan(rise) else remark)
    return measured


def _known(line: Curve) -> tuple[Floats, Floats]:
    known = ~np.isnan(line.values)
    return line.at[known], line.values[known]
