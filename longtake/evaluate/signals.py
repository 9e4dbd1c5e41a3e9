"""Numbers of the pictures themselves: how much they move, how bright, colourful and sharp they are.

Pixels are whole numbers, and so are all sums here: they are exact in any order. A film that is read in
other chunks has the same signals bit for bit.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from longtake.evaluate.readings import Signals

_THUMBNAIL = 8  # pixels a side
_LAG = 8  # frames; `Signals.lag` and `.difference` look no further back
_BLOCK = 32  # frames that are worked on at once: few enough to stay in the processor's cache
_WEAK = (4, 30)  # steps of luma, of 255, that flat colours under sharp outlines hardly have
_LUMA = (2126, 7152, 722)  # Rec. 709 in 1/10,000, on gamma values


class SignalReader:
    """Hears a film in chunks, as long or short as they come, and remembers eight frames and the numbers."""

    def __init__(self) -> None:
        self._last: NDArray[np.uint8] | None = None  # the newest frames, at most eight
        self._rows: list[NDArray[np.float64]] = []  # [n, 8] in the order of the fields of Signals
        self._thumbnails: list[NDArray[np.uint8]] = []

    def add(self, frames: NDArray[np.uint8]) -> None:
        """The film's next frames: uint8 `[n, H, W, 3]`, H and W multiples of 8 and the same in each chunk.

        Raises `ValueError` for anything else.
        """
        _check(frames)
        if self._last is None:
            self._last = frames[:0]
        if frames.shape[1:] != self._last.shape[1:]:
            raise ValueError(
                f"frames {frames.shape[1:]} follow frames {self._last.shape[1:]}: shrink all to one size"
            )
        for start in range(0, len(frames), _BLOCK):
            block = frames[start : start + _BLOCK]
            known = np.concatenate([self._last, block])
            self._rows.append(np.stack([*_changes(known, len(block)), *_looks(block)], axis=1))
            self._thumbnails.append(_area_means(block, _THUMBNAIL))
            self._last = known[-_LAG:].copy()  # not a view that would keep the block alive

    def finish(self) -> Signals:
        """The signals of all frames. Raises `ValueError` where there were none."""
        if not self._rows:
            raise ValueError("a film without frames has no signals: give at least one frame")
        columns = np.concatenate(self._rows).astype(np.float32).T
        difference, second, lag, luminance, contrast, saturation, sharpness, haze = columns
        return Signals(
            difference=difference,
            second=second,
            lag=lag,
            luminance=luminance,
            contrast=contrast,
            saturation=saturation,
            sharpness=sharpness,
            haze=haze,
            thumbnails=np.concatenate(self._thumbnails),
        )


def shrink(frame: NDArray[np.uint8], size: int) -> NDArray[np.uint8]:
    """The frame uint8 `[H, W, 3]` as uint8 `[size, size, 3]`, each pixel the average of what it covers.

    Raises `ValueError` where a side is shorter than `size`: pixels that are not there cannot be measured.
    """
    _check(frame[None], multiple=1)
    height, width = frame.shape[:2]
    if min(height, width) < size:
        raise ValueError(f"frames of {width}x{height} are too small: give at least {size}x{size}")
    if height % size == 0 and width % size == 0:
        means: NDArray[np.uint8] = _area_means(frame[None], size)[0]
        return means
    return np.asarray(Image.fromarray(frame).resize((size, size), Image.Resampling.BOX))


def _check(frames: NDArray[Any], multiple: int = _THUMBNAIL) -> None:
    if frames.dtype != np.uint8:
        raise ValueError(f"frames are {frames.dtype}: give uint8 from 0 to 255")
    if frames.ndim != 4 or frames.shape[3] != 3 or any(s == 0 or s % multiple for s in frames.shape[1:3]):
        raise ValueError(f"frames are {frames.shape}: give [n, H, W, 3], H and W multiples of {multiple}")


def _changes(known: NDArray[np.uint8], count: int) -> tuple[NDArray[np.float64], ...]:
    """Differences of the last `count` frames of `known` to those before: first, second and lagged."""
    values = known.astype(np.int16)
    step = values[1:] - values[:-1]
    lagged = values[_LAG:] - values[:-_LAG]
    return tuple(_mean_size(change, count) for change in (step, step[1:] - step[:-1], lagged))


def _mean_size(change: NDArray[np.int16], count: int) -> NDArray[np.float64]:
    """Mean |change| of the last `count` frames, as a share of 255; 0 for frames without one."""
    means = _sums(np.abs(change[-count:])) / (255 * math.prod(change.shape[1:]))
    return np.concatenate([np.zeros(count - len(means)), means])


def _looks(frames: NDArray[np.uint8]) -> tuple[NDArray[np.float64], ...]:
    """Luminance, contrast, saturation, sharpness and haze."""
    _, height, width, _ = frames.shape
    area = height * width
    red, green, blue = np.moveaxis(frames.astype(np.int32), 3, 0)
    luma = red * _LUMA[0] + green * _LUMA[1] + blue * _LUMA[2]
    spread = np.maximum(np.maximum(red, green), blue) - np.minimum(np.minimum(red, green), blue)
    mean = _sums(luma) / area
    square = _sums(luma.astype(np.int64) ** 2) / area
    down, across = np.abs(np.diff(luma, axis=1)), np.abs(np.diff(luma, axis=2))
    edges = _sums(down) + _sums(across)
    steepest = np.maximum(down[:, :, :-1], across[:, :-1])
    weak = (steepest >= _WEAK[0] * sum(_LUMA)) & (steepest <= _WEAK[1] * sum(_LUMA))
    white = 255 * sum(_LUMA)
    return (
        mean / white,
        np.sqrt(np.maximum(square - mean**2, 0)) / white,
        _sums(spread) / (255 * area),
        edges / (white * max(2 * area - height - width, 1)),
        _sums(weak) / max((height - 1) * (width - 1), 1),
    )


def _sums(values: NDArray[Any]) -> NDArray[np.int64]:
    """The sum of each frame `[n, ...]`."""
    sums: NDArray[np.int64] = values.sum(axis=tuple(range(1, values.ndim)), dtype=np.int64)
    return sums


def _area_means(frames: NDArray[np.uint8], size: int) -> NDArray[np.uint8]:
    """Averages over equal areas, rounded half up: uint8 `[n, size, size, 3]`."""
    n, height, width, _ = frames.shape
    rows, columns = height // size, width // size
    sums = frames.astype(np.int32).reshape(n, size, rows, width * 3).sum(axis=2, dtype=np.int32)
    sums = sums.reshape(n, size, size, columns, 3).sum(axis=3, dtype=np.int32)
    area = rows * columns
    means: NDArray[np.uint8] = ((sums + area // 2) // area).astype(np.uint8)
    return means
