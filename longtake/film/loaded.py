"""What draws and decodes in this process."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
from numpy.typing import NDArray

from longtake.draw.drawer import Decode, Draw, Drawer


class Loaded:
    """What draws and decodes in this process: loaded when first needed, used by one thread at a time."""

    def __init__(self, drawer: Drawer) -> None:
        self.lock = threading.RLock()
        self._drawer = drawer
        self._draw: Draw | None = None
        self._decode: Decode | None = None
        self._latest: tuple[NDArray[Any], NDArray[np.uint8]] | None = None  # a clip and its frames

    def draw(self) -> Draw:
        self._draw = self._draw or self._drawer.load()
        return self._draw

    def decoder(self) -> Decode:
        return self.decode

    def decode(self, clip: NDArray[Any]) -> NDArray[np.uint8]:
        """As a `Decode`; of the clip that was decoded last at once, for frames are asked one by one."""
        with self.lock:
            self._decode = self._decode or self._drawer.load_decoder()
            if self._latest is None or not np.array_equal(self._latest[0], clip):
                self._latest = clip, self._decode(clip)
            return self._latest[1]
