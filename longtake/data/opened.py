"""What `--data` names."""

from __future__ import annotations

from pathlib import Path

from longtake.data.filmset import open_films
from longtake.data.flintstones import FlintstonesShape
from longtake.data.footage import Footage
from longtake.data.tables import is_data_set
from longtake.data.videos import Videos

_FLINTSTONES = Path("flintstones-shape")  # instead of a folder


def open_footage(data: Path) -> Footage:
    """The data set in the folder `data`, its videos as they are, or `FlintstonesShape` by the name
    "flintstones-shape" where no folder is called so.

    Raises ValueError where there is nothing of these.
    """
    if data == _FLINTSTONES and not data.exists():
        return FlintstonesShape()
    return open_films(data) if is_data_set(data) else Videos(data)
