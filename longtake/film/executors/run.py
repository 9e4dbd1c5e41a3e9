"""Runs what is missing of a film, by whatever crew."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from longtake.film.executors.events import TaskStarted
from longtake.film.executors.schedule import OnEvent, Order, Schedule
from longtake.film.executors.task import Reply, Task, Tools
from longtake.film.segments import Encoding
from longtake.plan import Plan
from longtake.store import Store


class Crew(Protocol):
    """Who works. Every task that is started ends in one reply, unless an exception tells why it cannot."""

    def idle(self) -> int:
        """How many tasks can be started now."""

    def start(self, task: Task) -> str:
        """Take a task on; what the worker is called."""

    def replies(self) -> list[tuple[Task, list[Reply]]]:
        """Wait until something has ended, and tell what."""

    def close(self) -> None:
        """Stop at once: what is not whole is not in the store."""


Hire = Callable[[Store, Tools], Crew]


def run(
    plan: Plan,
    span: slice,
    store: Store,
    tools: Tools,
    on_event: OnEvent,
    *,
    hire: Hire,
    levels: int | None = None,
    order: Order = "film",
    batch: int = 1,
    encoding: Encoding | None = None,
) -> None:
    """Draw every clip that `span` needs and the store lacks; with an `encoding`, make its segments too.

    `tools` tells how to get what draws and what decodes; they are set up once per worker, and not at all
    where nothing is missing. Clips that are in the store are verified; a damaged one is removed and drawn
    again. The result is the same whoever works, in any number and order. `levels` keeps to the first so many
    levels of the plan (1: the keyframes alone), `batch` to so many clips that are drawn together.

    Raises `JobFailed` from an exception of the operation, and `WorkerDied`. Whatever ends it, Ctrl-C too, the
    store holds whole clips and segments only, and another run goes on from there.
    """
    schedule = Schedule(
        plan, span, store, on_event, levels=levels, order=order, batch=batch, encoding=encoding
    )
    crew: Crew | None = None
    try:
        while True:
            idle = 1 if crew is None else crew.idle()
            while idle and (task := schedule.next(idle)) is not None:
                crew = crew or hire(store, tools)
                on_event(TaskStarted(crew.start(task), task))
                idle = crew.idle()
            if schedule.finished:
                return
            assert crew is not None
            for task, replies in crew.replies():
                schedule.take(task, replies)
    finally:
        if crew is not None:
            crew.close()
