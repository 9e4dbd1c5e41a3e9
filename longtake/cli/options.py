"""What commands take: options that several of them share, told once, and what they print."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_type_hints

import typer
from typer import Argument, Option

from longtake.manifest import DEFAULT_MODEL

if TYPE_CHECKING:
    from longtake.film import Film

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


class Precision(StrEnum):
    """Numbers that the network computes with."""

    FP32 = "fp32"
    BF16 = "bf16"


StrategyOption = Annotated[
    str,
    Option(
        "--strategy",
        help="How the film is planned: nuwa-xl, lvdm, vidrd, videogen, or MODULE:CLASS of your own.",
        metavar="NAME[:OPTION=VALUE...]",
    ),
]
Frames = Annotated[
    int | None, Option("--frames", help="Only the first N frames, as a film of their own.", metavar="N")
]
Span = Annotated[
    str | None, Option("--span", help="Only frames A to B - 1 of the film as planned.", metavar="A:B")
]
Model = Annotated[
    str,
    Option(
        "--model",
        help="A model that comes with longtake, or a folder; of a back end its folder or id.",
        metavar="NAME|DIR",
    ),
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
DataSet = Annotated[Path, Argument(metavar="DATASET", help="As `data ingest` makes it.", show_default=False)]
Json = Annotated[bool, Option("--json", help="Print one JSON object.")]


@dataclass(frozen=True, kw_only=True)
class FilmOptions:
    """What all commands on films take, with the names of `longtake.open`; None leaves it to others."""

    storyboard: Annotated[
        Path, Argument(metavar="STORYBOARD", help="A YAML file of scenes.", show_default=False)
    ]
    strategy: StrategyOption = STRATEGY
    backend: Annotated[
        str | None,
        Option(
            "--backend",
            help="Instead of a strategy, draw by a pretrained pipeline, --model: ltx, wan-vace, wan-i2v, "
            "or MODULE:NAME of your own.",
            metavar="NAME[:OPTION=VALUE...]",
        ),
    ] = None
    frames: Frames = None
    seed: Annotated[
        int | None, Option("--seed", help="Another seed than the storyboard's.", min=0, metavar="S")
    ] = None
    model: Model = DEFAULT_MODEL
    allow_download: Annotated[
        bool, Option("--allow-download", help="The model of a back end may be fetched from the hub.")
    ] = False
    steps: Annotated[
        int | None,
        Option(
            "--steps", help="Sampling steps, on all levels.", min=1, metavar="N", show_default="the model's"
        ),
    ] = None
    guidance: Annotated[
        float | None,
        Option(
            "--guidance",
            help="Guidance by the text, on all levels.",
            metavar="X",
            show_default="the model's",
        ),
    ] = None
    precision: Annotated[
        Precision | None, Option("--precision", help="Numbers to compute with.", show_default="the model's")
    ] = None
    store: Annotated[
        str | None,
        Option(
            "--store",
            help="Folder, or URL such as s3://bucket/films, that keeps clips and pieces of film.",
            metavar="DIR|URL",
            show_default=".longtake beside the storyboard",
        ),
    ] = None

    def open(self, **further: Any) -> Film:
        """The film; `further` are other arguments of `longtake.open`."""
        from longtake.film import open_film  # here: help and mistakes need no film

        chosen = {**vars(self), "precision": self.precision and self.precision.value, **further}
        return open_film(chosen.pop("storyboard"), **chosen)

    def with_(self, **changes: Any) -> FilmOptions:
        """The same but for some."""
        return replace(self, **changes)


def takes_film(
    command: Callable[..., None], *, without: tuple[str, ...] = (), storyboard: bool = True
) -> Callable[..., None]:
    """A command whose first parameter is a `FilmOptions`, as the command line calls it: option by option.

    Help shows the storyboard first, then the command's own options, the shared ones, and `--json`.
    `without`: options that it has not, or has in its own way; without a `storyboard` of one film it gives
    them one by one with `with_`.
    """
    film, *own = _parameters(command)
    assert film.annotation is FilmOptions
    left_out = {*without, *(() if storyboard else ("storyboard",))}
    shared = [one for one in _parameters(FilmOptions) if one.name not in left_out]

    def called(**given: Any) -> None:
        options = {"storyboard": Path(), **{one.name: given.pop(one.name) for one in shared}}
        command(FilmOptions(**options), **given)

    shown = sorted([*own, *shared], key=lambda one: (one.name == "as_json", one.name != "storyboard"))
    called.__name__, called.__doc__ = command.__name__, command.__doc__
    called.__signature__ = inspect.Signature(shown)  # type: ignore[attr-defined]
    called.__annotations__ = {one.name: one.annotation for one in shown}
    return called


def _parameters(of: Callable[..., Any]) -> list[inspect.Parameter]:
    """Those of a function or a dataclass, all by keyword, each with the type that its annotation names."""
    hints = get_type_hints(of, include_extras=True)
    return [
        one.replace(kind=inspect.Parameter.KEYWORD_ONLY, annotation=hints[one.name])
        for one in inspect.signature(of).parameters.values()
    ]


def show(report: dict[str, Any], text: str, as_json: bool) -> None:
    """Print a command's result."""
    typer.echo(json.dumps(report) if as_json else text)
