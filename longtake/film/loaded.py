"""What draws and decodes in this process."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from longtake.draw.drawer import Decode, Draw, Drawer
from longtake.plan import Job
from longtake.store import Store


class Loaded:
    """A drawer's weights, loaded when they are first needed, and used by one thread at a time.

    Threads take turns clip by clip: a frame can be had while another thread renders the film.
    """

    def __init__(self, drawer: Drawer, store: Store) -> None:
        self._drawer, self._store = drawer, store
        self._lock = threading.RLock()
        self._draw: Draw | None = None
        self._decode: Decode | None = None
        self._latest: tuple[NDArray[Any], NDArray[np.uint8]] | None = None  # a clip and its frames

    def load(self) -> Draw:
        """As `Drawer.load`."""
        with self._lock:
            self._draw = self._draw or self._drawer.load()
        return self.draw

    def load_decoder(self) -> Decode:
        """As `Drawer.load_decoder`."""
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
                self._latest = clip, self._decode(clip)
            return self._latest[1]
