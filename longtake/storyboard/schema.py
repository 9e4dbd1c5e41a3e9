"""What a storyboard holds: the film as it was first told, and the edits that were made to it since."""

from __future__ import annotations

import re
from fractions import Fraction
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from pydantic_core import PydanticCustomError

from longtake.plan import MAX_FRAMES

# [hours:]minutes:seconds
_CLOCK = re.compile(r"(?:([0-9]{1,9}):)?([0-9]{1,9}):([0-9]{1,9}(?:\.[0-9]{1,9})?)")


class StoryboardError(ValueError):
    """A storyboard that cannot be used: one line that names the place and the remedy."""


def read_seconds(text: str) -> Fraction | None:
    """The seconds of "0:21", "1:02:03.5" and the like, or None for any other text."""
    clock = _CLOCK.fullmatch(text.strip())
    if clock is None:
        return None
    hours, minutes, seconds = clock.groups(default="0")
    return 3600 * int(hours) + 60 * int(minutes) + Fraction(seconds)


def read_when(value: object) -> int | str:
    """A frame number, or a time as text."""
    if isinstance(value, str) and read_seconds(value) is not None:
        return value.strip()
    if isinstance(value, str) and re.fullmatch("[0-9]{1,12}", value.strip()):
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool):
        raise PydanticCustomError("when", "must be a frame number or a time such as '0:21'")
    if not 0 <= value < MAX_FRAMES:
        raise PydanticCustomError("when", "must be from 0 to {last}", {"last": MAX_FRAMES - 1})
    return value


def _duration(value: object) -> str:
    if not isinstance(value, str) or not read_seconds(value):
        raise PydanticCustomError("duration", "must be a time above zero, such as '5:00' for five minutes")
    return value.strip()


def _words(value: object) -> object:
    """Text without the line breaks and indents of the YAML file: they belong in no clip's key."""
    return " ".join(value.split()) if isinstance(value, str) else value


Words = Annotated[str, BeforeValidator(_words), Field(min_length=1)]
SceneId = Words
When = Annotated[int | str, BeforeValidator(read_when)]  # film frame, or [hours:]minutes:seconds


class Strict(BaseModel):
    """A part of a storyboard: unknown keys are refused, and no value is turned into another type."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Video(Strict):
    """How fast and how long."""

    fps: float = Field(ge=0.01, le=1000)  # film frames per second
    frames: Annotated[int, Field(ge=1, le=MAX_FRAMES)] | None = None  # or `duration`
    duration: Annotated[str, BeforeValidator(_duration)] | None = None  # [hours:]minutes:seconds


Path = Annotated[str, Field(min_length=1)]  # of a picture, from the storyboard's folder


class Scene(Strict):
    """What is to be seen from `at` until the next scene."""

    id: SceneId
    at: When
    prompt: Words
    image: Path | None = None  # the scene's first frame


class Image(Strict):
    """A picture that is the film's frame at `at`."""

    at: When
    image: Path


class SetPrompt(Strict):
    """Another prompt for a scene."""

    edit: Literal["prompt"]
    scene: SceneId
    prompt: Words


class Reroll(Strict):
    """Other noise for a scene."""

    edit: Literal["reroll"]
    scene: SceneId


class Move(Strict):
    """Another start for a scene: the cut before it moves."""

    edit: Literal["move"]
    scene: SceneId
    at: When


class Insert(Strict):
    """A new scene before the film frame that is at `at`."""

    edit: Literal["insert"]
    scene: SceneId
    at: When
    frames: Annotated[int, Field(ge=1, le=MAX_FRAMES)]
    prompt: Words


class Append(Strict):
    """A new scene at the film's end."""

    edit: Literal["append"]
    scene: SceneId
    frames: Annotated[int, Field(ge=1, le=MAX_FRAMES)]
    prompt: Words


class Remove(Strict):
    """A scene less."""

    edit: Literal["remove"]
    scene: SceneId


class Pin(Strict):
    """A picture that is the film's frame at `at`; the rest of its scene is drawn around it."""

    edit: Literal["pin"]
    at: When
    picture: Path


Edit = SetPrompt | Reroll | Move | Insert | Append | Remove | Pin
AnyEdit = Annotated[Edit, Field(discriminator="edit")]


class Storyboard(Strict):
    """A checked storyboard. Make one with `load` or `parse`."""

    title: str = ""
    video: Video
    seed: int = Field(default=0, ge=0, lt=2**63)
    scenes: list[Scene] = Field(min_length=1)
    images: list[Image] = Field(default_factory=list)  # given frames anywhere; a scene may have one too
    # In order; each one's times are those of the film that the ones before it left.
    edits: list[AnyEdit] = Field(default_factory=list)

    @property
    def frames(self) -> int:
        """Film frames, before the edits."""
        video = self.video
        return self.frame_at(video.duration) if video.duration is not None else video.frames or 0

    def frame_at(self, when: int | str) -> int:
        """The film frame of a frame number or of a time, which takes the frame that is nearest."""
        seconds = read_seconds(when) if isinstance(when, str) else None
        if seconds is None:
            return int(when)
        return int(seconds * Fraction(str(self.video.fps)) + Fraction(1, 2))
