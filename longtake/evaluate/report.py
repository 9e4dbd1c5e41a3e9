"""The report of an evaluation: one JSON, one page of markdown, and pictures."""

from __future__ import annotations

import json
import math
import platform
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from longtake import __version__
from longtake.evaluate.gates import GATES
from longtake.evaluate.intervals import film_values, interval_of
from longtake.evaluate.measured import Row
from longtake.evaluate.named import NamedDistance
from longtake.evaluate.plots import PlotsMissing, plot_curves, plot_scores, plot_seams, strip
from longtake.evaluate.real import MEASURES
from longtake.evaluate.score import Scale, from_json
from longtake.evaluate.script import Script
from longtake.evaluate.sources import Source, pictures
from longtake.evaluate.table import Header, markdown, number, report_json, summary
from longtake.files import written_whole

SCALES = Path(__file__).parent / "scales.json"  # fixed on validation episodes, see docs/controls.md

Floats = np.ndarray[Any, np.dtype[np.float64]]


def scales_for(length: int) -> tuple[int, dict[str, Scale]]:
    """The scales of the length nearest to `length`, and that length."""
    known = from_json(SCALES.read_text())
    nearest = min(known, key=lambda frames: abs(math.log(frames / length)))
    return nearest, known[nearest]


def spread_of(rows: Sequence[Row], others: Sequence[Row]) -> dict[str, dict[str, float]]:
    """How far the rows' means move when another probe reads the same films: row -> measure -> difference."""
    found: dict[str, dict[str, float]] = {}
    for row, other in zip(rows, others, strict=True):
        assert row.name == other.name
        names = {name: None for film in row.films for name in film.measured} | dict.fromkeys(row.together)
        moved = {name: _mean(other, name) - _mean(row, name) for name in names}
        found[row.name] = {name: round(by, 4) for name, by in moved.items() if by and not math.isnan(by)}
    return found


def write_report(
    rows: Sequence[Row],
    *,
    prompts: Mapping[str, Sequence[str]],  # of every scene, by the film's name
    profiles: Mapping[str, Mapping[str, Floats]],  # by row and level, see `plot_seams`
    gates: Mapping[str, float],
    facts: Mapping[str, Any],
    not_computed: Mapping[str, str],
    length: int,  # frames of a film
    folder: Path,
    named: Sequence[NamedDistance] = (),
) -> tuple[dict[str, Any], str]:
    """Write `report.json`, `report.md` and the plots into `folder`; the JSON, and a few sentences."""
    at, scales = scales_for(length)
    failed = [
        f"the probes' {gate.name} on ground truth is {gates[gate.name]:.4f}, the gate "
        f"{'at least' if gate.at_least else 'at most'} {gate.bar}"
        for gate in GATES
        if not gate.passed(gates[gate.name])
    ]
    told = {
        **_versions(),
        **facts,
        "frames": length,
        "limits": f"fixed on validation episodes of {at} frames",
        "probes on ground truth": {name: round(value, 4) for name, value in gates.items()},
    }
    header = Header(facts=told, unreliable=tuple(failed), not_computed=not_computed)
    report = report_json(rows, header, scales, named)
    systems = [row for row in rows if row.kind == "system"]
    try:
        plot_curves(
            [row for row in rows if row.kind != "control" or row.name == "drifts"], folder / "curves.png"
        )
        if any(profiles.values()):
            plot_seams(profiles, folder / "seams.png")
        for number, row in enumerate(systems):
            plot_scores(row, scales, folder / f"scores-{number + 1}.png")
    except PlotsMissing as error:
        report["plots"] = str(error)
    _write(folder / "report.json", json.dumps(report, indent=1, allow_nan=False) + "\n")
    _write(folder / "report.md", markdown(rows, scales, header, named) + "\n")
    sentences = [summary(row, scales, prompts) for row in systems]
    return report, "\n".join([f"{folder / 'report.md'}: {header.stamp}", *sentences])


def write_real_report(
    rows: Sequence[Row],
    *,
    facts: Mapping[str, Any],
    not_computed: Mapping[str, str],
    named: Sequence[NamedDistance],
    folder: Path,
) -> tuple[dict[str, Any], str]:
    """Write `report.json` and `report.md` of films beside real videos; the JSON, and a sentence for a row."""
    header = Header(facts={**_versions(), **facts}, not_computed=not_computed)
    report = report_json(rows, header, named=named, measures=MEASURES)
    _write(folder / "report.json", json.dumps(report, indent=1, allow_nan=False) + "\n")
    _write(folder / "report.md", markdown(rows, {}, header, named, MEASURES) + "\n")
    told = [f"{folder / 'report.md'}: {header.stamp}"]
    for row in rows:
        found = {measure.label: interval_of(row, name).value for name, measure in MEASURES.items()}
        known = [f"{label} {number(value)}" for label, value in found.items() if not math.isnan(value)]
        told.append(f"{row.name}: {', '.join(known)}")
    return report, "\n".join(told)


def write_strip(source: Source, script: Script, path: Path, most: int = 16) -> None:
    """A frame from the middle of up to `most` scenes of a film, each beside its prompt."""
    scenes = np.unique(np.linspace(0, len(script.shots) - 1, most).round().astype(int))
    middles = ((script.starts + script.ends) // 2)[scenes].tolist()
    labels = [f"{n} {script.shots[scene].caption}" for n, scene in zip(middles, scenes.tolist(), strict=True)]
    strip(pictures(source, middles), labels, path)


def _versions() -> dict[str, str]:
    return {
        "longtake": __version__,
        "torch": torch.__version__,
        "numpy": np.__version__,
        "machine": f"{platform.system()} {platform.machine()}",
    }


def _mean(row: Row, name: str) -> float:
    values = film_values(row, name)
    values = values[~np.isnan(values)]
    return float(values.mean()) if len(values) else math.nan


def _write(path: Path, text: str) -> None:
    with written_whole(path) as aside:
        aside.write_text(text, encoding="utf-8")
