"""What `--data` names."""

from __future__ import annotations

from pathlib import Path

from longtake.data.footage import Footage
from longtake.data.videos import Videos

__all__ = ["open_footage"]


def open_footage(folder: Path) -> Footage:
    """The footage in `folder`: its videos as they are. Raises ValueError where there is none."""
    return Videos(folder)
