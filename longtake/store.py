"""Clips and files by key, on disk: whole or absent, the first to arrive stays, every read verified.

A clip `abcd...` lies in `ab/cd....safetensors`, with a SHA-256 of each frame in its metadata, so that one
frame is read and verified without the rest. Any other file (a video segment) lies in the folder
`ab/cd....mp4/`, under its own SHA-256 as its name: one rename brings in the file and what verifies it.
"""

from __future__ import annotations

import errno
import hashlib
import os
import re
import secrets
import shutil
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

__all__ = ["CorruptClip", "Entry", "Store"]

Clip = NDArray[np.float16]  # [T, C, H, W], or one of its frames [C, H, W]

_CLIP = ".safetensors"
_DAY = 24 * 3600  # s


class Entry(NamedTuple):
    """A clip, or a file that was put under a key."""

    key: str
    suffix: str
    size: int  # bytes

    @property
    def is_clip(self) -> bool:
        """Whether it is a clip."""
        return self.suffix == _CLIP


class CorruptClip(Exception):
    """What is stored under `key` is not what was put there: `drop` it and make it again."""

    def __init__(self, key: str, path: Path, reason: str) -> None:
        super().__init__(key, path, reason)  # all three, so that it survives pickling
        self.key, self.path, self.reason = key, path, reason

    def __str__(self) -> str:
        return f"{self.path} is damaged ({self.reason}); its key is {self.key}"


