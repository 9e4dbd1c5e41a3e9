"""Drawing what a film lacks, with progress; interrupted, it can always go on."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from longtake.commands.costs import remember
from longtake.commands.progress import Bar, Drawing
from longtake.commands.selection import Work, note
from longtake.conditioning.words import unknown_words
from longtake.cores import cores, may_have_gpu
from longtake.executors import Draw, Event, Order, Tools, cluster, local, run
from longtake.film import Encoding, count_lacking

__all__ = ["CLIPS_WORTH", "Drawn", "Interrupted", "draw", "resumable", "workers_for"]

_MOST_WORKERS = 4  # by default; each holds a copy of the model
CLIPS_WORTH = 16  # that pay for starting another process
_SEGMENTS_WORTH = 4  # as well
_MANY = 64  # segments enough for any number of processes
_BATCH = 3  # clips drawn together: more gain nothing on a CPU (docs/log.md)


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
        work.manifest.verify()
        _name_unknown_words(work)
    worth = missing // CLIPS_WORTH
    if encoding is not None:
        worth += count_lacking(work.plan, span, work.store, encoding, _MANY) // _SEGMENTS_WORTH
    hire = cluster(workers, address) if executor == "ray" else local(workers or workers_for(worth))
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
                Tools(partial(_load, work.manifest.folder.absolute(), work.pipelines), work.load),
                hear,
                hire=hire,
                levels=levels,
                order=order,
                batch=_BATCH,
                encoding=encoding,
            )
        finally:
            remember(work.store, work.manifest.digest, drawing.costs)
    return Drawn(total, len(drawing.drawn), begin)


def _load(folder: Path, pipelines: Mapping[str, Path]) -> Draw:
    from longtake.ops import Operations  # here: where nothing is missing, torch is not needed

    return Operations(folder, pipelines=pipelines)()


def workers_for(most: int) -> int:
    """Processes that make sense by default for work that pays for `most` of them."""
    if most > 1 and may_have_gpu():
        from longtake.ops import best_device  # here: importing torch takes as long as drawing some clips

        most = most if best_device() == "cpu" else 1
    return max(1, min(cores(), _MOST_WORKERS, most))


def _name_unknown_words(work: Work) -> None:
    """Warn once of every word that says nothing to the model."""
    config = json.loads((work.manifest.folder / "text" / "config.json").read_text())
    if "vocabulary" not in config:  # a pretrained one knows parts of any word
        _name_cut_off(work)
        return
    vocabulary, named = set(config["vocabulary"]), set[str]()
    for scene in work.plan.timeline.scenes:
        for word, near in unknown_words(scene.prompt, vocabulary):
            if word not in named:
                named.add(word)
                nearest = f"the nearest it knows: {', '.join(near)}" if near else "it knows none like it"
                told = f"scene {scene.id!r}: the model does not know the word {word!r}; {nearest}"
                note(told, "warning")


def _name_cut_off(work: Work) -> None:
    """Warn of every scene whose prompt is longer than the model reads."""
    from longtake.conditioning.pretrained import unread  # here: it imports torch

    scenes = work.plan.timeline.scenes
    lost = unread(work.manifest.folder / "text", [scene.prompt for scene in scenes])
    for scene in scenes:
        if scene.prompt in lost:
            note(
                f"scene {scene.id!r}: its prompt is too long, the model does not read {lost[scene.prompt]!r}",
                "warning",
            )
