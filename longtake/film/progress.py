"""How far drawing is, told after every event."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from longtake.film.executors import ClipCorrupt, Event, JobCached, JobDone, SegmentDone, Task, TaskStarted
from longtake.plan import Plan

_log = logging.getLogger("longtake")


@dataclass(frozen=True, kw_only=True)
class Progress:
    """What `progress` callables are given."""

    event: Event | None  # what has just happened; None: frames were written into the file
    clips: int  # that are there
    clips_total: int  # that are needed
    clips_drawn: int  # of those that are there, just now
    frames: int  # that can be seen; while the film is written, those written
    frames_total: int
    seconds: float  # since drawing began
    seconds_left: float | None  # None: not known yet
    frames_per_second: float  # drawn just now
    doing: Mapping[str, Task]  # worker -> what it does

    def __str__(self) -> str:
        what = "written" if self.event is None else "to be seen"
        return f"{self.clips} of {self.clips_total} clips, {self.frames} of {self.frames_total} frames {what}"


OnProgress = Callable[[Progress], None]


class Tracker:
    """Hears an executor's events and tells how far it is."""

    def __init__(
        self, plan: Plan, span: slice, total: int, missing: int, encoded: bool, hear: OnProgress | None
    ) -> None:
        """`total` clips are needed, `missing` of them have to be drawn; where they are `encoded`, frames
        count when they are.
        """
        self._plan, self._span, self._encoded, self._hear = plan, span, encoded, hear
        self._total, self._missing = total, missing
        self._began = time.monotonic()
        self._finished = self._frames = self._fresh = 0  # clips; frames, and those drawn just now
        self._first = 0.0  # s until the first clip was drawn: the model had to be loaded too
        self._doing: dict[str, Task] = {}
        self.drawn: set[str] = set()  # keys
        self.costs: list[tuple[int, float]] = []  # level of each of them, and the seconds that it took

    def __call__(self, event: Event) -> None:
        """Take an event in."""
        match event:
            case ClipCorrupt():
                _log.warning("%s is damaged (%s): it is drawn again", event.path, event.reason)
            case TaskStarted():
                self._doing[event.worker] = event.task
            case JobDone() | JobCached():
                self._count(event)
            case SegmentDone():
                self._frames += len(event.segment)
                self._fresh += len(event.segment) if event.seconds else 0
        if self._hear is not None:
            self._hear(self._progress(event))

    def _count(self, event: JobDone | JobCached) -> None:
        frames = 0 if self._encoded else self._plan.frames_shown(event.job, self._span)
        self._finished += 1
        self._total = max(self._total, self._finished)  # clips that edits replaced may be needed too
        self._frames += frames
        if isinstance(event, JobDone):
            self._first = self._first or self._seconds
            self.drawn.add(event.job.key)
            self.costs.append((event.job.level, event.seconds))
            self._fresh += frames

    @property
    def _seconds(self) -> float:
        return time.monotonic() - self._began

    def _progress(self, event: Event) -> Progress:
        seconds, left = self._seconds, None
        if len(self.drawn) > 1:
            each = (seconds - self._first) / (len(self.drawn) - 1)
            left = each * max(0, self._missing - len(self.drawn))
        return Progress(
            event=event,
            clips=self._finished,
            clips_total=self._total,
            clips_drawn=len(self.drawn),
            frames=self._frames,
            frames_total=len(range(self._plan.length)[self._span]),
            seconds=seconds,
            seconds_left=left,
            frames_per_second=self._fresh / seconds if seconds else 0.0,
            doing=self._doing,
        )
