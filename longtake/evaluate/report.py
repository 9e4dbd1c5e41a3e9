"""The report of an evaluation: one JSON, one page of markdown, and pictures."""

from __future__ import annotations

import json
import math
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from longtake import __version__
from longtake.errors import OptionError
from longtake.evaluate.catalogue import CATALOGUE, Measure
from longtake.evaluate.distances.sets import NetworkDistance
from longtake.evaluate.gates import gates_for
from longtake.evaluate.intervals import film_values
from longtake.evaluate.measured import Floats, Row
from longtake.evaluate.plots import PlotsMissing, plot_curves, plot_scores, plot_seams
from longtake.evaluate.score import Scale, from_json
from longtake.evaluate.script import Script
from longtake.evaluate.sources import Source, pictures
from longtake.evaluate.table import Header, markdown, report_json, summary, values
from longtake.files import written_whole
from longtake.video import contact_sheet, write_png
from longtake.world.edition import World


@dataclass(frozen=True, kw_only=True, eq=False)
class Report:
    """What an evaluation came to; its tables and pictures lie in its folder."""

    folder: Path
    rows: tuple[Row, ...]
    content: dict[str, Any]  # as `report.json` holds it
    summary: str  # a few sentences


def scales_file(edition: int) -> Path:
    """Where the scales of an edition are, fixed on its validation episodes, see docs/controls.md."""
    return Path(__file__).parent / f"scales-{edition}.json"


def scales_for(edition: int, length: int) -> tuple[int, dict[str, Scale]]:
    """The edition's scales of the length nearest to `length`, and that length; OptionError for none."""
    path = scales_file(edition)
    if not path.is_file():
        raise OptionError(
            f"longtake has no limits for edition {edition} of the cartoon world yet: fix them with "
            f"`python benchmarks/controls.py --edition {edition} --fix`",
            "edition",
        )
    known = from_json(path.read_text())
    nearest = min(known, key=lambda frames: abs(math.log(frames / length)))
    return nearest, known[nearest]


def spread_of(rows: Sequence[Row], others: Sequence[Row]) -> dict[str, dict[str, float]]:
    """How far the rows' means move when another probe reads the same films: row -> measure -> difference."""
    spread: dict[str, dict[str, float]] = {}
    for row, other in zip(rows, others, strict=True):
        assert row.name == other.name
        names = {name: None for film in row.films for name in film.measured} | dict.fromkeys(row.together)
        moved = {name: _mean(other, name) - _mean(row, name) for name in names}
        spread[row.name] = {name: round(by, 4) for name, by in moved.items() if by and not math.isnan(by)}
    return spread


def doubts_of(gates: Mapping[str, float], cartoon: World) -> tuple[str, ...]:
    """Why numbers of probes with these values on ground truth of this edition should not be relied on."""
    return tuple(
        f"the probes' {gate.name} on ground truth is {gates[gate.name]:.4f}, the gate "
        f"{'at least' if gate.at_least else 'at most'} {gate.bar}"
        for gate in gates_for(cartoon)
        if not gate.passed(gates[gate.name])
    )


def versions() -> dict[str, str]:
    """What the numbers were computed with."""
    return {
        "longtake": __version__,
        "torch": torch.__version__,
        "numpy": np.__version__,
        "machine": f"{platform.system()} {platform.machine()}",
    }


def write_report(
    rows: Sequence[Row],
    header: Header,
    folder: Path,
    *,
    scales: Mapping[str, Scale] | None = None,  # None: nothing is judged
    named: Sequence[NetworkDistance] = (),
    measures: Mapping[str, Measure] = CATALOGUE,
    prompts: Mapping[str, Sequence[str]] | None = None,  # of every scene, by the film's name
    profiles: Mapping[str, Mapping[str, Floats]] | None = None,  # see `plot_seams`; None: nothing is plotted
) -> Report:
    """Write `report.json`, `report.md` and, where there are profiles, the plots into `folder`."""
    content = report_json(rows, header, scales, named, measures)
    if profiles is not None:
        try:
            _plot(rows, scales or {}, profiles, folder)
        except PlotsMissing as error:
            content["plots"] = str(error)
    _write(folder / "report.json", json.dumps(content, indent=1, allow_nan=False) + "\n")
    _write(folder / "report.md", markdown(rows, scales or {}, header, named, measures) + "\n")
    sentences = [f"{folder / 'report.md'}: {header.stamp}"]
    if scales is None:
        sentences += [values(row, measures) for row in rows]
    else:
        sentences += [summary(row, scales, prompts) for row in rows if row.kind == "system"]
    return Report(folder=folder, rows=tuple(rows), content=content, summary="\n".join(sentences))


def _plot(
    rows: Sequence[Row],
    scales: Mapping[str, Scale],
    profiles: Mapping[str, Mapping[str, Floats]],
    folder: Path,
) -> None:
    plot_curves([row for row in rows if row.kind != "control" or row.name == "drifts"], folder / "curves.png")
    if any(profiles.values()):
        plot_seams(profiles, folder / "seams.png")
    for place, row in enumerate((row for row in rows if row.kind == "system"), start=1):
        plot_scores(row, scales, folder / f"scores-{place}.png")


def write_strip(source: Source, script: Script, path: Path, most: int = 16) -> None:
    """A frame from the middle of up to `most` scenes of a film, each beside its prompt."""
    scenes = np.unique(np.linspace(0, len(script.shots) - 1, most).round().astype(int))
    middles = ((script.starts + script.ends) // 2)[scenes].tolist()
    labels = [f"{n} {script.shots[scene].caption}" for n, scene in zip(middles, scenes.tolist(), strict=True)]
    write_png(contact_sheet(pictures(source, middles), labels), path)


def _mean(row: Row, name: str) -> float:
    values = film_values(row, name)
    values = values[~np.isnan(values)]
    return float(values.mean()) if len(values) else math.nan


def _write(path: Path, text: str) -> None:
    with written_whole(path) as aside:
        aside.write_text(text, encoding="utf-8")
