"""What a storyboard says of film frames."""

from __future__ import annotations

from collections.abc import Callable

from pydantic_core import PydanticCustomError

from longtake.plan import MAX_FRAMES, Job, Plan, PlannedScene, Timeline
from longtake.plan.edit import Edited, insert, move_cut, pin, remove, reroll, set_prompt
from longtake.storyboard.schema import (
    Append,
    Edit,
    Insert,
    Move,
    Pin,
    Remove,
    Reroll,
    SetPrompt,
    Storyboard,
    StoryboardError,
    read_when,
)

Picture = Callable[[str], Job]  # path, from the storyboard's folder -> the job that yields its latent


def edited(storyboard: Storyboard, plan: Plan, picture: Picture) -> Plan:
    """The plan after the storyboard's edits. Raises `StoryboardError` for one that cannot be done."""
    for number, edit in enumerate(storyboard.edits, start=1):
        try:
            plan = apply(storyboard, plan, edit, picture).plan
        except StoryboardError as error:
            raise StoryboardError(f"edit number {number} ({edit.edit}): {error}") from None
    return plan


def apply(storyboard: Storyboard, plan: Plan, edit: Edit, picture: Picture) -> Edited:
    """The plan after one more edit, whose times are the film's as `plan` has it. Raises `StoryboardError`."""
    try:
        match edit:
            case SetPrompt():
                return set_prompt(plan, edit.scene, edit.prompt)
            case Reroll():
                return reroll(plan, edit.scene)
            case Move():
                return move_cut(plan, edit.scene, storyboard.frame_at(edit.at))
            case Insert():
                return insert(plan, edit.scene, storyboard.frame_at(edit.at), edit.frames, edit.prompt)
            case Append():
                return insert(plan, edit.scene, plan.length, edit.frames, edit.prompt)
            case Remove():
                return remove(plan, edit.scene)
            case Pin():
                at = parse_when(storyboard, str(edit.at), plan.length)
                return pin(plan, at, picture(edit.picture))
    except ValueError as error:
        raise StoryboardError(str(error)) from None


def parse_when(storyboard: Storyboard, when: str, length: int) -> int:
    """The frame, of a film of `length`, of a number or [hours:]minutes:seconds. Raises `StoryboardError`."""
    try:
        frame = storyboard.frame_at(read_when(when))
    except PydanticCustomError as error:
        raise StoryboardError(f"{when!r} {error.message()}") from None
    if frame >= length:
        last = length - 1
        raise StoryboardError(f"{when!r} is frame {frame}, past the film's end: the last frame is {last}")
    return frame


def timeline(storyboard: Storyboard) -> Timeline:
    """The scenes by film frame. Raises `StoryboardError` where they do not follow each other."""
    if (storyboard.video.frames is None) == (storyboard.video.duration is None):
        raise StoryboardError("'video' needs either 'frames' or 'duration'")
    scenes = (PlannedScene(s.id, storyboard.frame_at(s.at), s.prompt) for s in storyboard.scenes)
    try:
        return Timeline(tuple(scenes), storyboard.frames)
    except ValueError as error:
        raise StoryboardError(str(error)) from None


def images(storyboard: Storyboard) -> dict[int, str]:
    """Film frames that are given, before the edits, and the paths of their pictures, in film order.

    Raises `StoryboardError` where a frame is given twice or lies past the film's end.
    """
    paths: dict[int, str] = {}
    given = [(scene.at, scene.image) for scene in storyboard.scenes if scene.image is not None]
    for when, path in [*given, *((one.at, one.image) for one in storyboard.images)]:
        frame = storyboard.frame_at(when)
        if frame in paths:
            raise StoryboardError(f"frame {frame} has two images, {paths[frame]} and {path}: keep one")
        if frame >= storyboard.frames:
            last = storyboard.frames - 1
            raise StoryboardError(f"the image {path} is frame {frame}: the film's last one is {last}")
        paths[frame] = path
    return dict(sorted(paths.items()))


def with_frames(storyboard: Storyboard, frames: int) -> tuple[Storyboard, str]:
    """The first `frames` frames as a film of their own, and a note for the user ("" where none is due).

    Later scenes and images fall away. Where `frames` is more than the film has, the last scene goes on.
    """
    if not 1 <= frames <= MAX_FRAMES:
        raise StoryboardError(f"a film has 1 to {MAX_FRAMES} frames, not {frames}")
    if storyboard.edits:
        raise StoryboardError("the first frames of an edited film are no film of their own: ask for a span")
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
    seen = [image for image in storyboard.images if storyboard.frame_at(image.at) < frames]
    return storyboard.model_copy(update={"video": video, "scenes": kept, "images": seen}), note
