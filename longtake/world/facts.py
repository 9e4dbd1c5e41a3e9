"""What every edition says of its shots and frames, in words that all who read them share.

An edition's own actors may know more than `Actor` does: how far they get, at which moment of a step they are.
"""

from __future__ import annotations

from dataclasses import dataclass

# Where that is to be seen which no caption says, in every edition: measures of pictures turn it back.
LANDMARK, LANDMARK_RANGE = 0.10, 0.80  # a landmark stands at LANDMARK + LANDMARK_RANGE * layout + camera
SUN, SUN_RANGE = 0.08, 0.84  # the sun or moon at SUN + SUN_RANGE * clock, wherever the camera looks


@dataclass(frozen=True, kw_only=True)
class Actor:
    """One character of a shot."""

    name: str
    action: str
    facing: int  # -1 left, 1 right
    x: float  # 0..1; of a walker, where the shot begins


@dataclass(frozen=True, kw_only=True)
class Shot:
    """A stretch of frames with one caption."""

    start: int
    end: int  # exclusive
    place: str
    time: str
    weather: str
    pan: int  # -1, 0, 1: where the camera moves
    actors: tuple[Actor, ...]  # left to right
    caption: str

    @property
    def cast(self) -> tuple[tuple[str, str, int], ...]:
        """Name, action and direction, left to right."""
        return tuple((a.name, a.action, a.facing if a.action == "walk" else 1) for a in self.actors)


@dataclass(frozen=True, kw_only=True)
class ActorTruth:
    """A character in one frame."""

    name: str
    action: str
    direction: int  # -1 walks left, 1 walks right, 0 does not walk
    phase: float  # 0..1
    hue: float  # 0..1, of the outfit
    x: float  # 0..1, of the feet
    box: tuple[float, float, float, float]  # left, top, right, bottom in 0..1, may reach beyond the picture

    @property
    def busy(self) -> bool:
        """Whether it does what it is there for: a walker may have arrived."""
        return True

    @property
    def shown(self) -> float:
        """The share of its box that lies within the picture, across."""
        left, _, right, _ = self.box
        return max(0.0, min(1.0, right) - max(0.0, left)) / (right - left)

    @property
    def middle(self) -> tuple[float, float]:
        """Of the part of its box that lies within the picture."""
        left, top, right, bottom = (min(1.0, max(0.0, edge)) for edge in self.box)
        return (left + right) / 2, (top + bottom) / 2


@dataclass(frozen=True, kw_only=True)
class FrameTruth:
    """Everything that one frame shows."""

    frame: int
    shot: int  # first frame of the shot
    cut: bool  # the shot begins here (never at frame 0)
    caption: str
    place: str
    time: str
    weather: str
    pan: int
    camera: float  # shift of the scenery
    layout: float  # 0..1, the episode's fact about this place
    landmark: float  # where the landmark stands in the picture
    clock: float  # 0..1
    actors: tuple[ActorTruth, ...]  # left to right; each character at most once


@dataclass(frozen=True, kw_only=True)
class CaptionFacts:
    """What a caption says, as far as it was understood; None and an empty cast: nothing."""

    place: str | None
    time: str | None
    weather: str | None  # "clear" where only other things are said: what a caption does not say is not there
    pan: int  # -1, 0, 1
    cast: tuple[tuple[str, str | None, int], ...]  # name, action, direction (0: does not walk), left to right
