"""The commands of data sets, from a folder of films to tar files, and from descriptions to a storyboard."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from films import scenes, write_film

from longtake.cli import main
from longtake.cli.data import rate
from longtake.data.filmset import open_films
from longtake.data.sources import open_footage

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    """Runs `longtake data …` in an empty folder."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: object) -> tuple[int, str, str]:
        code = main(["data", *map(str, arguments)])
        out, err = capsys.readouterr()
        return code, out, err

    return run


def report(done: tuple[int, str, str]) -> dict[str, Any]:
    assert done[0] == 0, done[2]
    told: dict[str, Any] = json.loads(done[1])
    return told


def test_from_films_to_tar_files(cli: Run, tmp_path: Path) -> None:
    write_film(tmp_path / "in" / "a.mp4", scenes(1, [30, 30]), 24)
    write_film(tmp_path / "in" / "b.webm", scenes(2, [40]), 24, "libvpx")
    (tmp_path / "in" / "a.vtt").write_text("WEBVTT\n\n00:00.500 --> 00:01.000\nA fox\n")
    ingest = ("ingest", "in", "--out", "set", "--size", 16, "--splits", "1/0/0", "--workers", 1)
    told = report(cli(*ingest, "--json"))
    assert told["films"] == told["films_taken"] == 2
    assert told["files_skipped"] == 1
    assert cli(*ingest)[1] == "set: nothing to do, its 2 films are as they were\n"
    films = open_films(tmp_path / "set")
    assert len(films.films("train")) == 2
    assert films.captions(0, [5, 6, 11, 12]) == ["", "A fox", "A fox", ""]

    told = report(cli("export", "set", "--out", "tars", "--pictures", "png", "--clip", 8, "--json"))
    assert (told["shards"], told["samples"]) == (1, 7)  # 30 and 20 frames
    tars = open_footage(Path("tars/*.tar"), 1)
    assert [tars.length(film) for film in tars.films("train")] == [30, 20]
    assert np.array_equal(tars.frames(0, [3, 29], 16), films.frames(0, [3, 29], 16))


def test_descriptions_become_a_storyboard(cli: Run, tmp_path: Path) -> None:
    cues = [{"start": 1, "end": 2, "text": "A fox"}, {"start": 4, "end": 6, "text": "Rain"}]
    (tmp_path / "told.json").write_text(json.dumps(cues))
    code, out, _ = cli("storyboard", "told.json", "--fps", 12, "--out", "board.yaml")
    assert (code, out) == (0, "board.yaml: 2 scenes, 72 frames (0:06)\n")
    told = report(cli("storyboard", "told.json", "--duration", "0:05", "--out", "board.yaml", "--json"))
    assert told == {"storyboard": "board.yaml", "scenes": 2, "frames": 60}


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["ingest", "nowhere", "--out", "set"], 3, "nowhere: is no folder"),
        (["ingest", "in", "--out", "set", "--size", "30"], 2, "give a multiple of 8"),
        (["ingest", "in", "--out", "set", "--captions", "songs"], 2, "'songs' is none of auto, none"),
        (["ingest", "in", "--out", "set", "--splits", "80/20"], 2, "write three shares"),
        (["ingest", "in", "--out", "set", "--splits", "0/1/1"], 2, "training needs a share"),
        (["ingest", "in", "--out", "in"], 3, "holds other files and no data set"),
        (["export", "in", "--out", "x"], 3, "in is no data set, it has no dataset.json"),
        (["storyboard", "none.vtt"], 3, "none.vtt: there is no such file"),
        (["storyboard", "in/a.txt.json"], 3, "is no list of cues: write"),
        (["storyboard", "in/b.json", "--duration", "soon"], 2, "'soon' is no time"),
    ],
)
def test_a_mistake_gets_one_message(
    cli: Run, tmp_path: Path, arguments: list[str], code: int, message: str
) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.txt.json").write_text("{")
    (tmp_path / "in" / "b.json").write_text('[{"start": 0, "end": 1, "text": "x"}]')
    done = cli(*arguments)
    assert done[0] == code
    assert message in " ".join(done[2].split())
    assert sorted(os.listdir(tmp_path)) in (["in"], ["in", "set"])


def test_rates_are_those_of_television() -> None:
    assert str(rate(23.976)) == "24000/1001"
    assert str(rate(29.97)) == "30000/1001"
    assert str(rate(12)) == "12"
    assert str(rate(12.5)) == "25/2"
    assert str(rate(24)) == "24"


def test_what_is_not_installed_is_told(cli: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "in").mkdir()
    monkeypatch.setattr("longtake.cli.data.find_spec", lambda _: None)
    code, _, err = cli("ingest", "in", "--out", "set")
    assert code == 2
    assert "pip install 'longtake[data]'" in err
