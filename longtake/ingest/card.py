"""The data card: what is in a data set, counted from its tables as they are now."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path

import numpy as np

from longtake.data.filmset import FilmFile, FilmSet, open_films
from longtake.data.tables import FILMS, SKIPPED, read_table
from longtake.files import written_whole
from longtake.world.vocabulary import SPLITS, Split

_YOURS = "<!-- what stands below this line is yours: `longtake data ingest` keeps it -->"
_RIGHTS = """
## Source, rights, limits

Say here where the films come from, under which licence, who is in them, and what they must not be used for.
"""


def write_data_card(folder: Path) -> None:
    """Writes `README.md`; what a user wrote below its last section stays."""
    path = folder / "README.md"
    old = path.read_text(encoding="utf-8") if path.is_file() else ""
    yours = old.partition(_YOURS)[2] or _RIGHTS
    with written_whole(path) as aside:
        aside.write_text(f"{_card(open_films(folder))}\n{_YOURS}\n{yours}", encoding="utf-8")


def _card(films: FilmSet) -> str:
    look = films.look
    fit = "the middle square" if look.aspect == "crop" else "the whole picture between black bars"
    parts = [
        f"# {look.name}",
        f"Made by `longtake data ingest`: {fit} of every film at {look.size}x{look.size} pixels and "
        f"{float(look.fps):g} frames per second. Read by longtake as `{films.name}`.",
        "## Films",
        _table(
            [
                "split",
                "films",
                "frames",
                "hours",
                "shots",
                "frames per shot",
                "frames with a caption",
                "captions",
            ],
            [_counts(films, split) for split in SPLITS],
        ),
        _left_out(films),
        "Sources: "
        + _counted(row["format"].partition(" fps ")[2] for row in read_table(films.folder, FILMS)),
        "## Files that were not taken",
        _counted(row["reason"] for row in read_table(films.folder, SKIPPED)),
        "Each with its reason in `skipped.csv`.",
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _counts(films: FilmSet, split: Split) -> list[str]:
    kept = [films.all[number] for number in films.films(split)]
    frames = sum(len(film.kept) for film in kept)
    shots = sum(_shots(film) for film in kept)
    texts = [[film.texts[place] for place in film.text_of[film.kept]] for film in kept]
    described = sum(bool(text) for row in texts for text in row)
    return [
        split,
        str(len(kept)),
        f"{frames:,}",
        f"{float(frames / films.look.fps / 3600):.2f}",
        f"{shots:,}",
        f"{frames / shots:.0f}" if shots else "–",
        f"{described / frames:.0%}" if frames else "–",
        f"{len({text for row in texts for text in row if text}):,}",
    ]


def _shots(film: FilmFile) -> int:
    """Shots that are kept, in part or whole."""
    return sum(
        bool(np.isin(film.kept, range(shot.start, shot.end)).any()) for shot in film.shots if shot.keep
    )


def _left_out(films: FilmSet) -> str:
    dropped = sum(not film.row.keep for film in films.all)
    cut = sum(film.row.frames - len(film.kept) for film in films.all if film.row.keep)
    if not dropped and not cut:
        return ""
    seconds = float(Fraction(cut) / films.look.fps)
    return f"By hand: {dropped} films left out, {cut:,} frames ({seconds:.0f} s) cut from others."


def _counted(names: Iterable[str]) -> str:
    counts = Counter(names)
    return ", ".join(f"{name} ({count})" for name, count in counts.most_common()) + "." if counts else "None."


def _table(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
