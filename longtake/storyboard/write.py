"""Changing the edits in a storyboard's text and nothing else, comments included."""

from __future__ import annotations

from collections.abc import Sequence

import yaml

from longtake.storyboard.read import StoryboardLoader, parse
from longtake.storyboard.schema import Edit, Storyboard, StoryboardError


def with_edits(text: str, edits: Sequence[Edit]) -> str:
    """The YAML text of a storyboard with these edits instead of its own.

    Comments between the edits are lost. Raises `StoryboardError` where the text is no storyboard, or is
    written in a way that a list cannot be put into.
    """
    wanted = parse(text).model_copy(update={"edits": list(edits)})
    start = end = len(text)
    root = yaml.compose(text, StoryboardLoader)
    assert isinstance(root, yaml.MappingNode)
    for key, value in root.value:
        if key.value == "edits":
            start, end = key.start_mark.index, _end(text, key.start_mark.index, value.end_mark.index)
    head, tail = text[:start], text[end:] if text[end - 1] == "\n" else text[end:].removeprefix("\n")
    if head and not head.endswith("\n"):
        head += "\n"
    new = head + _block(edits) + tail
    try:
        if parse(new) == wanted:
            return new
    except StoryboardError:
        pass
    remedy = "edits cannot be written into it: write its keys one below the other, as in 'video:', 'scenes:'"
    raise StoryboardError(remedy)


def _block(edits: Sequence[Edit]) -> str:
    if not edits:
        return "edits: []\n"
    return "edits:\n" + "".join(f"  - {_line(edit)}" for edit in edits)


def _line(edit: Edit) -> str:
    return yaml.safe_dump(
        edit.model_dump(), default_flow_style=True, width=10**9, sort_keys=False, allow_unicode=True
    )


def _end(text: str, start: int, end: int) -> int:
    """Where a value really ends: the parser counts blank lines and comments after it as its own."""
    lines = text[start:end].splitlines(keepends=True)
    while len(lines) > 1 and (not lines[-1].strip() or lines[-1].startswith("#")):
        lines.pop()
    return start + sum(map(len, lines))


def to_yaml(storyboard: Storyboard) -> str:
    """The YAML text of a storyboard that was made in Python; `parse` reads it back."""
    return yaml.safe_dump(
        storyboard.model_dump(exclude_defaults=True), sort_keys=False, allow_unicode=True, width=100
    )
