"""Running what is missing of a plan. Importing this imports no torch."""

from __future__ import annotations

from longtake.film.executors.cluster import cluster
from longtake.film.executors.events import (
    ClipCorrupt,
    Event,
    JobCached,
    JobDone,
    JobFailed,
    JobStarted,
    SegmentDone,
    TaskStarted,
    WorkerDied,
)
from longtake.film.executors.local import local
from longtake.film.executors.run import StartWorkers, run
from longtake.film.executors.task import DrawClips, EncodeSegment, Loaders, Task
from longtake.film.executors.worklist import Order

__all__ = [
    "ClipCorrupt",
    "DrawClips",
    "EncodeSegment",
    "Event",
    "JobCached",
    "JobDone",
    "JobFailed",
    "JobStarted",
    "Loaders",
    "Order",
    "SegmentDone",
    "StartWorkers",
    "Task",
    "TaskStarted",
    "WorkerDied",
    "cluster",
    "local",
    "run",
]
