"""Results for people and programs: markdown tables, one JSON, and a few plain sentences.

A line of a table is a system or a control. No measure stands alone: a frozen film is perfectly consistent, so
every table also shows whether the film moves, whether films differ and whether the prompts are followed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from itertools import combinations
from typing import Any

import numpy as np

from longtake.evaluate.catalogue import CATALOGUE, Measure
from longtake.evaluate.distances.sets import NetworkDistance
from longtake.evaluate.intervals import Interval, film_values, interval_of, paired
from longtake.evaluate.measured import Curve, Row
from longtake.evaluate.score import (
    JUDGED,
    Scale,
    missed,
    rank,
    row_verdict,
    score,
    severity,
    verdict,
    with_nan,
)

GUARDS = ("scene_accuracy", "motion", "diversity")  # beside every group of measures
OVERVIEW = (  # one or two of every group
    "scene_accuracy", "action_accuracy", "count_accuracy", "identity_far", "revisit_far", "seam_fine",
    "cut_recall", "tau", "lag_ratio", "motion", "sharpness", "drift_correctness", "motion_over_floor",
)  # fmt: skip

_KINDS = ("reference", "system", "control")
_WORST = 3  # scenes that a summary names
_FORMAT = 1


@dataclass(frozen=True, kw_only=True)
class Header:
    """What was run, and whether to believe it."""

    facts: Mapping[str, Any]  # versions, sha256s, lengths, seeds, numbers, presets: plain JSON values
    unreliable: tuple[str, ...] = ()  # why the numbers should not be relied on
    not_computed: Mapping[str, str] = field(default_factory=dict)  # a measure's name, or another's -> why not

    @property
    def stamp(self) -> str:
        """RELIABLE where nothing speaks against it."""
        return "UNRELIABLE" if self.unreliable else "RELIABLE"


def report_json(
    rows: Sequence[Row],
    header: Header,
    scales: Mapping[str, Scale] | None = None,
    named: Sequence[NetworkDistance] = (),
    measures: Mapping[str, Measure] = CATALOGUE,
) -> dict[str, Any]:
    """Everything as plain JSON values; what is not a number is null, beside the note that says why.

    Of units only how many there are: pairs within films can be many.
    """
    scales = scales or {}
    return {
        "format": _FORMAT,
        "stamp": header.stamp,
        "unreliable": list(header.unreliable),
        "not_computed": dict(header.not_computed),
        "facts": _plain(header.facts),
        "measures": {name: asdict(measure) for name, measure in measures.items()},
        "scales": {name: _plain(asdict(scale)) for name, scale in scales.items()},
        "rows": [_row_json(row, scales, measures) for row in rows],
        "named": [_named_json(one) for one in named],
        "differences": [_plain(one) for one in _differences(rows)],
        "ranking": [_plain(asdict(film)) for film in rank(_systems(rows), scales)],
    }


def markdown(
    rows: Sequence[Row],
    scales: Mapping[str, Scale],
    header: Header,
    named: Sequence[NetworkDistance] = (),
    measures: Mapping[str, Measure] = CATALOGUE,
) -> str:
    """The report: a table per group of measures, controls that slipped through, ranking and legend.

    Numbers in bold are beyond their limit. Systems and ground truth have 95 % intervals, controls have none.
    `named` are distances by networks that the user has weights of; they have a table of their own.
    """
    rows = sorted(rows, key=lambda row: _KINDS.index(row.kind))
    parts = [*_top(header), *_table("overview", OVERVIEW, rows, scales, measures)]
    for group in dict.fromkeys(measure.group for measure in measures.values()):
        parts += _group(group, rows, scales, measures)
    return "\n".join([*parts, *_named(named), *_absent(rows, header, measures), *_slipped(rows, scales),
                      *_compared(rows), *_ranking(rows, scales),
                      *_legend(rows, scales, measures)])  # fmt: skip


def summary(row: Row, scales: Mapping[str, Scale], prompts: Mapping[str, Sequence[str]] | None = None) -> str:
    """A few sentences on one row: what fails, what could not be judged, and the worst scenes.

    `prompts` holds the prompt of every scene of a film, by the film's name. Scenes are named for films whose
    scene accuracy has one unit per scene.
    """
    verdicts = {name: row_verdict(row, name, scales.get(name)) for name in CATALOGUE}
    judged = [name for name, one in verdicts.items() if one in JUDGED]
    failed = sorted(
        (name for name in judged if verdicts[name] == "fails"),
        key=lambda name: -severity(film_values(row, name), scales[name]),
    )
    count = f"{len(failed) or 'none'} of {len(judged)} measures beyond the limit"
    lines = [f"{row.name}: {count if judged else 'no measure could be judged'}."]
    if failed:
        lines.append("Worst first: " + ", ".join(_failure(row, name, scales[name]) for name in failed) + ".")
    for which, words in (
        ("unsure", "Unsure"),
        ("not measured", "Not measured"),
        ("blind", "No verdict at this length"),
    ):
        names = [called(name) for name, one in verdicts.items() if one == which and name in scales]
        lines += [f"{words}: {', '.join(names)}."] if names else []
    return "\n".join([*lines, *_worst_scenes(row, prompts or {})])


def values(row: Row, measures: Mapping[str, Measure]) -> str:
    """A sentence of what was measured in a row that nothing judges."""
    means = {measure.label: interval_of(row, name).value for name, measure in measures.items()}
    known = (f"{label} {number(value)}" for label, value in means.items() if not np.isnan(value))
    return f"{row.name}: {', '.join(known)}"


def called(name: str) -> str:
    """What people call a measure."""
    return CATALOGUE[name].label


def number(value: float) -> str:
    """Three decimals below 1, and fewer the larger it is."""
    decimals = 3 if abs(value) < 1 else 2 if abs(value) < 10 else 1 if abs(value) < 1000 else 0
    return f"{round(value, decimals) + 0.0:.{decimals}f}"  # + 0.0: no "-0.000"


def with_interval(mean: Interval) -> str:
    """A mean, and the range that holds it where one is known."""
    text = number(mean.value)
    return text if np.isnan(mean.low) else f"{text} [{number(mean.low)}, {number(mean.high)}]"


def bold(text: str, verdict: str) -> str:
    """As tables show what is beyond its limit, and what may be."""
    return f"**{text}**" if verdict == "fails" else f"*{text}?*" if verdict == "unsure" else text


def table_line(cells: Iterable[str]) -> str:
    """A line of a table in markdown."""
    return "| " + " | ".join(cell.replace("|", r"\|") for cell in cells) + " |"


def read_interval(held: Mapping[str, Any]) -> Interval:
    """The interval of a row's measure in `report_json`."""
    return Interval(**with_nan({each.name: held[each.name] for each in fields(Interval)}))


