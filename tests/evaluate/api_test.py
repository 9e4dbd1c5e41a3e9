"""Films to a report in one call: arrays, pictures and videos alike, without a word printed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cartoon import CARTOON
from numpy.typing import NDArray
from seen_films import plan_of

from longtake.cli import main
from longtake.evaluate.api import (
    DrawnBy,
    DrawnFilm,
    EvaluateOptions,
    compare,
    episode_scripts,
    evaluate,
    script_of_board,
    unread_scenes,
)
from longtake.evaluate.catalogue import measures_of
from longtake.evaluate.controls import control_frames
from longtake.evaluate.sources import PixelArray
from longtake.storyboard import Storyboard, StoryboardError, parse
from longtake.video import write_png

FRAMES = 48
BOARD = """
title: two
video: {fps: 12, frames: 48}
seed: 3
scenes:
  - {id: a, at: 0, prompt: "Ollie the orange fox walks to the right in the meadow in the morning."}
  - {id: b, at: 20, prompt: "Luna the pink rabbit waves at the beach at night."}
"""
EDITED = BOARD + 'edits:\n  - {edit: prompt, scene: a, prompt: "A frog naps."}\n'
NEED_A_PLAN = {
    **dict.fromkeys(("seam", "jolt"), ("coarse", "fine")),
    **dict.fromkeys(("identity", "revisit"), ("reached", "unreached")),
}


@pytest.fixture(scope="module")
def board() -> Storyboard:
    return parse(BOARD)


@pytest.fixture(scope="module")
def frames(board: Storyboard) -> NDArray[np.uint8]:
    """A film that flickers."""
    return np.stack(list(control_frames("flicker", script_of_board(CARTOON, board, None), 8)))


def without_films(content: dict[str, Any]) -> dict[str, Any]:
    """All of a report but the digests of what was watched."""
    facts = {name: value for name, value in content["facts"].items() if name != "films"}
    return {**content, "facts": facts}


def test_an_array_is_measured_as_the_same_frames_in_a_folder(
    frames: NDArray[np.uint8],
    tiny_probes: Path,
    kept: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The command says the same of the folder, and beyond it what only a plan can tell."""
    (tmp_path / "board.yaml").write_text(BOARD)
    for number, frame in enumerate(frames):
        write_png(frame, tmp_path / "film" / f"{number:04}.png")
    for name in ("array", "folder", "command"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "seen").symlink_to(kept)
    heard: list[tuple[int, int, str]] = []
    reports = {
        name: evaluate(
            films,
            storyboard=tmp_path / "board.yaml",
            out=tmp_path / name,
            controls="none",
            probes=tiny_probes,
            workers=1,
            progress=lambda *progress: heard.append(progress),
        )
        for name, films in (("array", frames), ("folder", tmp_path / "film"))
    }
    array, folder = (without_films(report.content) for report in reports.values())
    assert array == folder
    assert [row.name for row in reports["array"].rows] == ["film", "ground truth"]
    assert {what for _, _, what in heard} == {"films watched", "rows measured"}
    assert capsys.readouterr() == ("", "")

    given = ("evaluate", tmp_path / "film", "--storyboard", tmp_path / "board.yaml", "--controls", "none",
             "--probes", tiny_probes, "--workers", 1, "--out", tmp_path / "command", "--json")  # fmt: skip
    assert main([str(word) for word in given]) == 0
    planned, unplanned = (
        report["rows"][0]["measures"] for report in (json.loads(capsys.readouterr().out), array)
    )
    differ = {name for name in measures_of(CARTOON) if planned[name] != unplanned[name]}
    assert differ <= {f"{name}_{part}" for name, parts in NEED_A_PLAN.items() for part in parts}
    assert not np.isnan(planned["seam_fine"]["value"])


def test_what_is_left_out_is_said_to_be_not_computed(
    board: Storyboard, frames: NDArray[np.uint8], tiny_probes: Path, kept: Path, out: Path
) -> None:
    (out / "seen").unlink()  # nothing of the training index is there
    (out / "seen").mkdir()
    (gates,) = kept.glob("gates-*.json")
    (out / "seen" / gates.name).write_bytes(gates.read_bytes())
    report = evaluate(
        {"a": frames, "b": frames[::-1]},
        storyboard=board,
        out=out,
        controls=["flicker"],
        probes=tiny_probes,
        workers=1,
        memorised=False,
    )
    assert [row.name for row in report.rows] == ["a", "b", "ground truth", "flicker"]
    assert not (out / "seen" / "training-index-1.npy").exists()
    assert "memorised" in report.content["not_computed"]
    for row in report.content["rows"]:
        assert set(measures_of(CARTOON)) - set(row["measures"]) == {"memorised"}
    assert "- memorised: not computed: left out" in (out / "report.md").read_text()
    assert [film["row"] for film in report.content["ranking"]]


