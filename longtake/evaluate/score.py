"""From measures to verdicts: how far is a film from the truth, on the way to the fault a control shows?

Each measure has a scale, fixed once on validation episodes: ground truth is 1, the control that has the fault
is 0, and the limit lies a little beyond the worst film of ground truth. A measure that cannot tell its
control from ground truth at some length is blind there, and gives no verdict. A film is as good as its worst
measure: nothing is averaged over measures.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

import numpy as np

from longtake.evaluate.catalogue import CATALOGUE, Measure
from longtake.evaluate.intervals import film_values, interval, interval_of
from longtake.evaluate.measured import FilmResult, Floats, Measured, Row

# unsure: the value is beyond the limit, its 95 % interval is not
Verdict = Literal["ok", "unsure", "fails", "not measured", "blind"]

JUDGED: tuple[Verdict, ...] = ("ok", "unsure", "fails")

# Of the way from the worst film of ground truth to the control: other films of truth may be worse.
SLACK = 0.15

_FORMAT = 1


@dataclass(frozen=True, kw_only=True)
class Scale:
    """What a measure's values mean at one length, in its own unit."""

    better: Literal["high", "low", "same"]
    truth: float  # mean of ground truth
    bad: float  # mean of the control that has the fault
    limit: float  # the worst value that passes; if better is "same", the largest distance from `truth`
    blind: str = ""  # why there can be no verdict at this length

    def fault(self, values: float | Floats) -> Floats:
        """How bad values are: what grows as they get worse, in the measure's unit."""
        values = np.asarray(values, dtype=np.float64)
        if self.better == "same":
            return np.asarray(np.abs(values - self.truth))
        return -values if self.better == "high" else values


@dataclass(frozen=True, kw_only=True)
class Ranked:
    """A film's place among others, by its worst fault."""

    row: str
    film: str
    severity: float  # of the worst measure; nan where no measure could be judged
    worst: str  # that measure; empty where none could be judged
    failed: tuple[str, ...]  # measures beyond their limit, the worst first


def fix_scales(truth_rows: Sequence[Row], control_rows: Sequence[Row]) -> dict[str, Scale]:
    """A scale for every measure of the catalogue, from the validation episodes of one length.

    `truth_rows` are ground truth, drawn with other hidden facts than the references; several show how much
    truth differs from truth in measures of a whole set. `control_rows` hold the controls by name, of the
    same scripts. The limit is the worst film of ground truth and `SLACK` of the way from there to the mean of
    the measure's first control. Where that control is no worse than that film, the measure is blind. Measures
    that catch nothing have no scale.
    """
    controls = {row.name: row for row in control_rows}
    return {
        name: _fix(measure, truth_rows, controls.get(measure.catches[0]))
        for name, measure in CATALOGUE.items()
        if measure.catches
    }


def _fix(measure: Measure, truth_rows: Sequence[Row], control: Row | None) -> Scale:
    truths = _known(np.concatenate([np.zeros(0), *(film_values(row, measure.name) for row in truth_rows)]))
    bads = _known(np.zeros(0) if control is None else film_values(control, measure.name))
    nan = float("nan")
    scale = Scale(
        better=measure.better,
        truth=float(truths.mean()) if len(truths) else nan,
        bad=float(bads.mean()) if len(bads) else nan,
        limit=nan,
    )
    name, faults = measure.catches[0], scale.fault(truths)
    if not len(truths):
        notes = dict.fromkeys(interval_of(row, measure.name).note for row in truth_rows)
        return replace(scale, blind="not measured in ground truth: " + ("; ".join(notes) or "no films"))
    if control is None:
        return replace(scale, blind=f"the control '{name}' was not run")
    if not len(bads):
        why = interval_of(control, measure.name).note
        return replace(scale, blind=f"not measured in the control '{name}': {why}")
    worst, end = float(faults.max()), float(scale.fault(scale.bad))
    if end <= worst:
        return replace(scale, blind=f"the control '{name}' is no worse than a film of ground truth")
    limit = worst + SLACK * (end - worst)
    return replace(scale, limit=-limit if measure.better == "high" else limit)


def severity(values: float | Floats, scale: Scale) -> float:
    """How far a value lies beyond its limit: 0 is at the limit, 1 as bad as the control, below 0 passes.

    For the films of a row [F] it is that of their mean fault, so that two films with opposite faults do not
    make a good row. nan where nothing was measured or the measure is blind.
    """
    faults = _known(scale.fault(values))
    if scale.blind or not len(faults):
        return float("nan")
    limit, end = _limit(scale), float(scale.fault(scale.bad))
    return (float(faults.mean()) - limit) / (end - limit)


def score(values: float | Floats, scale: Scale) -> float:
    """1 for ground truth's mean, 0 for the control, kept within 0 and 1.1; of films [F] as `severity`.

    nan where nothing was measured or the measure is blind.
    """
    faults = _known(scale.fault(values))
    if scale.blind or not len(faults):
        return float("nan")
    best, end = float(scale.fault(scale.truth)), float(scale.fault(scale.bad))
    return float(np.clip((float(faults.mean()) - end) / (best - end), 0, 1.1))


