"""The store in object storage (S3, Google Cloud, Azure, …), for workers that share no folder.

Objects have the names that files have in a folder: `ab/cd….safetensors`, `ab/cd….mp4/SHA256.mp4`. An object
is written whole or not at all, and the first to arrive stays.
"""

from __future__ import annotations

import shutil
import tempfile
import weakref
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from longtake.store.clip import CLIP, ClipArray, CorruptClip, Entry, name_of, sha256_of, unpack
from longtake.store.folder import Store


class Bucket(Store):
    """Clips and files by key under a URL such as `s3://bucket/films`.

    Credentials and endpoints are taken from the environment as obstore reads them (AWS_ACCESS_KEY_ID,
    AWS_ENDPOINT_URL, …). Raises ModuleNotFoundError where obstore is not installed.
    """

    def __init__(self, url: str) -> None:
        import obstore  # here: whoever has a folder need not have it
        from obstore.store import from_url

        self.root, local = url.rstrip("/"), url.startswith("file:")
        self._api, self._objects = obstore, from_url(self.root, mkdir=True) if local else from_url(self.root)
        self._cache: Path | None = None  # files that were fetched, as long as this object lives

    def __contains__(self, key: object) -> bool:
        if not isinstance(key, str):
            return False
        try:
            self._api.head(self._objects, name_of(key))
        except FileNotFoundError:
            return False
        return True

    def has_file(self, key: str, suffix: str) -> bool:
        """Whether `put_file` has put something there, whole or not."""
        return bool(self._names(name_of(key, suffix) + "/"))

    def file(self, key: str, suffix: str) -> Path | None:
        """A copy on this machine of the file of `put_file`, or None. Raises `CorruptClip` if damaged."""
        for name in self._names(name_of(key, suffix) + "/"):
            data = self._fetch(name)
            if data is None:
                return None
            path = self._here() / Path(name).name
            if sha256_of(data) != path.stem:
                reason = "its content has another SHA-256 than its name"
                raise CorruptClip(key, Path(f"{self.root}/{name}"), reason)
            path.write_bytes(data)
            return path
        return None

    def put_file(self, key: str, suffix: str, path: Path) -> Path:
        """Store a copy of the file `path`, unless there is one already. Returns where a copy of it lies."""
        with suppress(CorruptClip):
            present = self.file(key, suffix)
            if present is not None:
                return present
        self.drop(key, suffix)
        data = path.read_bytes()
        name = f"{sha256_of(data)}{suffix}"
        self._new(f"{name_of(key, suffix)}/{name}", data)
        copy = self._here() / name
        copy.write_bytes(data)
        return copy

    def drop(self, key: str, suffix: str = CLIP) -> None:
        """Remove the clip `key`, or the file that was put under it with `suffix`. None there is no error."""
        names = [name_of(key)] if suffix == CLIP else self._names(name_of(key, suffix) + "/")
        for name in names:
            with suppress(FileNotFoundError):
                self._api.delete(self._objects, name)

    def entries(self) -> Iterator[Entry]:
        """Everything that is stored, in no order."""
        for batch in self._api.list(self._objects):
            for found in batch:
                folder, _, rest = found["path"].partition("/")
                name = rest.split("/")[0]
                key, _, suffix = (folder + name).partition(".")
                if len(key) == 64:
                    yield Entry(key, f".{suffix}", found["size"])

    @contextmanager
    def scratch(self, suffix: str = "") -> Iterator[Path]:
        """A path on this machine to write aside. What is there when the block ends is removed."""
        with tempfile.TemporaryDirectory(prefix="longtake-") as folder:
            yield Path(folder) / f"spare{suffix}"

    def sweep(self) -> None:
        """Nothing is left here by killed processes."""

    def read_note(self, name: str) -> str | None:
        """A text that was written with `write_note`, or None."""
        data = self._fetch(name)
        return None if data is None else data.decode()

    def write_note(self, name: str, text: str) -> None:
        """Keep a text beside the clips; the last one to be written stays."""
        self._api.put(self._objects, name, text.encode())

    def _read(self, key: str, frames: slice) -> ClipArray:
        data = self._fetch(name_of(key))
        if data is None:
            raise KeyError(key)
        return unpack(key, data, frames, Path(f"{self.root}/{name_of(key)}"))

    def _fetch(self, name: str) -> bytes | None:
        try:
            return bytes(self._api.get(self._objects, name).bytes())
        except FileNotFoundError:
            return None

    def _create(self, key: str, data: bytes) -> bool:
        """Write a clip that is not there yet; False where it is."""
        return self._new(name_of(key), data)

    def _new(self, name: str, data: bytes) -> bool:
        try:
            self._api.put(self._objects, name, data, mode="create")
        except self._api.exceptions.AlreadyExistsError:
            return False
        return True

    def _names(self, prefix: str) -> list[str]:
        batches: Any = self._api.list(self._objects, prefix=prefix)
        return sorted(found["path"] for batch in batches for found in batch)

    def _here(self) -> Path:
        if self._cache is None:
            self._cache = Path(tempfile.mkdtemp(prefix="longtake-"))
            weakref.finalize(self, shutil.rmtree, self._cache, ignore_errors=True)
        return self._cache
