"""The films of a folder: every file is read once, and taken unless it was; whatever is none is skipped."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TypeVar

from longtake.ingest.source import NoFilm
from longtake.ingest.state import State
from longtake.ingest.survey import Found, Skipped, stamp
from longtake.ingest.take import Recipe, Taken, checksum, film_id, known_film, take
from longtake.ingest.workers import spread

Item = TypeVar("Item")
Result = TypeVar("Result")
Hear = Callable[[int, int, str], None]  # done, of how many, what it is
_SAVE = 5.0  # s between two times at which what was found out is written


class Gathering:
    """Takes what `found` holds into `out`, and keeps what became of every file."""

    def __init__(
        self, found: Found, out: Path, recipe: Recipe, state: State, workers: int, hear: Hear
    ) -> None:
        self._found, self._out, self._recipe, self._state = found, out, recipe, state
        self._workers, self._hear, self._saved = workers, hear, time.monotonic()
        self.films: dict[str, tuple[Path, Taken]] = {}  # by name
        self.copies: dict[Path, Path] = {}  # file -> the one with the same bytes that is read
        self.skipped = list(found.skipped)

    def __call__(self) -> None:
        """All of the folder's films are in `films` then."""
        self._take_all(self._unlike_bytes(self._hash_all()))

    def _hash_all(self) -> dict[Path, str]:
        """sha256 of all files that may be films; of those that are as they were, without reading them."""
        known = {}
        for path in self._found.films:
            size, when, sha = self._state.files.get(str(path.resolve()), (-1, -1, ""))
            if (size, when) == stamp(path):
                known[path] = sha
        missing = [path for path in self._found.films if path not in known]
        for path, read in self._work(_hashed, missing, "files read"):
            if isinstance(read, OSError):
                self.skipped.append(Skipped(path, "cannot be read", read.strerror or str(read)))
                continue
            known[path] = read
            self._state.files[str(path.resolve())] = (*stamp(path), read)
            self._save()
        return {path: known[path] for path in self._found.films if path in known}

    def _unlike_bytes(self, hashed: dict[Path, str]) -> list[tuple[Path, str]]:
        """One file of every content."""
        first: dict[str, Path] = {}
        for path, sha in hashed.items():
            one = first.setdefault(sha, path)
            if one != path:
                self.copies[path] = one
                self.skipped.append(Skipped(path, "same bytes", f"as {self._found.called(one)}"))
        return [(path, sha) for sha, path in first.items()]

    def _take_all(self, jobs: Sequence[tuple[Path, str]]) -> None:
        """Every film that is not taken yet, the largest first."""
        todo = []
        for path, sha in jobs:
            film = self._name_of(path, sha)
            taken = known_film(self._out, film, self._recipe)
            there = (self._out / "films" / f"{film}.mp4").is_file() or film in self._state.twins
            if sha in self._state.refused:
                self.skipped.append(Skipped(path, *self._state.refused[sha]))
            elif taken is not None and there:
                self.films[film] = path, taken
            else:
                todo.append((path, sha))
        todo.sort(key=lambda job: -job[0].stat().st_size)
        make = partial(_taken, out=self._out, recipe=self._recipe)
        for (path, sha), made in self._work(make, todo, "films"):
            if isinstance(made, Taken):
                self.films[made.film] = path, made
            else:
                self._state.refused[sha] = made
                self.skipped.append(Skipped(path, *made))
            self._save()

    def _name_of(self, path: Path, sha: str) -> str:
        """The film of these bytes: as it was called before, if the file was renamed since."""
        for film in self._state.rowed:
            if film.endswith(sha[:8]) and known_film(self._out, film, self._recipe):
                return film
        return film_id(path, sha)

    def _save(self) -> None:
        if time.monotonic() - self._saved > _SAVE:
            self._state.save()
            self._saved = time.monotonic()

    def _work(
        self, work: Callable[[Item], Result], items: Sequence[Item], what: str
    ) -> Iterator[tuple[Item, Result]]:
        """`spread`, told to who listens."""
        self._hear(0, len(items), f"0 of {len(items)} {what}")
        for done, pair in enumerate(spread(work, items, self._workers), start=1):
            yield pair
            self._hear(done, len(items), f"{done} of {len(items)} {what}")


def _hashed(path: Path) -> str | OSError:
    try:
        return checksum(path)
    except OSError as error:  # no right to read it, a network drive that is gone: not a reason to stop
        return error


def _taken(job: tuple[Path, str], out: Path, recipe: Recipe) -> Taken | tuple[str, str]:
    """The film, or why there is none."""
    path, sha = job
    try:
        return take(path, sha, out, recipe)
    except NoFilm as error:
        return error.reason, str(error)
