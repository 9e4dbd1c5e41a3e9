"""The commands that make films."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from typer import Argument, Option

from longtake.cli.options import (
    STRATEGY,
    AllowDownload,
    BackendOption,
    Executor,
    Frames,
    Guidance,
    Json,
    Model,
    Order,
    PrecisionOption,
    Seed,
    Size,
    Span,
    Steps,
    StoreOption,
    Storyboard,
    StrategyOption,
    select,
    show,
)
from longtake.manifest import DEFAULT_MODEL

app = typer.Typer()


@app.command()
def render(
    storyboard: Storyboard,
    out: Annotated[Path, Option("--out", help="The film to write.", metavar="FILM.mp4")] = Path("film.mp4"),
    strategy: StrategyOption = STRATEGY,
    backend: BackendOption = None,
    frames: Frames = None,
    span: Span = None,
    seed: Seed = None,
    model: Model = DEFAULT_MODEL,
    allow_download: AllowDownload = False,
    steps: Steps = None,
    guidance: Guidance = None,
    precision: PrecisionOption = None,
    store: StoreOption = None,
    executor: Annotated[Executor, Option("--executor", help="Where clips are drawn.")] = Executor.LOCAL,
    address: Annotated[
        str | None,
        Option("--address", help="A Ray cluster's.", metavar="ADDRESS", show_default="one is started here"),
    ] = None,
    workers: Annotated[
        int | None,
        Option(
            "--workers",
            help="Processes that draw.",
            min=1,
            metavar="K",
            show_default="cores up to 4, with Ray all; one per GPU",
        ),
    ] = None,
    order: Annotated[
        Order, Option("--order", help="From the film's start on, or all of a level before the next one.")
    ] = Order.FILM,
    follow: Annotated[
        Path | None,
        Option(
            "--follow",
            help="Also write an HLS stream there, which can be played while the film is made.",
            metavar="DIR",
        ),
    ] = None,
    sheet: Annotated[
        Path | None,
        Option("--sheet", help="Also write a picture of every scene beside its prompt.", metavar="PNG"),
    ] = None,
    size: Size = None,
    fps: Annotated[
        float | None,
        Option(
            "--fps",
            help="Frames per second: a multiple of the storyboard's; those between are drawn.",
            metavar="X",
            show_default="the storyboard's",
        ),
    ] = None,
    upscale: Annotated[
        int | None,
        Option(
            "--upscale",
            help="Enlarge the frames K times.",
            min=1,
            max=64,
            metavar="K",
            show_default="to 256 pixels",
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Draw what is missing and write the film.

    Clips that are in the store are not drawn again: interrupted at any moment, the
    same command goes on where it was.

    Example: longtake render examples/valley.yaml --out valley.mp4
    """
    from longtake.commands import render as command

    if address is not None and executor is not Executor.RAY:
        raise typer.BadParameter("only goes with --executor ray", param_hint="--address")
    if size is not None and upscale is not None:
        raise typer.BadParameter("goes without --size", param_hint="--upscale")
    selection = select(
        storyboard, strategy, model, frames, seed, steps, guidance, precision, store, backend, allow_download
    )
    result = command.render(
        selection,
        out=out,
        span=span,
        executor=executor.value,
        address=address,
        workers=workers,
        order=order.value,
        follow=follow,
        sheet=sheet,
        size=size,
        fps=fps,
        upscale=upscale,
    )
    show(*result, as_json)


@app.command()
def plan(
    storyboard: Storyboard,
    strategy: StrategyOption = STRATEGY,
    backend: BackendOption = None,
    frames: Frames = None,
    span: Span = None,
    seed: Seed = None,
    model: Model = DEFAULT_MODEL,
    allow_download: AllowDownload = False,
    steps: Steps = None,
    guidance: Guidance = None,
    precision: PrecisionOption = None,
    store: StoreOption = None,
    as_json: Json = False,
) -> None:
    """Tell what a render would draw.

    It answers at once, and says on which level (0 = keyframes) each scene is first seen.

    Example: longtake plan examples/valley.yaml --frames 1024
    """
    from longtake.commands import render as command

    selection = select(
        storyboard, strategy, model, frames, seed, steps, guidance, precision, store, backend, allow_download
    )
    show(*command.plan(selection, span=span), as_json)


