"""Frames of any videos that PyAV reads, for what is learnt without captions."""

from __future__ import annotations

import random
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from longtake.video import VideoError, count_frames, read_frames

__all__ = ["Video", "open_videos", "video_stills"]


class Video(NamedTuple):
    """A file, and how many frames of it can be decoded."""

    path: Path
    frames: int


def open_videos(folder: Path) -> list[Video]:
    """The videos in `folder` and the folders below it, by name; other files are passed over.

    Raises ValueError where there are none.
    """
    found = []
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        try:
            frames = count_frames(path)
        except VideoError:
            continue
        if frames:
            found.append(Video(path, frames))
    if not found:
        raise ValueError(f"{folder}: holds no videos: name a folder with files that PyAV can read")
    return found


def video_stills(videos: list[Video], chance: random.Random, count: int, size: int) -> NDArray[np.uint8]:
    """`count` frames from anywhere, cut to squares from their middle: uint8 `[count, size, size, 3]`."""
    stills: list[NDArray[np.uint8]] = []
    while len(stills) < count:
        (video,) = chance.choices(videos, [video.frames for video in videos])
        frame = next(read_frames(video.path, chance.randrange(video.frames)), None)
        if frame is not None:  # a stream of uneven rate may end sooner than its frames promise
            square = ImageOps.fit(Image.fromarray(frame), (size, size), Image.Resampling.LANCZOS)
            stills.append(np.asarray(square))
    return np.stack(stills)