def test_arrays_stand_beside_arrays(frames: NDArray[np.uint8], out: Path) -> None:
    report = evaluate({"mine": frames}, real={"one": frames[::-1], "two": frames[:40]}, out=out)
    assert [(row.name, row.kind, len(row.films)) for row in report.rows] == [
        ("films", "system", 1), ("real videos", "reference", 2)]  # fmt: skip
    assert (out / "report.md").exists()
    with pytest.raises(ValueError, match="among the references"):
        evaluate(frames, real=frames.copy(), out=out)


def test_mistakes_name_the_remedy_before_anything_is_watched(
    board: Storyboard, frames: NDArray[np.uint8], tiny_probes: Path, tmp_path: Path
) -> None:
    out = tmp_path / "report"
    shown: dict[str, Any] = {"storyboard": board}
    cases: list[tuple[Any, dict[str, Any], str]] = [
        (frames, {}, "either a storyboard"),
        (frames, {**shown, "real": frames}, "either a storyboard"),
        (frames, {"real": frames}, "probes and an edition only go with a storyboard"),
        (frames, {"real": frames, "plan": plan_of(48), "probes": None}, "a plan, probes and"),
        (frames, {"real": frames, "edition": 1, "probes": None}, "an edition only go"),
        (frames, {**shown, "edition": 9}, "there is no edition 9 of the cartoon world: name one of 1"),
        (frames / 255, shown, r"give uint8 \[T, H, W, 3\]"),
        (frames[0], shown, r"give uint8 \[T, H, W, 3\]"),
        (frames[:0], shown, r"give uint8 \[T, H, W, 3\]"),
        ({}, shown, "there is no film"),
        (tmp_path / "nowhere.mp4", shown, "there is no such film"),
        (frames[:40], shown, "has 40 frames, the storyboard 48"),
        (frames, {**shown, "controls": "smoke"}, "'smoke' is none of"),
        (frames, {"storyboard": parse(EDITED)}, "give the plan"),
    ]
    for films, given, remedy in cases:
        with pytest.raises(ValueError, match=remedy):
            evaluate(films, out=out, **{"probes": tiny_probes, **given})
        assert not out.exists()


def test_an_edited_storyboard_is_what_its_plan_shows() -> None:
    script = script_of_board(CARTOON, parse(EDITED), plan_of(30))
    assert (script.length, [shot.caption for shot in script.shots]) == (30, ["a fox"])
    with pytest.raises(StoryboardError, match="edited"):
        script_of_board(CARTOON, parse(EDITED), None)


def test_prompts_that_say_too_little_are_named() -> None:
    (missing,) = unread_scenes(script_of_board(CARTOON, parse(BOARD.replace(" at the beach", "")), None))
    assert missing == "frame 20: the prompt says where it is in no words that the probes know"


def test_films_that_are_pixels_are_compared_and_no_autoencoder_is_measured(
    tiny_probes: Path, out: Path
) -> None:
    """Such as a back end draws: there is no model of longtake whose decoder could be to blame."""
    scripts = episode_scripts(CARTOON, "test", 1, FRAMES)
    ((name, seed, script),) = scripts
    films = {
        strategy: {
            name: DrawnFilm(
                PixelArray(np.stack(list(control_frames(control, script, seed)))), plan_of(FRAMES)
            )
        }
        for strategy, control in (("one", "flicker"), ("other", "blur"))
    }
    by = DrawnBy(name="wan", digest="ab12", model=None)
    report = compare(films, scripts, "test", by, EvaluateOptions(out=out, probes=tiny_probes, workers=1))
    assert [row.name for row in report.rows] == ["one", "other", "ground truth"]
    assert report.content["facts"]["model"] == "wan ab12"
    assert "clips are pixels" in report.content["not_computed"]["ground truth, decoded"]
    assert report.content["differences"] == []  # of one episode