def verdict(measured: Measured, scale: Scale | None) -> Verdict:
    """The verdict on one number; without a scale there is none, as for a blind measure.

    It fails where the whole of its 95 % interval lies beyond the limit, as few borders or pairs of one film
    say little; where the interval reaches back, it is unsure.
    """
    beyond = _verdict(measured.value, scale)
    if beyond != "fails" or scale is None:
        return beyond
    return "unsure" if _verdict(_in_doubt(measured, scale), scale) == "ok" else "fails"


def row_verdict(row: Row, name: str, scale: Scale | None) -> Verdict:
    """The verdict on the row's films together, see `severity`; on one film, or one number, as `verdict`."""
    alone = row.together.get(name) or (row.films[0].measured.get(name) if len(row.films) == 1 else None)
    return verdict(alone, scale) if alone else _verdict(film_values(row, name), scale)


def _in_doubt(measured: Measured, scale: Scale) -> float:
    low, high = measured.low, measured.high
    if np.isnan(low) and len(measured.units) > 1:
        low, high = interval(measured.units, np.random.default_rng(0))
    if np.isnan(low) or np.isnan(measured.value):
        return measured.value
    if scale.better == "same":
        return float(np.clip(scale.truth, low, high))
    return high if scale.better == "high" else low


def missed(rows: Sequence[Row], scales: Mapping[str, Scale]) -> list[tuple[str, str]]:
    """Controls and the measures that should fail them but pass them. Blind measures promise nothing."""
    return [
        (row.name, name)
        for row in rows
        for name, measure in CATALOGUE.items()
        if row.name in measure.catches and row_verdict(row, name, scales.get(name)) in ("ok", "unsure")
    ]


def rank(rows: Sequence[Row], scales: Mapping[str, Scale]) -> list[Ranked]:
    """All films of the rows, the best first: a film is judged by its worst measure.

    A fault counts at most as much as its control has it, and to two decimals: measures without an upper end
    must not outweigh shares. Then fewer failed measures win, then the exact severity. In doubt as `verdict`.
    Measures of a whole set count where the set is one film. Films on which nothing could be judged come last.
    """
    ranked = [_ranked(row, film, scales) for row in rows for film in row.films]
    return sorted(ranked, key=_place)


def _ranked(row: Row, film: FilmResult, scales: Mapping[str, Scale]) -> Ranked:
    measured = {**film.measured, **(row.together if len(row.films) == 1 else {})}
    severities = {
        name: severity(_in_doubt(one, scales[name]), scales[name])
        for name, one in measured.items()
        if name in scales
    }
    order = sorted(
        (name for name in severities if not np.isnan(severities[name])), key=lambda name: -severities[name]
    )
    return Ranked(
        row=row.name,
        film=film.name,
        severity=severities[order[0]] if order else float("nan"),
        worst=order[0] if order else "",
        failed=tuple(name for name in order if severities[name] > 0),
    )


def _place(film: Ranked) -> tuple[float, int, float, str, str]:
    exact = float("inf") if np.isnan(film.severity) else film.severity
    counted = round(min(exact, 1.0), 2) if film.worst else exact
    return counted, len(film.failed), exact, film.row, film.film


def to_json(scales: Mapping[int, Mapping[str, Scale]]) -> str:
    """The scales of every length (in frames) as text, for a file; nan becomes null."""
    lengths = {
        str(length): {name: _without_nan(asdict(scale)) for name, scale in by_name.items()}
        for length, by_name in scales.items()
    }
    return json.dumps({"format": _FORMAT, "lengths": lengths}, indent=1, ensure_ascii=False) + "\n"


def from_json(text: str) -> dict[int, dict[str, Scale]]:
    """What `to_json` wrote. Raises ValueError where it is of another format or catalogue."""
    held = json.loads(text)
    if held.get("format") != _FORMAT:
        raise ValueError(f"scales of format {held.get('format')}, not {_FORMAT}: fix them anew")
    scales = {
        int(length): {name: read_scale(scale) for name, scale in by_name.items()}
        for length, by_name in held["lengths"].items()
    }
    for by_name in scales.values():
        for name, scale in by_name.items():
            if name not in CATALOGUE or CATALOGUE[name].better != scale.better:
                raise ValueError(f"the scale of '{name}' is of another catalogue: fix the scales anew")
    return scales


def read_scale(held: Mapping[str, Any]) -> Scale:
    """A scale as JSON holds it."""
    return Scale(**with_nan(held))


def with_nan(held: Mapping[str, Any]) -> dict[str, Any]:
    """Numbers as JSON holds them: null is nan."""
    return {key: float("nan") if value is None else value for key, value in held.items()}


def _verdict(values: float | Floats, scale: Scale | None) -> Verdict:
    if not len(_known(values)):
        return "not measured"
    if scale is None or scale.blind:
        return "blind"
    return "fails" if severity(values, scale) > 0 else "ok"


def _known(values: float | Floats) -> Floats:
    values = np.atleast_1d(np.asarray(values, dtype=np.float64))
    return np.sort(values[~np.isnan(values)])  # sorted: sums must not depend on the order of the films


def _limit(scale: Scale) -> float:
    """The limit as a fault."""
    return scale.limit if scale.better == "same" else float(scale.fault(scale.limit))


def _without_nan(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {key: None if value != value else value for key, value in fields.items()}
