"""How far the work is, on stderr: a bar on a terminal, else a line now and then."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from types import TracebackType
from typing import Any

from longtake.commands.selection import Work, clock, note
from longtake.film.executors import (
    ClipCorrupt,
    Event,
    JobCached,
    JobDone,
    Paint,
    SegmentDone,
    Task,
    TaskStarted,
)

_QUIET = 2.0  # s before anything is shown: what is done sooner needs no bar
_LINES = 16  # of workers that are shown
_EVERY = 15.0  # s from one plain line to the next


class Bar:
    """Shows a state that is told over and over; gone from the terminal when its block ends."""

    def __init__(self) -> None:
        self._begin = self._told = time.monotonic()
        self._bar: Any = None  # of rich, whose import can wait

    @property
    def seconds(self) -> float:
        """Since it was made."""
        return time.monotonic() - self._begin

    def show(self, done: int, total: int, text: str, lines: Sequence[str] = ()) -> None:
        """The state from now on; `lines` are for a terminal only, below it."""
        if self.seconds < _QUIET:
            return
        if not sys.stderr.isatty():
            if time.monotonic() - self._told >= _EVERY:
                self._told = time.monotonic()
                print(text, file=sys.stderr, flush=True)
            return
        if self._bar is None:
            from rich.console import Console
            from rich.progress import BarColumn, Progress, TextColumn

            columns = (BarColumn(), TextColumn("{task.description}", markup=False))
            self._bar = Progress(*columns, console=Console(stderr=True), transient=True)
            self._bar.add_task("")
            self._bar.start()
        told = "\n".join([text, *lines[:_LINES]])
        self._bar.update(self._bar.task_ids[0], completed=done, total=total, description=told)

    def __enter__(self) -> Bar:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()


class Drawing:
    """Hears an executor's events; shows clips, frames that can be seen, frames per second and time left."""

    def __init__(self, bar: Bar, work: Work, span: slice, total: int, missing: int, encoded: bool) -> None:
        """`total` clips are needed, `missing` of them have to be drawn; where they are `encoded`, frames
        count when they are.
        """
        self._bar, self._plan = bar, work.plan
        self._span = span
        self._total, self._missing, self._encoded = total, missing, encoded
        self._finished = self._frames = self._fresh = 0  # clips; frames, and those drawn just now
        self._first = 0.0  # s until the first clip was drawn: the model had to be loaded too
        self.drawn: set[str] = set()  # keys
        self._doing: dict[str, str] = {}  # worker -> what it does
        self.costs: list[tuple[int, float]] = []  # level of each of them, and the seconds that it took

    def __call__(self, event: Event) -> None:
        """Take an event in."""
        if isinstance(event, ClipCorrupt):
            note(f"{event.path} is damaged ({event.reason}): it is drawn again", "warning")
        elif isinstance(event, TaskStarted):
            self._doing[event.worker] = _in_words(event.task)
        elif isinstance(event, (JobDone, JobCached)):
            frames = 0 if self._encoded else self._plan.frames_shown(event.job, self._span)
            self._finished += 1
            self._total = max(self._total, self._finished)  # clips that edits replaced may be needed too
            self._frames += frames
            if isinstance(event, JobDone):
                self._first = self._first or self._bar.seconds
                self.drawn.add(event.job.key)
                self.costs.append((event.job.level, event.seconds))
                self._fresh += frames
            self._bar.show(self._finished, self._total, self._state(), self._lines())
        elif isinstance(event, SegmentDone):
            self._frames += len(event.segment)
            self._fresh += len(event.segment) if event.seconds else 0
            self._bar.show(self._finished, self._total, self._state(), self._lines())

    def _lines(self) -> list[str]:
        """What every worker does, where there are several."""
        return [f"{who}: {what}" for who, what in sorted(self._doing.items())] if len(self._doing) > 1 else []

    def _state(self) -> str:
        text = f"{self._finished:,} of {self._total:,} clips, {self._frames:,} frames"
        if len(self.drawn) > 1:
            each = (self._bar.seconds - self._first) / (len(self.drawn) - 1)
            left = clock(each * max(0, self._missing - len(self.drawn)))
            text += f", {self._fresh / self._bar.seconds:.1f} frames/s, {left} left"
        return text


def _in_words(task: Task) -> str:
    """What a worker does: one line."""
    if not isinstance(task, Paint):
        return f"encodes {len(task.segment)} frames from frame {task.leaves[0].start:,} on"
    first = task.jobs[0]
    others = f" and {len(task.jobs) - 1} more" if len(task.jobs) > 1 else ""
    return f"draws a clip of level {first.level} from frame {first.start:,}{others}"
