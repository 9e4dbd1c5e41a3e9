"""What `--data` names."""

from __future__ import annotations

from pathlib import Path

from longtake.data.filmset import open_films
from longtake.data.flintstones import FlintstonesShape
from longtake.data.footage import Footage
from longtake.data.tables import is_data_set
from longtake.data.tars import TarFilms, find_tars
from longtake.data.videos import Videos

_FLINTSTONES = Path("flintstones-shape")  # instead of a folder


def open_footage(data: Path, edition: int) -> Footage:
    """What there is to learn from in `data`.

    That is a data set's folder; tar files of one, as `FOLDER/*.tar` or the folder that they lie in; a folder
    of videos, which are taken as they are; or "flintstones-shape", where no folder is called so, for
    `FlintstonesShape` of an edition of the cartoon world. Raises ValueError where there is nothing of these.
    """
    if data == _FLINTSTONES and not data.exists():
        return FlintstonesShape(edition)
    if is_data_set(data):
        return open_films(data)
    tars = find_tars(data)
    return TarFilms(tars) if tars else Videos(data)
