"""A film whose clips are painted in a moment: for tests of what runs jobs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray
from planned import nuwa_xl

from longtake.film.executors import Event, TaskStarted
from longtake.film.segments import Encoding
from longtake.plan import Job, Plan, PlannedScene, Timeline
from longtake.video import Codec

ENCODING = Encoding(decoder="d", fps=Fraction(12), codec=Codec())


class Decoder:
    """Grey frames; the first value of a latent decides how bright."""

    def __call__(self, latents: NDArray[np.float16]) -> NDArray[np.uint8]:
        bright = np.clip(128 + 20 * latents[:, 0, 0, 0].astype(np.float32), 0, 255).astype(np.uint8)
        return np.broadcast_to(bright[:, None, None, None], (len(latents), 32, 32, 3)).copy()


ALL = slice(None)


def film(length: int = 61, clip_length: int = 5) -> Plan:
    line = Timeline((PlannedScene("a", 0, "one"), PlannedScene("b", 10, "two")), length)
    return nuwa_xl(line, clip_length)


def paint(job: Job, inputs: list[NDArray[np.float16]]) -> NDArray[np.float32]:
    """Noise of the job's seed plus a ramp between its known frames, which come back untouched."""
    frames = job.spec.frames
    clip = np.random.default_rng(job.spec.seed).normal(size=(frames, 2, 3, 3)).astype(np.float32)
    if inputs:
        first, last = (frame.astype(np.float32) for frame in inputs)
        clip += np.linspace(first, last, frames)
        clip[0], clip[-1] = first, last
    return clip


def each(draw: Callable[[Job, list[NDArray[np.float16]]], NDArray[np.float32]]) -> Any:
    """Drawing of several clips by drawing of one."""
    return lambda jobs, inputs: [draw(job, list(given)) for job, given in zip(jobs, inputs, strict=True)]


def ops() -> Any:
    return each(paint)


def kinds(events: list[Event]) -> Counter[str]:
    """How many there are of what; who did it aside."""
    return Counter(type(event).__name__ for event in events if not isinstance(event, TaskStarted))