def _top(header: Header) -> Iterator[str]:
    yield f"**{header.stamp}**" + ("" if not header.unreliable else ":")
    yield from (f"- {reason}" for reason in header.unreliable)
    yield ""
    yield from (f"- {key}: {_flat(value)}" for key, value in header.facts.items())


def _flat(value: Any) -> str:
    if isinstance(value, Mapping):
        return "; ".join(f"{key} {_flat(held)}" for key, held in value.items())
    return ", ".join(map(_flat, value)) if isinstance(value, list | tuple) else str(value)


def _group(
    group: str, rows: Sequence[Row], scales: Mapping[str, Scale], measures: Mapping[str, Measure]
) -> Iterator[str]:
    """The table of a group, with the guards behind it; nothing where no row has any of its measures."""
    own = [name for name, measure in measures.items() if measure.group == group and _held(name, rows)]
    if not own:
        return
    names = [*own, *(name for name in GUARDS if name not in own and name in measures)]
    yield from _table(group, names, rows, scales, measures)


def _table(
    title: str,
    names: Sequence[str],
    rows: Sequence[Row],
    scales: Mapping[str, Scale],
    measures: Mapping[str, Measure],
) -> Iterator[str]:
    """These measures of all rows, with notes below; nothing where no row has any of them."""
    names = [name for name in names if name in measures and _held(name, rows)]
    if not names:
        return
    notes: dict[str, int] = {}  # why a cell has no number, or what to know about it -> its mark
    yield from ("", f"## {title}", "")
    yield "| | films " + table_line(measures[name].label for name in names)
    yield "|---|---|" + "---|" * len(names)
    for row in rows:
        cells = [_cell(row, name, scales.get(name), notes) for name in names]
        yield table_line([row.name, str(len(row.films)), *cells])
    if notes:
        yield ""
        yield from (f"({mark}) {note}  " for note, mark in notes.items())


