"""A data set of films, as `longtake data ingest` makes it, to learn from."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from longtake.data.access import frames_of
from longtake.data.film_draws import RealFilms
from longtake.data.tables import (
    CAPTIONS,
    FILMS,
    SHOTS,
    CaptionRow,
    Cells,
    DataSetError,
    FilmRow,
    Look,
    ShotRow,
    Table,
    read_look,
    read_table,
)
from longtake.world.vocabulary import Split


@dataclass(frozen=True, kw_only=True)
class FilmFile:
    """A film, and which of its frames are kept."""

    row: FilmRow
    path: Path
    shots: tuple[ShotRow, ...]
    captions: tuple[CaptionRow, ...]  # in order of their start

    @cached_property
    def kept(self) -> NDArray[np.int64]:
        """Numbers in the file of the frames that are kept: those of kept shots, between the film's ends."""
        mask = np.zeros(self.row.frames, bool)
        for keep in (True, False):  # where shots overlap, what is left out is left out
            for shot in self.shots:
                if shot.keep is keep:
                    mask[shot.start : shot.end] = keep
        mask[: self.row.start] = mask[self.row.end :] = False
        return np.flatnonzero(mask)

    @cached_property
    def texts(self) -> list[str]:
        """The captions that the film has; the first one is its own."""
        return [self.row.caption, *(row.caption for row in self._described)]

    @cached_property
    def text_of(self) -> NDArray[np.int32]:
        """For every frame of the file, a place in `texts`: the text of the cue that began last, else of the
        shot, else of the film.
        """
        rows = np.zeros(self.row.frames, np.int32)
        for place, described in enumerate(self._described, start=1):
            rows[described.start : described.end] = place
        return rows

    @cached_property
    def _described(self) -> list[ShotRow | CaptionRow]:
        return [*(shot for shot in self.shots if shot.caption), *self.captions]


@dataclass(frozen=True)
class FilmSet(RealFilms):
    """Films of a data set, a `Footage`. A film's number is its row in films.csv, counted from 0.

    Its frames count from 0 over what is kept, as if the rest had been cut out; `numbers_in_file` says where
    they lie in the file. Any process may hold a copy, also a forked one: files are opened when first read.
    """

    folder: Path
    look: Look
    all: tuple[FilmFile, ...]  # of every row of films.csv, kept or not

    @cached_property
    def name(self) -> str:
        """With a digest of all pictures, captions, splits, and of what is kept."""
        return f"{self.look.name}-{self._digest[:16]}"

    @cached_property
    def _digest(self) -> str:
        known = hashlib.sha256(repr((self.look.digest, self.look.fps, self.look.size)).encode())
        for number, film in enumerate(self.all):
            if not film.row.keep:
                continue
            known.update(repr((number, film.row.film, film.row.split)).encode())
            known.update(film.kept.tobytes())
            texts = [film.texts[place] for place in film.text_of[film.kept]]
            known.update("\n".join(texts).encode())
        return known.hexdigest()

    def films(self, split: Split) -> Sequence[int]:
        """Those that are kept, and of which a frame is."""
        return [
            number
            for number, film in enumerate(self.all)
            if film.row.keep and film.row.split == split and len(film.kept)
        ]

    def length(self, film: int) -> int:
        return len(self.all[film].kept)

    def numbers_in_file(self, film: int, numbers: Sequence[float]) -> list[int]:
        """Where frames of a film lie in its file. Raises ValueError for what it does not have."""
        kept = self.all[film].kept
        whole = np.floor(np.asarray(numbers, np.float64)).astype(np.int64)
        if len(whole) and not 0 <= whole.min() <= whole.max() < len(kept):
            raise ValueError(
                f"film {film} has frames 0 to {len(kept) - 1}, not {min(numbers)} to {max(numbers)}"
            )
        places: list[int] = kept[whole].tolist()
        return places

    def frames(self, film: int, numbers: Sequence[float], size: int) -> NDArray[np.uint8]:
        """Between two frames there is nothing.

        Raises DataSetError for a `size` above that of the data set, which would promise what is not there,
        and for a damaged film.
        """
        if size > self.look.size:
            remedy = f"ingest the films with --size {size}"
            raise DataSetError(f"{self.folder} has {self.look.size} pixels a side, not {size}: {remedy}")
        pictures = frames_of(self.all[film].path, self.numbers_in_file(film, numbers), self.look.fps)
        if size == self.look.size:
            return pictures
        smaller = (
            Image.fromarray(frame).resize((size, size), Image.Resampling.LANCZOS) for frame in pictures
        )
        return np.stack([np.asarray(frame) for frame in smaller])

    def captions(self, film: int, numbers: Sequence[float]) -> list[str]:
        one = self.all[film]
        return [one.texts[one.text_of[number]] for number in self.numbers_in_file(film, numbers)]


def open_films(folder: Path) -> FilmSet:
    """The data set in a folder.

    Raises DataSetError where the folder is none, where a table has a mistake, and where films that show the
    same pictures lie in two splits.
    """
    look = read_look(folder)
    rows = [FilmRow.of(row, where) for row, where in _checked(folder, FILMS)]
    if len({row.film for row in rows}) < len(rows):
        raise DataSetError(f"{folder / FILMS.file}: a film stands twice: delete one of its rows")
    frames = {row.film: row.frames for row in rows}
    shots, captions = defaultdict[str, list[ShotRow]](list), defaultdict[str, list[CaptionRow]](list)
    for row, where in _checked(folder, SHOTS, frames):
        shots[row["film"]].append(ShotRow.of(row, where, frames[row["film"]]))
    for row, where in _checked(folder, CAPTIONS, frames):
        captions[row["film"]].append(CaptionRow.of(row, where, frames[row["film"]]))
    _refuse_leaks(folder, rows)
    films = tuple(
        FilmFile(
            row=row,
            path=folder / "films" / f"{row.film}.mp4",
            shots=tuple(shots[row.film]),
            captions=tuple(sorted(captions[row.film], key=lambda cue: cue.start)),
        )
        for row in rows
    )
    return FilmSet(folder, look, films)


def _checked(folder: Path, table: Table, films: Container[str] | None = None) -> Iterator[tuple[Cells, str]]:
    """The rows of a table and how messages call them. Raises DataSetError for one that is not of `films`."""
    for number, written in enumerate(read_table(folder, table), start=2):  # as spreadsheets count
        where = f"{folder / table.file}, row {number}"
        row = {**written, "film": written["film"].strip()}
        if films is not None and row["film"] not in films:
            raise DataSetError(f"{where}: there is no film {row['film']!r} in {FILMS.file}: delete the row")
        yield row, where


def _refuse_leaks(folder: Path, rows: Sequence[FilmRow]) -> None:
    seen: dict[str, FilmRow] = {}
    for row in rows:
        other = seen.setdefault(row.group, row) if row.keep and row.group else row
        if other.split != row.split:
            raise DataSetError(
                f"{folder / FILMS.file}: {other.film} in {other.split} and {row.film} in {row.split} show "
                "the same pictures: give both one split, keep one only, or empty 'group' of one"
            )
