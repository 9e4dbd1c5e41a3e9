"""What to draw for a film, as pure data. Standard library only."""

from __future__ import annotations

from longtake.plan.job import Frame, Job, Sampling
from longtake.plan.nuwa_xl import plan_nuwa_xl
from longtake.plan.plan import Plan, SceneSeen, Shown
from longtake.plan.timeline import MAX_FRAMES, Scene, Timeline

__all__ = [
    "MAX_FRAMES",
    "Frame",
    "Job",
    "Plan",
    "Sampling",
    "Scene",
    "SceneSeen",
    "Shown",
    "Timeline",
    "plan_nuwa_xl",
]
