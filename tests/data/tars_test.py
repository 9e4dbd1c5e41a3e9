"""Tar files of a data set are the same footage as the data set."""

from __future__ import annotations

import json
import random
import shutil
import tarfile
from fractions import Fraction
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from films import numbered

from longtake.data.access import GROUP
from longtake.data.filmset import FilmSet, open_films
from longtake.data.footage import Footage
from longtake.data.sources import open_footage
from longtake.data.tables import CAPTIONS, FILMS, SHOTS, DataSetError, Look, write_look, write_table
from longtake.ingest import export
from longtake.video import Codec, encode_segment
from longtake.world.vocabulary import SPLITS

TWO_FRAMES = json.dumps({"film": "a", "numbers": [0, 1], "captions": ["", ""]}).encode()
LENGTHS = {"a": ("train", 40), "b.c": ("train", 9), "d": ("validation", 20)}


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> FilmSet:
    out = tmp_path_factory.mktemp("set")
    for name, (_, frames) in LENGTHS.items():
        path = out / "films" / f"{name}.mp4"
        encode_segment(numbered(frames, 48, 48), path, 12, Codec(crf=12, group=GROUP), "yuv444p")
    write_look(out, Look(name="s", fps=Fraction(12), size=48, aspect="crop", cut=2.0, digest="d"), {})
    row = {"keep": "yes", "caption": "", "start": 0, "group": ""}
    rows = [{**row, "film": n, "split": s, "end": f, "frames": f} for n, (s, f) in LENGTHS.items()]
    write_table(out, FILMS, rows)
    shots = [{"film": n, "keep": "yes", "start": 0, "end": f} for n, (_, f) in LENGTHS.items()]
    write_table(out, SHOTS, shots)
    write_table(out, CAPTIONS, [{"film": "a", "start": 5, "end": 30, "caption": "Ünder, «rain»"}])
    return open_films(out)


@pytest.fixture(scope="module")
def tars(films: FilmSet, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Exports of both splits, of which one has several tar files."""
    out = tmp_path_factory.mktemp("tars")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(export, "_SHARD", 16)
        for split in SPLITS[:2]:
            export.export(films, out, split, 8, "png", lambda *_: None)
    return out


def test_films_come_back_with_their_splits_frames_and_captions(films: FilmSet, tars: Path) -> None:
    for data in (tars, tars / "*.tar"):
        footage = open_footage(data, 1)
        for split in SPLITS:
            ours, theirs = footage.films(split), films.films(split)
            assert [footage.length(film) for film in ours] == [films.length(film) for film in theirs]
            for one, other in zip(ours, theirs, strict=True):
                numbers = [0, films.length(other) - 1, 3.5, 7]
                for size in (48, 16):
                    seen = footage.frames(one, numbers, size), films.frames(other, numbers, size)
                    assert np.array_equal(*seen)
                assert footage.captions(one, numbers) == films.captions(other, numbers)


def test_a_single_tar_file_is_footage_of_what_it_holds(tars: Path) -> None:
    footage = open_footage(tars / "validation-*.tar", 1)
    assert footage.films("train") == []
    assert [footage.length(film) for film in footage.films("validation")] == [20]


def test_training_draws_clips_from_them(tars: Path) -> None:
    footage = open_footage(tars, 1)
    assert not footage.scripted
    assert footage.lexicon() == {}
    clip = footage.draws(footage.films("train")).clip(random.Random(1))
    assert clip.pixels(16).shape == (len(clip.numbers), 16, 16, 3)


def test_the_name_changes_with_what_they_hold(tars: Path, tmp_path: Path) -> None:
    again = shutil.copytree(tars, tmp_path / "again")
    assert name_of(again) == name_of(tars)
    for path in again.glob("validation-*.tar"):
        path.unlink()
    assert name_of(again) != name_of(tars)


def name_of(folder: Path) -> str:
    footage: Footage = open_footage(folder, 1)
    return footage.name


def test_frames_that_are_in_no_tar_file_are_missed(tars: Path, tmp_path: Path) -> None:
    again = shutil.copytree(tars, tmp_path / "again")
    (again / "train-00001.tar").unlink()
    with pytest.raises(DataSetError, match=r"a: its frame 16 is in none of the tar files: name all"):
        open_footage(again, 1)


def test_larger_pictures_than_there_are_are_refused(tars: Path) -> None:
    with pytest.raises(DataSetError, match="has 48 pixels a side, not 64: ingest the films with --size 64"):
        open_footage(tars, 1).frames(0, [0], 64)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("photos.tar", {}, r"its name says no split: call it train-\*.tar"),
        ("train-0.tar", {}, "holds no sample of a film"),
        ("train-0.tar", {"x.json": b"{}", "x.000.jpg": b""}, "x is no sample of a film: write it again"),
        ("train-0.tar", {"x.json": TWO_FRAMES, "x.000.jpg": b""}, "x is no sample of a film"),
        ("train-0.tar", None, "cannot be read"),
    ],
)  # fmt: skip
def test_other_tar_files_are_refused(
    name: str, content: dict[str, bytes] | None, message: str, tmp_path: Path
) -> None:
    if content is None:
        (tmp_path / name).write_bytes(b"no tar file at all" * 100)
    else:
        with tarfile.open(tmp_path / name, "w") as tar:
            for member, data in content.items():
                info = tarfile.TarInfo(member)
                info.size = len(data)
                tar.addfile(info, BytesIO(data))
    with pytest.raises(DataSetError, match=message):
        open_footage(tmp_path, 1)


def test_a_tar_file_that_changes_while_it_is_used_is_told_of(tars: Path, tmp_path: Path) -> None:
    again = shutil.copytree(tars, tmp_path / "again")
    footage = open_footage(again, 1)
    for path in again.glob("*.tar"):
        path.write_bytes(b"0" * 100)
    with pytest.raises(DataSetError, match="a picture cannot be read"):
        footage.frames(0, [0], 16)
