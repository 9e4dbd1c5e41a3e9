"""A folder becomes a data set: nothing is skipped silently, nothing is done twice, nothing edited is lost."""

from __future__ import annotations

import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from films import number_in, numbered, scenes, write_film

import longtake
from longtake.data.access import frames_of
from longtake.data.filmset import open_films
from longtake.data.tables import DataSetError
from longtake.files import file_digest
from longtake.ingest.data_set import Ingested, IngestOptions, ingest
from longtake.ingest.import_film import FilmSettings

ROOT = Path(longtake.__file__).parents[1]
RECIPE = FilmSettings(fps=Fraction(12), size=48, aspect="crop", cut=2.0)
OPTIONS = IngestOptions(film=RECIPE)


def run(folder: Path, out: Path, options: IngestOptions = OPTIONS) -> Ingested:
    return ingest(folder, out, options, lambda *_: None)


def rows(out: Path, name: str) -> list[dict[str, str]]:
    with (out / f"{name}.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def edit(out: Path, name: str, change: dict[tuple[int, str], str]) -> None:
    """Write cells of a table as a user would."""
    table = rows(out, name)
    for (number, column), text in change.items():
        table[number][column] = text
    with (out / f"{name}.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, list(table[0]))
        writer.writeheader()
        writer.writerows(table)


def state(out: Path) -> dict[str, tuple[int, str]]:
    return {
        str(p.relative_to(out)): (p.stat().st_mtime_ns, file_digest(p)) for p in out.rglob("*") if p.is_file()
    }


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with all kinds of files."""
    folder = tmp_path_factory.mktemp("films")
    write_film(folder / "one.mp4", scenes(1, [40, 40]), 24)
    write_film(folder / "deep" / "er" / "two.webm", scenes(2, [90]), 30, "libvpx")
    write_film(folder / "three.gif", scenes(3, [20]), 10, "gif", pixels="rgb8")
    write_film(folder / "copy.mkv", scenes(1, [40, 40]), 24, "libx265", crf=30)
    shutil.copy(folder / "one.mp4", folder / "deep" / "one again.mp4")
    (folder / "one.vtt").write_text(
        "WEBVTT\n\n00:00.500 --> 00:01.000\nA <b>fox</b>\n\n00:02.000 --> 00:03.000\nRain\n"
    )
    (folder / "one.de.vtt").write_text("WEBVTT\n\n00:00.500 --> 00:01.000\nEin Fuchs\n")
    (folder / "three.json").write_text('[{"start": 0, "end": 1.5, "text": "A  wolf"}]')
    (folder / "nobody.srt").write_text("1\n00:00:00,000 --> 00:00:01,000\nHello\n")
    (folder / "notes.txt").write_text("not a film\n" * 30)
    (folder / "broken.mp4").write_bytes(b"junk" * 1000)
    (folder / "empty.mp4").write_bytes(b"")
    (folder / ".hidden.mp4").write_bytes(b"x")
    return folder


@pytest.fixture(scope="module")
def made(films: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("sets") / "set"
    done = run(films, out)
    assert (done.films, done.taken, done.unchanged) == (3, 3, False)
    return out


@pytest.fixture
def copy(made: Path, tmp_path: Path) -> Path:
    """The data set, to be changed."""
    return Path(shutil.copytree(made, tmp_path / "set"))


def test_every_file_is_a_film_or_named_with_its_reason(films: Path, made: Path) -> None:
    taken = {row["source"] for row in rows(made, "films")}
    skipped = {row["file"]: row["reason"] for row in rows(made, "skipped")}
    every = {str(p.relative_to(films)) for p in films.rglob("*") if p.is_file()}
    assert taken | skipped.keys() == every
    assert not taken & skipped.keys()
    # Of two files with the same bytes the first by path is read; of two copies, the first by name.
    assert {"deep/er/two.webm", "three.gif"} < taken
    assert skipped["notes.txt"] == "no video"
    assert skipped["broken.mp4"] == "cannot be read"
    assert skipped["empty.mp4"] == "empty"
    assert skipped[".hidden.mp4"] == "hidden"
    assert skipped["nobody.srt"] == "no film of that name"
    assert skipped["three.json"] == "captions"
    assert list(skipped.values()).count("same bytes") == 1
    assert list(skipped.values()).count("same pictures") == 1


def test_a_film_is_its_pictures_at_the_rate_and_size_asked_for(tmp_path: Path) -> None:
    write_film(tmp_path / "in" / "a.mp4", numbered(100, 98, 66), 25)
    run(tmp_path / "in", tmp_path / "set")
    films = open_films(tmp_path / "set")
    assert films.length(0) == 48  # 4 s
    for numbers in ([0, 47, 13, 13, 25], [5], list(range(48))):
        found = films.frames(0, numbers, 48)
        assert found.shape == (len(numbers), 48, 48, 3)
        assert [number_in(frame) for frame in found] == [n * 25 // 12 for n in numbers]


def test_cues_stand_at_their_times(made: Path) -> None:
    told = {
        (row["film"].rpartition("-")[0], row["start"], row["end"]): row["caption"]
        for row in rows(made, "captions")
    }
    assert told["three", "0", "18"] == "A wolf"
    films = open_films(made)
    one = next(k for k, film in enumerate(films.all) if film.row.film.startswith("three-"))
    assert films.captions(one, [0, 17, 17.9, 18]) == ["A wolf", "A wolf", "A wolf", ""]


def test_a_second_run_does_nothing(films: Path, made: Path) -> None:
    before, begin = state(made), time.monotonic()
    done = run(films, made)
    assert time.monotonic() - begin < 1
    assert done.unchanged
    assert done.taken == 0
    assert state(made) == before


def test_hand_edits_stay_when_films_are_added(films: Path, copy: Path, tmp_path: Path) -> None:
    more = Path(shutil.copytree(films, tmp_path / "films"))
    write_film(more / "a new one.mp4", scenes(9, [36]), 12)
    edit(copy, "films", {(0, "caption"): "mine", (1, "split"): "test", (1, "keep"): "no"})
    edit(copy, "shots", {(0, "caption"): "a shot, of mine"})
    before = {name: rows(copy, name) for name in ("films", "shots", "captions")}
    done = run(more, copy)
    assert (done.films, done.taken) == (4, 1)
    after = {name: rows(copy, name) for name in before}
    for name, old in before.items():
        assert after[name][: len(old)] == old
    assert after["films"][3]["source"] == "a new one.mp4"
    assert len(after["shots"]) == len(before["shots"]) + 1


def test_captions_that_change_are_taken_over_unless_they_were_edited(
    films: Path, copy: Path, tmp_path: Path
) -> None:
    more = Path(shutil.copytree(films, tmp_path / "films"))
    (more / "three.json").write_text('[{"start": 0, "end": 1, "text": "A dog"}]')
    run(more, copy)
    assert [r["caption"] for r in rows(copy, "captions") if r["film"].startswith("three")] == ["A dog"]
    number = next(k for k, r in enumerate(rows(copy, "captions")) if r["film"].startswith("three"))
    edit(copy, "captions", {(number, "caption"): "My dog"})
    assert not run(more, copy).notes
    (more / "three.json").write_text('[{"start": 0, "end": 1, "text": "A cat"}]')
    done = run(more, copy)
    assert "edited by hand" in done.notes[0]
    assert [r["caption"] for r in rows(copy, "captions") if r["film"].startswith("three")] == ["My dog"]


def test_a_deleted_row_stays_deleted_and_is_named(films: Path, copy: Path) -> None:
    table = rows(copy, "films")
    text = (copy / "films.csv").read_text().splitlines(keepends=True)
    (copy / "films.csv").write_text("".join(text[:-1]))
    gone = table[-1]["film"]
    for name in ("shots", "captions"):
        kept = [
            line for line in (copy / f"{name}.csv").read_text().splitlines(keepends=True) if gone not in line
        ]
        (copy / f"{name}.csv").write_text("".join(kept))
    assert run(films, copy).films == 2
    assert {
        "file": table[-1]["source"],
        "reason": "deleted by hand",
        "detail": f"its row {gone} in films.csv",
    } in (rows(copy, "skipped"))


def test_what_is_written_under_the_card_stays(films: Path, copy: Path) -> None:
    card = copy / "README.md"
    assert "| train |" in card.read_text()
    card.write_text(card.read_text() + "\nMine: CC BY.\n")
    edit(copy, "films", {(0, "keep"): "no"})
    run(films, copy)
    assert "By hand: 1 films left out" in card.read_text()
    assert card.read_text().endswith("\nMine: CC BY.\n")


def test_other_options_need_another_folder(films: Path, copy: Path, tmp_path: Path) -> None:
    before = state(copy)
    with pytest.raises(DataSetError, match=r"--size 48, not 64"):
        run(films, copy, IngestOptions(film=FilmSettings(fps=Fraction(12), size=64, aspect="crop", cut=2.0)))
    assert state(copy) == before
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "file").touch()
    with pytest.raises(DataSetError, match="holds other files"):
        run(films, tmp_path / "other")
    with pytest.raises(NotADirectoryError):
        run(tmp_path / "nowhere", tmp_path / "new")


def test_films_that_share_pictures_share_a_split(tmp_path: Path) -> None:
    whole = list(scenes(5, [60] * 6))
    for k in range(4):
        write_film(tmp_path / "in" / f"piece{k}.mp4", whole[60 * k : 60 * k + 150], 12)
    for k in range(6):
        write_film(tmp_path / "in" / f"other{k}.mp4", scenes(20 + k, [60]), 12)
    run(tmp_path / "in", tmp_path / "set")
    table = rows(tmp_path / "set", "films")
    assert len({row["split"] for row in table if row["source"].startswith("piece")}) == 1
    assert len({row["group"] for row in table if row["source"].startswith("piece")}) == 1
    assert {row["split"] for row in table} == {"train", "validation", "test"}
    pieces = [k for k, row in enumerate(table) if row["source"].startswith("piece")]
    now = table[pieces[0]]["split"]
    edit(tmp_path / "set", "films", {(pieces[0], "split"): "test" if now == "train" else "train"})
    with pytest.raises(DataSetError, match="show the same pictures"):
        open_films(tmp_path / "set")


def test_several_processes_make_the_same(films: Path, made: Path, tmp_path: Path) -> None:
    run(films, tmp_path / "set", IngestOptions(film=RECIPE, workers=2))
    for name in ("films.csv", "shots.csv", "captions.csv", "skipped.csv"):
        assert (tmp_path / "set" / name).read_bytes() == (made / name).read_bytes()
    pictures = {p.name: file_digest(p) for p in (made / "films").glob("*.mp4")}
    assert pictures == {p.name: file_digest(p) for p in (tmp_path / "set" / "films").glob("*.mp4")}
    assert open_films(made).name == open_films(tmp_path / "set").name


def test_a_killed_run_leaves_whole_films_and_goes_on(tmp_path: Path) -> None:
    for k in range(6):
        write_film(tmp_path / "in" / f"{k}.mp4", scenes(k, [200, 200], 128), 24)
    out = tmp_path / "set"
    command = [sys.executable, "-m", "longtake", "data", "ingest", str(tmp_path / "in"), "--out", str(out)]
    command += ["--size", "48", "--workers", "2"]
    with subprocess.Popen(
        command, env={**os.environ, "PYTHONPATH": str(ROOT)}, stderr=subprocess.PIPE
    ) as process:
        while len(list((out / "films").glob("*.json"))) < 2 and process.poll() is None:
            time.sleep(0.01)
        workers = children(process.pid)
        process.send_signal(signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL
    assert workers
    deadline = time.monotonic() + 10
    while any(Path(f"/proc/{worker}").exists() for worker in workers) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not any(Path(f"/proc/{worker}").exists() for worker in workers)
    assert not (out / "films.csv").exists()
    done = {}
    for path in (out / "films").glob("*.json"):
        told = json.loads(path.read_text())
        assert file_digest(path.with_suffix(".mp4")) == told["pictures"]
        done[path.name] = path.stat().st_mtime_ns
    assert 2 <= len(done) < 6
    with pytest.raises(DataSetError):
        open_films(tmp_path / "nowhere")
    run(tmp_path / "in", out)
    assert all((out / "films" / name).stat().st_mtime_ns == when for name, when in done.items())
    run(tmp_path / "in", tmp_path / "unbroken")
    for name in ("films.csv", "shots.csv", "captions.csv", "skipped.csv"):
        assert (out / name).read_bytes() == (tmp_path / "unbroken" / name).read_bytes()
    for path in (tmp_path / "unbroken" / "films").glob("*.mp4"):
        assert file_digest(path) == file_digest(out / "films" / path.name)


def children(pid: int) -> list[int]:
    """Processes that this one started, on Linux."""
    listed = Path(f"/proc/{pid}/task/{pid}/children")
    if not listed.exists():
        pytest.skip("needs /proc")
    return [int(child) for child in listed.read_text().split()]


def test_a_film_that_is_gone_is_made_again(films: Path, copy: Path) -> None:
    (path, *_) = sorted((copy / "films").glob("*.mp4"))
    before = file_digest(path)
    path.unlink()
    run(films, copy)
    assert file_digest(path) == before


def test_shots_are_where_the_cuts_are(made: Path) -> None:
    table = [row for row in rows(made, "shots") if row["film"].startswith(("one", "copy"))]
    assert [(row["start"], row["end"]) for row in table] == [("0", "20"), ("20", "40")]
    for one, other in pairwise(table):
        path = made / "films" / f"{one['film']}.mp4"
        before, at = frames_of(path, [int(other["start"]) - 1, int(other["start"])], Fraction(12))
        assert np.abs(before.astype(int) - at).mean() > 20


@pytest.mark.slow
def test_memory_does_not_grow_with_the_film(tmp_path: Path) -> None:
    code = (
        "import resource, sys; from pathlib import Path; from fractions import Fraction\n"
        "from longtake.ingest.import_film import FilmSettings, import_film\n"
        "recipe = FilmSettings(fps=Fraction(12), size=64, aspect='crop', cut=2.0)\n"
        "take(Path(sys.argv[1]), '0' * 64, Path(sys.argv[2]), recipe)\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)\n"
    )
    peaks = []
    for count in (300, 3000):
        film = write_film(tmp_path / f"{count}.mp4", scenes(1, [100] * (count // 100), 320), 12)
        done = subprocess.run(
            [sys.executable, "-c", code, str(film), str(tmp_path / f"set{count}")],
            capture_output=True,
            text=True,
            check=True,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
        peaks.append(int(done.stdout.split()[-1]) / 1024)
    assert peaks[1] < peaks[0] + 40  # MB; the frames that came by are 830 MB


@pytest.mark.parametrize(
    ("settings", "digest"),
    [
        (FilmSettings(fps=Fraction(12), size=128, aspect="crop", cut=2.0), "2a61edc4e3fd5d6b"),
        (FilmSettings(fps=Fraction(24000, 1001), size=64, aspect="pad", cut=3.5), "c20e14c3756b2884"),
    ],
)
def test_data_sets_made_before_are_known_again(settings: FilmSettings, digest: str) -> None:
    assert settings.digest.startswith(digest)
