"""Drawing what a film lacks, with progress; interrupted, it can always go on."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from longtake.commands.costs import remember
from longtake.commands.progress import Bar, Drawing
from longtake.commands.selection import Work, note
from longtake.film.executors import Event, Order, Tools, cluster, local, run
from longtake.film.segments import Encoding, count_lacking
from longtake.machine import cores, may_have_gpu

_MOST_WORKERS = 4  # by default; each holds a copy of the model
CLIPS_WORTH = 16  # that pay for starting another process
_SEGMENTS_WORTH = 4  # as well
_MANY = 64  # segments enough for any number of processes


class Interrupted(Exception):
    """Ctrl-C; the message says how to go on."""


@contextmanager
def resumable(how: str) -> Iterator[None]:
    """Turn Ctrl-C in this block into `Interrupted`."""
    try:
        yield
    except KeyboardInterrupt:
        raise Interrupted(f"interrupted: {how}") from None


@dataclass(frozen=True)
class Drawn:
    """How many clips were needed, and how many of them had to be drawn."""

    total: int
    run: int
    begin: float  # time.monotonic()

    def report(self) -> dict[str, int | float]:
        """The numbers for JSON, with the seconds until now."""
        seconds = round(time.monotonic() - self.begin, 3)
        return {"jobs_run": self.run, "jobs_cached": self.total - self.run, "seconds": seconds}


def draw(
    work: Work,
    span: slice,
    *,
    executor: str = "local",
    address: str | None = None,  # of a Ray cluster
    workers: int | None = None,  # None: as many as make sense
    levels: int | None = None,  # only so many, keyframes first
    order: Order = "film",
    encoding: Encoding | None = None,  # None: clips only
    listen: Callable[[Event], None] | None = None,  # hears what is done, after the progress bar
) -> Drawn:
    """Draw the clips that `span` needs and the store lacks; with an encoding, make its segments too."""
    begin = time.monotonic()
    total = sum(work.plan.levels_of(span)[:levels])
    if levels is None:
        missing = work.plan.count_missing(work.store, span)
    else:
        missing = sum(1 for _ in work.plan.missing(work.store, span, levels))
    total = max(total, missing)  # clips that edits have replaced may be needed again to draw what follows
    if missing:
        work.artist.verify()
        for warning in work.artist.unheard(work.plan.timeline.scenes):
            note(warning, "warning")
    worth = missing // CLIPS_WORTH
    if encoding is not None:
        worth += count_lacking(work.plan, span, work.store, encoding, _MANY) // _SEGMENTS_WORTH
    count = workers or (1 if work.artist.one_worker else workers_for(worth))
    hire = cluster(workers, address) if executor == "ray" else local(count)
    with Bar() as bar:
        drawing = Drawing(bar, work, span, total, missing, encoding is not None)

        def hear(event: Event) -> None:
            drawing(event)
            if listen is not None:
                listen(event)

        try:
            run(
                work.plan,
                span,
                work.store,
                Tools(work.artist.ops, work.artist.load),
                hear,
                hire=hire,
                levels=levels,
                order=order,
                batch=work.artist.batch,
                encoding=encoding,
            )
        finally:
            remember(work.store, work.artist.digest, drawing.costs)
    return Drawn(total, len(drawing.drawn), begin)


def workers_for(most: int) -> int:
    """Processes that make sense by default for work that pays for `most` of them."""
    if most > 1 and may_have_gpu():
        from longtake.draw.load import (
            best_device,  # here: importing torch takes as long as drawing some clips
        )

        most = most if best_device() == "cpu" else 1
    return max(1, min(cores(), _MOST_WORKERS, most))
