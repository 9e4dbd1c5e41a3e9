"""What is done next: the order in which any executor, and the simulator, gives out work.

The leftmost path first, so that a first picture is there after as many clips as the film is deep; then
depth-first in film order, so that few clips wait. Clips that are ready and alike are drawn together. A
segment is decoded and encoded as soon as its leaves are there: before further clips, so that results leave in
film order.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Container, Iterator
from typing import Any, Literal

from longtake.executors.events import (
    ClipCorrupt,
    Event,
    JobCached,
    JobDone,
    JobFailed,
    JobStarted,
    SegmentDone,
)
from longtake.executors.task import Encode, Paint, Reply, Task
from longtake.film import Encoding, Segment, grouped_leaves, kept
from longtake.plan import Job, Plan
from longtake.store import CorruptClip, Store

__all__ = ["ORDERS", "OnEvent", "Order", "Schedule"]

OnEvent = Callable[[Event], None]
Order = Literal["film", "keyframes-first"]
ORDERS: tuple[Order, ...] = ("film", "keyframes-first")

_AHEAD = 256  # jobs among which one is sought that can start while others wait for a clip in work
_SEGMENTS = 16  # segments that are looked at: one whose leaves are late must not hold up those after it
_AGAIN = 3  # times that a job finds a known frame lost before the disk is to blame


class Schedule:
    """What waits, what is in work, and what must wait for what."""

    def __init__(
        self,
        plan: Plan,
        span: slice,
        store: Store,
        on_event: OnEvent,
        *,
        levels: int | None = None,  # only so many, keyframes first
        order: Order = "film",
        batch: int = 1,  # clips that are drawn together at most
        encoding: Encoding | None = None,  # None: clips only
    ) -> None:
        self._plan, self._store, self._on_event = plan, store, on_event
        self._batch = batch
        self._coming = _missing(plan, span, store, on_event, levels, order)
        self._waiting: list[Job] = []  # in order, parents before children
        self._undone: set[str] = set()  # keys of the jobs that wait or are in work
        self._losses: Counter[str] = Counter()  # by key
        self._cut = _lacking(plan, span, store, on_event, encoding)
        self._segments: deque[tuple[int, Encode]] = deque()  # with their numbers
        self._encoded: dict[Encode, int] = {}  # in work, with their numbers
        self._first = True  # no leaf has been drawn yet

    def next(self, idle: int = 1) -> Task | None:
        """Something that can start now, given that `idle` workers ask; None where all waits for others."""
        self._waiting_at_least(_AHEAD)
        task = self._next_segment() or self._next_clips(idle)
        if task is None and self._segments and not (self._undone or self._encoded):
            _, lacking = self._segments[0]  # somebody else has removed a leaf of it
            self._lose(lacking.leaves[0].key, lacking.leaves, ())
            task = self._next_clips(idle)
        return task

    @property
    def finished(self) -> bool:
        """Whether nothing waits and nothing is in work."""
        return not (self._undone or self._segments or self._encoded)

    def take(self, task: Task, replies: list[Reply]) -> None:
        """What has come of a task."""
        if isinstance(task, Paint):
            for job, reply in zip(task.jobs, replies, strict=True):
                self._undone.remove(job.key)
                self._take_clip(job, reply)
            return
        number = self._encoded.pop(task)
        (reply,) = replies
        if reply.kind == "failed":
            raise JobFailed(task.leaves[0], f"{type(reply.error).__name__}: {reply.error}") from reply.error
        if reply.kind == "lost":
            self._lose(task.leaves[0].key, task.leaves, ())
            self._segments.appendleft((number, task))
        else:
            self._on_event(SegmentDone(number, task.segment, reply.seconds))

    def _waiting_at_least(self, count: int) -> None:
        while len(self._waiting) < count and (job := next(self._coming, None)) is not None:
            if job.key not in self._undone:  # a segment may have missed it before
                self._waiting.append(job)
                self._undone.add(job.key)
        while len(self._segments) < _SEGMENTS and (found := next(self._cut, None)) is not None:
            self._segments.append(found)

    def _next_segment(self) -> Encode | None:
        for k, (number, task) in enumerate(self._segments):
            keys = [key for key, _ in task.segment.leaves]
            if all(key not in self._undone and key in self._store for key in keys):
                del self._segments[k]
                self._encoded[task] = number
                return task
        return None

    def _next_clips(self, idle: int) -> Paint | None:
        """The first job in order that waits for no clip, and others that can be drawn with it."""
        ready = [k for k, job in enumerate(self._waiting) if self._can_start(job)]
        if not ready:
            return None
        first = self._waiting[ready[0]]
        alike = [k for k in ready if _shape(self._waiting[k]) == _shape(first)]
        share = -(-len(ready) // idle)  # what is ready is for all who ask
        chosen = alike[: 1 if self._first else max(1, min(self._batch, share))]
        jobs = tuple(self._waiting[k] for k in chosen)
        for k in reversed(chosen):
            del self._waiting[k]
        for job in jobs:
            self._on_event(JobStarted(job))
        return Paint(jobs)

    def _can_start(self, job: Job) -> bool:
        return not any(frame.key in self._undone for frame in job.inputs)

    def _take_clip(self, job: Job, reply: Reply) -> None:
        match reply.kind:
            case "done":
                self._on_event(JobDone(job, reply.seconds))
            case "cached":
                self._on_event(JobCached(job))
            case "failed":
                raise JobFailed(job, f"{type(reply.error).__name__}: {reply.error}") from reply.error
            case "lost":
                self._lose(job.key, self._plan.parents(job), (job,))
        if self._first and reply.kind != "lost":
            self._first = not self._plan.frames_shown(job, slice(None))

    def _lose(self, key: str, needed: tuple[Job, ...], then: tuple[Job, ...]) -> None:
        """Draw again what is damaged or gone of the jobs `needed`, before all else, and `then` those."""
        self._losses[key] += 1
        if self._losses[key] > _AGAIN:
            raise JobFailed((*then, *needed)[0], "known frames are damaged again and again: check the disk")
        needed = tuple(job for job in needed if job.key not in self._undone)
        lost = [job for job in needed if not _sound(self._store, job.key, self._on_event)]
        again = [*lost, *then]
        self._waiting = [*again, *self._waiting]
        self._undone.update(job.key for job in again)


def _shape(job: Job) -> tuple[Any, ...]:
    """Jobs of one shape can be drawn together: as many frames, sampled alike."""
    p = job.params
    seen = p.get("references", {"times": ()})["times"]
    alone = () if "times" in p else (job.key,)
    sampling = tuple(p.get(name) for name in _SAMPLING)
    return (job.op, len(p.get("times", ())) + len(seen), bool(p.get("known")), *sampling, *alone)


_SAMPLING = ("sampler", "steps", "shift", "text_guidance", "known_guidance", "precision", "model")


def _missing(
    plan: Plan, span: slice, store: Store, on_event: OnEvent, levels: int | None, order: Order
) -> Iterator[Job]:
    """The jobs whose clips the store lacks, or holds damaged: those are removed."""
    whole = levels or max(tree.depth for tree in plan.trees)
    passes = range(1, whole + 1) if order == "keyframes-first" else (whole,)
    given: set[str] = set()  # in passes before this one
    for depth in passes:
        for job, there in plan.walk(_Sound(store, on_event, given), span, depth):
            if job.key in given:
                continue
            if there:
                on_event(JobCached(job))
            else:
                yield job
            if depth < whole:
                given.add(job.key)


class _Sound:
    """The clips that are in the store and whole; damaged ones are removed when they are asked for."""

    def __init__(self, store: Store, on_event: OnEvent, given: Container[str]) -> None:
        self._store, self._on_event, self._given = store, on_event, given

    def __contains__(self, key: object) -> bool:
        assert isinstance(key, str)
        return key in self._given or _sound(self._store, key, self._on_event)


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


def _lacking(
    plan: Plan, span: slice, store: Store, on_event: OnEvent, encoding: Encoding | None
) -> Iterator[tuple[int, Encode]]:
    """The segments that the store lacks, with their numbers."""
    if encoding is None:
        return
    for number, shown in enumerate(grouped_leaves(plan, span)):
        segment = Segment.of(shown)
        if kept(segment, store, encoding) is not None:
            on_event(SegmentDone(number, segment, 0.0))
        else:
            yield number, Encode(segment, tuple(one.leaf for one in shown), encoding)