def _cell(row: Row, name: str, scale: Scale | None, notes: dict[str, int]) -> str:
    mean = interval_of(row, name)
    if np.isnan(mean.value):
        return f"– ({notes.setdefault(mean.note or 'not measured', len(notes) + 1)})"
    text = number(mean.value) if row.kind == "control" else with_interval(mean)
    if mean.left_out:
        text += f" ({len(row.films) - mean.left_out} of {len(row.films)} films)"
    text = bold(text, row_verdict(row, name, scale))
    if not mean.note or row.kind == "control":  # there are many of them
        return text
    return f"{text} ({notes.setdefault(mean.note, len(notes) + 1)})"


def _named(named: Sequence[NetworkDistance]) -> Iterator[str]:
    """The distances by named networks, then what each is, by which weights, and to what."""
    if not named:
        return
    yield from ("", "## distances by named networks", "")
    yield "On frames at full size. N is the number of samples of each side; intervals are over films. Numbers"
    yield "compare only under one sha256 of weights and one of references, so see what true films get here."
    yield from ("", "| | distance | value | N | films | |", "|---|---|---|---|---|---|")
    for each in named:
        one = each.distance
        value = "–" if np.isnan(one.value) else f"{one.value:.4g}"
        value += "" if np.isnan(one.low) else f" [{one.low:.4g}, {one.high:.4g}]"
        cells = (each.row, each.name, value, f"{one.samples:,}", str(one.films), one.note)
        yield table_line(cells)
    yield ""
    yield from {f"- {f.name}: {f.definition}; sha256 of the weights {f.sha256}": None for f in named}
    yield from {f"- sha256 of the references of {_kind(f)}: {f.references}": None for f in named}


def _kind(of: NetworkDistance) -> str:
    return f"{of.row}, prompts" if of.name.startswith("CLIPSIM") else of.row


def _absent(rows: Sequence[Row], header: Header, measures: Mapping[str, Measure]) -> Iterator[str]:
    """Measures that no row has, and others that could not be computed, with the reason."""
    reasons = {name: "no row has it" for name in measures if not _held(name, rows)}
    reasons.update(header.not_computed)
    if reasons:
        yield from ("", "## not computed", "")
    for name, why in reasons.items():
        yield f"- {called(name) if name in CATALOGUE else name}: not computed: {why}"


def _slipped(rows: Sequence[Row], scales: Mapping[str, Scale]) -> Iterator[str]:
    slipped = missed(rows, scales)
    if slipped:
        yield from ("", "## controls that passed a measure that should fail them", "")
    yield from (f"- {control}: {called(name)}" for control, name in slipped)


def _systems(rows: Sequence[Row]) -> list[Row]:
    return [row for row in rows if row.kind == "system"]


