"""Clips and files by key, on disk: whole or absent, the first to arrive stays, every read verified.

A clip `abcd...` lies in `ab/cd....safetensors`, with a SHA-256 of each frame in its metadata, so that one
frame is read and verified without the rest. Any other file (a video segment) lies in the folder
`ab/cd....mp4/`, under its own SHA-256 as its name: one rename brings in the file and what verifies it.
"""

from __future__ import annotations

import errno
import os
import re
import secrets
import shutil
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open

from longtake.files import file_digest, written_whole
from longtake.store.clip import CLIP, ClipArray, CorruptClip, Entry, checked, name_of, pack

_DAY = 24 * 3600  # s


class Store:
    """A folder of clips and files by key, safe to share between processes. Keys are hexadecimal."""

    def __init__(self, root: Path | str) -> None:
        self.root: str | Path = Path(root)  # what `open_store` takes
        self._root = self.root
        if self._root.exists() and not self._root.is_dir():
            raise ValueError(f"the store {self._root} is a file: name a folder")
        self._spares = self._root / "tmp"
        self.sweep()

    def __contains__(self, key: object) -> bool:
        return isinstance(key, str) and self._path(key, CLIP).is_file()

    def get(self, key: str) -> ClipArray:
        """The whole clip. Raises `KeyError` where there is none, `CorruptClip` where it is damaged."""
        return self._read(key, slice(None))

    def frame(self, key: str, index: int) -> ClipArray:
        """Frame `index` of a clip, read without the rest. Raises as `get` does."""
        clip: ClipArray = self._read(key, slice(index, index + 1))[0]
        return clip

    def put(self, key: str, clip: NDArray[Any]) -> ClipArray:
        """Store a clip, unless one is there already: latents [T, C, H, W] as float16, pixels as they are.

        Returns what is stored. Raises `ValueError` where a value is not finite in float16.
        """
        rounded, data = pack(key, clip)
        while not self._create(key, data):
            try:
                return self.get(key)
            except CorruptClip:
                self.drop(key)
            except KeyError:  # somebody else has just dropped it
                continue
        return rounded

    def has_file(self, key: str, suffix: str) -> bool:
        """Whether `put_file` has put something there, whole or not."""
        return self._path(key, suffix).is_dir()

    def file(self, key: str, suffix: str) -> Path | None:
        """Where the file of `put_file` lies, or None. Raises `CorruptClip` where it is damaged."""
        path = next(self._path(key, suffix).glob("?" * 64 + suffix), None)
        if path is not None and file_digest(path) != path.stem:
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
            name = f"{file_digest(copy)}{suffix}"
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

    def drop(self, key: str, suffix: str = CLIP) -> None:
        """Remove the clip `key`, or the file that was put under it with `suffix`. None there is no error."""
        with self.scratch() as spare, suppress(FileNotFoundError):
            self._path(key, suffix).rename(spare)

    def entries(self) -> Iterator[Entry]:
        """Everything that is stored, in no order."""
        for path in self._root.glob("[0-9a-f][0-9a-f]/*"):
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

    def read_note(self, name: str) -> str | None:
        """A text that was written with `write_note`, or None."""
        try:
            return (self._root / name).read_text()
        except FileNotFoundError:
            return None

    def write_note(self, name: str, text: str) -> None:
        """Keep a text beside the clips; the last one to be written stays."""
        with written_whole(self._root / name) as aside:
            aside.write_text(text)

    def _path(self, key: str, suffix: str) -> Path:
        return self._root / name_of(key, suffix)

    def _create(self, key: str, data: bytes) -> bool:
        """Write a clip that is not there yet, whole; False where it is."""
        path = self._path(key, CLIP)
        path.parent.mkdir(parents=True, exist_ok=True)
        with self.scratch(CLIP) as spare:
            spare.write_bytes(data)
            _sync(spare)
            try:
                os.link(spare, path)
            except FileExistsError:
                return False
        return True

    def _read(self, key: str, frames: slice) -> ClipArray:
        """Some frames of a clip, read without the rest, each held against its digest."""
        path = self._path(key, CLIP)
        try:
            with safe_open(path, framework="numpy") as file:
                digests = file.metadata()["sha256"]
                return checked(key, digests, lambda name, a, b: file.get_slice(name)[a:b], frames, path)
        except FileNotFoundError:
            raise KeyError(key) from None
        except (SafetensorError, KeyError, TypeError, ValueError) as error:
            raise CorruptClip(key, path, str(error)) from error


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
