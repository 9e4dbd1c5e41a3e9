"""The films of a folder: every file is read once, and imported unless it was; whatever is none is skipped."""

from __future__ import annotations

import multiprocessing
import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from pathlib import Path
from typing import TypeVar

from longtake.data.tables import DataSetError
from longtake.files import file_digest
from longtake.ingest.import_film import FilmSettings, ImportedFilm, film_id, import_film, imported_film
from longtake.ingest.list_folder import FolderFiles, Skipped, stamp
from longtake.ingest.resume_file import ResumeFile
from longtake.ingest.source import NoFilm
from longtake.machine import without_main

Item = TypeVar("Item")
Result = TypeVar("Result")
ProgressListener = Callable[[int, int, str], None]  # done, of how many, what it is
_SAVE = 5.0  # s between two times at which what was found out is written


class FolderImport:
    """Imports what `files` holds into `out`, and keeps what became of every file."""

    def __init__(
        self,
        files: FolderFiles,
        out: Path,
        settings: FilmSettings,
        resume: ResumeFile,
        workers: int,
        progress: ProgressListener,
    ) -> None:
        self._files, self._out, self._settings, self._resume = files, out, settings, resume
        self._workers, self._progress, self._saved = workers, progress, time.monotonic()
        self.films: dict[str, tuple[Path, ImportedFilm]] = {}  # by name
        self.copies: dict[Path, Path] = {}  # file -> the one with the same bytes that is read
        self.skipped = list(files.skipped)

    def __call__(self) -> None:
        """All of the folder's films are in `films` then."""
        self._import_all(self._unlike_bytes(self._hash_all()))

    def _hash_all(self) -> dict[Path, str]:
        """sha256 of all files that may be films; of those that are as they were, without reading them."""
        known = {}
        for path in self._files.films:
            size, when, sha = self._resume.files.get(str(path.resolve()), (-1, -1, ""))
            if (size, when) == stamp(path):
                known[path] = sha
        missing = [path for path in self._files.films if path not in known]
        for path, read in self._work(_hashed, missing, "files read"):
            if isinstance(read, OSError):
                self.skipped.append(Skipped(path, "cannot be read", read.strerror or str(read)))
                continue
            known[path] = read
            self._resume.files[str(path.resolve())] = (*stamp(path), read)
            self._save()
        return {path: known[path] for path in self._files.films if path in known}

    def _unlike_bytes(self, hashed: dict[Path, str]) -> list[tuple[Path, str]]:
        """One file of every content."""
        first: dict[str, Path] = {}
        for path, sha in hashed.items():
            one = first.setdefault(sha, path)
            if one != path:
                self.copies[path] = one
                self.skipped.append(Skipped(path, "same bytes", f"as {self._files.name_of(one)}"))
        return [(path, sha) for sha, path in first.items()]

    def _import_all(self, jobs: Sequence[tuple[Path, str]]) -> None:
        """Every film that is not imported yet, the largest first."""
        todo = []
        for path, sha in jobs:
            film = self._name_of(path, sha)
            known = imported_film(self._out, film, self._settings)
            there = (self._out / "films" / f"{film}.mp4").is_file() or film in self._resume.twins
            if sha in self._resume.refused:
                self.skipped.append(Skipped(path, *self._resume.refused[sha]))
            elif known is not None and there:
                self.films[film] = path, known
            else:
                todo.append((path, sha))
        todo.sort(key=lambda job: -job[0].stat().st_size)
        make = partial(_imported, out=self._out, settings=self._settings)
        for (path, sha), result in self._work(make, todo, "films"):
            if isinstance(result, ImportedFilm):
                self.films[result.film] = path, result
            else:
                self._resume.refused[sha] = result
                self.skipped.append(Skipped(path, *result))
            self._save()

    def _name_of(self, path: Path, sha: str) -> str:
        """The film of these bytes: as it was called before, if the file was renamed since."""
        for film in self._resume.rowed:
            if film.endswith(sha[:8]) and imported_film(self._out, film, self._settings):
                return film
        return film_id(path, sha)

    def _save(self) -> None:
        if time.monotonic() - self._saved > _SAVE:
            self._resume.save()
            self._saved = time.monotonic()

    def _work(
        self, work: Callable[[Item], Result], items: Sequence[Item], what: str
    ) -> Iterator[tuple[Item, Result]]:
        """`spread`, told to who listens."""
        self._progress(0, len(items), f"0 of {len(items)} {what}")
        for done, pair in enumerate(spread(work, items, self._workers), start=1):
            yield pair
            self._progress(done, len(items), f"{done} of {len(items)} {what}")


def _hashed(path: Path) -> str | OSError:
    try:
        return file_digest(path)
    except OSError as error:  # no right to read it, a network drive that is gone: not a reason to stop
        return error


def _imported(job: tuple[Path, str], out: Path, settings: FilmSettings) -> ImportedFilm | tuple[str, str]:
    """The film, or why there is none."""
    path, sha = job
    try:
        return import_film(path, sha, out, settings)
    except NoFilm as error:
        return error.reason, str(error)


def _end_with_parent() -> None:
    """Without this, the workers of a process that is killed would wait for work forever."""
    parent = multiprocessing.parent_process()
    assert parent is not None

    def wait() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=wait, daemon=True).start()


def spread(
    work: Callable[[Item], Result], items: Sequence[Item], workers: int
) -> Iterator[tuple[Item, Result]]:
    """Every item with its result, in the order in which they are finished; by this process if `workers` is 1.

    Raises DataSetError where a process dies.
    """
    workers = min(workers, len(items))
    if workers <= 1:
        for item in items:
            yield item, work(item)
        return
    # Not forked: libav may have threads here.
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, spawn, initializer=_end_with_parent) as pool:
        with without_main():
            jobs: dict[Future[Result], Item] = {pool.submit(work, item): item for item in items}
        try:
            for job in as_completed(jobs):
                yield jobs[job], job.result()
        except BrokenProcessPool:
            reason = "a process died, for want of memory or over a damaged film: run the same command again"
            raise DataSetError(f"{reason}, with --workers 1 if that does not help") from None
        finally:
            pool.shutdown(cancel_futures=True)
