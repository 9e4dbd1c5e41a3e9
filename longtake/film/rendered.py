"""The storyboard as a film was last rendered from it: what changed since costs less as an edit."""

from __future__ import annotations

import hashlib
import logging
from contextlib import suppress
from pathlib import Path

from longtake.plan import Plan
from longtake.store import Store
from longtake.storyboard import StoryboardError, parse

_log = logging.getLogger("longtake")


def note_rendered(store: Store, storyboard: Path, text: str) -> None:
    """Keep the text of the storyboard that has just been rendered."""
    store.write_note(_record(storyboard), text)


def tell_if_changed(store: Store, storyboard: Path, text: str, plan: Plan, span: slice) -> None:
    """Where the scenes are others than at the last render: what that costs, and what costs less."""
    before = store.read_note(_record(storyboard))
    if before is None or not isinstance(store.root, Path):
        return
    with suppress(StoryboardError):  # of another version
        old, new = (parse(each) for each in (before, text))
        if (old.scenes, old.video, old.seed) != (new.scenes, new.video, new.seed):
            _log.info(
                "its scenes have changed since it was last rendered: planned afresh, %s clips have to be "
                "drawn. To draw only what the change touches: longtake edit %s --to %s --out edited.yaml",
                f"{plan.count_missing(store, span):,}",
                store.root / _record(storyboard),
                storyboard,
            )


def _record(storyboard: Path) -> str:
    """Where the store keeps it."""
    place = hashlib.sha256(str(storyboard.absolute()).encode()).hexdigest()
    return f"rendered/{place[:16]}.yaml"
