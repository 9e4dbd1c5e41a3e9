"""Anti-aliased shapes in unit coordinates: x to the right, y down, both 0..1 over the picture."""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

Colour = tuple[int, int, int]
Points = NDArray[np.float64]  # [N, 2]

_OVERSAMPLE = 2  # drawn twice as large, then averaged: edges stay smooth at 64 pixels
_SHIFT = 5  # fractional bits of the coordinates handed to the rasteriser


def _unit(corners: int) -> Points:
    angles = np.linspace(0, 2 * math.pi, corners, endpoint=False)
    return np.stack([np.cos(angles), np.sin(angles)], axis=1)


_ROUGH, _FINE = _unit(14), _unit(28)  # small and large circles


def circle(x: float, y: float, rx: float, ry: float | None = None) -> Points:
    """Outline of an ellipse with radii `rx` and `ry` (default: `rx`) around (x, y)."""
    return (_ROUGH if rx < 0.08 else _FINE) * (rx, rx if ry is None else ry) + (x, y)


def mix(a: Colour, b: Colour, share: float) -> Colour:
    """`a` with `share` (0..1) of `b`."""
    r, g, b_ = (round(p + (q - p) * share) for p, q in zip(a, b, strict=True))
    return r, g, b_


class Canvas:
    """A picture of `size` pixels height, drawn back to front: a square, or one that goes on at both sides.

    Unit coordinates are those of the square in its middle: beside it x is below 0 or above 1.
    """

    def __init__(self, size: int, width: int | None = None) -> None:
        """`width` in pixels, None: as many as the height."""
        if size < 16:
            raise ValueError(f"a picture needs at least 16 pixels a side, not {size}")
        self.size, self.width = size, width or size
        if self.width < size or (self.width - size) % 2:
            raise ValueError(f"a picture is as wide as high, or wider by an even number, not {self.width}")
        self._side = size * _OVERSAMPLE
        self._left = (self.width - size) // 2 * _OVERSAMPLE  # where the square begins
        self._image = np.zeros((self._side, self.width * _OVERSAMPLE, 3), np.uint8)

    @property
    def wide(self) -> bool:
        """Whether there is anything beside the square."""
        return self.width > self.size

    def bands(self, top: Colour, bottom: Colour, until: float) -> None:
        """Fills from the top edge down to `until` with four flat steps from `top` to `bottom`."""
        edges = [round(until * self._side * k / 4) for k in range(5)]
        for k in range(4):
            self._image[edges[k] : edges[k + 1]] = mix(top, bottom, k / 3)

    def strip(self, colour: Colour, top: float, bottom: float = 1.0) -> None:
        """Fills the full width between two heights."""
        self._image[round(top * self._side) : round(bottom * self._side)] = colour

    def shape(self, points: Points, colour: Colour) -> None:
        """Fills a polygon."""
        fixed = (points * (self._side << _SHIFT) - (1 << _SHIFT >> 1)).astype(np.int32)
        fixed[:, 0] += self._left << _SHIFT
        cv2.fillPoly(self._image, [fixed], colour, cv2.LINE_AA, _SHIFT)

    def scatter(self, points: Points, colour: Colour) -> None:
        """A shape of which there are as many beside the square as in it, such as a star."""
        self.shape(points, colour)
        if self.wide:
            for side in (-1, 1):
                self.shape(points + np.array([side, 0]), colour)

    def pixels(self) -> NDArray[np.uint8]:
        """The picture as uint8 `[size, width, 3]`, RGB."""
        small = cv2.resize(self._image, (self.width, self.size), interpolation=cv2.INTER_AREA)
        return np.asarray(small, np.uint8)
