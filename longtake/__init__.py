"""longtake makes videos of any length from a storyboard, by diffusion.

    film = longtake.open("story.yaml")
    film[120]                  # a frame, drawn when it is asked for: uint8 [H, W, 3]
    film.render("film.mp4")

All of it is told in docs/api.md. Importing this imports nothing else: names are fetched when first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from longtake import strategies
    from longtake.draw import backends
    from longtake.errors import OptionError
    from longtake.evaluate.api import evaluate as measure
    from longtake.film import Crew, Film, Progress
    from longtake.film import open_film as open
    from longtake.film.executors import JobFailed, WorkerDied
    from longtake.manifest import ModelError
    from longtake.manifest import shipped_models as models
    from longtake.store import CorruptClip
    from longtake.storyboard import Scene, Storyboard, StoryboardError, Video
    from longtake.storyboard import load as read_storyboard
    from longtake.strategies import CannotDraw
    from longtake.video import VideoError

__all__ = [
    "CannotDraw",
    "CorruptClip",
    "Crew",
    "Film",
    "JobFailed",
    "ModelError",
    "OptionError",
    "Progress",
    "Scene",
    "Storyboard",
    "StoryboardError",
    "Video",
    "VideoError",
    "WorkerDied",
    "__version__",
    "backends",
    "measure",
    "models",
    "open",
    "read_storyboard",
    "strategies",
]

__version__ = "0.1.0"

_HOMES = {  # name -> module, and what it is called there
    "backends": "draw.backends:",
    "CannotDraw": "strategies:CannotDraw",
    "CorruptClip": "store:CorruptClip",
    "Crew": "film:Crew",
    "Film": "film:Film",
    "JobFailed": "film.executors:JobFailed",
    "ModelError": "manifest:ModelError",
    "OptionError": "errors:OptionError",
    "Progress": "film:Progress",
    "Scene": "storyboard:Scene",
    "Storyboard": "storyboard:Storyboard",
    "StoryboardError": "storyboard:StoryboardError",
    "Video": "storyboard:Video",
    "VideoError": "video:VideoError",
    "WorkerDied": "film.executors:WorkerDied",
    "measure": "evaluate.api:evaluate",
    "models": "manifest:shipped_models",
    "open": "film:open_film",
    "read_storyboard": "storyboard:load",
    "strategies": "strategies:",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'longtake' has no attribute {name!r}")
    module, _, there = _HOMES[name].partition(":")
    home = importlib.import_module(f"longtake.{module}")
    return getattr(home, there) if there else home


def __dir__() -> list[str]:
    return sorted(__all__)
