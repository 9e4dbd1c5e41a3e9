"""What to draw for a film, as pure data. Standard library only."""

from __future__ import annotations

from longtake.plan.finer import finer
from longtake.plan.job import Frame, Job, Sampling
from longtake.plan.plan import Plan, SceneSeen, Shown
from longtake.plan.strategy import Chain, Clip, Drawing, Strategy
from longtake.plan.timeline import MAX_FRAMES, Scene, Timeline

__all__ = [
    "MAX_FRAMES",
    "Chain",
    "Clip",
    "Drawing",
    "Frame",
    "Job",
    "Plan",
    "Sampling",
    "Scene",
    "SceneSeen",
    "Shown",
    "Strategy",
    "Timeline",
    "finer",
]
