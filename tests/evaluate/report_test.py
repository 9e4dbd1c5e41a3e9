"""A report is whole and valid, says when not to believe it, and judges a film by those of its length."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cartoon import CARTOON
from PIL import Image

from longtake.evaluate import report
from longtake.evaluate.catalogue import BESIDE_REAL_VIDEOS, CATALOGUE
from longtake.evaluate.gates import GATES
from longtake.evaluate.measured import Curve, FilmResult, Measured, Row, not_measured
from longtake.evaluate.report import Report, doubts_of, scales_for, spread_of, write_report, write_strip
from longtake.evaluate.score import Scale, from_json, to_json
from longtake.evaluate.script import script_of_episode
from longtake.evaluate.sources import WorldFilm
from longtake.evaluate.table import Header
from longtake.world.episodes import episode_seeds

GOOD = {gate.name: gate.bar for gate in GATES}
PROMPTS = {f"film {k}": ["A fox sleeps.", "A frog | jumps."] for k in range(2)}
PROFILE = np.where(np.arange(31) == 15, 0.2, 0.05)


def scales_at(limit: float) -> dict[str, Scale]:
    return {
        name: Scale(better=measure.better, truth=0.0, bad=9.0, limit=limit)
        if measure.better != "high"
        else Scale(better="high", truth=1.0, bad=-9.0, limit=-limit)
        for name, measure in CATALOGUE.items()
    }


@pytest.fixture(autouse=True)
def scales(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Scales of films of 64 and of 1,024 frames, which differ in their limits."""
    path = tmp_path / "scales.json"
    path.write_text(to_json({64: scales_at(0.5), 1024: scales_at(2.0)}))
    monkeypatch.setattr(report, "scales_file", lambda edition: path)


FEW = ("scene_accuracy", "motion", "tau", "doubled", "diversity", "fd_clips")


def row(name: str, kind: str, value: float = 1.0, names: Iterable[str] = FEW) -> Row:
    """Two films: all measures have one value, but for one that could not be measured."""
    whole = {name for name, measure in CATALOGUE.items() if measure.group == "distance"} | {"diversity"}
    one = {
        name: Measured(value, np.full(2, value)) if name != "tau" else not_measured("one scene only")
        for name in names
        if name not in whole
    }
    curve = Curve(np.array([8.0, 24.0, 40.0]), np.array([value, np.nan, value]))
    return Row(
        name,
        kind,
        tuple(FilmResult(f"film {k}", one, {"motion": curve}) for k in range(2)),
        {name: Measured(value) for name in names if name in whole},
    )


TRUTH = row("ground truth", "reference", 0.1)
OURS = row("ours", "system", names=CATALOGUE)
ROWS = [TRUTH, OURS, row("theirs", "system", 3.0)]
CONTROLS = [row("drifts", "control", 8.0), row("blur", "control", 8.0)]


def written(
    folder: Path, rows: list[Row] | None = None, gates: Mapping[str, float] = GOOD, **changes: Any
) -> Report:
    header = Header(
        facts={"seeds": [1, 2], "weights": {"sha256": "ab12"}},
        unreliable=doubts_of(gates, CARTOON),
        not_computed={"FVD (I3D)": "no weights"},
    )
    given: dict[str, Any] = {
        "scales": scales_at(0.5),
        "prompts": PROMPTS,
        "profiles": {row.name: {"fine": PROFILE} for row in ROWS},
        **changes,
    }
    return write_report(rows or [*ROWS, *CONTROLS], header, folder, **given)


def refuse(constant: str) -> float:
    raise AssertionError(f"{constant} is no JSON")


