"""The commands that look after what is stored: is it whole, and what of it is still needed?"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from typer import Argument, Option

from longtake.cli.options import STRATEGY, FilmOptions, Json, show
from longtake.cli.progress import Bar

if TYPE_CHECKING:
    from longtake.film import Film
    from longtake.store import Store


def verify(
    store: Annotated[str, Option("--store", help="Which one.", metavar="DIR|URL")] = ".longtake",
    drop: Annotated[bool, Option("--drop", help="Remove what is damaged.")] = False,
    as_json: Json = False,
) -> None:
    """Read everything that is stored against its checksums.

    Exit code 1 where something is damaged and stays.

    Example: longtake store verify --store examples/.longtake
    """
    from longtake.store import CorruptClip, Entry

    opened = _opened(store)
    entries = list(opened.entries())
    damaged: list[Entry] = []
    with Bar() as bar:
        for count, entry in enumerate(entries, start=1):
            try:
                if entry.is_clip:
                    opened.get(entry.key)
                else:
                    opened.file(entry.key, entry.suffix)
            except CorruptClip:
                damaged.append(entry)
                if drop:
                    opened.drop(entry.key, entry.suffix)
            bar.show(count, len(entries), f"read {count:,} of {len(entries):,}")
    clips, size = sum(entry.is_clip for entry in entries), sum(entry.size for entry in entries)
    report = {
        "clips": clips,
        "segments": len(entries) - clips,
        "bytes": size,
        "damaged": [entry.key for entry in damaged],
        "dropped": drop and bool(damaged),
    }
    text = f"{store}: {clips:,} clips, {len(entries) - clips:,} segments of film, {_megabytes(size)}"
    if damaged:
        fate = "removed" if drop else "a render draws them again, --drop removes them now"
        text += f"; {len(damaged)} damaged ({fate}): {', '.join(entry.key[:12] for entry in damaged[:5])}"
    show(report, text if damaged else f"{text}; all whole", as_json)
    if damaged and not drop:
        raise typer.Exit(1)


def gc(
    options: FilmOptions,
    storyboards: Annotated[
        list[Path], Argument(metavar="STORYBOARD...", help="The films to keep.", show_default=False)
    ],
    strategies: Annotated[
        list[str] | None,
        Option(
            "--strategy",
            help="How the films were planned; may be given several times.",
            metavar="NAME[:OPTION=VALUE...]",
            show_default=STRATEGY,
        ),
    ] = None,
    dry_run: Annotated[bool, Option("--dry-run", help="Only tell what would go.")] = False,
    as_json: Json = False,
) -> None:
    """Remove what none of the named films needs.

    Name all films of the folder, with the options that they are rendered with.

    Example: longtake store gc film.yaml --dry-run
    """
    # Clips that edits have replaced stay: others were drawn from them. Segments of enlarged films go, but for
    # the usual size: they are made again from their clips.
    from longtake.film import STORE

    where = options.store or str(storyboards[0].parent / STORE)
    store = _opened(where)
    films = (
        options.with_(storyboard=board, strategy=strategy, store=where).open()
        for board in storyboards
        for strategy in strategies or [STRATEGY]
    )
    needed = {one for each in films for one in _needed(each)}
    gone = [entry for entry in store.entries() if (entry.key, entry.is_clip) not in needed]
    for entry in gone if not dry_run else ():
        store.drop(entry.key, entry.suffix)
    clips, size = sum(entry.is_clip for entry in gone), sum(entry.size for entry in gone)
    report = {"clips": clips, "segments": len(gone) - clips, "bytes": size, "removed": not dry_run}
    done = "would be removed" if dry_run else "removed"
    text = f"{where}: {clips:,} clips and {len(gone) - clips:,} segments of film {done}, {_megabytes(size)}"
    show(report, text, as_json)


def _needed(film: Film) -> Iterator[tuple[str, bool]]:
    """The keys of a film's clips and segments, and whether each is a clip."""
    from longtake.film.segments import cut_segments

    yield from ((job.key, True) for job in film.jobs.missing((), slice(None)))
    yield from ((segment.key(film.encoding), False) for segment in cut_segments(film.jobs))


def _opened(where: str) -> Store:
    from longtake.store import open_store

    if "://" not in where and not Path(where).is_dir():
        raise typer.BadParameter(f"{where} is no folder", param_hint="--store")
    return open_store(where)


def _megabytes(size: int) -> str:
    return f"{size / 1e6:,.1f} MB"