def _differences(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Of every two systems with films of the same scripts: paired differences, film by film."""
    differences = []
    for a, b in combinations(_systems(rows), 2):
        for name in CATALOGUE:
            one = paired(a, b, name) if _held(name, [a]) and name not in a.together else None
            if one and one.n > 1:
                differences.append({"a": a.name, "b": b.name, "measure": name, **asdict(one)})
    return differences


def _compared(rows: Sequence[Row]) -> Iterator[str]:
    differences = _differences(rows)
    if not differences:
        return
    yield from ("", "## differences", "")
    yield from ("Of films of the same scripts; bold where the 95 % interval excludes 0.", "")
    yield from ("| | measure | difference | films |", "|---|---|---|---|")
    for one in differences:
        text = f"{number(one['value'])} [{number(one['low'])}, {number(one['high'])}]"
        text = f"**{text}**" if one["significant"] else text
        yield table_line([f"{one['a']} less {one['b']}", called(one["measure"]), text, str(one["n"])])


def _ranking(rows: Sequence[Row], scales: Mapping[str, Scale]) -> Iterator[str]:
    ranked = rank(_systems(rows), scales)
    if len(ranked) < 2 or not scales:
        return
    yield from (
        "",
        "## ranking",
        "",
        "By the worst measure of each film: 0 is at its limit, 1 at its control.",
        "",
    )
    yield from ("| | film | of | worst measure | severity | failed |", "|---|---|---|---|---|---|")
    for place, film in enumerate(ranked, start=1):
        judged = (called(film.worst), number(film.severity)) if film.worst else ("–", "–")
        yield table_line([str(place), film.film, film.row, *judged, str(len(film.failed))])


def _legend(
    rows: Sequence[Row], scales: Mapping[str, Scale], measures: Mapping[str, Measure]
) -> Iterator[str]:
    yield from (
        "",
        "## legend",
        "",
        "Bold is beyond the limit; slanted and with a question mark: the value is, its interval is not. "
        "[low, high] is a 95 % bootstrap interval of the mean over films;",
    )
    yield "a row of one film has it over that film's scenes and pairs, which says nothing of other films.  "
    yield from ('Better "same" is as in ground truth, neither more nor less.', "")
    yield from (
        "| measure | name | unit | better | limit | control that scores 0 |",
        "|---|---|---|---|---|---|",
    )
    for name, measure in measures.items():
        if _held(name, rows):
            scale = scales.get(name)
            cells = (measure.label, f"`{name}`", measure.unit, measure.better, limit_of(scale),
                     _other_end(measure, scale))  # fmt: skip
            yield table_line(cells)


def limit_of(scale: Scale | None) -> str:
    """A measure's limit in words, or why it has none."""
    if scale is None:
        return "none: no scale for this length"
    if scale.blind:
        return f"none: {scale.blind}"
    if scale.better == "same":
        return f"{number(scale.truth)} ± {number(scale.limit)}"
    return ("at least " if scale.better == "high" else "at most ") + number(scale.limit)


def _other_end(measure: Measure, scale: Scale | None) -> str:
    if not measure.catches:
        return "–"
    known = scale is not None and not np.isnan(scale.bad)
    return measure.catches[0] + (f" ({number(scale.bad)})" if scale and known else "")


def _failure(row: Row, name: str, scale: Scale) -> str:
    return f"{called(name)} {number(interval_of(row, name).value)} ({limit_of(scale)})"


def _worst_scenes(row: Row, prompts: Mapping[str, Sequence[str]]) -> Iterator[str]:
    scenes = [
        (accuracy, film.name, scene, prompts[film.name][scene])
        for film in row.films
        if film.name in prompts and "scene_accuracy" in film.measured
        and len(film.measured["scene_accuracy"].units) == len(prompts[film.name])
        for scene, accuracy in enumerate(film.measured["scene_accuracy"].units)
    ]  # fmt: skip
    for accuracy, film, scene, prompt in sorted(scenes)[:_WORST]:
        yield f'Scene {scene + 1} of {film} is right in {100 * accuracy:.0f} % of its frames: "{prompt}"'


def _row_json(row: Row, scales: Mapping[str, Scale], known: Mapping[str, Measure]) -> dict[str, Any]:
    names = [name for name in known if _held(name, [row])]
    measures = {}
    for name in names:
        scale = scales.get(name)
        measures[name] = {
            **asdict(interval_of(row, name)),
            "score": score(film_values(row, name), scale) if scale else None,
            "verdict": row_verdict(row, name, scale),
        }
    films = [
        {
            "name": film.name,
            "measures": {
                name: {"value": one.value, "units": len(one.units), "note": one.note,
                       "verdict": verdict(one, scales.get(name))}
                for name, one in film.measured.items()
            },
            "curves": {name: _curve_json(curve) for name, curve in film.curves.items()},
        }
        for film in row.films
    ]  # fmt: skip
    curves = {name: _curve_json(curve) for name, curve in row.curves.items()}
    plain: dict[str, Any] = _plain(
        {"name": row.name, "kind": row.kind, "measures": measures, "films": films, "curves": curves}
    )
    return plain


def _named_json(one: NetworkDistance) -> dict[str, Any]:
    held = asdict(one)
    plain: dict[str, Any] = _plain(held.pop("distance") | held)
    return plain


def _curve_json(curve: Curve) -> dict[str, list[float]]:
    return {"at": curve.at.tolist(), "values": curve.values.tolist()}


def _plain(value: Any) -> Any:
    """The value with null for what is no finite number."""
    if isinstance(value, Mapping):
        return {str(key): _plain(held) for key, held in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(held) for held in value]
    if isinstance(value, np.generic):
        value = value.item()
    return None if isinstance(value, float) and not np.isfinite(value) else value


def _held(name: str, rows: Sequence[Row]) -> bool:
    return any(name in row.together or any(name in film.measured for film in row.films) for row in rows)
