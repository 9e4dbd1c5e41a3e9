"""Training: one stage of a recipe at a time, or all of them up to a model with its card."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import typer

from longtake.cli.progress import Bar, note, resumable

_ALL = "all"


def run(
    stage: str,
    recipe: str,
    out: Path,
    device: str | None,
    preset: str | None,
    begin: str | None = None,
    data: Path | None = None,
) -> None:
    """Run the stage, or `all`, on `device` (default: the best there is).

    `preset` is of the evaluation, which only `all` of the cartoon world has; None is "dev". `begin` is a
    model, by name or folder, whose networks the run begins with, `data` what is learnt from instead of the
    cartoon world. Raises typer's error for an unknown name, ModelError where `out` or `begin` is another
    recipe's, and ValueError where `data` holds nothing to learn from.
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
    chosen, measured, made = device or best_device(), preset or "dev", RECIPES[recipe]()
    footage = footage_of(made, data)
    if preset is not None and (stage != _ALL or not footage.scripted):
        told = f"only goes with '{_ALL}' of the cartoon world, which evaluates"
        raise typer.BadParameter(told, param_hint="--preset")
    if stage == "probe" and not footage.scripted:
        told = "the stage probe learns what is in the cartoon world: leave it out"
        raise typer.BadParameter(told, param_hint="--data")
    model = None if begin is None else find_model(begin)
    with resumable(f"run the same command again to go on from the last checkpoint in {out}"):
        if stage != _ALL:
            if model is not None:
                start_from_model(model, made, footage, out)
            share_threads()
            do_stage(stage, made, footage, out, chosen)
            return

        def evaluate(package: Path, folder: Path) -> dict[str, Any]:
            return _evaluate(package, folder, measured)

        card = run_all(made, footage, out, chosen, evaluate=evaluate, preset=measured, tell=note, begin=model)
    if card is not None:
        typer.echo(f"{card}: the model's card")


def _evaluate(package: Path, folder: Path, preset: str) -> dict[str, Any]:
    """What `longtake evaluate --strategies nuwa-xl` does with the package; its report."""
    from longtake.cli.evaluate import PRESETS
    from longtake.evaluate.api import Options, chosen_controls
    from longtake.evaluate.compare import compare_strategies

    count, frames = PRESETS[preset]
    with Bar() as bar:
        options = Options(out=folder, controls=chosen_controls("all"), progress=bar.counted)
        report = compare_strategies(["nuwa-xl"], package, options, episodes=count, frames=frames)
    typer.echo(report.summary)
    return report.content
