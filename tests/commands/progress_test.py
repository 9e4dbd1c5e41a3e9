"""What a user sees while clips are drawn."""

from __future__ import annotations

from pathlib import Path

import pytest

from longtake.commands import progress
from longtake.commands.progress import Bar, Drawing
from longtake.commands.selection import Selection, Work, clock
from longtake.film.executors import JobCached, JobDone, JobStarted, Paint, SegmentDone, TaskStarted
from longtake.film.executors.task import Encode
from longtake.film.segments import cut_segments


@pytest.fixture
def work(tiny_model: Path, tmp_path: Path) -> Work:
    board = tmp_path / "board.yaml"
    board.write_text("video: {fps: 12, frames: 61}\nscenes:\n  - {id: a, at: 0, prompt: fox}\n")
    return Selection(storyboard=board, strategy="nuwa-xl", model=str(tiny_model)).open()


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "_QUIET", 0.0)
    monkeypatch.setattr(progress, "_EVERY", 0.0)


def hear(work: Work, span: slice) -> Drawing:
    """The keyframes and the first leaf are there, the rest is drawn."""
    jobs = list(work.plan.missing((), span))
    with Bar() as bar:
        drawing = Drawing(bar, work, span, len(jobs), len(jobs) - 2, encoded=False)
        for job in jobs[:2]:
            drawing(JobCached(job))
        for job in jobs[2:]:
            drawing(JobStarted(job))
            drawing(JobDone(job, 0.1))
    assert drawing.drawn == {job.key for job in jobs[2:]}
    return drawing


@pytest.mark.usefixtures("at_once")
def test_lines_tell_clips_frames_speed_and_time_left(work: Work, capsys: pytest.CaptureFixture[str]) -> None:
    hear(work, slice(0, 61))
    lines = capsys.readouterr().err.splitlines()
    assert lines[:2] == ["1 of 5 clips, 0 frames", "2 of 5 clips, 15 frames"]
    assert lines[-1].startswith("5 of 5 clips, 61 frames, ")
    assert lines[-1].endswith(" frames/s, 0:00 left")


@pytest.mark.usefixtures("at_once")
def test_frames_are_those_of_the_span(work: Work, capsys: pytest.CaptureFixture[str]) -> None:
    hear(work, slice(10, 40))
    lines = capsys.readouterr().err.splitlines()
    assert lines[1] == "2 of 4 clips, 5 frames"
    assert lines[-1].startswith("4 of 4 clips, 30 frames, ")


@pytest.mark.usefixtures("at_once")
def test_a_terminal_gets_a_bar_that_goes_away(
    work: Work, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    monkeypatch.setenv("TERM", "xterm")
    hear(work, slice(0, 61))
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "of 5 clips" in shown.err


@pytest.mark.usefixtures("at_once")
def test_a_terminal_has_a_line_per_worker(
    work: Work, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    monkeypatch.setenv("TERM", "xterm")
    jobs = list(work.plan.missing((), slice(0, 61)))
    (segment, *_), leaves = cut_segments(work.plan), tuple(jobs[1:2])
    with Bar() as bar:
        drawing = Drawing(bar, work, slice(0, 61), len(jobs), len(jobs), encoded=True)
        drawing(TaskStarted("worker 1", Paint(tuple(jobs[2:4]))))
        drawing(TaskStarted("worker 2", Encode(segment, leaves, work.encoding())))
        drawing(JobDone(jobs[0], 0.1))
        drawing(SegmentDone(0, segment, 0.1))
    shown = capsys.readouterr().err
    assert "1 of 5 clips, 15 frames" in shown
    assert "worker 1: draws a clip of level 1 from frame 15 and 1 more" in shown
    assert "worker 2: encodes 15 frames from frame 0 on" in shown


def test_what_is_quick_is_quiet(work: Work, capsys: pytest.CaptureFixture[str]) -> None:
    hear(work, slice(0, 61))
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0:00"), (61.9, "1:01"), (3599, "59:59"), (3600, "1:00:00")]
)
def test_clock(seconds: float, text: str) -> None:
    assert clock(seconds) == text
