"""What was kept is found again, by this version and by those before it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from longtake.evaluate.kept import keep, kept_path, load_kept


def test_what_was_kept_comes_back(tmp_path: Path) -> None:
    path = kept_path(tmp_path, 1, "film", "probes")
    arrays = {"half": np.arange(6, dtype=np.float16).reshape(2, 3), "bytes": np.zeros((0, 8), np.uint8)}
    keep(path, **arrays)
    assert list(tmp_path.iterdir()) == [path]
    held = load_kept(path)
    assert held.keys() == arrays.keys()
    for name, array in arrays.items():
        assert held[name].dtype == array.dtype
        np.testing.assert_array_equal(held[name], array)


def test_another_identity_is_another_file_and_names_never_change(tmp_path: Path) -> None:
    """What users have watched must be found by later versions: this name is as it always was."""
    path = kept_path(tmp_path, 1, "film", "probes")
    assert path.name == "3d8583e7f450fbde358ecb1f018c5e1e56334d56b35d4a6a23dc40d1b6224ee8.npz"
    others = [(2, "film", "probes"), (1, "film", "other"), (1, "film"), (1, "film", "probes", "pixels")]
    assert len({path, *(kept_path(tmp_path, *other) for other in others)}) == 1 + len(others)


def test_arrays_are_kept_whole_or_not_at_all(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no such array"):
        keep(tmp_path / "film.npz", broken=_Broken())
    assert not list(tmp_path.iterdir())


class _Broken:
    def __array__(self, *_: object, **__: object) -> np.ndarray:  # type: ignore[type-arg]
        raise ValueError("no such array")
