"""Changing a film without paying for all of it again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import typer
from pydantic import TypeAdapter, ValidationError

from longtake.commands.costs import seconds_of
from longtake.commands.draw import CLIPS_WORTH, workers_for
from longtake.commands.selection import Selection, Work, clock
from longtake.files import written_whole
from longtake.plan import Plan
from longtake.storyboard import AnyEdit, Edit, StoryboardError, apply, difference, load, with_edits

Report = dict[str, Any]


def change_of(
    scene: str | None,
    prompt: str | None,
    reroll: bool,
    move_to: str | None,
    remove: bool,
    insert_at: str | None,
    frames: int | None,
    pin: str | None,
    at: str | None,
) -> dict[str, Any] | None:
    """The options of `edit` as an edit of the storyboard; None where they name none."""
    kinds: dict[str, tuple[bool, dict[str, Any]]] = {
        "reroll": (reroll, {"scene": scene}),
        "move": (move_to is not None, {"scene": scene, "at": move_to}),
        "remove": (remove, {"scene": scene}),
        "append": (insert_at == "end", {"scene": scene, "frames": frames, "prompt": prompt}),
        "insert": (
            insert_at not in (None, "end"),
            {"scene": scene, "at": insert_at, "frames": frames, "prompt": prompt},
        ),
        "pin": (pin is not None, {"at": at, "picture": pin}),
    }
    asked = {name: needs for name, (wanted, needs) in kinds.items() if wanted}
    if not asked and prompt is not None:
        asked = {"prompt": {"scene": scene, "prompt": prompt}}
    given = {"scene": scene, "prompt": prompt, "frames": frames, "at": at}
    if not asked:
        stray = [f"--{name}" for name, value in given.items() if value is not None]
        if stray:
            raise typer.BadParameter(f"{', '.join(stray)} alone says no change")
        return None
    if len(asked) > 1:
        raise typer.BadParameter("one change at a time")
    ((name, needs),) = asked.items()
    lacking = [f"--{option}" for option, value in needs.items() if value is None]
    stray = [f"--{option}" for option, value in given.items() if value is not None and option not in needs]
    if lacking:
        raise typer.BadParameter(f"it also needs {' and '.join(lacking)}")
    if stray:
        raise typer.BadParameter(f"{' and '.join(stray)} does not go with it")
    return {"edit": name, **needs}


def edit(
    selection: Selection,
    *,
    change: dict[str, Any] | None,
    undo: bool,
    to: Path | None,
    out: Path | None,
    dry_run: bool,
) -> tuple[Report, str]:
    """Append an edit to the storyboard, take the last one back, or find those that lead to another one.

    `change` is an edit as in the file. Nothing is drawn; what a render would draw is told.
    """
    if [change is not None, undo, to is not None].count(True) != 1:
        ways = "--prompt, --reroll, --move-to, --remove, --insert-at, --pin, --undo or --to"
        raise typer.BadParameter(f"say one change: {ways}")
    work = selection.open()
    edits, changed = list(work.board.edits), None
    if undo:
        if not edits:
            raise StoryboardError(f"{selection.storyboard}: has no edits: there is nothing to take back")
        told = [f"taken back: {_in_words(edits.pop())}"]
        plan = selection.plan(work.board.model_copy(update={"edits": edits}), work.artist)
    else:
        new = _difference(work, to) if to is not None else [_checked(change)]
        plan, changed = _after(work, new)
        edits += new
        told = [_in_words(one) for one in new] or ["nothing to do"]
    jobs = list(plan.missing(work.store, slice(None)))
    alone = seconds_of(work.store, work.artist.digest, jobs)
    seconds = None if alone is None else round(alone / workers_for(len(jobs) // CLIPS_WORTH), 1)
    path = out or selection.storyboard
    if not dry_run:
        text = with_edits(selection.text, edits)
        with written_whole(path) as aside:
            aside.write_text(text, encoding="utf-8")
    report = {
        "storyboard": None if dry_run else str(path),
        "jobs_to_run": len(jobs),
        "frames_changed": [changed.start, changed.stop - 1] if changed else None,
        "frames": plan.length,
        "seconds": seconds,
        "edits": len(edits),
    }
    lines = [f"{'only tried' if dry_run else path}: {line}" for line in told]
    if changed:
        lines.append(f"frames {changed.start:,} to {changed.stop - 1:,} of {plan.length:,} are drawn anew")
    price = f", about {clock(seconds)}" if seconds is not None else ", how long is not known yet"
    lines.append(f"a render has {len(jobs):,} clips to draw{price if jobs else ''}")
    return report, "\n".join(lines)


def _difference(work: Work, to: Path) -> list[Edit]:
    try:
        return difference(work.board, work.plan, load(to))
    except StoryboardError as error:
        raise StoryboardError(f"{to}: {error}") from None


def _checked(change: dict[str, Any] | None) -> Edit:
    try:
        made: Edit = TypeAdapter(AnyEdit).validate_python(change)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        raise typer.BadParameter(f"{first['loc'][-1]}: {first['msg']}") from None
    return made


def _after(work: Work, edits: list[Edit]) -> tuple[Plan, range | None]:
    """The plan after more edits, and its frames from the first to the last one that is drawn anew."""
    plan, found = work.plan, None
    for one in edits:
        length = plan.length
        plan, changed = apply(work.board, plan, one, work.picture)
        grown = plan.length - length
        if found is not None:  # where it is now
            found = range(*(i + grown if i > changed.start else i for i in (found.start, found.stop)))
        if changed:
            both = [changed] if found is None else [found, changed]
            found = range(min(r.start for r in both), max(r.stop for r in both))
    return plan, found


def _in_words(edit: Edit) -> str:
    told = edit.model_dump(exclude={"edit"})
    return f"{edit.edit}, {', '.join(f'{name} {value}' for name, value in told.items())}"
