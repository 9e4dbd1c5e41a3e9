"""What `--data` names."""

from __future__ import annotations

from pathlib import Path

from longtake.data.filmset import open_films
from longtake.data.footage import Footage
from longtake.data.tables import is_data_set
from longtake.data.videos import Videos

__all__ = ["open_footage"]


def open_footage(folder: Path) -> Footage:
    """The data set in `folder`, or its videos as they are. Raises ValueError where there is neither."""
    return open_films(folder) if is_data_set(folder) else Videos(folder)
