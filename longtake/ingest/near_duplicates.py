"""Whether two films show the same pictures: by small grey pictures, one for every second.

A copy in another codec, size or frame rate keeps them within a few grey levels at the same second. A piece of
a film, or another film from the same camera, has many that the whole has too, somewhere.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Thumbnails = NDArray[np.uint8]  # [seconds, 144], grey levels

_SIDE = 12  # pixels
_LEVELS = 6.0  # grey levels that a copy may differ by in a pixel: root of the mean square
_WORST = 28.0  # and in its worst pixel: what moves in front of a still camera changes a few pixels much
_AKIN = 10.0  # grey levels between pictures of the same place
_FLAT = 4.0  # contrast, in grey levels, below which a picture is like any other
_COPY = 0.9  # share of seconds at which a copy agrees
_SHARED = 0.5  # share of a film's seconds that another one has too
_MOST = 64  # seconds that are looked for in another film
_LENGTH = 0.05  # share by which the length of a copy may differ


def thumbnail(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A picture `[H, W, 3]` as `[144]` means of grey."""
    grey = Image.fromarray(picture.mean(axis=2).round().astype(np.uint8))
    return np.asarray(grey.resize((_SIDE, _SIDE), Image.Resampling.BOX)).reshape(-1)


def is_copy(one: Thumbnails, other: Thumbnails) -> bool:
    """Whether one film is a copy of the other: as long, and with the same pictures at the same times."""
    if abs(len(one) - len(other)) > max(1.0, _LENGTH * max(len(one), len(other))):
        return False
    count = min(len(one), len(other))
    a, b = one[:count].astype(np.float32), other[:count].astype(np.float32)
    apart = np.abs(a - b)
    tell = (a.std(axis=1) > _FLAT) | (b.std(axis=1) > _FLAT)
    agree = (np.sqrt(np.square(apart).mean(axis=1)) <= _LEVELS) & (apart.max(axis=1) <= _WORST)
    return bool(tell.any() and agree[tell].mean() >= _COPY)


def share_pictures(one: Thumbnails, other: Thumbnails) -> bool:
    """Whether half of the shorter film's pictures, or more, are in the longer one, at any time."""
    short, long = sorted((one.astype(np.float32), other.astype(np.float32)), key=len)
    short = short[short.std(axis=1) > _FLAT]
    if not len(short):
        return False
    short = short[np.linspace(0, len(short) - 1, min(len(short), _MOST)).round().astype(int)]
    squares = np.square(short).sum(axis=1)[:, None] + np.square(long).sum(axis=1)[None]
    nearest = (squares - 2 * short @ long.T).min(axis=1) / short.shape[1]
    return bool((nearest <= _AKIN**2).mean() >= _SHARED)
