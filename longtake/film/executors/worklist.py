"""What is done next: the order in which any executor, and the simulator, gives out work.

The leftmost path first, so that a first picture is there after as many clips as the film is deep; then
depth-first in film order, so that few clips wait. Clips that are ready and alike are drawn together. A
segment is decoded and encoded as soon as its leaves are there: before further clips, so that results leave in
film order.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Container, Hashable, Iterator
from heapq import heappop, heappush
from typing import Literal

from longtake.film.executors.events import (
    ClipCorrupt,
    Event,
    JobCached,
    JobDone,
    JobFailed,
    JobStarted,
    SegmentDone,
)
from longtake.film.executors.task import DrawClips, EncodeSegment, Reply, Task
from longtake.film.segments import Encoding, Segment, grouped_leaves, kept
from longtake.plan import Job, Plan
from longtake.store import CorruptClip, Store

OnEvent = Callable[[Event], None]
Order = Literal["film", "keyframes-first"]

_AHEAD = 256  # jobs among which one is sought that can start while others wait for a clip in work; at least
_AHEAD_EACH = 16  # and for each worker
_SEGMENTS = 16  # segments that are looked at: one whose leaves are late must not hold up those after it
_AGAIN = 3  # times that a job finds a known frame lost before the disk is to blame


class Worklist:
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
        self._passed: set[str] = set()  # keys of the jobs that the plan has come to
        self._coming = self._missing(span, levels, order)
        self._waiting = _Waiting()
        self._undone: set[str] = set()  # keys of the jobs that wait or are in work
        self._losses: Counter[str] = Counter()  # by key
        self._cut = self._lacking(span, encoding)
        self._segments: deque[tuple[int, EncodeSegment]] = deque()  # with their numbers
        self._encoded: dict[EncodeSegment, int] = {}  # in work, with their numbers
        self._drawing = 0  # tasks in work that draw
        self._ahead = _AHEAD
        self._first = True  # no leaf has been drawn yet

    def next(self, idle: int = 1) -> Task | None:
        """Something that can start now, given that `idle` workers ask; None where all waits for others."""
        self._ahead = max(self._ahead, _AHEAD_EACH * (idle + self._drawing + len(self._encoded)))
        while len(self._waiting) < self._ahead and (job := next(self._coming, None)) is not None:
            self._undone.add(job.key)
            self._waiting.add(job, self._undone)
        while len(self._segments) < _SEGMENTS and (segment := next(self._cut, None)) is not None:
            self._segments.append(segment)
        return self._next_segment() or self._next_clips(idle)

    @property
    def finished(self) -> bool:
        """Whether nothing waits and nothing is in work."""
        return not (self._undone or self._segments or self._encoded)

    def settle(self, task: Task, replies: list[Reply]) -> None:
        """What has come of a task."""
        if isinstance(task, DrawClips):
            self._drawing -= 1
            for job, reply in zip(task.jobs, replies, strict=True):
                self._undone.remove(job.key)
                self._settle_clip(job, reply)
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

    def _next_segment(self) -> EncodeSegment | None:
        for k, (number, task) in enumerate(self._segments):
            if all(leaf.key in self._passed and leaf.key not in self._undone for leaf in task.leaves):
                del self._segments[k]
                self._encoded[task] = number
                return task
        return None

    def _next_clips(self, idle: int) -> DrawClips | None:
        """The first job in order that waits for no clip, and others that can be drawn with it."""
        if not self._waiting.ready:
            return None
        share = -(-self._waiting.ready // idle)  # what is ready is for all who ask
        jobs = self._waiting.pop(1 if self._first else min(self._batch, share))
        self._drawing += 1
        for job in jobs:
            self._on_event(JobStarted(job))
        return DrawClips(jobs)

    def _settle_clip(self, job: Job, reply: Reply) -> None:
        match reply.kind:
            case "done":
                self._on_event(JobDone(job, reply.seconds))
            case "cached":
                self._on_event(JobCached(job))
            case "failed":
                raise JobFailed(job, f"{type(reply.error).__name__}: {reply.error}") from reply.error
            case "lost":
                self._lose(job.key, self._plan.parents(job), (job,))
                return
        self._waiting.freed(job.key)
        self._first = self._first and not self._plan.frames_shown(job, slice(None))

    def _lose(self, key: str, needed: tuple[Job, ...], then: tuple[Job, ...]) -> None:
        """Draw again what is damaged or gone of the jobs `needed`, before all else, and `then` those."""
        self._losses[key] += 1
        if self._losses[key] > _AGAIN:
            raise JobFailed((*then, *needed)[0], "known frames are damaged again and again: check the disk")
        lost = [job for job in needed if job.key not in self._undone and not self._is_sound(job.key)]
        for job in (*lost, *then):
            self._undone.add(job.key)
        for job in reversed((*lost, *then)):
            self._waiting.add(job, self._undone, first=True)

    def _missing(self, span: slice, levels: int | None, order: Order) -> Iterator[Job]:
        """The jobs whose clips the store lacks, or holds damaged: those are removed."""
        deepest = levels or max(tree.depth for tree in self._plan.trees)
        for depth in range(1, deepest + 1) if order == "keyframes-first" else (deepest,):
            for job, there in self._plan.walk(_Have(self), span, depth):
                if job.key in self._passed:
                    continue
                self._passed.add(job.key)
                if there:
                    self._on_event(JobCached(job))
                else:
                    yield job

    def _is_sound(self, key: str) -> bool:
        """Whether the clip is in the store and whole."""
        try:
            self._store.get(key)
        except KeyError:
            return False
        except CorruptClip as error:
            self._on_event(ClipCorrupt(key, error.path, error.reason))
            self._store.drop(key)
            return False
        return True

    def _lacking(self, span: slice, encoding: Encoding | None) -> Iterator[tuple[int, EncodeSegment]]:
        """The segments that the store lacks, with their numbers."""
        if encoding is None:
            return
        for number, shown in enumerate(grouped_leaves(self._plan, span)):
            segment = Segment.of(shown)
            if kept(segment, self._store, encoding) is not None:
                self._on_event(SegmentDone(number, segment, 0.0))
            else:
                yield number, EncodeSegment(segment, tuple(one.leaf for one in shown), encoding)


class _Have:
    """The clips that need no look any more, or are in the store and whole; damaged ones are removed."""

    def __init__(self, worklist: Worklist) -> None:
        self._worklist = worklist

    def __contains__(self, key: object) -> bool:
        assert isinstance(key, str)
        return key in self._worklist._passed or self._worklist._is_sound(key)


class _Waiting:
    """Jobs in an order, parents before children; those whose inputs are done are ready."""

    def __init__(self) -> None:
        self.ready = 0
        self._jobs: dict[int, Job] = {}  # by place in the order
        self._lacks: dict[int, int] = {}  # how many inputs are not done
        self._children: dict[str, list[int]] = {}  # of a job's key
        self._heaps: dict[Hashable, list[int]] = {}  # by what must be alike in a batch: what is ready
        self._before = self._after = 0  # numbers that are given already

    def __len__(self) -> int:
        return len(self._jobs)

    def add(self, job: Job, undone: Container[str], *, first: bool = False) -> None:
        """Put a job behind all others, or before them, given the keys of all that is not done."""
        if first:
            self._before -= 1
        else:
            self._after += 1
        number = self._before if first else self._after
        self._jobs[number] = job
        inputs = {frame.key for frame in job.inputs if frame.key in undone}
        for key in inputs:
            self._children.setdefault(key, []).append(number)
        self._lacks[number] = len(inputs)
        if not inputs:
            self._make_ready(number)

    def freed(self, key: str) -> None:
        """The job `key` is done."""
        for number in self._children.pop(key, ()):
            self._lacks[number] -= 1
            if not self._lacks[number]:
                self._make_ready(number)

    def pop(self, most: int) -> tuple[Job, ...]:
        """The first job that is ready, and up to `most` in all that can be drawn with it."""
        heap = min((heap for heap in self._heaps.values() if heap), key=lambda heap: heap[0])
        numbers = [heappop(heap) for _ in range(min(max(1, most), len(heap)))]
        self.ready -= len(numbers)
        for number in numbers:
            del self._lacks[number]
        return tuple(self._jobs.pop(number) for number in numbers)

    def _make_ready(self, number: int) -> None:
        job = self._jobs[number]
        together = job.spec.batch_key() or job.key
        heappush(self._heaps.setdefault(together, []), number)
        self.ready += 1
