"""Looking after what is stored: is it whole, and what of it is still needed?"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import typer

from longtake.commands.progress import Bar
from longtake.commands.selection import Selection
from longtake.film.segments import cut_segments
from longtake.store import CorruptClip, Entry, Store, open_store

Report = dict[str, Any]


def verify(where: str, *, drop: bool) -> tuple[Report, str]:
    """Read everything in the store against its digests; `drop` removes what is damaged."""
    store = _opened(where)
    entries = list(store.entries())
    damaged: list[Entry] = []
    with Bar() as bar:
        for count, entry in enumerate(entries, start=1):
            try:
                if entry.is_clip:
                    store.get(entry.key)
                else:
                    store.file(entry.key, entry.suffix)
            except CorruptClip:
                damaged.append(entry)
                if drop:
                    store.drop(entry.key, entry.suffix)
            bar.show(count, len(entries), f"read {count:,} of {len(entries):,}")
    clips, size = sum(entry.is_clip for entry in entries), sum(entry.size for entry in entries)
    report = {
        "clips": clips,
        "segments": len(entries) - clips,
        "bytes": size,
        "damaged": [entry.key for entry in damaged],
        "dropped": drop and bool(damaged),
    }
    told = f"{where}: {clips:,} clips, {len(entries) - clips:,} segments of film, {_megabytes(size)}"
    if damaged:
        fate = "removed" if drop else "a render draws them again, --drop removes them now"
        told += f"; {len(damaged)} damaged ({fate}): {', '.join(entry.key[:12] for entry in damaged[:5])}"
    return report, told if damaged else f"{told}; all whole"


def gc(selections: Sequence[Selection], *, where: str, dry_run: bool) -> tuple[Report, str]:
    """Remove what none of the films needs. Clips that their edits have replaced stay: others were drawn from
    them. Segments of enlarged films go, but for the usual size: they are made again from their clips.
    """
    store = _opened(where)
    needed: set[tuple[str, bool]] = set()
    for selection in selections:
        work = selection.open()
        needed |= {(job.key, True) for job in work.plan.missing((), slice(None))}
        needed |= {(segment.key(work.encoding()), False) for segment in cut_segments(work.plan)}
    gone = [entry for entry in store.entries() if (entry.key, entry.is_clip) not in needed]
    for entry in gone if not dry_run else ():
        store.drop(entry.key, entry.suffix)
    clips, size = sum(entry.is_clip for entry in gone), sum(entry.size for entry in gone)
    report = {"clips": clips, "segments": len(gone) - clips, "bytes": size, "removed": not dry_run}
    done = "would be removed" if dry_run else "removed"
    told = f"{where}: {clips:,} clips and {len(gone) - clips:,} segments of film {done}, {_megabytes(size)}"
    return report, told


def _opened(where: str) -> Store:
    if "://" not in where and not Path(where).is_dir():
        raise typer.BadParameter(f"{where} is no folder", param_hint="--store")
    return open_store(where)


def _megabytes(size: int) -> str:
    return f"{size / 1e6:,.1f} MB"
