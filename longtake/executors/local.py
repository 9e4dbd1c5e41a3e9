"""Runs what is missing of a plan on this machine: in this process, or in several."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from itertools import islice

from longtake.executors.attempt import Ops
from longtake.executors.crew import Alone, Crew
from longtake.executors.events import ClipCorrupt, Event, JobCached, JobDone, JobFailed, JobStarted
from longtake.plan import Job, Plan
from longtake.store import CorruptClip, Store

__all__ = ["run"]

_AHEAD = 256  # jobs that are looked at for one that can start, beside those that wait for a clip in work
_AGAIN = 3  # times that a clip is drawn anew because it was damaged, before the disk is to blame


def run(
    plan: Plan,
    span: slice,
    store: Store,
    ops: Ops,
    on_event: Callable[[Event], None],
    workers: int = 1,
    levels: int | None = None,
) -> None:
    """Draw every clip that `span` needs and the store lacks, in the plan's order.

    `ops()` gives the drawing operation; it is called once per process, and not at all where nothing is missing.
    Clips that are in the store are verified; a damaged one is removed and drawn again. `levels` keeps to the
    first so many levels of the plan (1: the keyframes alone). With `workers` > 1 as many processes draw, with the
    same result.

    Raises `JobFailed` from an exception of the operation, and `WorkerDied`. Whatever ends it, also Ctrl-C, the
    store holds whole clips only, and another run goes on from there.
    """
    if workers < 1:
        raise ValueError(f"drawing needs at least one worker, not {workers}")
    missing = plan.missing(_Verified(store, on_event), span, levels)
    crew = Alone(store, ops) if workers == 1 else Crew(store, ops, workers)
    waiting: list[Job] = []  # in the plan's order
    undone: set[str] = set()  # keys of jobs that wait or are in work
    redrawn: Counter[str] = Counter()
    try:
        while True:
            for job in islice(missing, _AHEAD - len(waiting)):
                waiting.append(job)
                undone.add(job.key)
            while crew.free() and (ready := _ready(waiting, undone)) is not None:
                on_event(JobStarted(waiting[ready]))
                crew.start(waiting.pop(ready))
            if not undone:
                return
            for job, reply in crew.replies():
                if reply.kind == "lost":
                    ...
    finally:
        crew.close()
