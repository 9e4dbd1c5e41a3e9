"""Drawing one clip, wherever it is done: inputs from the store, the clip into the store."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from longtake.plan import Job
from longtake.store import CorruptClip, Store

__all__ = ["Draw", "Ops", "Reply", "attempt"]

# (job, its input frames [C, H, W] in the order of `job.inputs`) -> clip [T, C, H, W]
Draw = Callable[[Job, list[NDArray[np.float16]]], NDArray[np.floating]]
Ops = Callable[[], Draw]  # must be picklable: every process calls it once, before its first clip


class Reply(NamedTuple):
    """How an attempt ended."""

    kind: Literal["drawn", "cached", "lost", "failed"]  # lost: an input is not in the store or damaged
    seconds: float = 0
    error: Exception | None = None  # of a failed one


def attempt(job: Job, store: Store, draw: Draw) -> Reply:
    """Draw the clip of `job`, unless it has come into the store in the meantime."""
    try:
        if job.key in store:
            return Reply("cached")
        try:
            inputs = [store.frame(frame.key, frame.index) for frame in job.inputs]
        except (CorruptClip, KeyError):
            return Reply("lost")
        begin = time.perf_counter()
        store.put(job.key, draw(job, inputs))
        return Reply("drawn", time.perf_counter() - begin)
    except Exception as error:
        return Reply("failed", error=error)
