"""The commands that make films: render, and what can be had before paying for all of it."""

from __future__ import annotations

import re
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer import Argument, Option

from longtake.cli.options import FilmOptions, Json, Size, Span, show
from longtake.cli.progress import Bar, resumable

if TYPE_CHECKING:
    from longtake.film import Film
    from longtake.plan import SceneSeen


class Executor(StrEnum):
    """Where clips are drawn."""

    LOCAL = "local"
    RAY = "ray"


class Order(StrEnum):
    """What is drawn first."""

    FILM = "film"
    KEYFRAMES_FIRST = "keyframes-first"


def render(
    options: FilmOptions,
    out: Annotated[Path, Option("--out", help="The film to write.", metavar="FILM.mp4")] = Path("film.mp4"),
    span: Span = None,
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
    from longtake.film import Crew, check_writable, clock

    if address is not None and executor is not Executor.RAY:
        raise typer.BadParameter("only goes with --executor ray", param_hint="--address")
    if size is not None and upscale is not None:
        raise typer.BadParameter("goes without --size", param_hint="--upscale")
    check_writable(out, ".mp4", "out")
    if sheet is not None:
        check_writable(sheet, ".png", "sheet")
    film = options.open(size=size, enlarged=upscale)
    frames = parse_span(span, len(film))
    if fps is not None:
        film = film.at(fps)
        frames = slice(film.times * frames.start, min(film.times * frames.stop, len(film)))
    crew = Crew(executor=executor.value, address=address, workers=workers, order=order.value)
    with resumable(go_on(film)), Bar() as bar:
        done = film.render(
            out, frames.start, frames.stop, crew=crew, sheet=sheet, follow=follow, progress=bar.film
        )
    seconds, stored = round(done.seconds, 3), done.clips - done.drawn
    report: dict[str, Any] = {"film": str(out), "frames": done.frames, "jobs_total": done.clips}
    report |= {"jobs_run": done.drawn, "jobs_cached": stored, "seconds": seconds}
    if done.playlist is not None:
        report["playlist"] = str(done.playlist)
    text = (
        f"{out}: {done.frames:,} frames ({clock(done.frames / film.fps)} at {float(film.fps):g} fps); "
        f"{done.drawn:,} of {done.clips:,} clips drawn, {stored:,} from the store; {seconds:.1f} s"
    )
    show(report, text, as_json)


def plan(options: FilmOptions, span: Span = None, as_json: Json = False) -> None:
    """Tell what a render would draw.

    It answers at once, and says on which level (0 = keyframes) each scene is first seen.

    Example: longtake plan examples/valley.yaml --frames 1024
    """
    from longtake.film import clock

    film = options.open()
    frames = parse_span(span, len(film))
    outlook = film.plan(frames.start, frames.stop)
    report = {
        "frames": outlook.frames,
        "jobs_total": outlook.clips,
        "jobs_missing": outlook.missing,
        "levels": outlook.levels,
        "scenes": [scene._asdict() for scene in outlook.scenes],
    }
    shown = "" if span is None else f"frames {frames.start:,} to {frames.stop - 1:,}: "
    levels = " + ".join(f"{n:,}" for n in outlook.levels)
    lines = [
        film.title,
        f"{len(film):,} frames, {clock(film.seconds)} at {float(film.fps):g} fps",
        f"{shown}{outlook.clips:,} clips ({levels}), {outlook.missing:,} of them to draw",
        "",
        *_table(outlook.scenes, film),
    ]
    show(report, "\n".join(lines), as_json)


def _table(scenes: list[SceneSeen], film: Film) -> list[str]:
    from longtake.film import clock

    wide = max(5, *(len(scene.id) for scene in scenes))
    lines = [f"{'scene':<{wide}}  {'at':>8}  {'frame':>11}  {'frames':>11}  first seen on level"]
    for scene in scenes:
        at = clock(scene.start / film.fps)
        level = f"{scene.level}{' (keyframes)' if scene.level == 0 else ''}"
        lines.append(f"{scene.id:<{wide}}  {at:>8}  {scene.start:>11,}  {scene.frames:>11,}  {level}")
    return lines


def keys(
    options: FilmOptions,
    out: Annotated[Path, Option("--out", help="The sheet to write.", metavar="SHEET.png")] = Path(
        "sheet.png"
    ),
    as_json: Json = False,
) -> None:
    """Draw only the keyframes, on one sheet.

    Example: longtake keys examples/valley.yaml --out sheet.png
    """
    from longtake.film import check_writable
    from longtake.video import write_png

    check_writable(out, ".png", "out")
    film = options.open()
    with resumable(go_on(film)), Bar() as bar:
        drawn = film.draw(levels=1, progress=bar.film)
        keyframes = film.keys()
    write_png(keyframes.sheet, out)
    report = {"sheet": str(out), "frames": keyframes.numbers, **_numbers(drawn)}
    text = f"{out}: {len(keyframes.numbers)} keyframes, from the first to frame {keyframes.numbers[-1]:,}"
    show(report, text, as_json)


def peek(
    options: FilmOptions,
    when: Annotated[
        str, Argument(metavar="WHEN", help="Frame number, or a time as [hh:]mm:ss.", show_default=False)
    ],
    out: Annotated[Path, Option("--out", help="The picture to write.", metavar="FRAME.png")] = Path(
        "frame.png"
    ),
    size: Size = None,
    as_json: Json = False,
) -> None:
    """Draw one frame of the film.

    It is the frame as the encoder gets it, and no clip is drawn that it does not need.

    Example: longtake peek examples/valley.yaml 2:30 --out frame.png
    """
    from longtake.film import check_writable, clock
    from longtake.storyboard import parse_when
    from longtake.video import write_png

    check_writable(out, ".png", "out")
    film = options.open(size=size)
    i = parse_when(film.storyboard, when, len(film))
    with resumable(go_on(film)), Bar() as bar:
        drawn = film.draw(i, i + 1, progress=bar.film)
        write_png(film[i], out)
    text = f"{out}: frame {i:,} ({clock(i / film.fps)}), {drawn.drawn} of {drawn.clips} clips drawn"
    show({"frame": i, **_numbers(drawn)}, text, as_json)


def _numbers(drawn: Any) -> dict[str, int | float]:
    stored = drawn.clips - drawn.drawn
    return {"jobs_run": drawn.drawn, "jobs_cached": stored, "seconds": round(drawn.seconds, 3)}


def go_on(film: Film) -> str:
    """How an interrupted command goes on."""
    return f"{film.store.root} keeps every finished clip; run the same command again to go on"


def parse_span(text: str | None, length: int) -> slice:
    """The film frames of "A:B" (half open, either may be left out), or all. Raises for anything else."""
    from longtake.storyboard import StoryboardError

    if text is None:
        return slice(0, length)
    given = re.fullmatch(r"\s*([0-9]{0,18})\s*:\s*([0-9]{0,18})\s*", text)
    if given is None:
        raise typer.BadParameter(f"{text!r} is no span: give A:B, as in 0:240", param_hint="--span")
    start, stop = int(given[1] or 0), int(given[2] or length)
    if not start < stop <= length:
        raise StoryboardError(
            f"--span {text}: is not in the film: give A:B with A below B and B at most {length}, "
            "for the frames from A up to but not including B"
        )
    return slice(start, stop)
