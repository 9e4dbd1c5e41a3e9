"""What a store of clips holds, for tests that compare stores."""

from __future__ import annotations

from pathlib import Path


def clips_in(store: Path) -> dict[str, bytes]:
    """Its clips by their paths in it."""
    return {str(p.relative_to(store)): p.read_bytes() for p in store.glob("??/*.safetensors")}
