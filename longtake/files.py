"""Files that appear whole or not at all, and digests: of files, of plain data, of texts as seeds."""

from __future__ import annotations

import hashlib
import json
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


@contextmanager
def written_whole(path: str | Path) -> Iterator[Path]:
    """A name beside `path` to write to: it becomes `path` where the block ends well, else nothing stays.

    Missing folders are made. Of two processes that write one file the later one is kept.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f"{path.name}.{secrets.token_hex(4)}.part")
    try:
        yield aside
        os.replace(aside, path)
    finally:
        aside.unlink(missing_ok=True)


def file_digest(path: str | Path) -> str:
    """SHA-256 of a file of any size, as 64 hexadecimal digits."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def data_digest(data: Any) -> str:
    """SHA-256 of plain data as JSON, in which the order of keys does not count; tuples are lists."""
    return hashlib.sha256(json.dumps(data, sort_keys=True, default=list).encode()).hexdigest()


def seed_of(text: str) -> int:
    """64 bits of a hash (BLAKE2b): texts that are nearly alike share nothing."""
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big")
