"""A folder of plain videos and pictures, as it is, as footage without captions.

What wants captions, another frame rate, shots or a faster way to any frame is made into a data set first.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import av
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from longtake.data.film_draws import RealFilms
from longtake.video import VideoError, open_video
from longtake.world.vocabulary import Split

_KEPT = 2**30  # bytes of decoded films that stay in memory


class TimedVideo(NamedTuple):
    """A file, and when its frames are shown."""

    path: Path
    times: tuple[int, ...]  # of each frame in order, in the stream's own unit


class Videos(RealFilms):
    """The videos and pictures that PyAV reads in a folder and those below it; a picture is a film of a frame.

    Films are cut to squares from their middle and have their files' own frame rates. From six files on a
    tenth of them, at least one, is held out for validation, and as many for test; of fewer all are trained
    on. Films stay in memory once they are decoded in a size, up to a gigabyte of them.

    Raises VideoError, a ValueError, where there are none.
    """

    def __init__(self, folder: Path) -> None:
        self._videos = find_videos(folder)
        if not self._videos:
            raise VideoError(f"{folder}: holds no videos: name a folder with files that PyAV can read")
        content = [
            (video.path.relative_to(folder).as_posix(), video.path.stat().st_size, video.times)
            for video in self._videos
        ]
        digest = hashlib.sha256(repr(content).encode()).hexdigest()
        self._name = f"{len(content)} videos of {folder.name} ({digest[:12]})"
        self._kept: dict[tuple[int, int], NDArray[np.uint8]] = {}

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_kept": {}}  # other processes decode for themselves

    @property
    def name(self) -> str:
        """Of the files' names, sizes and times of frames."""
        return self._name

    def films(self, split: Split) -> Sequence[int]:
        count = len(self._videos)
        held = max(1, count // 10) if count >= 6 else 0
        order = sorted(range(count), key=lambda film: hashlib.sha256(b"%d" % film).digest())
        parts = {"validation": order[:held], "test": order[held : 2 * held], "train": order[2 * held :]}
        return sorted(parts[split])

    def length(self, film: int) -> int:
        return len(self._videos[film].times)

    def frames(self, film: int, numbers: Sequence[float], size: int) -> NDArray[np.uint8]:
        places = [int(number) for number in numbers]
        kept = self._kept.get((film, size))
        bytes_ = self.length(film) * size * size * 3
        if kept is None and bytes_ <= _KEPT:
            while sum(each.nbytes for each in self._kept.values()) + bytes_ > _KEPT:
                del self._kept[next(iter(self._kept))]
            every = list(range(self.length(film)))
            kept = self._kept[film, size] = _decoded(self._videos[film], every, size)
        return _decoded(self._videos[film], places, size) if kept is None else kept[places]

    def captions(self, film: int, numbers: Sequence[float]) -> list[str]:
        return [""] * len(numbers)


def find_videos(folder: Path) -> list[TimedVideo]:
    """The videos in `folder` and the folders below it, by name; other files are passed over."""
    videos = []
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        try:
            times = _times(path)
        except VideoError:
            continue
        if times:
            videos.append(TimedVideo(path, times))
    return videos


def _times(path: Path) -> tuple[int, ...]:
    """When the frames that can be decoded are shown, whatever the file's header says."""
    with open_video(path) as video:
        return tuple(sorted({frame.pts or 0 for frame in video.decode(video=0)}))


def _decoded(video: TimedVideo, numbers: list[int], size: int) -> NDArray[np.uint8]:
    """The frames of these numbers, uint8 `[T, size, size, 3]`."""
    wanted = sorted({video.times[number] for number in numbers})
    squares: dict[int, NDArray[np.uint8]] = {}
    with open_video(video.path) as opened:
        for frame in _from(opened, wanted[0]):
            time = frame.pts or 0
            if time in wanted:
                picture = Image.fromarray(frame.to_ndarray(format="rgb24"))
                square = ImageOps.fit(picture, (size, size), Image.Resampling.LANCZOS)
                squares[time] = np.asarray(square)
            if time >= wanted[-1]:
                break
    return np.stack([squares[video.times[number]] for number in numbers])


def _from(opened: av.container.InputContainer, time: int) -> Iterator[av.VideoFrame]:
    stream = opened.streams.video[0]
    if time:
        opened.seek(time, stream=stream)
    return opened.decode(stream)
