"""What a shot is: its facts, and who stands where in it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Track = Literal["sound", "brain"]  # a signal that a film may be given beside its prompts


@dataclass(frozen=True, kw_only=True)
class Tempo:
    """Times of one's own, instead of the clock's: only a signal tells them."""

    seed: int
    pace: float  # periods are so many times as long, about 0.7 to 1.4
    even: bool = False  # whether all are equally long, as of two who walk side by side


@dataclass(frozen=True, kw_only=True)
class Actor:
    """One character of a shot."""

    name: str
    action: str
    facing: int  # -1 left, 1 right
    x: float  # 0..1, where it stands; of a walker, where it begins, which may lie outside the picture
    way: float | None = None  # picture widths after which a walker stands still; None: it walks on and on
    room: float = 0.0  # picture widths after which the camera goes along with one who walks on
    stride: float = 0.0  # of a walker: half of the way between its feet at their farthest, in body heights
    late: float = 0.0  # periods by which it is ahead of one that begins with the shot: two are not in step
    tempo: Tempo | None = None  # None: it moves as the scene's clock says


@dataclass(frozen=True, kw_only=True)
class Shot:
    """A stretch of frames with one caption. Its clock counts frames from `start`."""

    start: int
    end: int  # exclusive
    place: str
    time: str
    weather: str
    pan: int  # -1, 0, 1: where the camera turns at first
    close: bool  # everything is larger
    enters: bool  # its walker comes into the picture
    leaves: bool  # its walker goes out of it in the last frames
    actors: tuple[Actor, ...]  # left to right
    caption: str
    telling: int  # seed of the caption's words

    @property
    def cast(self) -> tuple[tuple[str, str, int], ...]:
        """Name, action and direction, left to right."""
        return tuple((a.name, a.action, a.facing if a.action == "walk" else 1) for a in self.actors)

    @property
    def walks_on(self) -> bool:
        """Whether the camera goes along with those who walk."""
        return any(actor.action == "walk" and actor.way is None for actor in self.actors)
