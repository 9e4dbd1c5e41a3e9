"""What a user sees while something takes long, on stderr: a bar on a terminal, else a line now and then."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import TracebackType
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from longtake.film.executors import Task
    from longtake.film.progress import Progress

_QUIET = 2.0  # s before anything is shown: what is done sooner needs no bar
_LINES = 16  # of workers that are shown
_EVERY = 15.0  # s from one plain line to the next


class Interrupted(Exception):
    """Ctrl-C; the message says how to go on."""


@contextmanager
def resumable(how: str) -> Iterator[None]:
    """Turns Ctrl-C into `Interrupted`."""
    try:
        yield
    except KeyboardInterrupt:
        raise Interrupted(f"interrupted: {how}") from None


class Bar:
    """Shows a state that is told over and over; gone from the terminal when its block ends."""

    def __init__(self) -> None:
        self._begin = self._shown = time.monotonic()
        self._bar: Any = None  # of rich, whose import can wait

    def show(self, done: int, total: int, text: str, lines: Sequence[str] = ()) -> None:
        """The state from now on; `lines` are for a terminal only, below it."""
        if time.monotonic() - self._begin < _QUIET:
            return
        if not sys.stderr.isatty():
            if time.monotonic() - self._shown >= _EVERY:
                self._shown = time.monotonic()
                print(text, file=sys.stderr, flush=True)
            return
        if self._bar is None:
            from rich.console import Console
            from rich.progress import BarColumn, Progress, TextColumn

            columns = (BarColumn(), TextColumn("{task.description}", markup=False))
            self._bar = Progress(*columns, console=Console(stderr=True), transient=True)
            self._bar.add_task("")
            self._bar.start()
        description = "\n".join([text, *lines[:_LINES]])
        self._bar.update(self._bar.task_ids[0], completed=done, total=total, description=description)

    def counted(self, done: int, total: int, what: str) -> None:
        """Shows how many of how many are done, and of what."""
        self.show(done, total, f"{done} of {total} {what}")

    def film(self, progress: Progress) -> None:
        """Shows how far a film is."""
        if progress.event is None:
            done, total = progress.frames, progress.frames_total
            self.show(done, total, f"writing {done:,} of {total:,} frames")
            return
        text = f"{progress.clips:,} of {progress.clips_total:,} clips, {progress.frames:,} frames"
        if progress.seconds_left is not None:
            from longtake.film import clock

            speed = f"{progress.frames_per_second:.1f} frames/s"
            text += f", {speed}, {clock(progress.seconds_left)} left"
        doing = progress.doing if len(progress.doing) > 1 else {}
        lines = [f"{worker}: {in_words(task)}" for worker, task in sorted(doing.items())]
        self.show(progress.clips, progress.clips_total, text, lines)

    def __enter__(self) -> Bar:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()


def in_words(task: Task) -> str:
    """What a worker does: one line."""
    from longtake.film.executors import DrawClips

    if not isinstance(task, DrawClips):
        return f"encodes {len(task.segment)} frames from frame {task.leaves[0].start:,} on"
    first = task.jobs[0]
    others = f" and {len(task.jobs) - 1} more" if len(task.jobs) > 1 else ""
    return f"draws a clip of level {first.level} from frame {first.start:,}{others}"


class Notes(logging.Handler):
    """Prints what the library logs: lines for the user that are no results."""

    def emit(self, record: logging.LogRecord) -> None:
        kind = "warning" if record.levelno >= logging.WARNING else "note"
        typer.echo(f"{kind}: {record.getMessage()}", err=True)


def note(text: str) -> None:
    """A line for the user that is no result."""
    typer.echo(f"note: {text}", err=True)
