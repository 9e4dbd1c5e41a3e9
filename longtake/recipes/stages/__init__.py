"""The stages of a recipe: they read what the ones before left in the run's folder."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch

from longtake.data.footage import Footage
from longtake.recipes.recipe import Recipe
from longtake.recipes.stages.autoencoder import AUTOENCODER, DECODER, HD
from longtake.recipes.stages.clips import CLIPS
from longtake.recipes.stages.denoiser import DENOISER, DISTILLATION
from longtake.recipes.stages.measures import MEASURES
from longtake.recipes.stages.package import PACKAGE
from longtake.recipes.stages.probes import PROBES
from longtake.recipes.stages.stage import Run, Stage
from longtake.recipes.stages.text import TEXT
from longtake.train.processes import own_device, place

_IN_ORDER = (AUTOENCODER, TEXT, CLIPS, DENOISER, DISTILLATION, DECODER, HD, PACKAGE, MEASURES, PROBES)
STAGES: Mapping[str, Stage] = {stage.name: stage for stage in _IN_ORDER}


def stages_of(recipe: Recipe, footage: Footage) -> tuple[Stage, ...]:
    """The stages that lead to the recipe's model, in order."""
    return tuple(stage for stage in STAGES.values() if stage.needed(recipe, footage))


def do_stage(name: str, recipe: Recipe, footage: Footage, out: Path, device: str) -> None:
    """Run the stage in the folder `out`, with the threads that there are; it goes on where it was stopped.

    Raises ValueError for an unknown stage, where an earlier one has not been run, and where the footage or
    the recipe holds nothing for it.
    """
    if name not in STAGES:
        raise ValueError(f"no stage '{name}': use one of {', '.join(STAGES)}")
    stage = STAGES[name]
    if stage.alone and place()[0] > 0:
        return
    torch.manual_seed(recipe.seed)
    stage.run(Run(recipe=recipe, footage=footage, out=out, device=str(own_device(device))))


def share_threads() -> None:
    """Give this process its part of the threads, once: the processes of a run have one machine."""
    torch.set_num_threads(max(1, torch.get_num_threads() // place()[1]))
