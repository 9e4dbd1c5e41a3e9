"""Training, one stage of a recipe at a time."""

from __future__ import annotations

from pathlib import Path

import typer

from longtake.commands.draw import resumable

__all__ = ["run"]


def run(stage: str, recipe: str, out: Path, device: str | None) -> None:
    """Run the stage on `device` (default: the best there is). Raises typer's error for an unknown name."""
    from longtake.ops import best_device
    from longtake.recipes import RECIPES, STAGES, run_stage

    if stage not in STAGES:
        raise typer.BadParameter(f"{stage!r} is none of {', '.join(STAGES)}", param_hint="STAGE")
    if recipe not in RECIPES:
        raise typer.BadParameter(f"{recipe!r} is none of {', '.join(RECIPES)}", param_hint="--recipe")
    with resumable(f"run the same command again to go on from the last checkpoint in {out}"):
        run_stage(stage, recipe, out, device or best_device())
