"""Runs what is missing of a film on this machine: in this process, or in several."""

from __future__ import annotations

from longtake.executors.crew import Alone, Crew
from longtake.executors.schedule import OnEvent, Order, Schedule
from longtake.executors.task import Tools
from longtake.film import Encoding
from longtake.plan import Plan
from longtake.store import Store

__all__ = ["run"]


def run(
    plan: Plan,
    span: slice,
    store: Store,
    tools: Tools,
    on_event: OnEvent,
    *,
    workers: int = 1,
    levels: int | None = None,
    order: Order = "film",
    batch: int = 1,
    encoding: Encoding | None = None,
) -> None:
    """Draw every clip that `span` needs and the store lacks; with an `encoding`, make its segments too.

    `tools` tells how to get what draws and what decodes; they are set up once per process, and not at all
    where nothing is missing. Clips that are in the store are verified; a damaged one is removed and drawn
    again. With `workers` > 1 so many processes work, to the same result. `levels` keeps to the first so many
    levels of the plan (1: the keyframes alone), `batch` to so many clips that are drawn together.

    Raises `JobFailed` from an exception of the operation, and `WorkerDied`. Whatever ends it, Ctrl-C too, the
    store holds whole clips and segments only, and another run goes on from there.
    """
    if workers < 1:
        raise ValueError(f"drawing needs at least one worker, not {workers}")
    schedule = Schedule(
        plan, span, store, on_event, levels=levels, order=order, batch=batch, encoding=encoding
    )
    crew = Alone(store, tools) if workers == 1 else Crew(store, tools, workers)
    try:
        while True:
            while (idle := crew.idle()) and (task := schedule.next(idle)) is not None:
                crew.start(task)
            if schedule.finished:
                return
            for task, replies in crew.replies():
                schedule.take(task, replies)
    finally:
        crew.close()