class Store:
    """A folder of clips and files by key, safe to share between processes. Keys are hexadecimal."""

    def __init__(self, root: Path | str) -> None:
        self.root = Path(root)
        if self.root.exists() and not self.root.is_dir():
            raise ValueError(f"the store {self.root} is a file: name a folder")
        self._spares = self.root / "tmp"
        self.sweep()

    def __contains__(self, key: object) -> bool:
        return isinstance(key, str) and self._path(key, _CLIP).is_file()

    def get(self, key: str) -> Clip:
        """The clip [T, C, H, W]. Raises `KeyError` where there is none, `CorruptClip` where it is damaged."""
        return self._read(key, slice(None))

    def frame(self, key: str, index: int) -> Clip:
        """Frame `index` [C, H, W] of a clip, read without the rest. Raises as `get` does."""
        clip: Clip = self._read(key, slice(index, index + 1))[0]
        return clip

    def put(self, key: str, clip: NDArray[np.floating]) -> Clip:
        """Round the clip [T, C, H, W] to float16 and store it, unless one is there already.

        Returns what is stored. Raises `ValueError` where a value is not finite in float16.
        """
        with np.errstate(over="ignore"):
            rounded = np.ascontiguousarray(clip, dtype=np.float16)
        assert rounded.ndim == 4
        assert len(rounded) > 0
        if not np.isfinite(rounded).all():
            raise ValueError(f"the clip {key} holds values that are not finite in float16: it is not stored")
        digests = " ".join(_digest(key, i, frame) for i, frame in enumerate(rounded))
        # One entry: safetensors writes several in any order, and equal clips shall be equal files.
        data = save({"clip": rounded}, metadata={"sha256": digests})
        path = self._path(key, _CLIP)
        path.parent.mkdir(parents=True, exist_ok=True)
        with self.scratch(_CLIP) as spare:
            spare.write_bytes(data)
            _sync(spare)
            while True:
                try:
                    os.link(spare, path)
                    return rounded
                except FileExistsError:
                    pass
                try:
                    return self.get(key)
                except CorruptClip:
                    self.drop(key)
                except KeyError:  # somebody else has just dropped it
                    continue

    def has_file(self, key: str, suffix: str) -> bool:
        """Whether `put_file` has put something there, whole or not."""
        return self._path(key, suffix).is_dir()

    def file(self, key: str, suffix: str) -> Path | None:
        """Where the file of `put_file` lies, or None. Raises `CorruptClip` where it is damaged."""
        path = next(self._path(key, suffix).glob("?" * 64 + suffix), None)
        if path is not None and _file_digest(path) != path.stem:
            raise CorruptClip(key, path, "its content has another SHA-256 than its name")
        return path

    def put_file(self, key: str, suffix: str, path: Path) -> Path:
        """Store a copy of the file `path`, unless there is one already. Returns where the stored one lies."""
        folder = self._path(key, suffix)
        folder.parent.mkdir(parents=True, exist_ok=True)
        with self.scratch() as spare:
            spare.mkdir()
            copy = Path(shutil.copyfile(path, spare / "copy"))
            _sync(copy)
            name = f"{_file_digest(copy)}{suffix}"
            copy.rename(spare / name)
            while True:
                try:
                    spare.rename(folder)
                    return folder / name
                except OSError as error:
                    if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                        raise
                with suppress(CorruptClip):
                    present = self.file(key, suffix)
                    if present is not None:
                        return present
                self.drop(key, suffix)

    def drop(self, key: str, suffix: str = _CLIP) -> None:
        """Remove the clip `key`, or the file that was put under it with `suffix`. None there is no error."""
        with self.scratch() as spare, suppress(FileNotFoundError):
            self._path(key, suffix).rename(spare)

    def entries(self) -> Iterator[Entry]:
        """Everything that is stored, in no order."""
        for path in self.root.glob("[0-9a-f][0-9a-f]/*"):
            key = path.parent.name + path.name.partition(".")[0]
            suffix = "".join(path.suffixes)
            if re.fullmatch("[0-9a-f]{64}", key):
                files = [path] if path.is_file() else list(path.iterdir())
                yield Entry(key, suffix, sum(file.stat().st_size for file in files))

    @contextmanager
    def scratch(self, suffix: str = "") -> Iterator[Path]:
        """A path to write aside, on the store's own disk. What is there when the block ends is removed."""
        self._spares.mkdir(parents=True, exist_ok=True)
        spare = self._spares / f"{socket.gethostname()}~{os.getpid()}~{secrets.token_hex(8)}{suffix}"
        try:
            yield spare
        finally:
            _remove(spare)

    def sweep(self) -> None:
        """Remove what killed processes left in `scratch`: at once if they ran here, else after a day."""
        for spare in self._spares.glob("*~*~*"):
            host, pid, _ = spare.name.split("~", 2)
            with suppress(FileNotFoundError):  # finished in this moment
                old = time.time() - spare.stat().st_mtime > _DAY
                if old or (host == socket.gethostname() and not _running(int(pid))):
                    _remove(spare)

    def _path(self, key: str, suffix: str) -> Path:
        assert re.fullmatch("[0-9a-f]{3,}", key), f"{key!r} is no key"
        return self.root / key[:2] / f"{key[2:]}{suffix}"

    def _read(self, key: str, frames: slice) -> Clip:
        """Some frames of a clip [T, C, H, W], each held against its digest."""
        path = self._path(key, _CLIP)
        try:
            with safe_open(path, framework="numpy") as file:
                digests = file.metadata()["sha256"].split()
                rows = file.get_slice("clip")
                if rows.get_shape()[0] != len(digests):
                    raise ValueError("its frames are not as many as their digests")
                indices = range(len(digests))[frames]
                if not indices:
                    raise IndexError(f"the clip {key} has {len(digests)} frames: no frame {frames.start}")
                clip: Clip = rows[frames]
        except FileNotFoundError:
            raise KeyError(key) from None
        except (SafetensorError, KeyError, TypeError, ValueError) as error:
            raise CorruptClip(key, path, str(error)) from error
        for i, frame in zip(indices, clip, strict=True):
            if _digest(key, i, frame) != digests[i]:
                raise CorruptClip(key, path, f"frame {i} has another SHA-256 than when it was stored")
        return clip


def _digest(key: str, index: int, frame: Clip) -> str:
    """SHA-256 of a frame together with its place, so that no frame passes for another."""
    place = f"{key}/{index}/{frame.dtype}/{frame.shape}/"
    return hashlib.sha256(place.encode() + frame.tobytes()).hexdigest()


def _file_digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _sync(path: Path) -> None:
    """Wait until the disk has the file: a power cut must not leave a name without its content."""
    with path.open("rb+") as file:
        os.fsync(file.fileno())


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def _running(pid: int) -> bool:
    """Whether a process of this machine runs under `pid`. Where that cannot be asked, yes."""
    if os.name != "posix":
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # somebody else's
        return True
    return True
