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
from longtake.film.executors.run import Hire, run
from longtake.film.executors.schedule import Order
from longtake.film.executors.task import Ops, Paint, Task, Tools

__all__ = [
    "ClipCorrupt",
    "Event",
    "Hire",
    "JobCached",
    "JobDone",
    "JobFailed",
    "JobStarted",
    "Ops",
    "Order",
    "Paint",
    "SegmentDone",
    "Task",
    "TaskStarted",
    "Tools",
    "WorkerDied",
    "cluster",
    "local",
    "run",
]
