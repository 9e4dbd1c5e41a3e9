"""What to draw for a film, as pure data. Standard library only."""

from __future__ import annotations

from longtake.plan.backend import BackendOptions, CannotDraw, ClipRule, plan_backend
from longtake.plan.finer import finer
from longtake.plan.job import Frame, Job, Sampling
from longtake.plan.lvdm import LvdmOptions, plan_lvdm
from longtake.plan.nuwa_xl import plan_nuwa_xl
from longtake.plan.plan import Plan, SceneSeen, Shown
from longtake.plan.timeline import MAX_FRAMES, Scene, Timeline
from longtake.plan.videogen import VideoGenOptions, plan_videogen
from longtake.plan.vidrd import VidRDOptions, plan_vidrd

__all__ = [
    "MAX_FRAMES",
    "BackendOptions",
    "CannotDraw",
    "ClipRule",
    "Frame",
    "Job",
    "LvdmOptions",
    "Plan",
    "Sampling",
    "Scene",
    "SceneSeen",
    "Shown",
    "Timeline",
    "VidRDOptions",
    "VideoGenOptions",
    "finer",
    "plan_backend",
    "plan_lvdm",
    "plan_nuwa_xl",
    "plan_videogen",
    "plan_vidrd",
]
