"""The storyboard file: a YAML text that says when which scene starts and what is to be seen in it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from difflib import get_close_matches
from fractions import Fraction
from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic_core import ErrorDetails, PydanticCustomError

from longtake.plan import MAX_FRAMES, Timeline
from longtake.plan import Scene as PlannedScene

__all__ = [
    "Scene",
    "Storyboard",
    "StoryboardError",
    "Video",
    "load",
    "parse",
    "parse_when",
    "timeline",
    "with_frames",
]

_LARGEST = 10_000_000  # bytes of a file that may still be a storyboard: about 100,000 scenes
# [hours:]minutes:seconds
_CLOCK = re.compile(r"(?:([0-9]{1,9}):)?([0-9]{1,9}):([0-9]{1,9}(?:\.[0-9]{1,9})?)")


class StoryboardError(ValueError):
    """A storyboard that cannot be used: one line that names the place and the remedy."""


def _seconds(text: str) -> Fraction | None:
    """The seconds of "0:21", "1:02:03.5" and the like, or None for any other text."""
    clock = _CLOCK.fullmatch(text.strip())
    if clock is None:
        return None
    hours, minutes, seconds = clock.groups(default="0")
    return 3600 * int(hours) + 60 * int(minutes) + Fraction(seconds)


def _when(value: object) -> int | str:
    """A frame number, or a time as text."""
    if isinstance(value, str) and _seconds(value) is not None:
        return value.strip()
    if isinstance(value, str) and re.fullmatch("[0-9]{1,12}", value.strip()):
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool):
        raise PydanticCustomError("when", "must be a frame number or a time such as '0:21'")
    if not 0 <= value < MAX_FRAMES:
        raise PydanticCustomError("when", "must be from 0 to {last}", {"last": MAX_FRAMES - 1})
    return value


def _duration(value: object) -> str:
    if not isinstance(value, str) or not _seconds(value):
        raise PydanticCustomError("duration", "must be a time above zero, such as '5:00' for five minutes")
    return value.strip()


def _words(value: object) -> object:
    """Text without the line breaks and indents of the YAML file: they belong in no clip's key."""
    return " ".join(value.split()) if isinstance(value, str) else value


def _no_edits(value: object) -> object:
    if not isinstance(value, list) or value:
        raise PydanticCustomError("edits", "must be an empty list: this version knows no edits")
    return value


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Video(_Strict):
    """How fast and how long."""

    fps: float = Field(ge=0.01, le=1000)  # film frames per second
    frames: Annotated[int, Field(ge=1, le=MAX_FRAMES)] | None = None  # or `duration`
    duration: Annotated[str, BeforeValidator(_duration)] | None = None  # [hours:]minutes:seconds


class Scene(_Strict):
    """What is to be seen from `at` until the next scene."""

    id: Annotated[str, BeforeValidator(_words), Field(min_length=1)]
    at: Annotated[int | str, BeforeValidator(_when)]  # film frame, or [hours:]minutes:seconds
    prompt: Annotated[str, BeforeValidator(_words), Field(min_length=1)]


class Storyboard(_Strict):
    """A checked storyboard. Make one with `load` or `parse`."""

    title: str = ""
    video: Video
    seed: int = Field(default=0, ge=0, lt=2**63)
    scenes: list[Scene] = Field(min_length=1)
    edits: Annotated[list[Any], BeforeValidator(_no_edits)] = Field(default_factory=list)

    @property
    def frames(self) -> int:
        """Film frames."""
        video = self.video
        return self.frame_at(video.duration) if video.duration is not None else video.frames or 0

    def frame_at(self, when: int | str) -> int:
        """The film frame of a frame number or of a time, which takes the frame that is nearest."""
        seconds = _seconds(when) if isinstance(when, str) else None
        if seconds is None:
            return int(when)
        return int(seconds * Fraction(str(self.video.fps)) + Fraction(1, 2))


