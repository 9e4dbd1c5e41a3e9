"""The commands on what models learn from: data sets of films; and storyboards made of descriptions."""

from __future__ import annotations

import time
from enum import StrEnum
from fractions import Fraction
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any

import typer
from typer import Argument, Option

from longtake.cli.options import DataSet, Json, Split, show
from longtake.cli.progress import Bar, note, resumable
from longtake.machine import cores

_WAY_ON = "run the same command again to go on"


class Aspect(StrEnum):
    """How a picture becomes a square."""

    CROP = "crop"
    PAD = "pad"


class PictureFormat(StrEnum):
    """How frames are stored in tar files."""

    JPG = "jpg"
    PNG = "png"


def ingest(
    folder: Annotated[
        Path, Argument(metavar="FOLDER", help="Films in it, and in the folders below.", show_default=False)
    ],
    out: Annotated[Path, Option("--out", help="The data set; what is there stays.", metavar="DATASET")],
    fps: Annotated[
        float, Option("--fps", help="Frames per second of the data set.", min=0.1, max=240, metavar="N")
    ] = 12,
    size: Annotated[
        int, Option("--size", help="Pixels per side, a multiple of 8.", min=16, max=2048, metavar="N")
    ] = 128,
    aspect: Annotated[
        Aspect, Option("--aspect", help="The middle square, or all of the picture between black bars.")
    ] = Aspect.CROP,
    cut: Annotated[
        float,
        Option("--cut", help="A cut changes so many times as much as what is around it.", min=1, metavar="X"),
    ] = 2.0,
    captions: Annotated[
        str,
        Option(
            "--captions",
            help="Which kinds, the best first: json, descriptions, subtitles, inside, chapters; or none.",
            metavar="A,B",
        ),
    ] = "auto",
    language: Annotated[str, Option("--language", help="Of captions, where there are several.")] = "en",
    splits: Annotated[
        str, Option("--splits", help="Shares of training, validation, test.", metavar="A/B/C")
    ] = "80/10/10",
    captioner: Annotated[
        str | None,
        Option(
            "--captioner",
            help="Describe shots without a caption by this image-to-text model of transformers.",
            metavar="DIR|ID",
        ),
    ] = None,
    allow_download: Annotated[
        bool, Option("--allow-download", help="The captioner may be fetched from the hub.")
    ] = False,
    workers: Annotated[
        int | None, Option("--workers", help="Processes.", min=1, metavar="K", show_default="one per core")
    ] = None,
    as_json: Json = False,
) -> None:
    """Make a data set of a folder of films.

    Resampled, cut into shots, described by the files beside them, without copies, in splits. The tables
    DATASET/*.csv are made to be edited by hand; the same command again takes what is new and keeps the edits.
    What is no film is named in DATASET/skipped.csv, with the reason.

    Examples: longtake data ingest films --out sets/films;
    longtake data ingest films --out sets/films --captions descriptions --captioner models/blip
    """
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
    film = FilmSettings(fps=rate(fps), size=size, aspect=aspect.value, cut=cut)
    options = IngestOptions(
        film=film,
        kinds=_kinds(captions),
        language=language,
        shares=_shares(splits),
        workers=workers or cores(),
        captioner=captioner or "",
    )
    load = partial(_captioner, Captioner, captioner, allow_download) if captioner else None
    began = time.monotonic()
    with Bar() as bar, resumable(_WAY_ON):
        done = run(folder, out, options, bar.show, load)
    for line in done.notes:
        note(line)
    report = {
        "dataset": str(out),
        "films": done.films,
        "films_taken": done.taken,
        "shots_described": done.described,
        "files_skipped": done.skipped,
        "seconds": round(time.monotonic() - began, 3),
    }
    text = f"{out}: nothing to do, its {done.films} films are as they were"
    if not done.unchanged:
        named = f"{done.skipped} files of {folder} are no films of it: skipped.csv says why"
        text = f"{out}: {done.films} films, {done.taken} of them new; {named}"
    show(report, text, as_json)


def _captioner(kind: Any, name: str, allow_download: bool) -> Any:
    from longtake.draw.load import best_device

    return kind(name, allow_download, best_device())


def export(
    dataset: DataSet,
    out: Annotated[Path, Option("--out", help="Folder of the tar files; it resumes.", metavar="DIR")],
    split: Annotated[Split, Option("--split", help="Which films.")] = Split.TRAIN,
    clip: Annotated[
        int, Option("--clip", help="Neighbouring frames of a sample.", min=1, max=1000, metavar="T")
    ] = 16,
    pictures: Annotated[
        PictureFormat, Option("--pictures", help="How frames are stored.")
    ] = PictureFormat.JPG,
    as_json: Json = False,
) -> None:
    """Write a split of a data set as tar files, which `train --data 'DIR/*.tar'` and webdataset read.

    Examples: longtake data export sets/films --out tars;
    longtake data export sets/films --out tars --split validation
    """
    from longtake.data.filmset import open_films
    from longtake.ingest.export import export as run
    from longtake.world.vocabulary import SPLITS

    (films_of,) = [each for each in SPLITS if each == split.value]
    with Bar() as bar, resumable(_WAY_ON):
        done = run(
            open_films(dataset),
            out,
            films_of,
            clip,
            pictures.value,
            lambda done, all_: bar.show(done, all_, f"{done} of {all_} tar files"),
        )
    report = {"tars": str(out), **done._asdict()}
    text = f"{out}: {done.samples:,} samples in {done.shards} tar files, {done.written} of them new"
    show(report, text, as_json)


def storyboard(
    cues: Annotated[
        Path, Argument(metavar="CUES", help="Descriptions: .vtt, .srt, .ass or .json.", show_default=False)
    ],
    out: Annotated[Path, Option("--out", help="The storyboard.", metavar="FILE")] = Path("board.yaml"),
    fps: Annotated[
        float, Option("--fps", help="Film frames per second.", min=0.1, max=240, metavar="N")
    ] = 12,
    duration: Annotated[
        str | None,
        Option("--duration", help="Of the film.", metavar="[H:]M:S", show_default="the last cue's end"),
    ] = None,
    title: Annotated[
        str | None, Option("--title", help="Of the film.", show_default="the name of CUES")
    ] = None,
    seed: Annotated[int, Option("--seed", help="Of the film.", min=0, metavar="S")] = 0,
    as_json: Json = False,
) -> None:
    """Make a storyboard of what somebody wrote about moments of a film.

    A scene for every description, from its start to the next one's.

    Example: longtake data storyboard film_descriptions.vtt --fps 12 --out board.yaml
    """
    from longtake.film import clock

    if cues.suffix.lower() != ".json":
        _check_installed("pysubs2", "subtitles are read by pysubs2", "data")
    from longtake.data.cues import read_cues
    from longtake.files import written_whole
    from longtake.storyboard import from_cues, parse, read_seconds

    length = None
    if duration is not None and (length := read_seconds(duration)) is None:
        raise typer.BadParameter(f"{duration!r} is no time: write 1:30", param_hint="--duration")
    moments = read_cues(cues)
    text = from_cues(moments, rate(fps), title=title or cues.stem, duration=length, seed=seed)
    with written_whole(out) as aside:
        aside.write_text(text, encoding="utf-8")
    board = parse(text)
    report = {"storyboard": str(out), "scenes": len(board.scenes), "frames": board.frames}
    line = f"{out}: {len(board.scenes)} scenes, {board.frames:,} frames ({clock(board.frames / rate(fps))})"
    show(report, line, as_json)


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
