"""Watching many films, on all cores, each once: what was seen is kept, so that a report can be resumed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, fields
from functools import lru_cache
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import torch

from longtake.evaluate.kept import keep, kept_path, load_kept
from longtake.evaluate.probes import Probes, load_probes, watch_by_all
from longtake.evaluate.readings import Readings, Signals, Watched, WatchedPixels
from longtake.evaluate.sources import Source
from longtake.machine import without_main

_VERSION = 3  # raise it when the same frames and probes give other numbers


@dataclass(frozen=True)
class Viewing:
    """A film to be watched with the probes of one seed."""

    source: Source
    folder: Path  # that keeps what was seen
    probes: Path
    seed: int = 0  # of the probes

    @property
    def path(self) -> Path:
        """The file that keeps what was seen."""
        probes = _probes(self.probes, self.seed).sha256
        return kept_path(self.folder, _VERSION, self.source.key, probes)


def watch_all(
    viewings: Iterable[Viewing], workers: int, on_done: Callable[[int, int], None] | None = None
) -> None:
    """Watch what was not watched before; `on_done` hears how many of how many are done.

    One process and one thread for each of `workers`. Interrupted, it goes on with the films that are left.
    """
    wanted = list({viewing.path: viewing for viewing in viewings}.values())
    films: dict[str, list[Viewing]] = {}  # each with the probes that are yet to see it
    for viewing in wanted:
        if not viewing.path.is_file():
            films.setdefault(viewing.source.key, []).append(viewing)
    done = len(wanted) - sum(map(len, films.values()))
    if len(films) < 2 or workers < 2:
        _one_thread()
        for film in films.values():
            _watch(film)
            done += len(film)
            if on_done:
                on_done(done, len(wanted))
        return
    pool = ProcessPoolExecutor(min(workers, len(films)), get_context("spawn"), _one_thread)
    try:
        with without_main():
            watched = {pool.submit(_watch, film): len(film) for film in films.values()}
        for future in as_completed(watched):
            future.result()
            done += watched[future]
            if on_done:
                on_done(done, len(wanted))
    finally:
        pool.shutdown(cancel_futures=True)


def load_watched(viewing: Viewing) -> Watched:
    """What was seen; the film must have been watched."""
    kept = load_kept(viewing.path)
    readings = Readings(**{name: kept[name].astype(np.float32) for name in _names(Readings)})
    return Watched(**vars(pixels_of(kept)), readings=readings)


def pixels_of(kept: Mapping[str, Any]) -> WatchedPixels:
    """What was kept as `arrays_of` has it."""
    signals = Signals(**{name: kept[name] for name in _names(Signals)})
    return WatchedPixels(signals=signals, motion_features=kept["motion_features"])


def arrays_of(seen: WatchedPixels) -> dict[str, Any]:
    """What was seen, to be kept."""
    return {**vars(seen.signals), "motion_features": seen.motion_features}


def _watch(film: Sequence[Viewing]) -> None:
    """Watch one film by the probes of each viewing."""
    probes = [_probes(viewing.probes, viewing.seed) for viewing in film]
    seen, by_probes = watch_by_all(film[0].source.frames(), probes)
    for viewing, readings in zip(film, by_probes, strict=True):
        short = {name: table.astype(np.float16) for name, table in vars(readings).items() if name != "clock"}
        keep(viewing.path, **short, clock=readings.clock, **arrays_of(seen))


def _names(kind: Any) -> list[str]:
    return [field.name for field in fields(kind)]


@lru_cache(maxsize=4)
def _probes(folder: Path, seed: int) -> Probes:
    return load_probes(folder, seed)


def _one_thread() -> None:
    torch.set_num_threads(1)
