"""Ways to plan a film: which clips there are, and which of their frames are known."""

from __future__ import annotations

from longtake.strategies.filling import BackendOptions, CannotDraw, ClipRule, plan_backend
from longtake.strategies.lvdm import LvdmOptions, plan_lvdm
from longtake.strategies.nuwa_xl import plan_nuwa_xl
from longtake.strategies.videogen import VideoGenOptions, plan_videogen
from longtake.strategies.vidrd import VidRDOptions, plan_vidrd

__all__ = [
    "BackendOptions",
    "CannotDraw",
    "ClipRule",
    "LvdmOptions",
    "VidRDOptions",
    "VideoGenOptions",
    "plan_backend",
    "plan_lvdm",
    "plan_nuwa_xl",
    "plan_videogen",
    "plan_vidrd",
]
