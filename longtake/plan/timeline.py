"""Scenes on a time line: which prompt belongs to which film frame."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

MAX_FRAMES = 15**7 + 1  # seven levels of clips of 16 frames: 164 days at 12 frames per second


@dataclass(frozen=True)
class PlannedScene:
    """A stretch of film with one prompt; it lasts until the next scene starts."""

    id: str
    start: int  # film frame, 0 for the first scene
    prompt: str


@dataclass(frozen=True)
class Timeline:
    """The scenes of a film of `length` frames, in film order.

    Raises `ValueError`, naming the scene and the remedy, where scenes do not follow each other from 0 on.
    """

    scenes: tuple[PlannedScene, ...]
    length: int  # film frames, at least 1

    def __post_init__(self) -> None:
        if not 1 <= self.length <= MAX_FRAMES:
            raise ValueError(f"a film has 1 to {MAX_FRAMES} frames, not {self.length}")
        if not self.scenes:
            raise ValueError("a film needs at least one scene")
        first = self.scenes[0]
        if first.start != 0:
            raise ValueError(f"scene {first.id!r} is the first, but starts at {first.start}: start it at 0")
        for before, after in pairwise(self.scenes):
            if after.start <= before.start:
                raise ValueError(
                    f"scene {after.id!r} starts at frame {after.start}, not after scene {before.id!r} "
                    f"(frame {before.start}): give each scene a later start than the one above it"
                )
        seen: set[str] = set()
        for scene in self.scenes:
            if not scene.prompt.strip():
                raise ValueError(f"scene {scene.id!r} has an empty prompt: say what is to be seen")
            if scene.id in seen:
                raise ValueError(f"scene id {scene.id!r} is used twice: give each scene its own id")
            seen.add(scene.id)
            if scene.start >= self.length:
                raise ValueError(
                    f"scene {scene.id!r} starts at frame {scene.start}, but the film ends with frame "
                    f"{self.length - 1}: move the scene or lengthen the film"
                )

    @cached_property
    def _starts(self) -> list[int]:
        return [scene.start for scene in self.scenes]

    def scene(self, frame: int) -> PlannedScene:
        """The scene of film frame `frame`; past the film's end the last scene goes on."""
        return self.scenes[bisect_right(self._starts, frame) - 1]

    def prompt(self, frame: int) -> str:
        """The prompt of film frame `frame`; past the film's end the last one goes on."""
        return self.scene(frame).prompt

    def spans(self) -> list[range]:
        """The film frames of every scene, in film order."""
        return [range(a, b) for a, b in pairwise([*self._starts, self.length])]

    def first(self, frames: int) -> Timeline:
        """The first `frames` frames as a film of their own.

        Later scenes fall away. Where `frames` is more than the film has, the last scene goes on.
        """
        return Timeline(tuple(scene for scene in self.scenes if scene.start < max(frames, 1)), frames)
