"""What was computed of a film is kept under the digest of all that decides it, so a report can be resumed."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from longtake.files import written_whole

Arrays = dict[str, NDArray[Any]]


def kept_path(folder: Path, *identity: object) -> Path:
    """The file in `folder` of what these strings and numbers decide."""
    return folder / f"{hashlib.sha256(repr(identity).encode()).hexdigest()}.npz"


def keep(path: Path, **arrays: Any) -> None:
    """Write arrays by their names: whole, or not at all."""
    with written_whole(path) as aside, aside.open("wb") as file:
        np.savez(file, **arrays)


def load_kept(path: Path) -> Arrays:
    """What `keep` wrote."""
    with np.load(path, allow_pickle=False) as kept:
        return {name: kept[name] for name in kept.files}