def test_a_report_is_a_json_a_page_and_pictures(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "report"
    report = written(folder)
    told, sentences = report.content, report.summary
    text = (folder / "report.json").read_text()
    assert json.loads(text, parse_constant=refuse) == json.loads(json.dumps(told))  # not even a NaN
    assert told["stamp"] == "RELIABLE"
    assert [entry["name"] for entry in told["rows"]] == [row.name for row in [*ROWS, *CONTROLS]]
    assert told["facts"]["seeds"] == [1, 2]
    assert [row.name for row in report.rows] == [entry["name"] for entry in told["rows"]]
    page = (folder / "report.md").read_text()
    for words in ("RELIABLE", "ours", "theirs", "ground truth", "blur", "one scene only", "no weights"):
        assert words in page
    pictures = ["curves.png", "scores-1.png", "scores-2.png", "seams.png"]
    assert sorted(path.name for path in folder.iterdir()) == sorted([*pictures, "report.json", "report.md"])
    for name in pictures:
        with Image.open(folder / name) as picture:
            assert min(picture.size) > 100
    assert str(folder / "report.md") in sentences
    assert "ours: none of" not in sentences
    assert "theirs" in sentences
    assert "drifts" not in sentences  # systems alone


def test_equal_results_give_equal_files(tmp_path: Path) -> None:
    for name in ("a", "b"):
        written(tmp_path / name, [TRUTH], profiles={})
    for path in (tmp_path / "a").iterdir():
        assert path.read_bytes() == (tmp_path / "b" / path.name).read_bytes()


@pytest.mark.parametrize("gate", GATES, ids=lambda gate: gate.name)
def test_a_report_of_probes_below_a_gate_is_stamped(tmp_path: Path, gate: Any) -> None:
    below = gate.bar + (-0.001 if gate.at_least else 0.001)
    report = written(tmp_path / "report", [TRUTH], gates={**GOOD, gate.name: below}, profiles={})
    told, sentences = report.content, report.summary
    assert told["stamp"] == "UNRELIABLE"
    assert any(gate.name in reason and f"{gate.bar}" in reason for reason in told["unreliable"])
    assert len(told["unreliable"]) == 1
    assert "UNRELIABLE" in sentences
    assert (tmp_path / "report" / "report.md").read_text().startswith("**UNRELIABLE**")


def test_films_without_borders_have_no_picture_of_seams(tmp_path: Path) -> None:
    written(tmp_path / "report", [row("ours", "system")], profiles={"ours": {}})
    names = sorted(path.name for path in (tmp_path / "report").iterdir())
    assert names == ["curves.png", "report.json", "report.md", "scores-1.png"]


@pytest.mark.parametrize(("length", "nearest"), [(1, 64), (64, 64), (250, 64), (262, 1024), (3376, 1024)])
def test_limits_are_those_of_the_nearest_length(tmp_path: Path, length: int, nearest: int) -> None:
    """Nearest as a ratio: 256 lies in the middle of 64 and 1,024."""
    at, scales = scales_for(1, length)
    assert at == nearest
    assert scales["motion"].limit == {64: 0.5, 1024: 2.0}[nearest]
    told = written(tmp_path / "report", [row("a film", "reference")], scales=scales, profiles={})
    (entry,) = told.content["rows"]
    assert entry["measures"]["motion"]["verdict"] == ("fails" if nearest == 64 else "ok")  # it is 1


def test_the_scales_of_the_package_have_limits_or_say_why_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    for length, scales in from_json(report.scales_file(1).read_text()).items():
        assert scales_for(1, length)[0] == length
        assert scales.keys() <= CATALOGUE.keys()
        for name, scale in scales.items():
            assert bool(scale.blind) == np.isnan(scale.limit), name


def test_the_spread_is_what_another_probe_changes() -> None:
    ours = row("ours", "system")
    film = ours.films[0]
    moved = {**film.measured, "doubled": Measured(1.25), "tau": Measured(0.5)}
    other = Row(ours.name, ours.kind, (FilmResult("film 0", moved), ours.films[1]), dict(ours.together))
    other.together["fd_clips"] = Measured(0.75)
    # the mean of two films; tau was not measured before
    assert spread_of([ours], [other]) == {"ours": {"doubled": 0.125, "fd_clips": -0.25}}
    assert spread_of(ROWS, ROWS) == {row.name: {} for row in ROWS}


def test_a_report_beside_real_videos_is_whole_too(tmp_path: Path) -> None:
    rows = [
        Row(name, "system", (FilmResult("film", {"cuts": Measured(2.0)}),)) for name in ("ours", "theirs")
    ]
    header = Header(facts={"videos": 3})
    report = write_report(rows, header, tmp_path / "real", measures=BESIDE_REAL_VIDEOS)
    told, sentences = report.content, report.summary
    text = (tmp_path / "real" / "report.json").read_text()
    assert json.loads(text, parse_constant=refuse) == json.loads(json.dumps(told))
    assert "ours" in (tmp_path / "real" / "report.md").read_text()
    assert "theirs: " in sentences


def test_a_strip_shows_the_middles_of_scenes(tmp_path: Path) -> None:
    seed = episode_seeds("test", 1)[0]
    script = script_of_episode(CARTOON, seed, 300)
    assert len(script.shots) > 2
    source = WorldFilm("ground truth", script, seed)
    areas = []
    for most in (1, 2, 16):
        write_strip(source, script, tmp_path / f"{most}.png", most)
        with Image.open(tmp_path / f"{most}.png") as picture:
            areas.append(picture.width * picture.height)
    assert areas[0] < areas[1] < areas[2]
    write_strip(replace(source, control="frozen"), script, tmp_path / "frozen.png")
    assert (tmp_path / "frozen.png").read_bytes() != (tmp_path / "16.png").read_bytes()