@app.command()
def keys(
    storyboard: Storyboard,
    out: Annotated[Path, Option("--out", help="The sheet to write.", metavar="SHEET.png")] = Path(
        "sheet.png"
    ),
    strategy: StrategyOption = STRATEGY,
    backend: BackendOption = None,
    frames: Frames = None,
    seed: Seed = None,
    model: Model = DEFAULT_MODEL,
    allow_download: AllowDownload = False,
    steps: Steps = None,
    guidance: Guidance = None,
    precision: PrecisionOption = None,
    store: StoreOption = None,
    as_json: Json = False,
) -> None:
    """Draw only the keyframes, on one sheet.

    Example: longtake keys examples/valley.yaml --out sheet.png
    """
    from longtake.commands import render as command

    selection = select(
        storyboard, strategy, model, frames, seed, steps, guidance, precision, store, backend, allow_download
    )
    show(*command.keys(selection, out=out), as_json)


@app.command()
def peek(
    storyboard: Storyboard,
    when: Annotated[
        str, Argument(metavar="WHEN", help="Frame number, or a time as [hh:]mm:ss.", show_default=False)
    ],
    out: Annotated[Path, Option("--out", help="The picture to write.", metavar="FRAME.png")] = Path(
        "frame.png"
    ),
    strategy: StrategyOption = STRATEGY,
    backend: BackendOption = None,
    frames: Frames = None,
    seed: Seed = None,
    model: Model = DEFAULT_MODEL,
    allow_download: AllowDownload = False,
    steps: Steps = None,
    guidance: Guidance = None,
    precision: PrecisionOption = None,
    size: Size = None,
    store: StoreOption = None,
    as_json: Json = False,
) -> None:
    """Draw one frame of the film.

    It is the frame as the encoder gets it, and no clip is drawn that it does not need.

    Example: longtake peek examples/valley.yaml 2:30 --out frame.png
    """
    from longtake.commands import render as command

    selection = select(
        storyboard, strategy, model, frames, seed, steps, guidance, precision, store, backend, allow_download
    )
    show(*command.peek(selection, when, out=out, size=size), as_json)


@app.command()
def edit(
    storyboard: Storyboard,
    scene: Annotated[
        str | None, Option("--scene", help="Which scene, or the id of a new one.", metavar="ID")
    ] = None,
    prompt: Annotated[
        str | None, Option("--prompt", help="Its new prompt, or that of a new scene.", metavar="TEXT")
    ] = None,
    reroll: Annotated[bool, Option("--reroll", help="Draw the scene from other noise.")] = False,
    move_to: Annotated[
        str | None, Option("--move-to", help="Let the scene start there.", metavar="WHEN")
    ] = None,
    remove: Annotated[bool, Option("--remove", help="Take the scene out.")] = False,
    insert_at: Annotated[
        str | None,
        Option("--insert-at", help="Put a new scene there, or at the 'end'.", metavar="WHEN|end"),
    ] = None,
    frames: Annotated[
        int | None, Option("--frames", help="How long a new scene is.", min=1, metavar="N")
    ] = None,
    pin: Annotated[
        str | None,
        Option("--pin", help="A picture, to become the frame at --at.", metavar="PICTURE"),
    ] = None,
    at: Annotated[str | None, Option("--at", help="Where it is pinned.", metavar="WHEN")] = None,
    undo: Annotated[bool, Option("--undo", help="Take the last edit back.")] = False,
    to: Annotated[
        Path | None,
        Option("--to", help="Find the edits that lead to the scenes of this one.", metavar="STORYBOARD"),
    ] = None,
    out: Annotated[
        Path | None, Option("--out", help="Write there instead.", metavar="FILE", show_default="STORYBOARD")
    ] = None,
    dry_run: Annotated[bool, Option("--dry-run", help="Only tell what it would cost.")] = False,
    strategy: StrategyOption = STRATEGY,
    backend: BackendOption = None,
    seed: Seed = None,
    model: Model = DEFAULT_MODEL,
    allow_download: AllowDownload = False,
    steps: Steps = None,
    guidance: Guidance = None,
    precision: PrecisionOption = None,
    store: StoreOption = None,
    as_json: Json = False,
) -> None:
    """Change a film; the next render draws only what the change touches.

    The edit is written into the storyboard, after its scenes. WHEN is a frame number
    or a time of the film as it is.

    Examples: longtake edit film.yaml --scene rain --prompt "It snows";
    longtake edit film.yaml --scene rain --reroll;
    longtake edit film.yaml --scene night --move-to 1:30;
    longtake edit film.yaml --scene storm --prompt "It rains" --insert-at 0:21 --frames 120;
    longtake edit film.yaml --pin fox.png --at 0:40;
    longtake edit film.yaml --undo
    """
    from longtake.commands import edit as command

    change = command.change_of(scene, prompt, reroll, move_to, remove, insert_at, frames, pin, at)
    selection = select(
        storyboard, strategy, model, None, seed, steps, guidance, precision, store, backend, allow_download
    )
    result = command.edit(selection, change=change, undo=undo, to=to, out=out, dry_run=dry_run)
    show(*result, as_json)
