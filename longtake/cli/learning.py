"""The commands of training and measuring, and the one that looks at the machine."""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from typer import Argument, Option

from longtake.cli.options import (
    DataSet,
    Json,
    Preset,
    Split,
    show,
)


class Aspect(StrEnum):
    """How a picture becomes a square."""

    CROP = "crop"
    PAD = "pad"


class Pictures(StrEnum):
    """How frames are stored in tar files."""

    JPG = "jpg"
    PNG = "png"


data = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="What models learn from.")


@data.command()
def world(
    episode: Annotated[int, Option("--episode", help="Its number; each is endless.", min=0, metavar="N")],
    out: Annotated[
        Path,
        Option("--out", help="A .png shows every shot; .mp4, .gif and .webp are clips.", metavar="FILE"),
    ] = Path("sheet.png"),
    frames: Annotated[
        str | None,
        Option(
            "--frames", help="Which frames.", metavar="A:B[:STEP]|COUNT", show_default="1800; in a clip 240"
        ),
    ] = None,
    size: Annotated[
        int | None,
        Option(
            "--size",
            help="Pixels per side.",
            min=16,
            max=2048,
            metavar="N",
            show_default="128; in a clip 256",
        ),
    ] = None,
) -> None:
    """Show the cartoon world that the models here learn from.

    A sheet of an episode's shots beside their captions, or a clip.

    Example: longtake data world --episode 7 --out sheet.png
    """
    from longtake.cli.world import show_world

    typer.echo(show_world(episode, frames=frames, size=size, out=out))


@data.command()
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
    from longtake.cli import data as command

    report, told = command.ingest(
        folder,
        out,
        fps=fps,
        size=size,
        aspect=aspect.value,
        cut=cut,
        captions=captions,
        language=language,
        splits=splits,
        captioner=captioner,
        allow_download=allow_download,
        workers=workers,
    )
    show(report, told, as_json)


@data.command()
def export(
    dataset: DataSet,
    out: Annotated[Path, Option("--out", help="Folder of the tar files; it resumes.", metavar="DIR")],
    split: Annotated[Split, Option("--split", help="Which films.")] = Split.TRAIN,
    clip: Annotated[
        int, Option("--clip", help="Neighbouring frames of a sample.", min=1, max=1000, metavar="T")
    ] = 16,
    pictures: Annotated[Pictures, Option("--pictures", help="How frames are stored.")] = Pictures.JPG,
    as_json: Json = False,
) -> None:
    """Write a split of a data set as tar files, which `train --data 'DIR/*.tar'` and webdataset read.

    Examples: longtake data export sets/films --out tars;
    longtake data export sets/films --out tars --split validation
    """
    from longtake.cli import data as command

    report, told = command.export(dataset, out, split=split.value, clip=clip, pictures=pictures.value)
    show(report, told, as_json)


@data.command()
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
    from longtake.cli import data as command

    report, told = command.write_storyboard(cues, out, fps=fps, duration=duration, title=title, seed=seed)
    show(report, told, as_json)


def train(
    stage: Annotated[
        str,
        Argument(
            metavar="STAGE|all",
            help="Which part to train; a wrong name gets the list. 'all': what leads to a model.",
            show_default=False,
        ),
    ],
    recipe: Annotated[str, Option("--recipe", help="The whole configuration, by name.", metavar="NAME")],
    out: Annotated[Path, Option("--out", help="Folder of the run; it resumes what is there.", metavar="DIR")],
    device: Annotated[
        str | None, Option("--device", help="As torch names it.", show_default="an accelerator, else cpu")
    ] = None,
    preset: Annotated[
        Preset | None,
        Option("--preset", help="With all: how much is evaluated, as for evaluate.", show_default="dev"),
    ] = None,
    begin: Annotated[
        str | None,
        Option(
            "--from",
            help="Begin with the networks of this model: autoencoder and text encoder as they are.",
            metavar="NAME|DIR",
            show_default="random weights",
        ),
    ] = None,
    data: Annotated[
        Path | None,
        Option(
            "--data",
            help="What to learn from: a data set, its tar files ('DIR/*.tar'), a folder of videos, or "
            "flintstones-shape: the cartoon as 166 episodes of 38,000 frames.",
            metavar="DIR|TARS|flintstones-shape",
            show_default="the cartoon world",
        ),
    ] = None,
) -> None:
    """Train all of a recipe, or one stage.

    All: the stages in order, the evaluation of the model in DIR/package, and its card there; with --data
    its measures instead of the evaluation, which asks what only the cartoon world tells.
    Stopped at any moment, the same command goes on from the last checkpoint.

    Examples: longtake train all --recipe toon-64 --out runs/toon-64;
    longtake train autoencoder --recipe toon-64 --out runs/toon-64;
    longtake train all --recipe toon-128 --from toon-128-undistilled --out runs/longer;
    longtake train all --recipe films-64 --data my-films --out runs/films
    """
    from longtake.cli.train import run

    run(stage, recipe, out, device, preset and preset.value, begin, data)


def inflate(
    source: Annotated[
        str,
        Argument(
            metavar="FOLDER|ID",
            help="A diffusers pipeline in the layout of Stable Diffusion 1 or 2; an ID is one on the hub.",
            show_default=False,
        ),
    ],
    out: Annotated[Path, Option("--out", help="Folder of the model.", metavar="DIR")],
    size: Annotated[
        int | None,
        Option(
            "--size",
            help="Pixels per side; pictures are square.",
            min=8,
            max=4096,
            metavar="N",
            show_default="what it was trained at",
        ),
    ] = None,
    half: Annotated[bool, Option("--half", help="Keep the weights in float16: half the disk.")] = False,
    image_decoder: Annotated[
        bool, Option("--image-decoder", help="Decode frame by frame for good: no layers along time.")
    ] = False,
    variant: Annotated[
        str | None,
        Option(
            "--variant", help="Which of its files, as fp16.", metavar="NAME", show_default="the plain ones"
        ),
    ] = None,
    allow_download: Annotated[
        bool, Option("--allow-download", help="An ID may be fetched from the hub.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Make a model of a pretrained image pipeline.

    It draws films at once, every frame an image of its own, so they flicker; training what was added makes
    the frames hang together. --model takes it, and train --from.

    Example: longtake inflate stable-diffusion-v1-5 --out models/sd
    """
    from longtake.cli.inflate import run

    report, told = run(
        source,
        out,
        size=size,
        half=half,
        temporal_decoder=not image_decoder,
        variant=variant,
        allow_download=allow_download,
    )
    show(report, told, as_json)


def doctor(
    store: Annotated[Path, Option("--store", help="Folder that would keep clips.", metavar="DIR")] = Path(
        ".longtake"
    ),
    as_json: Json = False,
) -> None:
    """Check what this machine has for longtake.

    Exit code 1 where something essential fails.

    Example: longtake doctor
    """
    from longtake.cli.doctor import examine

    checks = []
    for check in examine(store):
        checks.append(check)
        if not as_json:
            typer.echo(f"{check.state:<4}  {check.name:<7} {check.detail}")
    sound = all(check.state != "fail" for check in checks)
    if as_json:
        typer.echo(json.dumps({"ok": sound, "checks": [check._asdict() for check in checks]}))
    if not sound:
        raise typer.Exit(1)
