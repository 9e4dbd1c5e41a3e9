"""Tar files give back what the data set holds, read by webdataset itself."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from films import numbered
from PIL import Image

from longtake.data.access import GROUP
from longtake.data.filmset import FilmSet, open_films
from longtake.data.tables import CAPTIONS, FILMS, SHOTS, DataSetError, Look, write_look, write_table
from longtake.ingest import export as work
from longtake.video import Codec, encode_segment

webdataset = pytest.importorskip("webdataset")
# It leaves the files that it reads to the garbage collector.
pytestmark = pytest.mark.filterwarnings(
    "ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"
)


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> FilmSet:
    out = tmp_path_factory.mktemp("set")
    for name, frames in (("a", 70), ("b.c", 20)):
        path = out / "films" / f"{name}.mp4"
        encode_segment(numbered(frames, 48, 48), path, 12, Codec(crf=12, group=GROUP), "yuv444p")
    write_look(out, Look(name="s", fps=Fraction(12), size=48, aspect="crop", cut=2.0, digest="d"), {})
    row = {"keep": "yes", "split": "train", "caption": "", "start": 0, "group": ""}
    write_table(out, FILMS, [{**row, "film": n, "end": f, "frames": f} for n, f in (("a", 70), ("b.c", 20))])
    shots = [("a", 0, 10), ("a", 20, 70), ("b.c", 0, 20)]
    write_table(out, SHOTS, [{"film": f, "keep": "yes", "start": s, "end": e} for f, s, e in shots])
    write_table(out, CAPTIONS, [{"film": "a", "start": 5, "end": 30, "caption": "Ünder, «rain»"}])
    return open_films(out)


def read(out: Path) -> Iterator[dict[str, Any]]:
    """All samples of an export."""
    names = json.loads((out / "train.json").read_text())["tar"]
    urls = [str(out / name) for name in names]
    yield from webdataset.WebDataset(urls, shardshuffle=False, empty_check=False)


@pytest.mark.parametrize("length", [16, 1, 7])
def test_pictures_come_back(films: FilmSet, tmp_path: Path, length: int) -> None:
    done = work.export(films, tmp_path, "train", length, "png", lambda *_: None)
    seen: dict[int, list[int]] = {0: [], 1: []}
    samples = list(read(tmp_path))
    assert len(samples) == done.samples
    for sample in samples:
        told = json.loads(sample["json"])
        film = [one.row.film for one in films.all].index(told["film"])
        numbers = told["numbers"]
        seen[film] += numbers
        assert len(numbers) <= length
        pictures = np.stack(
            [np.asarray(Image.open(io.BytesIO(sample[f"{k:03d}.png"]))) for k in range(len(numbers))]
        )
        assert np.array_equal(pictures, films.frames(film, numbers, 48))
        assert told["captions"] == films.captions(film, numbers)
        assert sample["txt"].decode() == told["captions"][len(numbers) // 2]
        places = films.numbers_in_file(film, numbers)
        assert told["seconds"] == [pytest.approx(place / 12, abs=1e-6) for place in places]
    assert seen == {0: list(range(60)), 1: list(range(20))}


def test_jpeg_is_near(films: FilmSet) -> None:
    frame = films.frames(0, [37], 48)[0]
    again = np.asarray(Image.open(io.BytesIO(work.encode_picture(frame, "jpg")))).astype(int)
    assert np.abs(again - frame).mean() < 3


def test_what_is_there_stays_and_the_same_bytes_come_again(
    films: FilmSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(work, "_SHARD", 32)
    assert work.export(films, tmp_path, "train", 16, "png", lambda *_: None).written == 3
    before = {path.name: path.read_bytes() for path in tmp_path.glob("*.tar")}
    times = {path.name: path.stat().st_mtime_ns for path in tmp_path.glob("*.tar")}
    (tmp_path / "train-00001.tar").unlink()
    assert work.export(films, tmp_path, "train", 16, "png", lambda *_: None).written == 1
    assert {path.name: path.read_bytes() for path in tmp_path.glob("*.tar")} == before
    assert (tmp_path / "train-00000.tar").stat().st_mtime_ns == times["train-00000.tar"]
    with tarfile.open(tmp_path / "train-00002.tar") as tar:
        assert all(member.isfile() for member in tar)


def test_another_export_needs_another_folder(films: FilmSet, tmp_path: Path) -> None:
    work.export(films, tmp_path, "train", 16, "png", lambda *_: None)
    with pytest.raises(DataSetError, match="holds another export"):
        work.export(films, tmp_path, "train", 8, "png", lambda *_: None)
    with pytest.raises(DataSetError, match="no films in test"):
        work.export(films, tmp_path, "test", 16, "png", lambda *_: None)
