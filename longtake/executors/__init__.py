"""Running what is missing of a plan. Importing this imports no torch."""

from __future__ import annotations

from longtake.executors.attempt import Draw, Ops
from longtake.executors.events import (
    ClipCorrupt,
    Event,
    JobCached,
    JobDone,
    JobFailed,
    JobStarted,
    WorkerDied,
)
from longtake.executors.local import run

__all__ = [
    "ClipCorrupt",
    "Draw",
    "Event",
    "JobCached",
    "JobDone",
    "JobFailed",
    "JobStarted",
    "Ops",
    "WorkerDied",
    "run",
]
