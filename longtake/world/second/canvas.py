"""Anti-aliased shapes in unit coordinates: x to the right, y down, both 0..1 over the picture."""

from __future__ import annotations

import math
from collections.abc import Iterator

import cv2
import numpy as np
from numpy.typing import NDArray

Colour = tuple[int, int, int]
Light = tuple[Colour, float]  # what falls on everything, and how much of it
Points = NDArray[np.float64]  # [N, 2]

OUTLINE = 1.5 / 128  # of the picture's height: how broad the outline of a figure is
ROUND = 2.0  # picture widths after which the scenery is the same again
_OVERSAMPLE = 2  # drawn twice as large, then averaged: edges stay smooth at 64 pixels
_SHIFT = 5  # fractional bits of the coordinates handed to the rasteriser


def _unit(corners: int) -> Points:
    angles = np.linspace(0, 2 * math.pi, corners, endpoint=False)
    return np.stack([np.cos(angles), np.sin(angles)], axis=1)


_ROUGH, _FINE = _unit(14), _unit(28)  # small and large circles


def circle(x: float, y: float, rx: float, ry: float | None = None) -> Points:
    """Outline of an ellipse with radii `rx` and `ry` (default: `rx`) around (x, y)."""
    return (_ROUGH if rx < 0.08 else _FINE) * (rx, rx if ry is None else ry) + (x, y)


def box(left: float, top: float, right: float, bottom: float) -> Points:
    """Outline of a rectangle."""
    return np.array([(left, top), (right, top), (right, bottom), (left, bottom)])


def turned(points: Points, angle: float, about: tuple[float, float]) -> Points:
    """The points turned by `angle` radians, against the clock where y points up."""
    c, s = math.cos(angle), math.sin(angle)
    return np.asarray((points - about) @ np.array([(c, s), (-s, c)]) + about)


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
        self._zoom, self._origin = 1.0, np.zeros(2)

    def view(self, zoom: float, x: float = 0.0, y: float = 0.0) -> None:
        """From now on a point p of what is drawn lies at `zoom * p + (x, y)`."""
        self._zoom, self._origin = zoom, np.array([x, y])

    @property
    def edges(self) -> tuple[float, float]:
        """The left and the right edge of all that is drawn, in the coordinates of the view."""
        beside = self._left / self._side
        left, right = ((edge - self._origin[0]) / self._zoom for edge in (-beside, 1 + beside))
        return float(left), float(right)

    def bands(self, top: Colour, bottom: Colour, until: float, steps: int = 5) -> None:
        """Fills from the top edge down to `until` with flat steps from `top` to `bottom`."""
        until = until * self._zoom + self._origin[1]
        edges = [round(until * self._side * k / steps) for k in range(steps + 1)]
        for k in range(steps):
            self._image[edges[k] : edges[k + 1]] = mix(top, bottom, k / (steps - 1))

    def strip(self, colour: Colour, top: float, bottom: float | None = None) -> None:
        """Fills the full width between two heights, or from one down to the lower edge."""
        first = round((top * self._zoom + self._origin[1]) * self._side)
        last = self._side if bottom is None else round((bottom * self._zoom + self._origin[1]) * self._side)
        self._image[max(0, first) : max(0, last)] = colour

    def shape(self, points: Points, colour: Colour, outline: Colour | None = None) -> None:
        """Fills a polygon, and draws a line along its edge."""
        placed = points * self._zoom + self._origin
        fixed = (placed * (self._side << _SHIFT) - (1 << _SHIFT >> 1)).astype(np.int32)
        fixed[:, 0] += self._left << _SHIFT
        if outline is not None:  # first and twice as broad: what is filled then covers its inner half
            broad = max(2, round(2 * OUTLINE * self._side))
            cv2.polylines(self._image, [fixed], True, outline, broad, cv2.LINE_8, _SHIFT)
        cv2.fillPoly(self._image, [fixed], colour, cv2.LINE_AA, _SHIFT)

    def everywhere(self, x: float, reach: float) -> Iterator[float]:
        """Where scenery at x is seen that comes again every `ROUND`; it is `reach` wide each way."""
        left, right = self.edges
        at = x - math.floor((x + reach - left) / ROUND) * ROUND
        while at - reach < right:
            yield at
            at += ROUND

    def pixels(self) -> NDArray[np.uint8]:
        """The picture as uint8 `[size, width, 3]`, RGB."""
        small = cv2.resize(self._image, (self.width, self.size), interpolation=cv2.INTER_AREA)
        return np.asarray(small, np.uint8)
