"""A data set is a footage: any frame of any film, what is kept of it, and what is said of it."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import random
import threading
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from films import number_in, numbered

from longtake.data.access import GROUP, frames_of
from longtake.data.filmset import FilmSet, open_films
from longtake.data.footage import Footage
from longtake.data.tables import CAPTIONS, FILMS, SHOTS, DataSetError, Look, write_look, write_table
from longtake.video import Codec, encode_segment

FRAMES = 100


def film(name: str, **changes: str) -> dict[str, str]:
    row = {"film": name, "keep": "yes", "split": "train", "caption": "", "start": "0", "end": str(FRAMES)}
    return {**row, "group": name, "frames": str(FRAMES), **changes}


def shot(name: str, start: int, end: int, keep: str = "yes", caption: str = "") -> dict[str, str]:
    return {"film": name, "keep": keep, "start": str(start), "end": str(end), "caption": caption}


def cue(name: str, start: int, end: int, caption: str) -> dict[str, str]:
    return {"film": name, "start": str(start), "end": str(end), "caption": caption}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three films of numbered frames."""
    out = tmp_path_factory.mktemp("set")
    for name in "abc":
        encode_segment(
            numbered(FRAMES, 48, 48), out / "films" / f"{name}.mp4", 12, Codec(crf=12, group=GROUP), "yuv444p"
        )
    write_look(out, Look(name="set", fps=Fraction(12), size=48, aspect="crop", cut=2.0, digest="d"), {})
    return out


def tables(
    folder: Path,
    films: list[dict[str, str]] | None = None,
    shots: list[dict[str, str]] | None = None,
    captions: list[dict[str, str]] | None = None,
) -> FilmSet:
    write_table(folder, FILMS, films or [film("a"), film("b", split="test"), film("c", keep="no")])
    write_table(folder, SHOTS, shots or [shot(name, 0, FRAMES) for name in "abc"])
    write_table(folder, CAPTIONS, captions or [])
    return open_films(folder)


def numbers_of(footage: Footage, number: int, asked: list[float]) -> list[int]:
    return [number_in(frame) for frame in footage.frames(number, asked, 48)]


def test_any_frames_in_any_order(folder: Path) -> None:
    films = tables(folder)
    chance = random.Random(0)
    for length in (1, 3, 16, 100):
        asked = [chance.randrange(FRAMES) for _ in range(length)]
        assert numbers_of(films, 0, [*asked]) == asked
    assert numbers_of(films, 0, [99, 0, 99, 98, 11, 12]) == [99, 0, 99, 98, 11, 12]
    assert numbers_of(films, 0, [5.5, 5.0, 5.99]) == [5, 5, 5]  # nothing lies between


def test_alternating_films_stay_open(folder: Path) -> None:
    films = tables(folder)
    for k in range(30):
        assert numbers_of(films, k % 2, [3 * k]) == [3 * k]


def test_splits_and_keep(folder: Path) -> None:
    films = tables(folder)
    assert [list(films.films(split)) for split in ("train", "validation", "test")] == [[0], [], [1]]
    assert films.length(0) == FRAMES


def test_what_is_left_out_is_cut_out(folder: Path) -> None:
    films = tables(
        folder,
        films=[film("a", start="5", end="90"), film("b")],
        shots=[shot("a", 0, 20), shot("a", 20, 50, "no"), shot("a", 60, 100), shot("b", 0, 100, "no")],
    )
    kept = [*range(5, 20), *range(60, 90)]
    assert films.length(0) == len(kept)
    assert numbers_of(films, 0, list(range(len(kept)))) == kept
    assert films.numbers_in_file(0, [14, 15]) == [19, 60]
    assert list(films.films("train")) == [0]  # of b nothing is kept


def test_a_caption_is_the_cues_else_the_shots_else_the_films(folder: Path) -> None:
    films = tables(
        folder,
        films=[film("a", caption="the film"), film("b")],
        shots=[shot("a", 0, 50, caption="a shot"), shot("a", 50, 100), shot("b", 0, 100)],
        captions=[cue("a", 40, 60, "late"), cue("a", 10, 30, "one"), cue("a", 20, 25, "two")],
    )
    asked = [0, 9, 10, 19, 20, 24, 25, 29, 30, 40, 59, 60]
    said = [
        "a shot",
        "a shot",
        "one",
        "one",
        "two",
        "two",
        "one",
        "one",
        "a shot",
        "late",
        "late",
        "the film",
    ]
    assert films.captions(0, asked) == said
    assert films.captions(1, [0, 50.5]) == ["", ""]


def test_a_smaller_size_is_averaged_and_a_larger_one_refused(folder: Path) -> None:
    films = tables(folder)
    assert films.frames(0, [341 % FRAMES], 24).shape == (1, 24, 24, 3)
    large, small = films.frames(0, [37], 48)[0].astype(float), films.frames(0, [37], 12)[0].astype(float)
    assert np.abs(large.reshape(12, 4, 12, 4, 3).mean(axis=(1, 3)) - small).mean() < 6
    with pytest.raises(ValueError, match="ingest the films with --size 64"):
        films.frames(0, [0], 64)


