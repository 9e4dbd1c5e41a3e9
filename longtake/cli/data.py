"""Data sets of films: made of a folder, exported; and storyboards made of descriptions."""

from __future__ import annotations

import time
from fractions import Fraction
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import typer

from longtake.cli.progress import Bar, note, resumable
from longtake.film import clock
from longtake.machine import cores

_WAY_ON = "run the same command again to go on"


def ingest(
    folder: Path,
    out: Path,
    *,
    fps: float,
    size: int,
    aspect: str,
    cut: float,
    captions: str,
    language: str,
    splits: str,
    captioner: str | None,
    allow_download: bool,
    workers: int | None,
) -> tuple[dict[str, Any], str]:
    """Make a data set, or add to it; the report and what is told."""
    _check_installed("scenedetect", "shots are found by scenedetect", "data")
    _check_installed("pysubs2", "captions are read by pysubs2", "data")
    if captioner is not None:
        _check_installed("transformers", "captioners need transformers", "pipelines")
    from longtake.ingest.captioner import Captioner
    from longtake.ingest.data_set import IngestOptions
    from longtake.ingest.data_set import ingest as run
    from longtake.ingest.import_film import FilmSettings

    if size % 8:
        raise typer.BadParameter(f"{size}: give a multiple of 8", param_hint="--size")
    film = FilmSettings(fps=rate(fps), size=size, aspect=aspect, cut=cut)
    options = IngestOptions(
        film=film,
        kinds=_kinds(captions),
        language=language,
        shares=_shares(splits),
        workers=workers or cores(),
        captioner=captioner or "",
    )
    load = partial(_captioner, Captioner, captioner, allow_download) if captioner else None
    begin = time.monotonic()
    with Bar() as bar, resumable(_WAY_ON):
        done = run(folder, out, options, bar.show, load)
    for told in done.notes:
        note(told)
    report = {
        "dataset": str(out),
        "films": done.films,
        "films_taken": done.taken,
        "shots_described": done.described,
        "files_skipped": done.skipped,
        "seconds": round(time.monotonic() - begin, 3),
    }
    if done.unchanged:
        return report, f"{out}: nothing to do, its {done.films} films are as they were"
    named = f"{done.skipped} files of {folder} are no films of it: skipped.csv says why"
    return report, f"{out}: {done.films} films, {done.taken} of them new; {named}"


def _captioner(kind: Any, name: str, allow_download: bool) -> Any:
    from longtake.draw.load import best_device

    return kind(name, allow_download, best_device())


def export(dataset: Path, out: Path, *, split: str, clip: int, pictures: str) -> tuple[dict[str, Any], str]:
    """Write a split of a data set as tar files; the report and what is told."""
    from longtake.data.filmset import open_films
    from longtake.ingest.export import export as run
    from longtake.world.vocabulary import SPLITS

    (films_of,) = [each for each in SPLITS if each == split]
    with Bar() as bar, resumable(_WAY_ON):
        done = run(
            open_films(dataset),
            out,
            films_of,
            clip,
            pictures,
            lambda done, all_: bar.show(done, all_, f"{done} of {all_} tar files"),
        )
    report = {"tars": str(out), **done._asdict()}
    return report, f"{out}: {done.samples:,} samples in {done.shards} tar files, {done.written} of them new"


def write_storyboard(
    cues: Path, out: Path, *, fps: float, duration: str | None, title: str | None, seed: int
) -> tuple[dict[str, Any], str]:
    """Make a storyboard of a file of descriptions; the report and what is told."""
    if cues.suffix.lower() != ".json":
        _check_installed("pysubs2", "subtitles are read by pysubs2", "data")
    from longtake.data.cues import read_cues
    from longtake.files import written_whole
    from longtake.storyboard import from_cues, parse, read_seconds

    length = None
    if duration is not None and (length := read_seconds(duration)) is None:
        raise typer.BadParameter(f"{duration!r} is no time: write 1:30", param_hint="--duration")
    found = read_cues(cues)
    text = from_cues(found, rate(fps), title=title or cues.stem, duration=length, seed=seed)
    with written_whole(out) as aside:
        aside.write_text(text, encoding="utf-8")
    board = parse(text)
    report = {"storyboard": str(out), "scenes": len(board.scenes), "frames": board.frames}
    told = f"{out}: {len(board.scenes)} scenes, {board.frames:,} frames ({clock(board.frames / rate(fps))})"
    return report, told


def rate(fps: float) -> Fraction:
    """Frames per second as a fraction that fits a file's time base: 23.976 is 24000/1001."""
    exact = Fraction(str(fps))
    near = Fraction(round(exact * 1001 / 1000) * 1000, 1001)
    if exact.denominator > 1 and abs(near - exact) < Fraction(1, 1000):
        return near
    return exact.limit_denominator(1000)


def _kinds(text: str) -> tuple[str, ...]:
    from longtake.ingest.sidecars import DEFAULT_KINDS, KINDS

    if text in ("auto", "none"):
        return DEFAULT_KINDS if text == "auto" else ()
    kinds = tuple(kind.strip() for kind in text.split(","))
    if wrong := [kind for kind in kinds if kind not in KINDS]:
        known = f"auto, none, or some of {', '.join(KINDS)}"
        raise typer.BadParameter(f"{wrong[0]!r} is none of {known}", param_hint="--captions")
    return kinds


def _shares(text: str) -> tuple[int, int, int]:
    try:
        train, validation, test = (int(part) for part in text.split("/"))
    except ValueError:
        raise typer.BadParameter(
            f"{text!r}: write three shares, as 80/10/10", param_hint="--splits"
        ) from None
    if train < 1 or validation < 0 or test < 0:
        raise typer.BadParameter(f"{text!r}: training needs a share, none is below 0", param_hint="--splits")
    return train, validation, test


def _check_installed(module: str, why: str, extra: str) -> None:
    if find_spec(module) is None:
        raise typer.BadParameter(f"{why}: pip install 'longtake[{extra}]'")
