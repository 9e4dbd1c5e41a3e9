"""What an executor tells while it runs, and how it fails."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from longtake.film.executors.task import Task
from longtake.film.segments import Segment
from longtake.plan import Job


@dataclass(frozen=True)
class JobStarted:
    """A clip is being drawn."""

    job: Job


@dataclass(frozen=True)
class TaskStarted:
    """A worker has begun something."""

    worker: str  # what it is called
    task: Task


@dataclass(frozen=True)
class JobDone:
    """A clip was drawn and is in the store."""

    job: Job
    seconds: float  # of a worker's time


@dataclass(frozen=True)
class JobCached:
    """A clip that the span needs was in the store, and whole."""

    job: Job


@dataclass(frozen=True)
class SegmentDone:
    """A segment of the film is in the store."""

    number: int  # of the span's segments, from 0
    segment: Segment
    seconds: float  # of a worker's time; 0 where it was there before


@dataclass(frozen=True)
class ClipCorrupt:
    """A clip in the store was damaged. It has been removed and will be drawn again, under the same key."""

    key: str
    path: Path
    reason: str


Event = JobStarted | TaskStarted | JobDone | JobCached | SegmentDone | ClipCorrupt


class JobFailed(RuntimeError):
    """A clip could not be drawn; the reason is the exception's cause. What was drawn before is stored."""

    def __init__(self, job: Job, reason: str) -> None:
        super().__init__(job, reason)
        self.job, self.reason = job, reason

    def __str__(self) -> str:
        job = self.job
        return f"the clip {job.key} (level {job.level}, from film frame {job.start}) failed: {self.reason}"


class WorkerDied(RuntimeError):
    """A process that was drawing is gone: killed, or out of memory. What was drawn before is stored."""
