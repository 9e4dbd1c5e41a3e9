"""The command that trains: one stage of a recipe at a time, or all of them up to a model with its card."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from typer import Argument, Option

from longtake.cli.options import Preset
from longtake.cli.progress import Bar, note, resumable

_ALL = "all"


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
    from longtake.draw.load import best_device
    from longtake.manifest import find_model
    from longtake.recipes import (
        RECIPES,
        STAGES,
        do_stage,
        footage_of,
        run_all,
        share_threads,
        start_from_model,
    )

    if stage not in {*STAGES, _ALL}:
        raise typer.BadParameter(f"{stage!r} is none of {', '.join(STAGES)}, {_ALL}", param_hint="STAGE")
    if recipe not in RECIPES:
        raise typer.BadParameter(f"{recipe!r} is none of {', '.join(RECIPES)}", param_hint="--recipe")
    configuration = RECIPES[recipe]()
    device, measured = device or best_device(), preset.value if preset else "dev"
    footage = footage_of(configuration, data)
    if preset is not None and (stage != _ALL or not footage.scripted):
        reason = f"only goes with '{_ALL}' of the cartoon world, which evaluates"
        raise typer.BadParameter(reason, param_hint="--preset")
    if stage == "probe" and not footage.scripted:
        reason = "the stage probe learns what is in the cartoon world: leave it out"
        raise typer.BadParameter(reason, param_hint="--data")
    model = None if begin is None else find_model(begin)
    with resumable(f"run the same command again to go on from the last checkpoint in {out}"):
        if stage != _ALL:
            if model is not None:
                start_from_model(model, configuration, footage, out)
            share_threads()
            do_stage(stage, configuration, footage, out, device)
            return

        def evaluate(package: Path, folder: Path) -> dict[str, Any]:
            return _evaluate(package, folder, measured)

        card = run_all(
            configuration,
            footage,
            out,
            device,
            evaluate=evaluate,
            preset=measured,
            tell=note,
            start_from=model,
        )
    if card is not None:
        typer.echo(f"{card}: the model's card")


def _evaluate(package: Path, folder: Path, preset: str) -> dict[str, Any]:
    """What `longtake evaluate --strategies nuwa-xl` does with the package; its report."""
    from longtake.cli.evaluate import PRESETS
    from longtake.evaluate.api import EvaluateOptions, chosen_controls
    from longtake.evaluate.compare import compare_strategies

    count, frames = PRESETS[preset]
    with Bar() as bar:
        options = EvaluateOptions(out=folder, controls=chosen_controls("all"), progress=bar.counted)
        report = compare_strategies(["nuwa-xl"], package, options, episodes=count, frames=frames)
    typer.echo(report.summary)
    return report.content
