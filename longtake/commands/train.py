"""Training: one stage of a recipe at a time, or all of them up to a model with its card."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import typer

from longtake.commands.draw import resumable
from longtake.commands.selection import note

__all__ = ["run"]

_ALL = "all"


def run(
    stage: str,
    recipe: str,
    out: Path,
    device: str | None,
    preset: str | None,
    begin: str | None = None,
    videos: Path | None = None,
) -> None:
    """Run the stage, or `all`, on `device` (default: the best there is).

    `preset` is of the evaluation, which only `all` has; None is "dev". `begin` is a model, by name or folder,
    whose networks the run begins with, `videos` a folder of what the stage hd learns from. Raises typer's
    error for an unknown name, and ModelError where `out` or `begin` is another recipe's.
    """
    from longtake.manifest import find_model
    from longtake.ops import best_device
    from longtake.recipes import RECIPES, STAGES, begin_from, run_all, run_stage

    if stage not in {*STAGES, _ALL}:
        raise typer.BadParameter(f"{stage!r} is none of {', '.join(STAGES)}, {_ALL}", param_hint="STAGE")
    if recipe not in RECIPES:
        raise typer.BadParameter(f"{recipe!r} is none of {', '.join(RECIPES)}", param_hint="--recipe")
    if preset is not None and stage != _ALL:
        raise typer.BadParameter(f"only goes with '{_ALL}', which evaluates", param_hint="--preset")
    if videos is not None and stage != "hd":
        raise typer.BadParameter(
            "only goes with the stage hd, which needs no captions", param_hint="--videos"
        )
    chosen, measured = device or best_device(), preset or "dev"
    model = None if begin is None else find_model(begin)
    with resumable(f"run the same command again to go on from the last checkpoint in {out}"):
        if stage != _ALL:
            if model is not None:
                begin_from(model, RECIPES[recipe](), out)
            run_stage(stage, recipe, out, chosen, videos)
            return

        def evaluate(package: Path, folder: Path) -> dict[str, Any]:
            return _evaluate(package, folder, measured)

        made = RECIPES[recipe]()
        card = run_all(made, out, chosen, evaluate=evaluate, preset=measured, tell=note, begin=model)
    if card is not None:
        typer.echo(f"{card}: the model's card")


def _evaluate(package: Path, folder: Path, preset: str) -> dict[str, Any]:
    """What `longtake evaluate --strategies nuwa-xl` does with the package; its report."""
    from longtake.commands.evaluate import PRESETS, Options, evaluate_strategies

    options = Options(out=folder, controls="all", probes=None, workers=None)
    report, told = evaluate_strategies(["nuwa-xl"], str(package), "test", *PRESETS[preset], options)
    typer.echo(told)
    return report
