"""Latents are those of the frames, whole or absent, encoded once."""

from __future__ import annotations

import pickle
import random
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from films import numbered
from numpy.typing import NDArray

from longtake.data import framelatents
from longtake.data.access import GROUP
from longtake.data.filmset import FilmSet, open_films
from longtake.data.framelatents import encode_films, latents_folder, open_latents
from longtake.data.tables import FILMS, SHOTS, DataSetError, Look, read_table, write_look, write_table
from longtake.video import Codec, encode_segment

SHAPE = (3, 3, 3)
FRAMES = 70


def encode(frames: NDArray[np.uint8]) -> NDArray[np.float16]:
    """Mean colour of each block: [T, 48, 48, 3] -> [T, 3, 3, 3]."""
    blocks = frames.reshape(len(frames), 3, 16, 3, 16, 3).mean(axis=(2, 4))
    return np.asarray(np.moveaxis(blocks / 128 - 1, -1, 1), np.float16)


@pytest.fixture
def films(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FilmSet:
    """Two films, the first one with a hole; shards of 32 frames."""
    monkeypatch.setattr(framelatents, "SHARD", 32)
    row = {"keep": "yes", "split": "train", "caption": "", "start": "0", "end": str(FRAMES)}
    row |= {"group": "", "frames": str(FRAMES)}
    cut = {"keep": "yes", "caption": ""}
    for name in "ab":
        path = tmp_path / "films" / f"{name}.mp4"
        encode_segment(numbered(FRAMES, 48, 48), path, 12, Codec(crf=12, group=GROUP), "yuv444p")
    write_look(tmp_path, Look(name="s", fps=Fraction(12), size=48, aspect="crop", cut=2.0, digest="d"), {})
    write_table(tmp_path, FILMS, [{"film": name, **row} for name in "ab"])
    shots = [("a", 0, 20), ("a", 30, 70), ("b", 0, 70)]
    write_table(tmp_path, SHOTS, [{"film": f, "start": s, "end": e, **cut} for f, s, e in shots])
    return open_films(tmp_path)


def build(films: FilmSet) -> list[tuple[int, int]]:
    return list(encode_films(films, encode, "digest" * 9, SHAPE, "maker"))


def test_latents_are_those_of_the_frames_at_random_access(films: FilmSet) -> None:
    assert build(films)[-1] == (140, 140)
    held = open_latents(films, "digest" * 9)
    chance = random.Random(0)
    for film in (0, 1):
        for length in (1, 7, films.length(film)):
            asked = [chance.randrange(films.length(film)) for _ in range(length)]
            for numbers in (asked, sorted(asked), list(range(films.length(film)))):
                found = held.latents(film, numbers)
                assert found.dtype == np.float16
                assert np.array_equal(found, encode(films.frames(film, numbers, 48)))
    copy = pickle.loads(pickle.dumps(held))
    assert np.array_equal(copy.latents(0, [3]), held.latents(0, [3]))
    with pytest.raises(ValueError, match="has frames"):
        held.latents(0, [60])


def test_what_was_interrupted_goes_on(films: FilmSet) -> None:
    work = encode_films(films, encode, "digest" * 9, SHAPE, "maker")
    while next(work)[0] <= 64:
        pass
    del work
    folder = latents_folder(films.folder, "digest" * 9)
    done = {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}
    assert set(done) == {"a-00000000.safetensors", "a-00000032.safetensors"}
    with pytest.raises(DataSetError, match="run `longtake data latents`"):
        open_latents(films, "digest" * 9)
    (folder / "a-00000032.safetensors").write_bytes(b"cut off")
    build(films)
    assert (folder / "a-00000000.safetensors").stat().st_mtime_ns == done["a-00000000.safetensors"]
    held = open_latents(films, "digest" * 9)
    assert np.array_equal(held.latents(0, [40, 59]), encode(films.frames(0, [40, 59], 48)))


def test_a_second_run_encodes_nothing_and_an_edit_neither(films: FilmSet) -> None:
    build(films)
    folder = latents_folder(films.folder, "digest" * 9)
    times = {path: path.stat().st_mtime_ns for path in folder.glob("*.safetensors")}
    table = read_table(films.folder, SHOTS)
    write_table(films.folder, SHOTS, [{**table[0], "keep": "no"}, *table[1:]])
    edited = open_films(films.folder)
    build(edited)
    assert times == {path: path.stat().st_mtime_ns for path in folder.glob("*.safetensors")}
    held = open_latents(edited, "digest" * 9)
    assert np.array_equal(held.latents(0, [0]), encode(edited.frames(0, [0], 48)))
    assert edited.numbers_in_file(0, [0]) == [30]


def test_latents_of_another_model_or_film_are_missed(films: FilmSet) -> None:
    rows = read_table(films.folder, FILMS)
    write_table(films.folder, FILMS, [rows[0], {**rows[1], "keep": "no"}])
    build(open_films(films.folder))
    with pytest.raises(DataSetError, match="no latents of this model"):
        open_latents(films, "another" * 9)
    with pytest.raises(DataSetError, match="b has no latents"):
        open_latents(films, "digest" * 9).latents(1, [0])
