"""Edits of a film, as its user says them, and what they draw anew."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from pydantic import TypeAdapter, ValidationError

from longtake.errors import OptionError
from longtake.plan import Job, Plan
from longtake.storyboard import AnyEdit, Edit, Storyboard, apply


def checked_edit(change: dict[str, Any]) -> Edit:
    """The edit that the file would hold so. Raises `OptionError` where there is none of that kind."""
    try:
        edit: Edit = TypeAdapter(AnyEdit).validate_python(change)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = f"{first['loc'][-1]}: " if first["loc"] else ""
        raise OptionError(f"{where}{first['msg']}") from None
    return edit


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
