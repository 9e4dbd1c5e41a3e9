"""Reading a storyboard file: a YAML text that says when which scene starts and what is to be seen in it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any, get_args

import yaml
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from longtake.storyboard.film import images, timeline
from longtake.storyboard.schema import Edit, Image, Scene, Storyboard, StoryboardError, Strict, Video

_LARGEST = 10_000_000  # bytes of a file that may still be a storyboard: about 100,000 scenes


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
        raw = yaml.load(text, StoryboardLoader)  # a SafeLoader
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
    timeline(storyboard)
    images(storyboard)
    return storyboard


_EDITS: dict[str, type[Strict]] = {
    get_args(kind.model_fields["edit"].annotation)[0]: kind for kind in get_args(Edit)
}
_TAGS = ", ".join(_EDITS)
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
    "union_tag_not_found": f"needs the key 'edit', which is one of {_TAGS}",
    "union_tag_invalid": f"'edit' must be one of {_TAGS}",
    "model_attributes_type": f"must be a mapping with the key 'edit', which is one of {_TAGS}",
}


def _line(error: ErrorDetails, raw: Mapping[Any, Any]) -> str:
    """One line of our own for an error of pydantic."""
    place, prefix = list(error["loc"]), ""
    model: type[Strict] = Storyboard
    if place[0] == "scenes" and len(place) > 1:
        scene = raw["scenes"][place[1]]
        name = scene.get("id") if isinstance(scene, dict) else None
        prefix = f"scene {name!r}" if isinstance(name, str) and name else f"scene number {int(place[1]) + 1}"
        place, model = place[2:], Scene
    elif place[0] == "images" and len(place) > 1:
        prefix, place, model = f"image number {int(place[1]) + 1}", place[2:], Image
    elif place[0] == "edits" and len(place) > 1:
        prefix, model = f"edit number {int(place[1]) + 1}", _EDITS.get(str([*place, ""][2]), Strict)
        place = place[3:]
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


class StoryboardLoader(yaml.SafeLoader):
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


StoryboardLoader.yaml_implicit_resolvers = {}
for _tag, _pattern, _first in (
    ("null", "|~|null", ["", "~", "n"]),
    ("bool", "true|false", ["t", "f"]),
    ("int", "-?(?:0|[1-9][0-9]{0,18})", list("-0123456789")),
    ("float", r"-?[0-9]+\.[0-9]*", list("-0123456789")),
):
    StoryboardLoader.add_implicit_resolver(
        f"tag:yaml.org,2002:{_tag}", re.compile(f"(?:{_pattern})$"), _first
    )
