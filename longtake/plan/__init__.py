"""What to draw for a film, as pure data. Standard library only."""

from __future__ import annotations

from longtake.plan.clip import Clip, Drawing
from longtake.plan.finer import finer
from longtake.plan.job import Frame, Job
from longtake.plan.plan import Plan, SceneSeen, Shown
from longtake.plan.spec import ClipSpec, EncodeSpec, FillSpec, ImagineSpec, Sampling
from longtake.plan.strategy import Chain, LevelSampling, Model, Need, Strategy
from longtake.plan.timeline import MAX_FRAMES, PlannedScene, Timeline

__all__ = [
    "MAX_FRAMES",
    "Chain",
    "Clip",
    "ClipSpec",
    "Drawing",
    "EncodeSpec",
    "FillSpec",
    "Frame",
    "ImagineSpec",
    "Job",
    "LevelSampling",
    "Model",
    "Need",
    "Plan",
    "PlannedScene",
    "Sampling",
    "SceneSeen",
    "Shown",
    "Strategy",
    "Timeline",
    "finer",
]
