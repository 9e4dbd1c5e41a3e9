"""The storyboard file: what it holds, how it is read, what it says of film frames."""

from __future__ import annotations

from longtake.storyboard.cues import from_cues
from longtake.storyboard.difference import difference
from longtake.storyboard.film import apply, edited, images, parse_when, timeline, with_frames
from longtake.storyboard.read import load, parse
from longtake.storyboard.schema import (
    AnyEdit,
    Edit,
    Scene,
    Storyboard,
    StoryboardError,
    Video,
    read_seconds,
)
from longtake.storyboard.write import to_yaml, with_edits

__all__ = [
    "AnyEdit",
    "Edit",
    "Scene",
    "Storyboard",
    "StoryboardError",
    "Video",
    "apply",
    "difference",
    "edited",
    "from_cues",
    "images",
    "load",
    "parse",
    "parse_when",
    "read_seconds",
    "timeline",
    "to_yaml",
    "with_edits",
    "with_frames",
]
