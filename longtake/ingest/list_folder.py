"""What lies in a folder of films, and what becomes of every file of it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from longtake.data.cues import CUE_FILES


class Skipped(NamedTuple):
    """A file that is no film of the data set."""

    path: Path
    reason: str  # a few words
    detail: str


@dataclass(kw_only=True)
class FolderFiles:
    """The files of a folder, by what they may be; all in order of their paths."""

    folder: Path
    films: list[Path] = field(default_factory=list)  # whatever may be one
    captions: list[Path] = field(default_factory=list)  # what may hold some
    skipped: list[Skipped] = field(default_factory=list)

    @property
    def stamps(self) -> list[tuple[str, int, int]]:
        """Path, bytes and time of every file: others where anything has changed."""
        paths = [*self.films, *self.captions, *(skipped.path for skipped in self.skipped)]
        return sorted((str(path), *stamp(path)) for path in paths)

    def name_of(self, path: Path) -> str:
        """A file of the folder as users are told of it."""
        return path.relative_to(self.folder).as_posix()


def stamp(path: Path) -> tuple[int, int]:
    """Bytes, and when it was last written, in ns."""
    status = path.stat() if path.exists() else path.lstat()
    return status.st_size, status.st_mtime_ns


def list_folder(folder: Path, out: Path) -> FolderFiles:
    """All files in `folder` and the folders below it, but those of the data set `out`.

    Raises NotADirectoryError where it is no folder.
    """
    if not folder.is_dir():
        raise NotADirectoryError(20, "is no folder: name the one that holds the films", str(folder))
    files = FolderFiles(folder=folder)
    for path in sorted(_walk(folder, out.resolve())):
        if path.is_symlink() and path.is_dir():
            files.skipped.append(Skipped(path, "not followed", "a link to a folder"))
        elif not path.is_file():
            files.skipped.append(Skipped(path, "no file", "a broken link, or a device"))
        elif any(part.startswith(".") for part in path.relative_to(folder).parts):
            files.skipped.append(Skipped(path, "hidden", "its name, or its folder's, begins with a dot"))
        elif path.stat().st_size == 0:
            files.skipped.append(Skipped(path, "empty", "a file of 0 bytes"))
        elif path.suffix.lower() in CUE_FILES:
            files.captions.append(path)
        else:
            files.films.append(path)
    return files


def _walk(folder: Path, out: Path) -> Iterator[Path]:
    for here, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if (Path(here) / name).resolve() != out]
        yield from (Path(here) / name for name in files)
        yield from (Path(here) / name for name in folders if (Path(here) / name).is_symlink())
