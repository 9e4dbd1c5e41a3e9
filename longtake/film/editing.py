"""Edits of a film, as its user says them, and what they draw anew."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, get_args

from pydantic import TypeAdapter, ValidationError

from longtake.errors import OptionError
from longtake.plan import Job, Plan
from longtake.storyboard import AnyEdit, Edit, Storyboard, apply


def checked_edit(edit: object, changes: Mapping[str, Any]) -> Edit:
    """An edit as it is, or that which the file would hold of this kind with these keys.

    Raises `OptionError` where there is none such.
    """
    if isinstance(edit, get_args(Edit)):
        found: Edit = edit
        return found
    if not isinstance(edit, str):
        raise OptionError(f"{edit!r} is no edit: give its kind, as in edit('reroll', scene='rain')")
    try:
        made: Edit = TypeAdapter(AnyEdit).validate_python(
            {"edit": edit, **{name: _plain(value) for name, value in changes.items()}}
        )
    except ValidationError as error:
        details = error.errors(include_url=False, include_input=False)
        first = min(details, key=lambda detail: detail["type"] != "extra_forbidden")  # a misspelt key
        where = f"{first['loc'][-1]}: " if first["loc"] else ""
        what = "there is no such key" if first["type"] == "extra_forbidden" else first["msg"]
        raise OptionError(f"{where}{what}") from None
    return made


def _plain(value: Any) -> Any:
    """Paths and numpy's integers as the file has them."""
    if isinstance(value, Path):
        return str(value)
    return operator.index(value) if hasattr(value, "__index__") and not isinstance(value, bool) else value


def changed_by(
    storyboard: Storyboard, plan: Plan, edits: Sequence[Edit], picture: Callable[[str], Job]
) -> range | None:
    """The frames of the edited film from the first to the last one that the edits draw anew, None for none.

    Raises `StoryboardError` for an edit that cannot be done.
    """
    changed = None
    for one in edits:
        before = plan.length
        plan, span = apply(storyboard, plan, one, picture)
        changed = _both(changed, span, plan.length - before)
    return changed


def _both(earlier: range | None, span: range, grown: int) -> range | None:
    """From the first to the last frame that either edit draws anew; the later one adds `grown` frames."""
    if earlier is not None:  # where it is now
        earlier = range(*(i + grown if i > span.start else i for i in (earlier.start, earlier.stop)))
    if not span:
        return earlier
    spans = [span] if earlier is None else [earlier, span]
    return range(min(r.start for r in spans), max(r.stop for r in spans))
