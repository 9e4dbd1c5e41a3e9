"""Real films: shots agree with a count by hand, every cue is at its time, no file is passed over."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import pytest

import longtake
from longtake.cli import main
from longtake.data.cues import in_frames, read_cues
from longtake.data.filmset import open_films
from longtake.ingest.data_set import IngestOptions, ingest
from longtake.ingest.import_film import FilmSettings, import_film
from longtake.ingest.source import NoFilm, open_source

REAL = Path(longtake.__file__).parents[2] / "shared" / "realdata"
pytestmark = pytest.mark.skipif(not REAL.is_dir(), reason=f"no real films in {REAL}")
FPS = Fraction(12)
RECIPE = FilmSettings(fps=FPS, size=64, aspect="crop", cut=2.0)

# First frames of shots in the source, found by looking at the pictures (docs/data.md).
BY_HAND = {
    "bikes_cuts.mp4": (25, [30, 76, 137, 187, 242]),
    "bbb_480p_30s.mp4": (24, [285, 378, 553]),  # and a fade-in at the start, which is no border
    "chaplin.mp4": (25, []),
}
# Cuts in a battle with whip pans, flashes and smoke. At 1156 a falling camera may be cut or not.
BATTLE = [52, 122, 158, 221, 309, 715, 788, 872, 901, 987, 1127, 1157, 1203, 1234, 1246, 1284, 1345, 1378]
BATTLE += [1430, 1472, 1525, 1571, 1618, 1650, 1689]


def found_cuts(name: str, out: Path, rate: int) -> list[int]:
    taken = import_film(REAL / "video" / name, "0" * 64, out, RECIPE)
    starts = [start for start, _ in taken.shots[1:]]
    # A shot begins at the first frame of the data set that shows it.
    assert all(any(abs(start / FPS - time) < 1 / FPS for time, _ in taken.cuts) for start in starts)
    return [
        round(time * rate)
        for time, _ in taken.cuts
        if any(abs(start / 12 - time) < 1 / 12 for start in starts)
    ]


def agreeing(found: Sequence[int], by_hand: Sequence[int], tolerance: int) -> int:
    return sum(any(abs(cut - other) <= tolerance for other in by_hand) for cut in found)


@pytest.mark.parametrize("name", BY_HAND)
def test_shots_agree_with_a_count_by_hand(name: str, tmp_path: Path) -> None:
    rate, cuts = BY_HAND[name]
    found = found_cuts(name, tmp_path, rate)
    assert len(found) == len(cuts)
    assert agreeing(found, cuts, 1) == len(cuts)


@pytest.mark.slow
def test_most_cuts_of_a_battle_are_found(tmp_path: Path) -> None:
    found = found_cuts("tears_of_steel_battle_70s.webm", tmp_path, 24)
    right = agreeing(found, BATTLE, 1)
    assert right >= 21  # of 25
    assert len(found) - right <= 2  # a flash


def test_cues_of_sidecars_are_at_their_times(tmp_path: Path) -> None:
    films = tmp_path / "in"
    films.mkdir()
    for name in ("friday.mp4", "friday.vtt", "stream_of_water.mp4", "stream_of_water.vtt", "nasa_13013.mp4"):
        (films / name).symlink_to(REAL / "video" / name)
    ingest(films, tmp_path / "set", IngestOptions(film=RECIPE), lambda *_: None)
    made = open_films(tmp_path / "set")
    names = [film.row.film.rpartition("-")[0] for film in made.all]
    for stem in ("friday", "stream_of_water"):
        number = names.index(stem)
        for cue in read_cues(films / f"{stem}.vtt"):
            at = [k for k in in_frames(cue, FPS) if k < made.length(number)]
            assert at
            assert set(made.captions(number, at)) == {cue.text}
    # Of its two streams of subtitles inside the file, the first English one.
    said = made.captions(names.index("nasa_13013"), [0, 3, 60, 130])
    assert said[0] == ""
    assert said[1] == "NAR: This is the optical and science segment of the Webb"
    assert said[2].startswith("space telescope")
    assert said[3].startswith("at NASA’s Goddard")


def test_descriptions_of_a_film_become_a_storyboard_that_can_be_planned(
    tmp_path: Path, tiny_model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cues = REAL / "text" / "elephants_dream_descriptions.en.vtt"
    board = tmp_path / "board.yaml"
    assert main(["data", "storyboard", str(cues), "--fps", "12", "--out", str(board)]) == 0
    capsys.readouterr()
    assert main(["plan", str(board), "--model", str(tiny_model), "--json"]) == 0
    plan = json.loads(capsys.readouterr().out)
    assert plan["frames"] == 7836  # 10:53
    assert len(plan["scenes"]) == 63


def test_texts_are_no_films() -> None:
    for path in (REAL / "text").iterdir():
        with pytest.raises(NoFilm), open_source(path):
            pass


@pytest.mark.slow
def test_the_whole_folder(tmp_path: Path) -> None:
    source = REAL / "video"
    done = ingest(source, tmp_path / "set", IngestOptions(film=RECIPE, workers=2), lambda *_: None)
    assert done.films == 18
    with (tmp_path / "set" / "skipped.csv").open(newline="") as file:
        skipped = {row["file"]: row["reason"] for row in csv.DictReader(file)}
    with (tmp_path / "set" / "films.csv").open(newline="") as file:
        taken = {row["source"] for row in csv.DictReader(file)}
    assert taken | skipped.keys() == {path.name for path in source.iterdir()}
    assert skipped == {"friday.vtt": "captions", "stream_of_water.vtt": "captions"}
    assert ingest(source, tmp_path / "set", IngestOptions(film=RECIPE, workers=2), lambda *_: None).unchanged
    films = open_films(tmp_path / "set")
    for number in range(18):
        last = films.length(number) - 1
        assert films.frames(number, [last, 0], 64).shape == (2, 64, 64, 3)
