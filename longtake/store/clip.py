"""A clip as bytes, each of its frames with a checksum, and what can be wrong with it."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load, save

__all__ = [
    "Clip",
    "CorruptClip",
    "Entry",
    "checked",
    "name_of",
    "pack",
    "sha256_of",
    "unpack",
]

Clip = NDArray[np.float16]  # [T, C, H, W], or one of its frames [C, H, W]

CLIP = ".safetensors"


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


def pack(key: str, clip: NDArray[np.floating]) -> tuple[Clip, bytes]:
    """The clip [T, C, H, W] rounded to float16, and as bytes: equal clips are equal bytes.

    Raises `ValueError` where a value is not finite in float16.
    """
    with np.errstate(over="ignore"):
        rounded = np.ascontiguousarray(clip, dtype=np.float16)
    assert rounded.ndim == 4
    assert len(rounded) > 0
    if not np.isfinite(rounded).all():
        raise ValueError(f"the clip {key} holds values that are not finite in float16: it is not stored")
    digests = " ".join(_frame_digest(key, i, frame) for i, frame in enumerate(rounded))
    # One entry: safetensors writes several in any order.
    return rounded, save({"clip": rounded}, metadata={"sha256": digests})


def unpack(key: str, data: bytes, frames: slice, path: Path) -> Clip:
    """Some frames of a clip from its bytes. Raises `CorruptClip`, which names `path`."""
    try:
        header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
        digests = header["__metadata__"]["sha256"].split()
        clip: Clip = load(data)["clip"]
        if len(clip) != len(digests):
            raise ValueError("its frames are not as many as their digests")
    except (SafetensorError, KeyError, TypeError, ValueError) as error:
        raise CorruptClip(key, path, str(error)) from error
    return checked(key, clip[frames], digests, frames, path)


def checked(key: str, clip: Clip, digests: list[str], frames: slice, path: Path) -> Clip:
    """Frames of a clip, each held against its digest. Raises `CorruptClip`."""
    indices = range(len(digests))[frames]
    if not indices:
        raise IndexError(f"the clip {key} has {len(digests)} frames: no frame {frames.start}")
    for i, frame in zip(indices, clip, strict=True):
        if _frame_digest(key, i, frame) != digests[i]:
            raise CorruptClip(key, path, f"frame {i} has another SHA-256 than when it was stored")
    return clip


def _frame_digest(key: str, index: int, frame: Clip) -> str:
    """SHA-256 of a frame together with its place, so that no frame passes for another."""
    place = f"{key}/{index}/{frame.dtype}/{frame.shape}/"
    return sha256_of(place.encode() + frame.tobytes())


def sha256_of(data: bytes) -> str:
    """The SHA-256 of bytes, in hexadecimal."""
    return hashlib.sha256(data).hexdigest()
