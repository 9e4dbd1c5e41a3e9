"""From one storyboard to another by edits."""

from __future__ import annotations

from typing import NoReturn

from longtake.plan import Plan
from longtake.storyboard.film import apply, timeline
from longtake.storyboard.schema import (
    Append,
    Edit,
    Insert,
    Move,
    Remove,
    SetPrompt,
    Storyboard,
    StoryboardError,
)


def difference(storyboard: Storyboard, plan: Plan, wanted: Storyboard) -> list[Edit]:
    """The edits that make the film `plan` of `storyboard` show the scenes of `wanted`.

    Raises `StoryboardError` for what no edit can do: another frame rate, seed or image, scenes in another
    order, a film that is longer or shorter by something else than whole scenes.
    """
    if (storyboard.seed, storyboard.video.fps) != (wanted.seed, wanted.video.fps):
        raise StoryboardError("it has another seed or frame rate: that is another film, render it afresh")
    if wanted.edits:
        raise StoryboardError("it has edits of its own: give one that has none")
    _check_images(storyboard, wanted)
    goal = timeline(wanted)
    lengths = {scene.id: len(span) for scene, span in zip(goal.scenes, goal.spans(), strict=True)}
    edits: list[Edit] = []

    def do(edit: Edit) -> None:
        nonlocal plan
        plan = apply(storyboard, plan, edit, _no_picture).plan
        edits.append(edit)

    for scene in plan.timeline.scenes:
        if scene.id not in lengths:
            do(Remove(edit="remove", scene=scene.id))
    kept = [scene.id for scene in plan.timeline.scenes]
    if kept != [scene.id for scene in goal.scenes if scene.id in kept]:
        raise StoryboardError("its scenes are in another order: that is another film, render it afresh")
    for number, scene in enumerate(goal.scenes):
        name, frames, prompt = scene.id, lengths[scene.id], scene.prompt
        if name in kept:
            continue
        if number < len(plan.timeline.scenes):
            at = plan.timeline.scenes[number].start
            do(Insert(edit="insert", scene=name, at=at, frames=frames, prompt=prompt))
        else:
            do(Append(edit="append", scene=name, frames=frames, prompt=prompt))
    if plan.length != goal.length:
        raise StoryboardError(
            f"it has {goal.length} frames; with whole scenes inserted and removed there are {plan.length}: "
            "move cuts between scenes, or give what is longer or shorter as a scene of its own"
        )
    while plan.timeline.spans() != goal.spans():
        starts = [scene.start for scene in plan.timeline.scenes]
        ends = [*starts[1:], plan.length]
        movable = (
            scene
            for k, scene in enumerate(goal.scenes)
            if k and scene.start != starts[k] and starts[k - 1] < scene.start < ends[k]
        )
        scene = next(movable)  # of cuts that must move, the outermost can
        do(Move(edit="move", scene=scene.id, at=scene.start))
    for scene in goal.scenes:
        if plan.timeline.prompt(scene.start) != scene.prompt:
            do(SetPrompt(edit="prompt", scene=scene.id, prompt=scene.prompt))
    return edits


def _check_images(storyboard: Storyboard, wanted: Storyboard) -> None:
    """Scenes that stay must keep their image, and with images elsewhere no scene may come or go."""
    had, has = ({scene.id: scene.image for scene in board.scenes} for board in (storyboard, wanted))
    if any(image != had.get(name) for name, image in has.items()) or storyboard.images != wanted.images:
        raise StoryboardError("it has other images: render it afresh, or pin a picture by an edit")
    if wanted.images and had.keys() != has.keys():
        raise StoryboardError(
            "scenes that come or go move its images: give each scene its own image, or edit step by step"
        )


def _no_picture(path: str) -> NoReturn:
    raise AssertionError(f"a difference pins no pictures, yet {path}")
