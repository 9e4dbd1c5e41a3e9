"""The command that changes a film without paying for all of it again."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer import Option

from longtake.cli.options import FilmOptions, Json, show

if TYPE_CHECKING:
    from longtake.film import Film
    from longtake.storyboard import Edit

When = Annotated[str | None, Option("--at", help="Where it is pinned.", metavar="WHEN")]


def edit(
    options: FilmOptions,
    scene: Annotated[
        str | None, Option("--scene", help="Which scene, or the id of a new one.", metavar="ID")
    ] = None,
    prompt: Annotated[
        str | None, Option("--prompt", help="Its new prompt, or that of a new scene.", metavar="TEXT")
    ] = None,
    reroll: Annotated[bool, Option("--reroll", help="Draw the scene from other noise.")] = False,
    move_to: Annotated[
        str | None, Option("--move-to", help="Let the scene start there.", metavar="WHEN")
    ] = None,
    remove: Annotated[bool, Option("--remove", help="Take the scene out.")] = False,
    insert_at: Annotated[
        str | None,
        Option("--insert-at", help="Put a new scene there, or at the 'end'.", metavar="WHEN|end"),
    ] = None,
    frames: Annotated[
        int | None, Option("--frames", help="How long a new scene is.", min=1, metavar="N")
    ] = None,
    pin: Annotated[
        str | None,
        Option("--pin", help="A picture, to become the frame at --at.", metavar="PICTURE"),
    ] = None,
    at: When = None,
    undo: Annotated[bool, Option("--undo", help="Take the last edit back.")] = False,
    to: Annotated[
        Path | None,
        Option("--to", help="Find the edits that lead to the scenes of this one.", metavar="STORYBOARD"),
    ] = None,
    out: Annotated[
        Path | None, Option("--out", help="Write there instead.", metavar="FILE", show_default="STORYBOARD")
    ] = None,
    dry_run: Annotated[bool, Option("--dry-run", help="Only tell what it would cost.")] = False,
    as_json: Json = False,
) -> None:
    """Change a film; the next render draws only what the change touches.

    The edit is written into the storyboard, after its scenes. WHEN is a frame number
    or a time of the film as it is.

    Examples: longtake edit film.yaml --scene rain --prompt "It snows";
    longtake edit film.yaml --scene rain --reroll;
    longtake edit film.yaml --scene night --move-to 1:30;
    longtake edit film.yaml --scene storm --prompt "It rains" --insert-at 0:21 --frames 120;
    longtake edit film.yaml --pin fox.png --at 0:40;
    longtake edit film.yaml --undo
    """
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
    change = _the_change(kinds, {"scene": scene, "prompt": prompt, "frames": frames, "at": at})
    if [change is not None, undo, to is not None].count(True) != 1:
        ways = "--prompt, --reroll, --move-to, --remove, --insert-at, --pin, --undo or --to"
        raise typer.BadParameter(f"say one change: {ways}")
    before = options.open()
    if undo:
        after = before.undo()
        lines = [f"taken back: {_in_words(before.storyboard.edits[-1])}"]
    else:
        after = _towards(before, to) if change is None else before.edit(change.pop("edit"), **change)
        new = after.storyboard.edits[len(before.storyboard.edits) :]
        lines = [_in_words(one) for one in new] or ["nothing to do"]
    path = out or options.storyboard
    if not dry_run:
        after.save(path)
    report, costs = _price(after)
    report = {"storyboard": None if dry_run else str(path), **report}
    lines = [f"{'only tried' if dry_run else path}: {line}" for line in lines]
    show(report, "\n".join([*lines, *costs]), as_json)


def _the_change(
    kinds: dict[str, tuple[bool, dict[str, Any]]], given: dict[str, Any]
) -> dict[str, Any] | None:
    """The one edit that the options name, with what it needs; None where they name none."""
    named = {name: needs for name, (wanted, needs) in kinds.items() if wanted}
    if not named and given["prompt"] is not None:
        named = {"prompt": {"scene": given["scene"], "prompt": given["prompt"]}}
    if not named:
        stray = [f"--{name}" for name, value in given.items() if value is not None]
        if stray:
            raise typer.BadParameter(f"{', '.join(stray)} alone says no change")
        return None
    if len(named) > 1:
        raise typer.BadParameter("one change at a time")
    ((name, needs),) = named.items()
    lacking = [f"--{option}" for option, value in needs.items() if value is None]
    stray = [f"--{option}" for option, value in given.items() if value is not None and option not in needs]
    if lacking:
        raise typer.BadParameter(f"it also needs {' and '.join(lacking)}")
    if stray:
        raise typer.BadParameter(f"{' and '.join(stray)} does not go with it")
    return {"edit": name, **needs}


def _towards(film: Film, to: Path | None) -> Film:
    from longtake.storyboard import StoryboardError, load

    assert to is not None
    try:
        return film.edit_towards(load(to))
    except StoryboardError as error:
        raise StoryboardError(f"{to}: {error}") from None


def _price(film: Film) -> tuple[dict[str, Any], list[str]]:
    """What a render of the film costs, as JSON and in words."""
    from longtake.film import clock

    outlook, changed = film.plan(), film.changed
    seconds = None if outlook.seconds is None else round(outlook.seconds, 1)
    report = {
        "jobs_to_run": outlook.missing,
        "frames_changed": [changed.start, changed.stop - 1] if changed else None,
        "frames": len(film),
        "seconds": seconds,
        "edits": len(film.storyboard.edits),
    }
    lines = []
    if changed:
        lines.append(f"frames {changed.start:,} to {changed.stop - 1:,} of {len(film):,} are drawn anew")
    price = f", about {clock(seconds)}" if seconds is not None else ", how long is not known yet"
    lines.append(f"a render has {outlook.missing:,} clips to draw{price if outlook.missing else ''}")
    return report, lines


def _in_words(edit: Edit) -> str:
    fields = edit.model_dump(exclude={"edit"})
    return f"{edit.edit}, {', '.join(f'{name} {value}' for name, value in fields.items())}"
