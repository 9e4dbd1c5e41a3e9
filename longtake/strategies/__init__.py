"""Ways to plan a film: which clips there are, and which of their frames are known.

One's own is a class that derives from `Strategy`; `choose` takes it, or its name, or `my_module:MyClass`.
"""

from __future__ import annotations

from longtake.plan import (
    Chain,
    Clip,
    Drawing,
    Frame,
    Job,
    LevelSampling,
    Model,
    Sampling,
    Strategy,
)
from longtake.plan.spec import DraftSpec, Reuse
from longtake.strategies.chosen import STRATEGIES, ChosenStrategy, choose
from longtake.strategies.filling import CannotDraw, ClipRule, Filling
from longtake.strategies.lvdm import Lvdm
from longtake.strategies.nuwa_xl import NuwaXL
from longtake.strategies.videogen import VideoGen
from longtake.strategies.vidrd import VidRD

__all__ = [
    "STRATEGIES",
    "CannotDraw",
    "Chain",
    "ChosenStrategy",
    "Clip",
    "ClipRule",
    "DraftSpec",
    "Drawing",
    "Filling",
    "Frame",
    "Job",
    "LevelSampling",
    "Lvdm",
    "Model",
    "NuwaXL",
    "Reuse",
    "Sampling",
    "Strategy",
    "VidRD",
    "VideoGen",
    "choose",
]
