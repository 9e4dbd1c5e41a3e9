"""Running what is missing of a plan. Importing this imports no torch."""

from __future__ import annotations

from longtake.executors.cluster import cluster
from longtake.executors.events import (
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
from longtake.executors.local import local
from longtake.executors.run import Hire, run
from longtake.executors.schedule import Order
from longtake.executors.task import Draw, Ops, Paint, Task, Tools

__all__ = [
    "ClipCorrupt",
    "Draw",
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
