"""Whole configurations, and the stages that turn one into a model."""

from __future__ import annotations

from longtake.recipes.catalogue import RECIPES, footage_of
from longtake.recipes.recipe import Recipe
from longtake.recipes.stages import STAGES, do_stage, share_threads, stages_of
from longtake.recipes.start_from_model import start_from_model
from longtake.recipes.train_all import run_all

__all__ = [
    "RECIPES",
    "STAGES",
    "Recipe",
    "do_stage",
    "footage_of",
    "run_all",
    "share_threads",
    "stages_of",
    "start_from_model",
]
