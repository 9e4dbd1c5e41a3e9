"""`longtake store`: damage is found, and only what no film needs goes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from longtake.cli import main

BOARD = """\
video: {fps: 12, frames: 61}
scenes:
  - {id: one, at: 0, prompt: a fox}
  - {id: two, at: 20, prompt: an owl}
"""


@pytest.fixture
def run(tiny_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Any:
    """Runs a command line with the test's own store: exit code and JSON, or the last line of stderr."""

    def call(*words: object, model: bool = True) -> Any:
        named = ["--model", tiny_model] if model else []
        code = main([str(word) for word in (*words, "--store", tmp_path / "store", *named, "--json")])
        out, err = capsys.readouterr()
        return code, json.loads(out) if out else err.strip().splitlines()[-1]

    return call


def files(folder: Path) -> set[Path]:
    return {path for path in (folder / "store").glob("??/**/*") if path.is_file()}


@pytest.fixture
def rendered(run: Any, tmp_path: Path) -> Path:
    board = tmp_path / "board.yaml"
    board.write_text(BOARD)
    run("render", board, "--out", tmp_path / "film.mp4", "--workers", 1)
    return board


def test_damage_is_named_and_removed_when_asked(run: Any, rendered: Path, tmp_path: Path) -> None:
    code, report = run("store", "verify", model=False)
    assert (code, report["damaged"], report["segments"]) == (0, [], 2)
    assert report["bytes"] == sum(path.stat().st_size for path in files(tmp_path))
    for path in (
        next((tmp_path / "store").glob("??/*.safetensors")),
        next((tmp_path / "store").glob("??/*/*")),
    ):
        data = bytearray(path.read_bytes())
        data[-1] ^= 1
        path.write_bytes(data)
    code, report = run("store", "verify", model=False)
    assert (code, len(report["damaged"])) == (1, 2)
    assert run("store", "verify", "--drop", model=False)[0] == 0
    assert run("store", "verify", model=False)[1]["damaged"] == []
    assert run("render", rendered, "--out", tmp_path / "film.mp4", "--workers", 1)[1]["jobs_run"] == 1


def test_only_what_no_film_needs_goes(run: Any, rendered: Path, tmp_path: Path) -> None:
    kept = files(tmp_path)
    other = tmp_path / "other.yaml"
    other.write_text(BOARD.replace("an owl", "a frog"))
    run("render", other, "--out", tmp_path / "other.mp4", "--workers", 1)
    both = files(tmp_path)
    assert run("store", "gc", rendered, other)[1]["clips"] == 0
    tried = run("store", "gc", rendered, "--dry-run")[1]
    assert files(tmp_path) == both
    done = run("store", "gc", rendered)[1]
    assert files(tmp_path) == kept
    assert done["clips"] == tried["clips"] > 0
    assert (done["segments"], done["removed"], tried["removed"]) == (2, True, False)
    assert run("render", rendered, "--out", tmp_path / "film.mp4", "--workers", 1)[1]["jobs_run"] == 0


def test_films_by_several_strategies_stay(run: Any, rendered: Path, tmp_path: Path) -> None:
    first = files(tmp_path)
    run("render", rendered, "--strategy", "vidrd", "--out", tmp_path / "other.mp4", "--workers", 1)
    both = files(tmp_path)
    run("store", "gc", rendered, "--strategy", "nuwa-xl", "--strategy", "vidrd")
    assert files(tmp_path) == both > first
    run("store", "gc", rendered)
    assert files(tmp_path) == first


def test_what_edits_replaced_stays(run: Any, rendered: Path, tmp_path: Path) -> None:
    run("edit", rendered, "--scene", "two", "--reroll")
    run("render", rendered, "--out", tmp_path / "film.mp4", "--workers", 1)
    before = files(tmp_path)
    done = run("store", "gc", rendered)[1]
    assert len(before) - len(files(tmp_path)) == done["clips"] + done["segments"]
    assert done["segments"] == 1
    for key in [path.parent.name + path.stem for path in files(tmp_path) if path.suffix == ".safetensors"][
        :3
    ]:
        (tmp_path / "store" / key[:2] / f"{key[2:]}.safetensors").unlink()
    assert run("render", rendered, "--out", tmp_path / "b.mp4", "--workers", 1)[0] == 0
    assert (tmp_path / "b.mp4").read_bytes() == (tmp_path / "film.mp4").read_bytes()


def test_a_folder_that_is_not_there(run: Any, tmp_path: Path) -> None:
    assert run("store", "verify", model=False) == (
        2,
        f"Error: Invalid value for --store: {tmp_path / 'store'} is no folder",
    )
