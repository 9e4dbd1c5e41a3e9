"""A clip as bytes, each of its frames with a checksum, and what can be wrong with it.

Latents are float16. Back ends hand over pixels: those are uint8, each frame a PNG, so that nothing is lost
and one is read without the rest.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from safetensors import SafetensorError
from safetensors.numpy import load, save

ClipArray = NDArray[Any]  # float16 [T, C, H, W] or uint8 [T, H, W, 3], or one of its frames without T

Rows = Callable[[str, int, int], NDArray[Any]]  # (name of an entry, from, to) -> these of its rows

CLIP = ".safetensors"
_LATENTS, _PIXELS = "clip", "png"  # entries: [T, C, H, W], bytes of the frames one after the other
_EFFORT = 1  # of PNG: an eighth larger than by 6, in a quarter of the time


class Entry(NamedTuple):
    """A clip, or a file that was put under a key."""

    key: str
    suffix: str
    size: int  # bytes

    @property
    def is_clip(self) -> bool:
        """Whether it is a clip."""
        return self.suffix == CLIP


class CorruptClip(Exception):
    """What is stored under `key` is not what was put there: `drop` it and make it again."""

    def __init__(self, key: str, path: Path, reason: str) -> None:
        super().__init__(key, path, reason)  # all three, so that it survives pickling
        self.key, self.path, self.reason = key, path, reason

    def __str__(self) -> str:
        return f"{self.path} is damaged ({self.reason}); its key is {self.key}"


def name_of(key: str, suffix: str = CLIP) -> str:
    """Where a clip, or the folder of a file, lies in a store: `ab/cd….SUFFIX`."""
    assert re.fullmatch("[0-9a-f]{3,}", key), f"{key!r} is no key"
    return f"{key[:2]}/{key[2:]}{suffix}"


def pack(key: str, clip: NDArray[Any]) -> tuple[ClipArray, bytes]:
    """The clip as it is stored, and as bytes: equal clips are equal bytes.

    Pixels, uint8 `[T, H, W, 3]`, stay as they are; latents `[T, C, H, W]` are rounded to float16.
    Raises `ValueError` where a value is not finite in float16.
    """
    assert clip.ndim == 4
    assert len(clip) > 0
    if clip.dtype == np.uint8:
        kept = np.ascontiguousarray(clip)
        frames = [_png(frame) for frame in kept]
        ends = [f":{end}" for end in np.cumsum([len(frame) for frame in frames])]
        entry = {_PIXELS: np.frombuffer(b"".join(frames), np.uint8)}
    else:
        with np.errstate(over="ignore"):
            kept = np.ascontiguousarray(clip, dtype=np.float16)
        if not np.isfinite(kept).all():
            raise ValueError(f"the clip {key} holds values that are not finite in float16: it is not stored")
        entry, ends = {_LATENTS: kept}, [""] * len(kept)
    digests = [
        _frame_digest(key, i, frame) + end for i, (frame, end) in enumerate(zip(kept, ends, strict=True))
    ]
    # One entry and one line about it: safetensors writes several in any order.
    return kept, save(entry, metadata={"sha256": " ".join(digests)})


def unpack(key: str, data: bytes, frames: slice, path: Path) -> ClipArray:
    """Some frames of a clip from its bytes. Raises `CorruptClip`, which names `path`."""
    try:
        header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
        digests, entries = header["__metadata__"]["sha256"], load(data)
        return checked(key, digests, lambda name, a, b: entries[name][a:b], frames, path)
    except (SafetensorError, KeyError, TypeError, ValueError) as error:
        raise CorruptClip(key, path, str(error)) from error


def checked(key: str, digests: str, rows: Rows, frames: slice, path: Path) -> ClipArray:
    """Frames of a clip, each held against its digest; `rows` reads an entry.

    `digests` has that of every frame, and of pixels also where its PNG ends: `DIGEST:BYTES`. Raises
    `CorruptClip`, or what reading raises where the bytes are no such clip.
    """
    of_frames, _, ends = zip(*(one.partition(":") for one in digests.split()), strict=True)
    indices = range(len(of_frames))[frames]
    if not indices:
        raise IndexError(f"the clip {key} has {len(of_frames)} frames: no frame {frames.start}")
    if ends[0]:
        cuts = [0, *map(int, ends)]
        start = cuts[indices[0]]
        data = rows(_PIXELS, start, cuts[indices[-1] + 1]).tobytes()
        clip = np.stack([_pixels(data[cuts[i] - start : cuts[i + 1] - start]) for i in indices])
    else:
        clip = rows(_LATENTS, indices[0], indices[-1] + 1)
    if len(clip) != len(indices):
        raise ValueError("its frames are not as many as their digests")
    for i, frame in zip(indices, clip, strict=True):
        if _frame_digest(key, i, frame) != of_frames[i]:
            raise CorruptClip(key, path, f"frame {i} has another SHA-256 than when it was stored")
    return clip


def _png(frame: NDArray[np.uint8]) -> bytes:
    png = io.BytesIO()
    Image.fromarray(frame).save(png, format="PNG", compress_level=_EFFORT)
    return png.getvalue()


def _pixels(png: bytes) -> NDArray[np.uint8]:
    try:
        with Image.open(io.BytesIO(png), formats=["PNG"]) as picture:
            return np.asarray(picture)
    except (OSError, SyntaxError) as error:  # as Pillow tells of damage
        raise ValueError(f"a frame is no PNG: {error}") from error


def _frame_digest(key: str, index: int, frame: ClipArray) -> str:
    """SHA-256 of a frame together with its place, so that no frame passes for another."""
    place = f"{key}/{index}/{frame.dtype}/{frame.shape}/"
    return sha256_of(place.encode() + frame.tobytes())


def sha256_of(data: bytes) -> str:
    """The SHA-256 of bytes, in hexadecimal."""
    return hashlib.sha256(data).hexdigest()
