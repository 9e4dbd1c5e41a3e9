"""What the commands take: options that several of them share, and what they print."""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from typer import Argument, Option

STRATEGY = "nuwa-xl"


class Split(StrEnum):
    """Episodes of the cartoon world."""

    TRAIN = "train"
    VALIDATION = "validation"
    TEST = "test"


class Preset(StrEnum):
    """How much is evaluated."""

    CI = "ci"
    DEV = "dev"
    RELEASE = "release"


class Aspect(StrEnum):
    """How a picture becomes a square."""

    CROP = "crop"
    PAD = "pad"


class Pictures(StrEnum):
    """How frames are stored in tar files."""

    JPG = "jpg"
    PNG = "png"


class Executor(StrEnum):
    """Where clips are drawn."""

    LOCAL = "local"
    RAY = "ray"


class Order(StrEnum):
    """What is drawn first."""

    FILM = "film"
    KEYFRAMES_FIRST = "keyframes-first"


class Precision(StrEnum):
    """Numbers that the network computes with."""

    FP32 = "fp32"
    BF16 = "bf16"


Storyboard = Annotated[
    Path, Argument(metavar="STORYBOARD", help="A YAML file of scenes.", show_default=False)
]
StrategyOption = Annotated[
    str,
    Option(
        "--strategy",
        help="How the film is planned: nuwa-xl, lvdm, vidrd or videogen.",
        metavar="NAME[:OPTION=VALUE...]",
    ),
]
BackendOption = Annotated[
    str | None,
    Option(
        "--backend",
        help="Instead of a strategy, draw by a pretrained pipeline, --model: ltx, wan-vace or wan-i2v.",
        metavar="NAME[:OPTION=VALUE...]",
    ),
]
AllowDownload = Annotated[
    bool, Option("--allow-download", help="The model of a back end may be fetched from the hub.")
]
Frames = Annotated[
    int | None, Option("--frames", help="Only the first N frames, as a film of their own.", metavar="N")
]
Span = Annotated[
    str | None, Option("--span", help="Only frames A to B - 1 of the film as planned.", metavar="A:B")
]
Seed = Annotated[int | None, Option("--seed", help="Another seed than the storyboard's.", min=0, metavar="S")]
Model = Annotated[
    str,
    Option(
        "--model",
        help="A model that comes with longtake, or a folder; of a back end its folder or id.",
        metavar="NAME|DIR",
    ),
]
Steps = Annotated[
    int | None,
    Option("--steps", help="Sampling steps, on all levels.", min=1, metavar="N", show_default="the model's"),
]
Guidance = Annotated[
    float | None,
    Option(
        "--guidance", help="Guidance by the text, on all levels.", metavar="X", show_default="the model's"
    ),
]
PrecisionOption = Annotated[
    Precision | None, Option("--precision", help="Numbers to compute with.", show_default="the model's")
]
Size = Annotated[
    int | None,
    Option(
        "--size",
        help="Pixels per side: the model's own or those of its HD decoder, or a multiple.",
        min=1,
        max=8192,
        metavar="N",
        show_default="the model's, enlarged to 256",
    ),
]
StoreOption = Annotated[
    str | None,
    Option(
        "--store",
        help="Folder, or URL such as s3://bucket/films, that keeps clips and pieces of film.",
        metavar="DIR|URL",
        show_default=".longtake beside the storyboard",
    ),
]
DataSet = Annotated[Path, Argument(metavar="DATASET", help="As `data ingest` makes it.", show_default=False)]
Json = Annotated[bool, Option("--json", help="Print one JSON object.")]


def select(
    storyboard: Path,
    strategy: str,
    model: str,
    frames: int | None,
    seed: int | None,
    steps: int | None,
    guidance: float | None,
    precision: Precision | None,
    store: str | None,
    backend: str | None = None,
    allow_download: bool = False,
) -> Any:
    from longtake.commands.selection import Selection

    if backend is not None and strategy != STRATEGY:
        told = "goes without --backend, which plans in its own way"
        raise typer.BadParameter(told, param_hint="--strategy")
    return Selection(
        storyboard=storyboard,
        backend=backend,
        allow_download=allow_download,
        strategy=strategy,
        model=model,
        frames=frames,
        seed=seed,
        steps=steps,
        guidance=guidance,
        precision=precision and precision.value,
        store=store,
    )


def show(report: dict[str, Any], told: str, as_json: bool) -> None:
    typer.echo(json.dumps(report) if as_json else told)
