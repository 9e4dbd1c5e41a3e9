"""What can go wrong with a picture, drawn on purpose: it loses its edges or its colours, or gets noisy."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from longtake.evaluate.measured import Floats32
from longtake.video import Pixels

_LUMA = np.array([0.299, 0.587, 0.114], dtype=np.float32)  # ITU-R BT.601
_GREY = 128.0


def blur(picture: Pixels, sigma: float) -> Pixels:
    """The picture under a Gaussian of standard deviation `sigma` pixels; its edge goes on beyond it."""
    if sigma == 0:
        return picture
    reach = math.ceil(4 * sigma)
    taps = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
    taps = (taps / taps.sum()).astype(np.float32)
    soft = picture.astype(np.float32)
    for axis in (0, 1):
        soft = _along(soft, taps, axis)
    return _rounded(soft)


def add_noise(picture: Pixels, deviation: float, chance: Generator) -> Pixels:
    """The picture with normal noise of `deviation` grey levels (of 255) on every number."""
    return _rounded(picture + np.float32(deviation) * chance.standard_normal(picture.shape, np.float32))


def brighten(picture: Pixels, factor: float) -> Pixels:
    """The picture with `factor` times its light."""
    return _rounded(picture * np.float32(factor))


def fade(picture: Pixels, saturation: float, contrast: float) -> Pixels:
    """The picture with these shares (0..1) of its colour, around its own luma, and contrast, around grey."""
    luma = (picture @ _LUMA)[..., None]
    dull = luma + np.float32(saturation) * (picture - luma)
    return _rounded(np.float32(_GREY) + np.float32(contrast) * (dull - np.float32(_GREY)))


def _along(picture: Floats32, taps: Floats32, axis: int) -> Floats32:
    """Weighted sums of neighbours along one axis."""
    reach, length = len(taps) // 2, picture.shape[axis]
    border = [(reach, reach) if a == axis else (0, 0) for a in range(picture.ndim)]
    padded = np.moveaxis(np.pad(picture, border, mode="edge"), axis, 0)
    total = np.zeros((length, *padded.shape[1:]), dtype=np.float32)
    for k, tap in enumerate(taps):
        total += tap * padded[k : k + length]
    return np.moveaxis(total, 0, axis)


def _rounded(values: NDArray[np.floating[Any]]) -> Pixels:
    rounded: Pixels = np.clip(np.rint(values), 0, 255).astype(np.uint8)
    return rounded
