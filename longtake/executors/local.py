"""Runs what is missing of a plan on this machine: in this process, or in several."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from itertools import islice

from longtake.executors.attempt import Ops, Reply
from longtake.executors.crew import Alone, Crew
from longtake.executors.events import ClipCorrupt, Event, JobCached, JobDone, JobFailed, JobStarted
from longtake.plan import Job, Plan
from longtake.store import CorruptClip, Store

__all__ = ["run"]

OnEvent = Callable[[Event], None]

_AHEAD = 256  # jobs among which one is sought that can start while others wait for a clip in work
_AGAIN = 3  # times that a job finds a known frame lost before the disk is to blame


def run(
    plan: Plan,
    span: slice,
    store: Store,
    ops: Ops,
    on_event: OnEvent,
    workers: int = 1,
    levels: int | None = None,
) -> None:
    """Draw every clip that `span` needs and the store lacks, in the plan's order.

    `ops()` gives the drawing operation; it is called once per process, and not at all where nothing is
    missing. Clips that are in the store are verified; a damaged one is removed and drawn again. With
    `workers` > 1 so many processes draw, to the same result. `levels` keeps to the first so many levels of
    the plan (1: the keyframes alone).

    Raises `JobFailed` from an exception of the operation, and `WorkerDied`. Whatever ends it, Ctrl-C too, the
    store holds whole clips only, and another run goes on from there.
    """
    if workers < 1:
        raise ValueError(f"drawing needs at least one worker, not {workers}")
    missing = _missing(plan, span, store, on_event, levels)
    crew = Alone(store, ops) if workers == 1 else Crew(store, ops, workers)
    try:
        _Run(plan, store, crew, on_event).all(missing)
    finally:
        crew.close()


class _Run:
    """The state of one run: what waits, and what others must wait for."""

    def __init__(self, plan: Plan, store: Store, crew: Alone | Crew, on_event: OnEvent) -> None:
        self._plan, self._store, self._crew, self._on_event = plan, store, crew, on_event
        self._waiting: list[Job] = []  # in the plan's order, parents before children
        self._undone: set[str] = set()  # keys of the jobs that wait or are in work
        self._losses: Counter[str] = Counter()  # by key

    def all(self, missing: Iterator[Job]) -> None:
        """Start jobs as early as their inputs allow, until none is left."""
        while True:
            self._append(list(islice(missing, max(0, _AHEAD - len(self._waiting)))))
            while self._crew.free() and (job := self._next()) is not None:
                self._on_event(JobStarted(job))
                self._crew.start(job)
            if not self._undone:
                return
            for job, reply in self._crew.replies():
                self._undone.remove(job.key)
                self._take(job, reply)

    def _append(self, jobs: list[Job]) -> None:
        self._waiting += jobs
        self._undone.update(job.key for job in jobs)

    def _next(self) -> Job | None:
        """The first job in the plan's order that waits for no clip."""
        for i, job in enumerate(self._waiting):
            if not any(frame.key in self._undone for frame in job.inputs):
                return self._waiting.pop(i)
        return None

    def _take(self, job: Job, reply: Reply) -> None:
        match reply.kind:
            case "drawn":
                self._on_event(JobDone(job, reply.seconds))
            case "cached":
                self._on_event(JobCached(job))
            case "failed":
                raise JobFailed(job, f"{type(reply.error).__name__}: {reply.error}") from reply.error
            case "lost":
                self._losses[job.key] += 1
                if self._losses[job.key] > _AGAIN:
                    raise JobFailed(job, "its known frames are damaged again and again: check the disk")
                parents = [p for p in self._plan.parents(job) if p.key not in self._undone]
                lost = [p for p in parents if not _sound(self._store, p.key, self._on_event)]
                later, self._waiting = self._waiting, []
                self._append([*lost, job, *later])


def _missing(plan: Plan, span: slice, store: Store, on_event: OnEvent, levels: int | None) -> Iterator[Job]:
    """The jobs whose clips the store lacks, or holds damaged: those are removed."""
    for job, there in plan.walk(_Sound(store, on_event), span, levels):
        if there:
            on_event(JobCached(job))
        else:
            yield job


class _Sound:
    """The clips that are in the store and whole; damaged ones are removed when they are asked for."""

    def __init__(self, store: Store, on_event: OnEvent) -> None:
        self._store, self._on_event = store, on_event

    def __contains__(self, key: object) -> bool:
        return isinstance(key, str) and _sound(self._store, key, self._on_event)


def _sound(store: Store, key: str, on_event: OnEvent) -> bool:
    """Whether the clip is in the store and whole."""
    try:
        store.get(key)
    except KeyError:
        return False
    except CorruptClip as error:
        on_event(ClipCorrupt(key, error.path, error.reason))
        store.drop(key)
        return False
    return True