@pytest.mark.parametrize("asked", [[100], [-1], [0, 3, 101.5]])
def test_frames_that_are_not_there_are_refused(folder: Path, asked: list[float]) -> None:
    films = tables(folder)
    for read in (lambda: films.frames(0, asked, 48), lambda: films.captions(0, asked)):
        with pytest.raises(ValueError, match="has frames 0 to 99"):
            read()


def test_the_name_tells_everything_apart_that_matters(folder: Path) -> None:
    base = tables(folder).name
    assert base.startswith("set-")
    assert tables(folder).name == base
    shots = [shot(name, 0, FRAMES) for name in "abc"]
    others = [
        tables(folder, films=[film("a", caption="x"), film("b", split="test"), film("c", keep="no")]),
        tables(folder, films=[film("a"), film("b", split="validation"), film("c", keep="no")]),
        tables(folder, films=[film("a"), film("b", split="test"), film("c")]),
        tables(folder, films=[film("a", end="99"), film("b", split="test"), film("c", keep="no")]),
        tables(folder, shots=[shot("a", 0, 50), *shots[1:]]),
        tables(folder, captions=[cue("a", 0, 1, "x")]),
    ]
    assert len({base, *(other.name for other in others)}) == 1 + len(others)
    # What is not seen does not matter: another shot border, a caption of a film that is left out.
    assert tables(folder, shots=[shot("a", 0, 50), shot("a", 50, 100), *shots[1:]]).name == base
    assert tables(folder, captions=[cue("c", 0, 1, "x")]).name == base


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_other_processes_read_the_same(folder: Path, method: str) -> None:
    if method not in multiprocessing.get_all_start_methods():
        pytest.skip(f"no {method} here")
    films = tables(folder)
    reading = iter(range(30, 60))
    assert numbers_of(films, 0, [next(reading)]) == [30]  # the parent is in the middle of the film
    if method == "fork":
        back, forth = os.pipe()
        if (pid := os.fork()) == 0:
            good = numbers_of(films, 0, [*range(60, 80), 5]) == [*range(60, 80), 5]
            os.write(forth, b"y" if good else b"n")
            os._exit(0)
        assert numbers_of(films, 0, [float(k) for k in reading]) == list(range(31, 60))
        os.waitpid(pid, 0)
        assert os.read(back, 1) == b"y"
    else:
        copy: FilmSet = pickle.loads(pickle.dumps(films))
        assert numbers_of(copy, 0, [7]) == [7]
        assert copy.name == films.name


def test_threads_do_not_disturb_one_another(folder: Path) -> None:
    films, wrong = tables(folder), []

    def read(seed: int) -> None:
        chance = random.Random(seed)
        for _ in range(40):
            asked = [float(chance.randrange(FRAMES)) for _ in range(4)]
            if numbers_of(films, 0, asked) != asked:
                wrong.append(seed)

    threads = [threading.Thread(target=read, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_a_damaged_film_is_told(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "cut.mp4").write_bytes((folder / "films" / "a.mp4").read_bytes()[:3000])
    for name, numbers in (("cut.mp4", [99]), ("none.mp4", [0])):
        with pytest.raises(DataSetError, match="run `longtake data ingest` again"):
            frames_of(tmp_path / name, numbers, Fraction(12))
    with pytest.raises(DataSetError):
        frames_of(folder / "films" / "a.mp4", [100], Fraction(12))
    assert number_in(frames_of(folder / "films" / "a.mp4", [42], Fraction(12))[0]) == 42


@pytest.mark.parametrize(
    ("films", "shots", "message"),
    [
        ([film("a"), film("a")], None, "a film stands twice"),
        ([film("a")], [shot("z", 0, 5)], r"row 2: there is no film 'z' in films.csv"),
        ([film("a")], [shot("a", 0, 101)], r"shots.csv, row 2: frames 0 to 101 are no stretch"),
        ([film("a", group="g"), film("b", group="g", split="test")], None, "show the same pictures"),
    ],
)
def test_mistakes_in_tables_are_told(
    folder: Path, films: list[dict[str, str]], shots: list[dict[str, str]] | None, message: str
) -> None:
    shots = shots or [shot(name, 0, FRAMES) for name in {row["film"] for row in films}]
    with pytest.raises(DataSetError, match=message):
        tables(folder, films, shots)


def test_an_empty_group_or_a_film_left_out_is_no_leak(folder: Path) -> None:
    tables(folder, [film("a", group=""), film("b", group="", split="test")], [shot("a", 0, 9)])
    tables(folder, [film("a", group="g"), film("b", group="g", split="test", keep="no")], [shot("a", 0, 9)])
