"""What a shot is: its facts, and who stands where in it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from longtake.world import facts

Track = Literal["sound", "brain"]  # a signal that a film may be given beside its prompts


@dataclass(frozen=True, kw_only=True)
class Tempo:
    """Times of one's own, instead of the clock's: only a signal tells them."""

    seed: int
    pace: float  # periods are so many times as long, about 0.7 to 1.4
    even: bool = False  # whether all are equally long, as of two who walk side by side


@dataclass(frozen=True, kw_only=True)
class CaptionFacts(facts.CaptionFacts):
    """What a caption says; what it does not say is not there."""

    close: bool = False  # everything is larger
    enters: bool = False  # a walker comes into the picture
    leaves: bool = False  # a walker goes out of it at the end


@dataclass(frozen=True, kw_only=True)
class Actor(facts.Actor):
    """One character of a shot; a walker may begin outside the picture."""

    way: float | None = None  # picture widths after which a walker stands still; None: it walks on and on
    room: float = 0.0  # picture widths after which the camera goes along with one who walks on
    stride: float = 0.0  # of a walker: half of the way between its feet at their farthest, in body heights
    late: float = 0.0  # rounds by which it is ahead of one that begins with the shot: two are not in step
    tempo: Tempo | None = None  # None: it moves as the scene's clock says


@dataclass(frozen=True, kw_only=True)
class Shot(facts.Shot):
    """A stretch of frames with one caption; its clock counts frames from `start`."""

    actors: tuple[Actor, ...]  # left to right
    close: bool  # everything is larger
    enters: bool  # its walker comes into the picture
    leaves: bool  # its walker goes out of it in the last frames
    telling: int = 0  # seed of the caption's words

    @property
    def walks_on(self) -> bool:
        """Whether the camera goes along with those who walk."""
        return any(actor.action == "walk" and actor.way is None for actor in self.actors)
