"""Clips and files by key: in a folder, or in object storage."""

from __future__ import annotations

from pathlib import Path

from longtake.store.clip import ClipArray, CorruptClip, Entry
from longtake.store.folder import Store

__all__ = ["ClipArray", "CorruptClip", "Entry", "Store", "open_store"]


def open_store(where: str | Path) -> Store:
    """The store in a folder, or at a URL such as `s3://bucket/films`. Raises as `Store` and `Bucket` do."""
    if "://" not in str(where):
        return Store(where)
    from longtake.store.bucket import Bucket  # here: obstore is an extra

    return Bucket(str(where))
