"""A data set of films on disk: which files it has, and the tables in it that are made to be edited by hand.

    dataset.json    what all films have in common, and a digest of what was taken
    films.csv       a row for every film: whether it is kept, its split, its caption, where it begins and ends
    shots.csv       a row for every shot
    captions.csv    a row for every stretch of frames that somebody described
    skipped.csv     a row for every file that was found and is no film of the data set, with the reason
    films/ID.mp4    the pictures; beside it what is known of them, for `ingest` itself
    sheets/ID.png   a picture of every shot
    README.md       the data card

Frames are counted from 0 in `films/ID.mp4`, frame k is what the film shows k/fps seconds after its start, and
an end is the first frame that is left out.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from fractions import Fraction
from pathlib import Path
from typing import Any

from longtake.files import written_whole

_FORMAT = 1
Cells = dict[str, str]  # column -> what is written there


class DataSetError(ValueError):
    """A folder that is no data set, or a table with a mistake; the message names the place and the remedy."""


@dataclass(frozen=True, kw_only=True)
class Look:
    """What all films of a data set have in common."""

    name: str
    fps: Fraction  # frames per second
    size: int  # pixels per side
    aspect: str  # "crop": the middle square; "pad": the whole picture between black bars
    cut: float  # how many times the change around it a cut must be
    digest: str = ""  # of these and of all films that were taken


@dataclass(frozen=True)
class Table:
    """A CSV file of the data set."""

    file: str
    columns: tuple[str, ...]  # a user may add more: they are kept


FILMS = Table(
    "films.csv",
    (
        "film",
        "keep",
        "split",
        "caption",
        "start",
        "end",
        "group",
        "frames",
        "seconds",
        "shots",
        "source",
        "format",
        "captions",
        "note",
    ),
)
SHOTS = Table("shots.csv", ("film", "shot", "keep", "start", "end", "time", "caption"))
CAPTIONS = Table("captions.csv", ("film", "start", "end", "caption"))
SKIPPED = Table("skipped.csv", ("file", "reason", "detail"))


@dataclass(frozen=True, kw_only=True)
class FilmRow:
    """A checked row of films.csv."""

    film: str
    keep: bool
    split: str
    caption: str
    start: int
    end: int
    group: str
    frames: int

    @classmethod
    def of(cls, row: Cells, where: str) -> FilmRow:
        """Raises DataSetError that names `where`."""
        frames = _number(row, "frames", where)
        start, end = _stretch(row, where, frames)
        if (split := row["split"].strip()) not in ("train", "validation", "test"):
            raise DataSetError(f"{where}: {split!r} is no split: write train, validation or test")
        return cls(
            film=_name(row, where),
            keep=_yes(row, where),
            split=split,
            caption=_words(row["caption"]),
            start=start,
            end=end,
            group=row["group"].strip(),
            frames=frames,
        )


@dataclass(frozen=True, kw_only=True)
class ShotRow:
    """A checked row of shots.csv."""

    film: str
    keep: bool
    start: int
    end: int
    caption: str

    @classmethod
    def of(cls, row: Cells, where: str, frames: int) -> ShotRow:
        """`frames`: of its film. Raises DataSetError that names `where`."""
        start, end = _stretch(row, where, frames)
        keep, caption = _yes(row, where), _words(row["caption"])
        return cls(film=_name(row, where), keep=keep, start=start, end=end, caption=caption)


@dataclass(frozen=True, kw_only=True)
class CaptionRow:
    """A checked row of captions.csv."""

    film: str
    start: int
    end: int
    caption: str

    @classmethod
    def of(cls, row: Cells, where: str, frames: int) -> CaptionRow:
        """`frames`: of its film. Raises DataSetError that names `where`."""
        start, end = _stretch(row, where, frames)
        return cls(film=_name(row, where), start=start, end=end, caption=_words(row["caption"]))


def _name(row: Cells, where: str) -> str:
    if not (name := row["film"].strip()):
        raise DataSetError(f"{where}: 'film' is empty: fill it in, or delete the row")
    return name


def _words(text: str) -> str:
    return " ".join(text.split())


def says_yes(cell: str) -> bool:
    """Whether it is one of the ways to write yes."""
    return cell.strip().lower() in ("yes", "y", "true", "1", "x")


def _yes(row: Cells, where: str) -> bool:
    if says_yes(row["keep"]):
        return True
    if row["keep"].strip().lower() in ("no", "n", "false", "0", ""):
        return False
    raise DataSetError(f"{where}: 'keep' is {row['keep']!r}: write yes or no")


def _number(row: Cells, column: str, where: str) -> int:
    try:
        return int(row[column])
    except ValueError:
        raise DataSetError(f"{where}: {column!r} is {row[column]!r}: write a frame number") from None


def _stretch(row: Cells, where: str, frames: int) -> tuple[int, int]:
    start, end = _number(row, "start", where), _number(row, "end", where)
    if not 0 <= start < end <= frames:
        stretch = f"frames {start} to {end} are no stretch of the film, which has {frames}"
        raise DataSetError(f"{where}: {stretch}: 0 <= start < end <= {frames}")
    return start, end


def read_table(folder: Path, table: Table) -> list[Cells]:
    """The rows of a table, none where the file is not there. Raises DataSetError where it is another table.

    What spreadsheet programs write is read too: a byte order mark, semicolons or tabs between columns.
    """
    path = folder / table.file
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        return []
    except UnicodeDecodeError:
        raise DataSetError(f"{path}: is not written in UTF-8: save it as 'CSV UTF-8'") from None
    head = text.partition("\n")[0]
    between = max(",;\t", key=head.count)
    reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=between)
    missing = [column for column in table.columns if column not in (reader.fieldnames or ())]
    if missing:
        raise DataSetError(f"{path}: has no column {', '.join(map(repr, missing))}: put it back")
    rows = []
    for row in reader:
        if None in row or None in row.values():
            cells = len(reader.fieldnames or ())
            raise DataSetError(
                f"{path}, line {reader.line_num}: write {cells} cells, texts with commas in quotes"
            )
        rows.append(dict(row))
    return rows


def write_table(folder: Path, table: Table, rows: Iterable[Mapping[str, Any]]) -> None:
    """Writes a table; columns that the rows have beside its own come last."""
    rows = list(rows)
    others = dict.fromkeys(column for row in rows for column in row if column not in table.columns)
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, [*table.columns, *others], restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    with written_whole(folder / table.file) as aside:
        aside.write_text(text.getvalue(), encoding="utf-8", newline="")


def is_data_set(folder: Path) -> bool:
    """Whether `longtake data ingest` made the folder, perhaps not to its end."""
    return any((folder / name).exists() for name in ("dataset.json", "ingest.json"))


def read_look(folder: Path) -> Look:
    """What `dataset.json` says. Raises DataSetError where the folder is no data set."""
    path = folder / "dataset.json"
    try:
        facts = json.loads(path.read_text(encoding="utf-8"))
        if facts.pop("format") != _FORMAT:
            raise DataSetError(f"{path}: is of another version of longtake: ingest the films anew")
        facts["fps"] = Fraction(facts["fps"])
        return Look(**{field.name: facts[field.name] for field in fields(Look)})
    except (FileNotFoundError, NotADirectoryError):
        remedy = "make one with `longtake data ingest FOLDER --out DATASET`"
        raise DataSetError(f"{folder} is no data set, it has no dataset.json: {remedy}") from None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        if isinstance(error, DataSetError):
            raise
        raise DataSetError(f"{path}: is no description of a data set ({error})") from None


def write_look(folder: Path, look: Look, more: Mapping[str, Any]) -> None:
    """Writes `dataset.json`; `more` is for readers, and is not read back."""
    facts = {"format": _FORMAT, **asdict(look), "fps": str(look.fps), **more}
    with written_whole(folder / "dataset.json") as aside:
        aside.write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")
