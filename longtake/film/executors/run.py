"""Runs what is missing of a film, by whatever workers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from longtake.film.executors.events import TaskStarted
from longtake.film.executors.task import Loaders, Reply, Task
from longtake.film.executors.worklist import OnEvent, Order, Worklist
from longtake.film.segments import Encoding
from longtake.plan import Plan
from longtake.store import Store


class Workers(Protocol):
    """Who works. Every task that is started ends in one reply, unless an exception tells why it cannot."""

    def idle(self) -> int:
        """How many tasks can be started now."""

    def start(self, task: Task) -> str:
        """Take a task on; what the worker is called."""

    def replies(self) -> list[tuple[Task, list[Reply]]]:
        """Wait until something has ended, and tell what."""

    def close(self) -> None:
        """Stop at once: what is not whole is not in the store."""


StartWorkers = Callable[[Store, Loaders], Workers]


def run(
    plan: Plan,
    span: slice,
    store: Store,
    loaders: Loaders,
    on_event: OnEvent,
    *,
    start_workers: StartWorkers,
    levels: int | None = None,
    order: Order = "film",
    batch: int = 1,
    encoding: Encoding | None = None,
) -> None:
    """Draw every clip that `span` needs and the store lacks; with an `encoding`, make its segments too.

    `loaders` tells how to get what draws and what decodes; they are set up once per worker, and not at all
    where nothing is missing. Clips that are in the store are verified; a damaged one is removed and drawn
    again. The result is the same whoever works, in any number and order. `levels` keeps to the first so many
    levels of the plan (1: the keyframes alone), `batch` to so many clips that are drawn together.

    Raises `JobFailed` from an exception of what draws, and `WorkerDied`. Whatever ends it, Ctrl-C too, the
    store holds whole clips and segments only, and another run goes on from there.
    """
    worklist = Worklist(
        plan, span, store, on_event, levels=levels, order=order, batch=batch, encoding=encoding
    )
    workers: Workers | None = None
    try:
        while True:
            idle = 1 if workers is None else workers.idle()
            while idle and (task := worklist.next(idle)) is not None:
                workers = workers or start_workers(store, loaders)
                on_event(TaskStarted(workers.start(task), task))
                idle = workers.idle()
            if worklist.finished:
                return
            assert workers is not None
            for task, replies in workers.replies():
                worklist.settle(task, replies)
    finally:
        if workers is not None:
            workers.close()
