"""The rows that a new film gets in films.csv and shots.csv, before anybody edits them."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

from longtake.data.tables import Row
from longtake.ingest.splits import Parted
from longtake.ingest.take import Taken


def film_row(taken: Taken, source: str, parted: Parted, fps: Fraction) -> Row:
    """Of a film that was taken from the file `source`."""
    seconds = float(taken.frames / fps)
    rate = float(Fraction(taken.rate))
    return {
        "film": taken.film,
        "keep": "no" if parted.clash else "yes",
        "split": parted.split,
        "caption": "",
        "start": "0",
        "end": str(taken.frames),
        "group": parted.group,
        "frames": str(taken.frames),
        "seconds": f"{seconds:.2f}",
        "shots": str(len(taken.shots)),
        "source": source,
        "format": f"{taken.width}x{taken.height} {rate:.4g} fps {taken.format}",
        "captions": "",
        "note": "; ".join([*taken.notes, *([parted.clash] if parted.clash else [])]),
    }


def shot_rows(taken: Taken, fps: Fraction) -> Iterator[Row]:
    """Of its shots."""
    for number, (start, end) in enumerate(taken.shots):
        yield {
            "film": taken.film,
            "shot": str(number),
            "keep": "yes",
            "start": str(start),
            "end": str(end),
            "time": _clock(start / fps),
            "caption": "",
        }


def _clock(seconds: Fraction) -> str:
    """h:mm:ss.s, as players show it."""
    tenths = int(seconds * 10)
    minutes, rest = divmod(tenths, 600)
    return f"{minutes // 60}:{minutes % 60:02}:{rest // 10:02}.{rest % 10}"
