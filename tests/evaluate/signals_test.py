"""Signals are plain numbers of the pixels, the same bit for bit however the film is cut into chunks."""

from __future__ import annotations

import weakref
from collections.abc import Sequence
from dataclasses import fields

import numpy as np
import pytest
from numpy.typing import NDArray

from longtake.evaluate.readings import Signals
from longtake.evaluate.signals import SignalReader, shrink

Frames = NDArray[np.uint8]


def read(*chunks: Frames) -> Signals:
    reader = SignalReader()
    for chunk in chunks:
        reader.add(chunk)
    return reader.finish()


def flat(*levels: int | tuple[int, int, int]) -> Frames:
    """Frames [n, 16, 24, 3] of one colour each."""
    colours = [np.broadcast_to(np.array(level, dtype=np.uint8), 3) for level in levels]
    return np.stack([np.broadcast_to(colour, (16, 24, 3)) for colour in colours])


def noise(count: int, *, seed: int = 0, size: tuple[int, int] = (16, 24)) -> Frames:
    return np.random.default_rng(seed).integers(0, 256, (count, *size, 3), dtype=np.uint8)


def test_differences_look_back_as_far_as_they_say() -> None:
    levels = [0, 51, 51, 153, 153, 153, 153, 153, 255, 51]
    signals = read(flat(*levels))
    np.testing.assert_allclose(signals.difference, [0, 0.2, 0, 0.4, 0, 0, 0, 0, 0.4, 0.8], atol=1e-7)
    np.testing.assert_allclose(signals.second, [0, 0, 0.2, 0.4, 0.4, 0, 0, 0, 0.4, 1.2], atol=1e-7)
    np.testing.assert_allclose(signals.lag, [0] * 8 + [1, 0], atol=1e-7)
    np.testing.assert_allclose(signals.luminance, np.array(levels) / 255, atol=1e-7)


def test_differences_are_taken_pixel_by_pixel() -> None:
    frames = noise(12)
    values = frames.astype(np.float64) / 255
    signals = read(frames)
    np.testing.assert_allclose(
        signals.difference[1:], np.abs(values[1:] - values[:-1]).mean((1, 2, 3)), rtol=1e-6
    )
    second = np.abs(values[2:] - 2 * values[1:-1] + values[:-2]).mean((1, 2, 3))
    np.testing.assert_allclose(signals.second[2:], second, rtol=1e-6)
    np.testing.assert_allclose(signals.lag[8:], np.abs(values[8:] - values[:-8]).mean((1, 2, 3)), rtol=1e-6)


def test_looks_of_plain_colours() -> None:
    signals = read(flat((255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255), (100, 100, 100)))
    np.testing.assert_allclose(signals.luminance, [0.2126, 0.7152, 0.0722, 1, 100 / 255], rtol=1e-6)
    np.testing.assert_allclose(signals.saturation, [1, 1, 1, 0, 0])
    assert not signals.contrast.any()
    assert not signals.sharpness.any()


def test_looks_of_patterns() -> None:
    y, x = np.mgrid[:16, :16]
    patterns = np.stack([(y + x) % 2, x % 2, x // 8])[..., None].repeat(3, axis=3) * 255
    signals = read(patterns.astype(np.uint8))
    np.testing.assert_allclose(signals.contrast, [0.5, 0.5, 0.5], rtol=1e-6)
    np.testing.assert_allclose(signals.sharpness, [1, 0.5, 16 / 480], rtol=1e-6)


def test_thumbnails_are_area_averages() -> None:
    frames = noise(5, size=(64, 64))
    blocks = frames.reshape(5, 8, 8, 8, 8, 3).mean(axis=(2, 4))
    np.testing.assert_array_equal(read(frames).thumbnails, np.floor(blocks + 0.5).astype(np.uint8))


@pytest.mark.parametrize("sizes", [[1] * 75, [3] * 25, [7, 1, 67], [0, 40, 0, 35], [9, 66]])
def test_chunks_change_nothing(sizes: Sequence[int]) -> None:
    frames = noise(75)
    whole, parts = read(frames), read(*np.split(frames, np.cumsum(sizes)[:-1]))
    for field in fields(Signals):
        one, other = getattr(whole, field.name), getattr(parts, field.name)
        assert one.dtype == other.dtype == (np.uint8 if field.name == "thumbnails" else np.float32)
        np.testing.assert_array_equal(one, other)


def test_chunks_leave_memory() -> None:
    reader = SignalReader()
    chunk = noise(40)
    left = weakref.ref(chunk)
    reader.add(chunk)
    del chunk
    assert left() is None


@pytest.mark.parametrize(
    ("frames", "says"),
    [
        (np.zeros((2, 16, 16, 3)), "uint8"),
        (np.zeros((16, 16, 3), dtype=np.uint8), "H, W, 3"),
        (np.zeros((2, 3, 16, 16), dtype=np.uint8), "H, W, 3"),
        (np.zeros((2, 16, 17, 3), dtype=np.uint8), "multiples of 8"),
        (np.zeros((2, 0, 16, 3), dtype=np.uint8), "multiples of 8"),
    ],
)
def test_what_is_no_frame_is_refused(frames: Frames, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        SignalReader().add(frames)


def test_a_film_has_one_size_and_a_frame() -> None:
    with pytest.raises(ValueError, match="one size"):
        read(noise(2), noise(2, size=(32, 32)))
    with pytest.raises(ValueError, match="at least one frame"):
        read()


def test_shrinking_averages() -> None:
    frame = noise(1, size=(24, 48))[0]
    means = frame.reshape(8, 3, 8, 6, 3).mean(axis=(1, 3))
    np.testing.assert_array_equal(shrink(frame, 8), np.floor(means + 0.5).astype(np.uint8))
    np.testing.assert_array_equal(shrink(frame[:, :24], 24), frame[:, :24])


@pytest.mark.parametrize(("side", "off"), [(128, 1), (192, 1), (1000, 2), (130, 20)])
def test_shrinking_does_not_alias(side: int, off: int) -> None:
    """A chessboard with squares of one pixel is grey from afar, where sides are no multiples too."""
    y, x = np.mgrid[:side, :side]
    board = np.broadcast_to(((x + y) % 2 * 255)[..., None], (side, side, 3)).astype(np.uint8)
    grey = shrink(board, 64 if side % 3 else 32)
    assert np.abs(grey - 127.5).max() <= off


def test_small_frames_are_not_enlarged() -> None:
    with pytest.raises(ValueError, match="at least 64x64"):
        shrink(noise(1, size=(32, 128))[0], 64)
    with pytest.raises(ValueError, match="uint8"):
        shrink(np.zeros((64, 64, 3), dtype=np.float32), 64)  # type: ignore[arg-type]
