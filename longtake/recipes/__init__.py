"""Whole configurations, and the stages that turn one into a model."""

from __future__ import annotations

from longtake.recipes.begin import begin_from
from longtake.recipes.chain import run_all, stages_of
from longtake.recipes.recipe import Recipe
from longtake.recipes.stages import RECIPES, STAGES, do_stage, footage_of, run_stage, share_threads

__all__ = [
    "RECIPES",
    "STAGES",
    "Recipe",
    "begin_from",
    "do_stage",
    "footage_of",
    "run_all",
    "run_stage",
    "share_threads",
    "stages_of",
]
