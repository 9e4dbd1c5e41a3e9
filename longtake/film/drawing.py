"""Drawing what a film lacks; interrupted at any moment, it can always go on."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, get_args

from longtake.draw.drawer import Drawer, LoadedDrawer
from longtake.errors import OptionError
from longtake.film.costs import remember
from longtake.film.executors import Event, Loaders, Order, cluster, local, run
from longtake.film.progress import OnProgress, Tracker
from longtake.film.segments import Encoding, count_lacking
from longtake.machine import cores, may_have_gpu
from longtake.plan import Plan
from longtake.store import Store

_MOST_WORKERS = 4  # by default; each holds a copy of the model
CLIPS_WORTH = 16  # that pay for starting another process
_SEGMENTS_WORTH = 4  # as well
_MANY = 64  # segments enough for any number of processes

_log = logging.getLogger("longtake")


@dataclass(frozen=True, kw_only=True)
class Crew:
    """Who draws. The film is the same, bit for bit, whoever does it in any number and order."""

    executor: Literal["local", "ray"] = "local"
    address: str | None = None  # of a Ray cluster; None: one is started here
    workers: int | None = None  # None: as many as make sense
    order: Order = "film"  # what is drawn first: "film" or "keyframes-first"

    def __post_init__(self) -> None:
        """Raises `OptionError` for what there is not."""
        for option, known in (("executor", ("local", "ray")), ("order", get_args(Order))):
            if getattr(self, option) not in known:
                raise OptionError(f"{getattr(self, option)!r}: give {' or '.join(known)}", option)
        if self.address is not None and self.executor != "ray":
            raise OptionError("only goes with the executor ray", "address")
        if self.workers is not None and (type(self.workers) is not int or self.workers < 1):
            raise OptionError(f"{self.workers!r}: give 1 or more, or None", "workers")


@dataclass(frozen=True)
class DrawResult:
    """How many clips were needed, how many of them had to be drawn, and how long that took."""

    clips: int
    drawn: int
    seconds: float


def draw(
    plan: Plan,
    span: slice,
    store: Store,
    drawer: Drawer,
    here: LoadedDrawer,  # the same in this process
    crew: Crew,
    *,
    levels: int | None = None,  # only so many, keyframes first
    encoding: Encoding | None = None,  # None: clips only
    progress: OnProgress | None = None,
    listen: Callable[[Event], None] | None = None,  # hears every event after `progress`
) -> DrawResult:
    """Draw the clips that `span` needs and the store lacks; with an encoding, make its segments too."""
    began = time.monotonic()
    total = sum(plan.levels_of(span)[:levels])
    if levels is None:
        missing = plan.count_missing(store, span)
    else:
        missing = sum(1 for _ in plan.missing(store, span, levels))
    total = max(total, missing)  # clips that edits have replaced may be needed again to draw what follows
    if missing:
        drawer.verify()
        for warning in here.unread(plan.timeline.scenes):
            _log.warning("%s", warning)
    worth = missing // CLIPS_WORTH
    if encoding is not None:
        worth += count_lacking(plan, span, store, encoding, _MANY) // _SEGMENTS_WORTH
    count = crew.workers or (1 if drawer.one_process else workers_for(worth))
    alone = crew.executor == "local" and count == 1
    loaded = here if alone else drawer
    tracker = Tracker(plan, span, total, missing, encoding is not None, progress)

    def hear(event: Event) -> None:
        tracker(event)
        if listen is not None:
            listen(event)

    try:
        run(
            plan,
            span,
            store,
            Loaders(loaded.load, loaded.load_decoder),
            hear,
            start_workers=local(count) if crew.executor == "local" else cluster(crew.workers, crew.address),
            levels=levels,
            order=crew.order,
            batch=drawer.batch,
            encoding=encoding,
        )
    finally:
        remember(store, drawer.digest, tracker.costs)
    return DrawResult(total, len(tracker.drawn), time.monotonic() - began)


def workers_for(most: int) -> int:
    """Processes that make sense by default for work that pays for `most` of them."""
    if most > 1 and may_have_gpu():
        from longtake.draw.load import best_device  # here: importing torch takes as long as some clips

        most = most if best_device() == "cpu" else 1
    return max(1, min(cores(), _MOST_WORKERS, most))
