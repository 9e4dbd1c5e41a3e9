"""The commands that look after what is stored."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from typer import Argument, Option

from longtake.cli.options import (
    STRATEGY,
    AllowDownload,
    BackendOption,
    Guidance,
    Json,
    Model,
    PrecisionOption,
    Seed,
    Steps,
    StoreOption,
    select,
    show,
)
from longtake.manifest import DEFAULT_MODEL

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Look after what is stored.")


@app.command()
def verify(
    store: Annotated[str, Option("--store", help="Which one.", metavar="DIR|URL")] = ".longtake",
    drop: Annotated[bool, Option("--drop", help="Remove what is damaged.")] = False,
    as_json: Json = False,
) -> None:
    """Read everything that is stored against its checksums.

    Exit code 1 where something is damaged and stays.

    Example: longtake store verify --store examples/.longtake
    """
    from longtake.commands import store as command

    report, told = command.verify(store, drop=drop)
    show(report, told, as_json)
    if report["damaged"] and not drop:
        raise typer.Exit(1)


@app.command()
def gc(
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
    backend: BackendOption = None,
    seed: Seed = None,
    model: Model = DEFAULT_MODEL,
    allow_download: AllowDownload = False,
    steps: Steps = None,
    guidance: Guidance = None,
    precision: PrecisionOption = None,
    store: StoreOption = None,
    dry_run: Annotated[bool, Option("--dry-run", help="Only tell what would go.")] = False,
    as_json: Json = False,
) -> None:
    """Remove what none of the named films needs.

    Name all films of the folder, with the options that they are rendered with.

    Example: longtake store gc film.yaml --dry-run
    """
    from longtake.commands import store as command
    from longtake.commands.selection import STORE

    where = store or str(storyboards[0].parent / STORE)
    selections = [
        select(board, strategy, model, None, seed, steps, guidance, precision, where, backend, allow_download)
        for board in storyboards
        for strategy in strategies or [STRATEGY]
    ]
    show(*command.gc(selections, where=where, dry_run=dry_run), as_json)
