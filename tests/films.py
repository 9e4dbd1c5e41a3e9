"""Small films for tests: each frame carries its number, in any container and codec."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]


def numbered(count: int, width: int = 64, height: int = 48) -> Iterator[Pixels]:
    """Frames with their number in nine grey blocks over the middle square, on dull sides."""
    side = min(width, height) // 3 * 3
    top, left = (height - side) // 2, (width - side) // 2
    for number in range(count):
        bits = np.array([number >> bit & 1 for bit in range(9)], np.uint8).reshape(3, 3)
        frame = np.full((height, width, 3), 90, np.uint8)
        frame[top : top + side, left : left + side] = np.kron(
            40 + 170 * bits, np.ones((side // 3, side // 3), np.uint8)
        )[..., None]
        yield frame


def number_in(square: Pixels) -> int:
    """The number that a square frame carries."""
    places = ((np.arange(3) + 0.5) * len(square) / 3).astype(int)
    bits = square[places][:, places, 1].ravel() > 125
    return sum(1 << bit for bit, one in enumerate(bits) if one)


def scenes(seed: int, lengths: Sequence[int], size: int = 64) -> Iterator[Pixels]:
    """Shots of these lengths, unlike one another, in which a square moves."""
    chance = np.random.default_rng(seed)
    for length in lengths:
        coarse = chance.integers(30, 220, (4, 4, 3), dtype=np.uint8)
        still = np.kron(coarse, np.ones((size // 4, size // 4, 1), np.uint8))
        for k in range(length):
            frame = still.copy()
            at = (2 * k) % (size - 8)
            frame[20:28, at : at + 8] = 255 - frame[20:28, at : at + 8]
            yield frame


def write_film(
    path: Path,
    frames: Iterable[Pixels],
    fps: int | Fraction = 12,
    codec: str = "libx264",
    times: Sequence[Fraction] | None = None,  # s at which frames are shown, in whole ms; None: by the rate
    pixels: str = "yuv420p",
    crf: int = 18,
    aspect: Fraction | None = None,  # of a pixel
) -> Path:
    """Write a film and return its path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(path, "w") as out:
        options = {"crf": str(crf), "threads": "1"} if codec.startswith("lib") else {}
        stream = out.add_stream(codec, rate=fps, options=options)
        tick = Fraction(1, 1000) if times else 1 / Fraction(fps)
        stream.codec_context.time_base = tick
        stream.pix_fmt = pixels
        if aspect is not None:
            stream.codec_context.sample_aspect_ratio = aspect
        for number, picture in enumerate(frames):
            if number == 0:
                stream.height, stream.width = picture.shape[:2]
            frame = av.VideoFrame.from_ndarray(picture).reformat(format=pixels)
            frame.pts = int(times[number] / tick) if times else number
            frame.time_base = tick
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    return path
