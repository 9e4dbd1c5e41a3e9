"""Any frames of a film of a data set, by decoding little more than these."""

from __future__ import annotations

import os
import threading
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.video.reformatter import Interpolation, VideoReformatter
from numpy.typing import NDArray

from longtake.data.tables import DataSetError
from longtake.video import Pixels

GROUP = 12  # film frames from one that refers to nothing to the next: what a jump may have to decode
_OPEN = 8  # films that a thread keeps open

_EXACT_RGB = (
    Interpolation.BICUBIC | Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INT | Interpolation.BITEXACT
)


class _OpenFilm:
    """An open film, and where in it decoding stands."""

    def __init__(self, path: Path, fps: Fraction) -> None:
        self._path, self._fps = path, fps
        try:
            self._video = av.open(str(path))
        except (FileNotFoundError, av.error.FFmpegError):
            raise DataSetError(f"{path}: is missing or damaged: run `longtake data ingest` again") from None
        self._stream = self._video.streams.video[0]
        self._stream.codec_context.thread_count = 1  # threads of a decoder do not survive a fork
        self._to_rgb = VideoReformatter()
        self._coming: Iterator[av.VideoFrame] = self._video.decode(self._stream)
        self._number, self._frame = -1, None  # type: int, av.VideoFrame | None

    def frame(self, number: int) -> Pixels:
        """Frame `number`: uint8 `[H, W, 3]`, RGB."""
        if number != self._number:
            if not self._number < number <= self._number + GROUP:
                self._jump(number)
            while self._number < number:
                self._step()
        if self._number != number or self._frame is None:
            raise DataSetError(f"{self._path}: has no frame {number}: run `longtake data ingest` again")
        rgb = self._to_rgb.reformat(self._frame, format="rgb24", interpolation=_EXACT_RGB, threads=1)
        return rgb.to_ndarray().astype(np.uint8, copy=False)

    def _jump(self, number: int) -> None:
        assert self._stream.time_base is not None
        self._video.seek(round(Fraction(number) / self._fps / self._stream.time_base), stream=self._stream)
        self._coming, self._number = self._video.decode(self._stream), -1

    def _step(self) -> None:
        try:
            frame = next(self._coming)
        except (StopIteration, av.error.FFmpegError):
            raise DataSetError(f"{self._path}: ends too soon: run `longtake data ingest` again") from None
        assert frame.pts is not None
        assert self._stream.time_base is not None
        self._number, self._frame = round(frame.pts * self._stream.time_base * self._fps), frame


class _Shelf(threading.local):
    """The readers of one thread of one process, the latest last."""

    def __init__(self) -> None:
        self.process, self.readers = os.getpid(), OrderedDict[Path, _OpenFilm]()


_shelf = _Shelf()


def _reader(path: Path, fps: Fraction) -> _OpenFilm:
    if _shelf.process != os.getpid():  # after a fork: parent and child would move one another's files
        _shelf.__init__()  # type: ignore[misc]
    reader = _shelf.readers.pop(path, None) or _OpenFilm(path, fps)
    _shelf.readers[path] = reader
    if len(_shelf.readers) > _OPEN:
        _shelf.readers.popitem(last=False)
    return reader


def frames_of(path: Path, numbers: Sequence[int], fps: Fraction) -> NDArray[np.uint8]:
    """Frames of a film in `films/` by number, in any order: uint8 `[T, H, W, 3]`, RGB.

    The files read last stay open, in every thread and process by itself. Raises DataSetError where the film
    is missing, damaged, or shorter.
    """
    reader = _reader(path, fps)
    try:
        pictures = {number: reader.frame(number) for number in sorted(set(numbers))}
    except DataSetError:
        del _shelf.readers[path]  # it stands nowhere now
        raise
    return np.stack([pictures[number] for number in numbers])
