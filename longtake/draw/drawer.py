"""Whoever draws films: a model of longtake with a strategy (`draw/model.py`), or a pretrained pipeline
(`draw/backends/drawer.py`).

A drawer is data: it can be sent to any process, which loads from it what draws and what decodes.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from longtake.plan import Job, Plan, PlannedScene, Timeline
from longtake.store import Store
from longtake.video import Pixels

# (jobs that may be drawn together, of each its input frames in the order of `job.inputs`)
# -> of each its clip: latents [T, C, H, W], or pixels uint8 [T, H, W, 3]
Draw = Callable[[Sequence[Job], Sequence[Sequence[NDArray[Any]]]], Sequence[NDArray[Any]]]

# A stored clip, latents float16 [T, C, H, W] or pixels -> frames uint8 [T, H, W, 3]
Decode = Callable[[NDArray[Any]], NDArray[np.uint8]]


class Drawer(Protocol):
    """What a film asks of whoever draws it."""

    @property
    def name(self) -> str:
        """For the film's metadata."""

    @property
    def digest(self) -> str:
        """Of all weights that draw. Raises ModelError where they cannot be read."""

    @property
    def decoder(self) -> str:
        """Digest of what decodes."""

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of what is drawn, in pixels; given pictures are cut to it."""

    @property
    def shown_size(self) -> tuple[int, int]:
        """Width and height of decoded frames, in pixels."""

    @property
    def clip_length(self) -> int:
        """Frames of a clip at most."""

    @property
    def batch(self) -> int:
        """Clips that it draws together at most."""

    @property
    def one_process(self) -> bool:
        """Whether it is too large to be loaded by several processes unasked."""

    def plan(self, line: Timeline, seed: int, fps: float) -> Plan:
        """The film of a time line. Raises `ValueError` where its options do not go together."""

    def at_multiple(self, plan: Plan, times: int) -> Plan:
        """The film with `times` as many frames per second. Raises OptionError where it cannot draw them."""

    def sized(self, size: int) -> tuple[Drawer, int]:
        """Who draws frames of `size` pixels per side, and how many times these are enlarged for that.

        Raises OptionError for a size that cannot be had.
        """

    def picture(self, pixels: Pixels) -> Job:
        """The job that gives a picture of its size, uint8 `[H, W, 3]`."""

    def unread(self, scenes: Sequence[PlannedScene]) -> Iterator[str]:
        """A sentence for all in the scenes' prompts that says nothing to it."""

    def verify(self) -> None:
        """Raises ModelError where its weights are damaged."""

    @property
    def load(self) -> Callable[[], Draw]:
        """Called in any process: what draws there, with its weights."""

    @property
    def load_decoder(self) -> Callable[[], Decode]:
        """Called in any process: what decodes there, with its weights."""


class LoadedDrawer:
    """What draws and decodes in this process: loaded when first needed, used by one thread at a time.

    Threads take turns clip by clip: a frame can be had while another thread renders the film.
    """

    def __init__(self, drawer: Drawer, store: Store) -> None:
        self._drawer, self._store = drawer, store
        self._lock = threading.RLock()
        self._draw: Draw | None = None
        self._decode: Decode | None = None
        self._unread: set[str] = set()
        self._latest: tuple[NDArray[Any], NDArray[np.uint8]] | None = None  # a clip and its frames

    def load(self) -> Draw:
        """As the drawer's own, but once."""
        with self._lock:
            self._draw = self._draw or self._drawer.load()
        return self.draw

    def unread(self, scenes: Sequence[PlannedScene]) -> Iterator[str]:
        """As the drawer's own, each sentence once."""
        for sentence in self._drawer.unread(scenes):
            if sentence not in self._unread:
                self._unread.add(sentence)
                yield sentence

    def load_decoder(self) -> Decode:
        """As the drawer's own, but once, and only when something is decoded."""
        return self.decode

    def draw(self, jobs: Sequence[Job], inputs: Sequence[Sequence[NDArray[Any]]]) -> Sequence[NDArray[Any]]:
        """As a `Draw`; what another thread has drawn in the meantime is not drawn again."""
        with self._lock:
            assert self._draw is not None
            if all(job.key in self._store for job in jobs):
                return [self._store.get(job.key) for job in jobs]
            return self._draw(jobs, inputs)

    def decode(self, clip: NDArray[Any]) -> NDArray[np.uint8]:
        """As a `Decode`; of the clip that was decoded last at once, for frames are asked one by one."""
        with self._lock:
            self._decode = self._decode or self._drawer.load_decoder()
            if self._latest is None or not np.array_equal(self._latest[0], clip):
                frames = self._decode(clip)
                frames.flags.writeable = False  # it is asked for again: nobody may paint into it
                self._latest = clip, frames
            return self._latest[1]
