"""`longtake evaluate`: one command from films to a report; bad input is told before anything takes long."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from cartoon import CARTOON

from longtake.cli import main
from longtake.evaluate.catalogue import CATALOGUE
from longtake.evaluate.controls import control_frames
from longtake.evaluate.script import Script, script_of_prompts
from longtake.video import Codec, encode_segment
from longtake.world.episodes import episode_facts

FRAMES = 96
SCENES = [
    (0, "Ollie the orange fox walks to the right in the meadow in the morning."),
    (50, "Luna the pink rabbit waves and Pip the green frog sits down at the beach at night."),
]


def run(*arguments: object) -> int:
    return main([str(argument) for argument in arguments])


@pytest.fixture
def script() -> Script:
    return script_of_prompts(CARTOON, SCENES, FRAMES)


@pytest.fixture
def board(tmp_path: Path) -> Path:
    scenes = [{"id": f"s{at}", "at": at, "prompt": prompt} for at, prompt in SCENES]
    told = {"title": "two", "video": {"fps": 12, "frames": FRAMES}, "seed": 3, "scenes": scenes}
    path = tmp_path / "board.yaml"
    path.write_text(yaml.safe_dump(told))
    return path


def film(script: Script, control: str, path: Path) -> Path:
    encode_segment(control_frames(control, script, 8), path, 12, Codec(upscale=1))
    return path


def report(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "report.json").read_text())
    return found


def test_a_film_gets_a_report_and_a_second_run_watches_nothing(
    tmp_path: Path, script: Script, board: Path, tiny_probes: Path, out: Path
) -> None:
    path = film(script, "ground truth", tmp_path / "one.mp4")
    asked = ("evaluate", path, "--storyboard", board, "--probes", tiny_probes, "--controls", "reversed")
    assert run(*asked, "--out", out, "--workers", 1) == 0
    first = report(out)
    kinds = {row["name"]: row["kind"] for row in first["rows"]}
    assert kinds == {
        "one": "system", "reversed": "control",
        "ground truth": "reference", "ground truth, encoded": "reference",
    }  # fmt: skip
    assert first["stamp"] == "UNRELIABLE"  # these probes are random
    assert first["facts"]["world"] == "edition 1"
    assert set(first["rows"][0]["measures"]) <= set(CATALOGUE)
    assert all(why.startswith("no weights") for why in first["not_computed"].values())
    for name in ("report.md", "curves.png", "scores-1.png", "strip-1.png"):
        assert (out / name).stat().st_size > 0
    before = {path: path.stat().st_mtime_ns for path in (out / "seen").iterdir()}
    assert run(*asked, "--out", out, "--workers", 1) == 0
    assert {path: path.stat().st_mtime_ns for path in (out / "seen").iterdir()} == before
    assert report(out) == first


def test_films_of_a_folder_are_ranked(
    tmp_path: Path, script: Script, board: Path, tiny_probes: Path, out: Path
) -> None:
    for name, control in (("a", "ground truth"), ("b", "flicker")):
        film(script, control, tmp_path / "films" / f"{name}.mp4")
    asked = ("evaluate", tmp_path / "films", "--storyboard", board, "--probes", tiny_probes)
    assert run(*asked, "--controls", "none", "--out", out, "--workers", 1) == 0
    assert [film["row"] for film in report(out)["ranking"]] == ["a", "b"]
    assert "## ranking" in (out / "report.md").read_text()


def test_a_strategy_is_rendered_and_measured(tiny_probes: Path, out: Path) -> None:
    asked = ("evaluate", "--strategies", "nuwa-xl", "--episodes", 1, "--frames", 16, "--probes", tiny_probes)
    assert run(*asked, "--controls", "none", "--out", out, "--workers", 1) == 0
    rows = {row["name"]: row for row in report(out)["rows"]}
    assert set(rows) == {"nuwa-xl", "ground truth", "ground truth, decoded"}
    assert rows["nuwa-xl"]["measures"]["sharpness"]["value"] is not None


def test_what_is_wrong_is_told_before_anything_takes_long(
    tmp_path: Path, script: Script, board: Path, tiny_probes: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = film(script, "ground truth", tmp_path / "one.mp4")
    common = ("--probes", tiny_probes, "--out", tmp_path / "out")
    cases: list[tuple[tuple[object, ...], int, str]] = [
        ((path, "--storyboard", board, "--frames", 60, *common), 3, "has 96 frames, the storyboard 60"),
        ((path, *common), 2, "--storyboard"),
        ((path, "--strategies", "nuwa-xl", *common), 2, "either"),
        ((path, "--storyboard", board, "--controls", "smoke", *common), 2, "'smoke' is none of"),
        (("--strategies", "magic", *common), 2, "'magic' is no strategy"),
        ((tmp_path / "nothing.mp4", "--storyboard", board, *common), 2, "no such film"),
        ((path, "--storyboard", board, "--probes", tmp_path, "--out", tmp_path / "out"), 3, "holds no probe"),
    ]
    for arguments, code, told in cases:
        assert run("evaluate", *arguments) == code, arguments
        assert told in " ".join(capsys.readouterr().err.split()), arguments
        assert not (tmp_path / "out" / "report.json").exists()


def test_without_opencv_the_remedy_is_told() -> None:
    code = (
        "import sys; sys.modules['cv2'] = None; from longtake.cli import main; sys.exit(main(sys.argv[1:]))"
    )
    asked = [sys.executable, "-c", code, "evaluate", "--strategies", "nuwa-xl"]
    done = subprocess.run(asked, capture_output=True, text=True, check=False)
    assert (done.returncode, "pip install 'longtake[evaluate]'" in done.stderr) == (3, True), done.stderr


def test_latents_of_reference_and_truth_differ(script: Script) -> None:
    assert episode_facts(3).hues != episode_facts(3 + 1_000_000_000).hues