def load(path: Path | str) -> Storyboard:
    """Read a storyboard file. Raises `StoryboardError`."""
    path = Path(path)
    try:
        with path.open("rb") as file:
            data = file.read(_LARGEST + 1)
    except FileNotFoundError:
        raise StoryboardError(f"{path}: there is no such file") from None
    except IsADirectoryError:
        raise StoryboardError(f"{path}: is a folder: name the storyboard file in it") from None
    except OSError as error:
        raise StoryboardError(f"{path}: cannot be read: {error.strerror}") from None
    if len(data) > _LARGEST:
        raise StoryboardError(f"{path}: is no storyboard: it has more than {_LARGEST:,} bytes")
    try:
        return parse(data.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise StoryboardError(f"{path}: is no storyboard: it is not a text in UTF-8") from None
    except StoryboardError as error:
        raise StoryboardError(f"{path}: {error}") from None


def parse(text: str) -> Storyboard:
    """Check a storyboard's YAML text. Raises `StoryboardError`."""
    try:
        raw = yaml.load(text, _Loader)  # a SafeLoader
    except yaml.MarkedYAMLError as error:
        line = f"line {error.problem_mark.line + 1} of the " if error.problem_mark else ""
        raise StoryboardError(f"{line}YAML: {error.problem or error.context}") from None
    except yaml.YAMLError:
        raise StoryboardError("is no storyboard: it holds characters that are not text") from None
    except RecursionError:
        raise StoryboardError("is no storyboard: it is nested too deeply") from None
    if not isinstance(raw, dict):
        what = "it is empty" if raw is None else "it is a single value or a list"
        raise StoryboardError(f"is no storyboard: {what}, but needs the keys 'video' and 'scenes'")
    try:
        storyboard = Storyboard.model_validate(raw)
    except ValidationError as error:
        details = error.errors(include_url=False, include_input=False)
        # A misspelt key comes first: what is then missing follows from it.
        first = min(details, key=lambda detail: detail["type"] != "extra_forbidden")
        raise StoryboardError(_line(first, raw)) from None
    if (storyboard.video.frames is None) == (storyboard.video.duration is None):
        raise StoryboardError("'video' needs either 'frames' or 'duration'")
    timeline(storyboard)
    return storyboard


def parse_when(storyboard: Storyboard, when: str) -> int:
    """The film frame of a frame number or [hours:]minutes:seconds. Raises `StoryboardError`."""
    try:
        frame = storyboard.frame_at(_when(when))
    except PydanticCustomError as error:
        raise StoryboardError(f"{when!r} {error.message()}") from None
    if frame >= storyboard.frames:
        last = storyboard.frames - 1
        raise StoryboardError(f"{when!r} is frame {frame}, past the film's end: the last frame is {last}")
    return frame


def timeline(storyboard: Storyboard) -> Timeline:
    """The scenes by film frame. Raises `StoryboardError` where they do not follow each other."""
    scenes = (PlannedScene(s.id, storyboard.frame_at(s.at), s.prompt) for s in storyboard.scenes)
    try:
        return Timeline(tuple(scenes), storyboard.frames)
    except ValueError as error:
        raise StoryboardError(str(error)) from None


def with_frames(storyboard: Storyboard, frames: int) -> tuple[Storyboard, str]:
    """The first `frames` frames as a film of their own, and a note for the user ("" where none is due).

    Later scenes fall away. Where `frames` is more than the film has, the last scene goes on.
    """
    if not 1 <= frames <= MAX_FRAMES:
        raise StoryboardError(f"a film has 1 to {MAX_FRAMES} frames, not {frames}")
    scenes = storyboard.scenes
    kept = [scene for scene in scenes if storyboard.frame_at(scene.at) < frames]
    note = ""
    if len(kept) < len(scenes):
        note = (
            f"{len(scenes) - len(kept)} of {len(scenes)} scenes fall away, from {scenes[len(kept)].id!r} on: "
            f"they start after the first {frames} frames"
        )
    elif frames > storyboard.frames:
        had = storyboard.frames
        note = f"scene {kept[-1].id!r} goes on: the storyboard has only {had} of {frames} frames"
    video = storyboard.video.model_copy(update={"frames": frames, "duration": None})
    return storyboard.model_copy(update={"video": video, "scenes": kept}), note


_SAY = {  # pydantic's type of error -> what is wrong and what to do
    "missing": "is missing",
    "string_type": "must be text: put it in quotes",
    "int_type": "must be a whole number",
    "float_type": "must be a number",
    "list_type": "must be a list",
    "string_too_short": "is empty: fill it in",
    "too_short": "is empty: fill it in",
    "greater_than_equal": "must be at least {ge}",
    "less_than": "must be below {lt}",
    "less_than_equal": "must be at most {le}",
    "finite_number": "must be a finite number",
}


def _line(error: ErrorDetails, raw: Mapping[Any, Any]) -> str:
    """One line of our own for an error of pydantic."""
    place, prefix = list(error["loc"]), ""
    model: type[_Strict] = Storyboard
    if place[0] == "scenes" and len(place) > 1:
        scene = raw["scenes"][place[1]]
        name = scene.get("id") if isinstance(scene, dict) else None
        prefix = f"scene {name!r}" if isinstance(name, str) and name else f"scene number {int(place[1]) + 1}"
        place, model = place[2:], Scene
    elif place[0] == "video":
        prefix, place, model = "'video'", place[1:], Video
    known = ", ".join(map(repr, model.model_fields))
    if error["type"] == "extra_forbidden":
        near = get_close_matches(str(place[0]), model.model_fields, n=1)
        remedy = f"did you mean {near[0]!r}?" if near else f"known are {known}"
        text = f"unknown key {str(place[0])[:80]!r}: {remedy}"
    elif error["type"] == "model_type":
        text = f"must be a mapping with the keys {known}"
    else:
        say = _SAY[error["type"]].format_map(error.get("ctx", {})) if error["type"] in _SAY else error["msg"]
        text = f"{place[0]!r} {say}" if place else say
    return f"{prefix}: {text}" if prefix else text


class _Loader(yaml.SafeLoader):
    """YAML as people write it: 1:30 is a text (not 90), so is `no`; keys stand once, tags never."""

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        event = self.peek_event()  # type: ignore[no-untyped-call]
        if getattr(event, "tag", None) is not None:
            raise yaml.MarkedYAMLError(problem=f"remove the tag {event.tag!r}", problem_mark=event.start_mark)
        return super().compose_node(parent, index)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode) or key.tag != self.DEFAULT_SCALAR_TAG:
                raise yaml.MarkedYAMLError(problem="a key must be a word", problem_mark=key.start_mark)
            if key.value in seen:
                problem = f"the key {key.value!r} stands twice: keep one"
                raise yaml.MarkedYAMLError(problem=problem, problem_mark=key.start_mark)
            seen.add(key.value)
        return super().construct_mapping(node, deep)


_Loader.yaml_implicit_resolvers = {}
for _tag, _pattern, _first in (
    ("null", "|~|null", ["", "~", "n"]),
    ("bool", "true|false", ["t", "f"]),
    ("int", "-?(?:0|[1-9][0-9]{0,18})", list("-0123456789")),
    ("float", r"-?[0-9]+\.[0-9]*", list("-0123456789")),
):
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(f"(?:{_pattern})$"), _first)
