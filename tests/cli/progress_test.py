"""What a user sees while clips are drawn."""

from __future__ import annotations

from pathlib import Path

import pytest

from longtake.cli import progress
from longtake.cli.progress import Bar
from longtake.film import Film, clock, open_film
from longtake.film.executors import DrawClips, JobCached, JobDone, JobStarted, SegmentDone, TaskStarted
from longtake.film.executors.task import EncodeSegment
from longtake.film.progress import Tracker
from longtake.film.segments import cut_segments


@pytest.fixture
def film(tiny_model: Path, tmp_path: Path) -> Film:
    board = tmp_path / "board.yaml"
    board.write_text("video: {fps: 12, frames: 61}\nscenes:\n  - {id: a, at: 0, prompt: fox}\n")
    return open_film(board, model=tiny_model)


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "_QUIET", 0.0)
    monkeypatch.setattr(progress, "_EVERY", 0.0)


def hear(film: Film, span: slice) -> None:
    """The keyframes and the first leaf are there, the rest is drawn."""
    jobs = list(film.jobs.missing((), span))
    with Bar() as bar:
        tracker = Tracker(film.jobs, span, len(jobs), len(jobs) - 2, encoded=False, hear=bar.film)
        for job in jobs[:2]:
            tracker(JobCached(job))
        for job in jobs[2:]:
            tracker(JobStarted(job))
            tracker(JobDone(job, 0.1))
    assert tracker.drawn == {job.key for job in jobs[2:]}


@pytest.mark.usefixtures("at_once")
def test_lines_tell_clips_frames_speed_and_time_left(film: Film, capsys: pytest.CaptureFixture[str]) -> None:
    hear(film, slice(0, 61))
    lines = capsys.readouterr().err.splitlines()
    assert lines[:2] == ["1 of 5 clips, 0 frames", "2 of 5 clips, 15 frames"]
    assert lines[-1].startswith("5 of 5 clips, 61 frames, ")
    assert lines[-1].endswith(" frames/s, 0:00 left")


@pytest.mark.usefixtures("at_once")
def test_frames_are_those_of_the_span(film: Film, capsys: pytest.CaptureFixture[str]) -> None:
    hear(film, slice(10, 40))
    lines = capsys.readouterr().err.splitlines()
    assert lines[1] == "2 of 4 clips, 5 frames"
    assert lines[-1].startswith("4 of 4 clips, 30 frames, ")


@pytest.mark.usefixtures("at_once")
def test_a_terminal_gets_a_bar_that_goes_away(
    film: Film, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    monkeypatch.setenv("TERM", "xterm")
    hear(film, slice(0, 61))
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "of 5 clips" in shown.err


@pytest.mark.usefixtures("at_once")
def test_a_terminal_has_a_line_per_worker(
    film: Film, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    monkeypatch.setenv("TERM", "xterm")
    jobs = list(film.jobs.missing((), slice(0, 61)))
    (segment, *_), leaves = cut_segments(film.jobs), tuple(jobs[1:2])
    with Bar() as bar:
        tracker = Tracker(film.jobs, slice(0, 61), len(jobs), len(jobs), encoded=True, hear=bar.film)
        tracker(TaskStarted("worker 1", DrawClips(tuple(jobs[2:4]))))
        tracker(TaskStarted("worker 2", EncodeSegment(segment, leaves, film.encoding)))
        tracker(JobDone(jobs[0], 0.1))
        tracker(SegmentDone(0, segment, 0.1))
    shown = capsys.readouterr().err
    assert "1 of 5 clips, 15 frames" in shown
    assert "worker 1: draws a clip of level 1 from frame 15 and 1 more" in shown
    assert "worker 2: encodes 15 frames from frame 0 on" in shown


def test_what_is_quick_is_quiet(film: Film, capsys: pytest.CaptureFixture[str]) -> None:
    hear(film, slice(0, 61))
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0:00"), (61.9, "1:01"), (3599, "59:59"), (3600, "1:00:00")]
)
def test_clock(seconds: float, text: str) -> None:
    assert clock(seconds) == text
