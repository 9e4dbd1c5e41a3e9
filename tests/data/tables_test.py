"""The tables can be edited with any program; a mistake is told with its place."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest

from longtake.data.tables import (
    CAPTIONS,
    DataSetError,
    FilmRow,
    Look,
    ShotRow,
    read_look,
    read_table,
    write_look,
    write_table,
)

ROW = {"film": "a", "start": "0", "end": "12", "caption": 'A "fox", in the rain; ünder\nit'}


def test_what_is_written_is_read(tmp_path: Path) -> None:
    write_table(tmp_path, CAPTIONS, [ROW, {**ROW, "mine": "seen"}])
    assert read_table(tmp_path, CAPTIONS) == [{**ROW, "mine": ""}, {**ROW, "mine": "seen"}]
    assert read_table(tmp_path / "none", CAPTIONS) == []


@pytest.mark.parametrize(
    "text",
    [
        "film,start,end,caption\na,0,12,A fox\n",
        "\ufefffilm;start;end;caption\r\na;0;12;A fox\r\n",
        "caption\tfilm\tstart\tend\nA fox\ta\t0\t12\n",
    ],
)
def test_what_spreadsheets_write_is_read(tmp_path: Path, text: str) -> None:
    (tmp_path / "captions.csv").write_bytes(text.encode())
    assert read_table(tmp_path, CAPTIONS) == [{"film": "a", "start": "0", "end": "12", "caption": "A fox"}]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("film,start,end\n", "no column 'caption'"),
        ("film,start,end,caption\na,0,12,A fox, in rain\n", "line 2: write 4 cells"),
        ("film,start,end,caption\na,0\n", "line 2: write 4 cells"),
        (b"film,start,end,caption\na,0,1,\xff\n", "UTF-8"),
    ],
)
def test_another_table_is_refused(tmp_path: Path, text: str | bytes, message: str) -> None:
    (tmp_path / "captions.csv").write_bytes(text.encode() if isinstance(text, str) else text)
    with pytest.raises(DataSetError, match=message):
        read_table(tmp_path, CAPTIONS)


FILM = {"film": "a", "keep": "yes", "split": "train", "caption": " x  y ", "start": "0", "end": "9"}
FILM |= {"group": "a", "frames": "9"}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"keep": "perhaps"}, "'keep' is 'perhaps': write yes or no"),
        ({"split": "dev"}, "'dev' is no split"),
        ({"start": "5", "end": "5"}, "no stretch of the film"),
        ({"end": "10"}, "which has 9"),
        ({"start": "-1"}, "no stretch"),
        ({"start": "1.5"}, "'start' is '1.5': write a frame number"),
        ({"film": " "}, "'film' is empty"),
    ],
)
def test_a_mistake_is_told_with_its_place(change: dict[str, str], message: str) -> None:
    with pytest.raises(DataSetError, match=message) as error:
        FilmRow.of({**FILM, **change}, "films.csv, row 2")
    assert str(error.value).startswith("films.csv, row 2: ")


@pytest.mark.parametrize(
    ("said", "kept"), [("yes", True), ("X", True), ("TRUE", True), ("0", False), ("", False)]
)
def test_yes_and_no_as_people_write_them(said: str, kept: bool) -> None:
    assert FilmRow.of({**FILM, "keep": said}, "").keep is kept
    assert FilmRow.of(FILM, "").caption == "x y"
    assert ShotRow.of({**FILM, "keep": said}, "", 9).keep is kept


def test_the_look_of_a_data_set(tmp_path: Path) -> None:
    look = Look(name="a", fps=Fraction(24000, 1001), size=64, aspect="crop", cut=2.0, digest="d")
    write_look(tmp_path, look, {"films": 3})
    assert read_look(tmp_path) == look


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "is no data set, it has no dataset.json: make one with `longtake data ingest"),
        ("[1]", "no description of a data set"),
        ('{"format": 99}', "another version"),
        ('{"format": 1}', "no description"),
        ("junk", "no description"),
    ],
)
def test_another_folder_is_refused(tmp_path: Path, text: str | None, message: str) -> None:
    if text is not None:
        (tmp_path / "dataset.json").write_text(text)
    with pytest.raises(DataSetError, match=message):
        read_look(tmp_path)
