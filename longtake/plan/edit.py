"""Edits: functions from a film to a film that leave alone what they do not touch.

A frame whose own time lies outside the edited scene stays known on every level, so only the clips that draw
or show frames of the scene are new. Insertions are trees of their own between two known frames. Every
function raises `ValueError` with the remedy where the film is not one that it could be done to.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import NamedTuple

from longtake.plan.job import Job
from longtake.plan.plan import Piece, Plan
from longtake.plan.timeline import PlannedScene, Timeline
from longtake.plan.tree import Elsewhere, Layer, Tree, overlap


class Edited(NamedTuple):
    """A film after an edit, and its film frames that are drawn anew."""

    plan: Plan
    changed: range


def set_prompt(plan: Plan, scene: str, prompt: str) -> Edited:
    """The film with another prompt for a scene, from the same noise."""
    number = _number(plan, scene)
    scenes = list(plan.timeline.scenes)
    scenes[number] = replace(scenes[number], prompt=prompt)
    return _drawn_anew(plan, plan.timeline.spans()[number], Timeline(tuple(scenes), plan.length))


def reroll(plan: Plan, scene: str) -> Edited:
    """The film with other noise for a scene."""
    return _drawn_anew(plan, plan.timeline.spans()[_number(plan, scene)], plan.timeline, rerolls=1)


def move_cut(plan: Plan, scene: str, at: int) -> Edited:
    """The film with the start of a scene moved to film frame `at`: only what lies between is drawn anew."""
    number = _number(plan, scene)
    scenes, spans = list(plan.timeline.scenes), plan.timeline.spans()
    if number == 0:
        raise ValueError(f"scene {scene!r} is the first: it starts where the film does")
    first, last = spans[number - 1].start + 1, spans[number].stop - 1
    if not first <= at <= last:
        raise ValueError(
            f"scene {scene!r} cannot start at frame {at}: give {first} to {last}, or remove a scene beside it"
        )
    before = scenes[number].start
    scenes[number] = replace(scenes[number], start=at)
    between = range(min(before, at), max(before, at))
    return _drawn_anew(plan, between, Timeline(tuple(scenes), plan.length))


def pin(plan: Plan, at: int, picture: Job) -> Edited:
    """The film with a picture, whose latent `picture` yields, as frame `at`: its scene is drawn anew."""
    number = plan.timeline.scenes.index(plan.timeline.scene(at))
    return _drawn_anew(plan, plan.timeline.spans()[number], plan.timeline, pinned=(at, picture))


def insert(plan: Plan, scene: str, at: int, frames: int, prompt: str) -> Edited:
    """The film with a new scene of `frames` frames before film frame `at`, or at its end (`at` its length).

    A scene that begins before `at` and goes on after it becomes two, the second one named `NAME-2` or so.
    """
    line = plan.timeline
    if not 0 <= at <= plan.length:
        raise ValueError(f"nothing can be inserted at frame {at}: give 0 to {plan.length}, the film's end")
    if frames < 1:
        raise ValueError(f"scene {scene!r} needs at least one frame, not {frames}")
    before = [s for s in line.scenes if s.start < at]
    after = [replace(s, start=s.start + frames) for s in line.scenes if s.start >= at]
    if at < plan.length and before and (not after or after[0].start > at + frames):
        after.insert(0, PlannedScene(_fresh(line, before[-1].id), at + frames, before[-1].prompt))
    scenes = (*before, PlannedScene(scene, at, prompt), *after)
    tree = _between(plan, at, frames, prompt)
    beside = at > 0 and not plan.strategy.scenes_apart  # the frame before it is in its tree
    shown = range(beside, frames + beside)
    pieces = (
        *(piece for piece, _ in plan.cut(slice(0, at))),
        Piece(tree.number, shown),
        *(piece for piece, _ in plan.cut(slice(at, None))),
    )
    edited = replace(
        plan,
        timeline=Timeline(scenes, plan.length + frames),
        trees=(*plan.trees, tree),
        pieces=pieces,
    )
    return Edited(edited, range(at, at + frames))


def remove(plan: Plan, scene: str) -> Edited:
    """The film without a scene; nothing is drawn anew."""
    number = _number(plan, scene)
    gone = plan.timeline.spans()[number]
    if len(plan.timeline.scenes) == 1:
        raise ValueError(f"scene {scene!r} is the only one: a film needs at least one scene")
    left = [s for s in plan.timeline.scenes if s.id != scene]
    moved = tuple(replace(s, start=s.start - len(gone)) if s.start > gone.start else s for s in left)
    pieces = [piece for part in (slice(0, gone.start), slice(gone.stop, None)) for piece, _ in plan.cut(part)]
    timeline = Timeline(moved, plan.length - len(gone))
    return Edited(replace(plan, timeline=timeline, pieces=tuple(pieces)), range(gone.start, gone.start))


def _number(plan: Plan, scene: str) -> int:
    names = [s.id for s in plan.timeline.scenes]
    if scene not in names:
        raise ValueError(f"there is no scene {scene!r} in the film: it has {', '.join(map(repr, names))}")
    return names.index(scene)


def _fresh(line: Timeline, name: str) -> str:
    """A scene id that is not used: `NAME-2`, `NAME-3` and so on."""
    used, count = {s.id for s in line.scenes}, 2
    while f"{name}-{count}" in used:
        count += 1
    return f"{name}-{count}"


def _drawn_anew(
    plan: Plan, span: range, timeline: Timeline, *, rerolls: int = 0, pinned: tuple[int, Job] | None = None
) -> Edited:
    """The film with another timeline, of the same length, whose frames in `span` are drawn anew."""
    trees = list(plan.trees)
    for piece, start in plan.cut(slice(span.start, span.stop)):
        tree, frames = trees[piece.tree], piece.frames
        if frames.stop == tree.length and not tree.closed:
            frames = range(frames.start, tree.reach)  # keyframes past the end go with its last scene
        over = [layer for layer in tree.layers if overlap(layer.span, frames)]
        pins = {i: job for i, job in tree.pictures.items() if i in frames}
        pins |= {i: job for layer in over for i, job in layer.pins if i in frames}
        if pinned is not None and start <= pinned[0] < start + len(piece.frames):
            pins[pinned[0] - start + piece.frames.start] = pinned[1]
        layer = Layer(
            span=frames,
            prompt=timeline.prompt(start),
            reroll=max((layer.reroll for layer in over), default=0) + rerolls,
            pins=tuple(sorted(pins.items())),
        )
        trees[piece.tree] = tree.with_layer(layer)
    return Edited(replace(plan, timeline=timeline, trees=tuple(trees)), span)


def _between(plan: Plan, at: int, frames: int, prompt: str) -> Tree:
    """A tree of `frames` frames before film frame `at` and of the frames on either side, which are given.

    Of a strategy whose scenes are apart it has no others.
    """
    if plan.strategy.scenes_apart:
        return Tree(plan.strategy, frames, lambda i: prompt, number=len(plan.trees))
    first = at > 0
    scenes = [PlannedScene("new", int(first), prompt)]
    if first:
        scenes.insert(0, PlannedScene("before", 0, plan.timeline.prompt(at - 1)))
    if at < plan.length:
        scenes.append(PlannedScene("after", frames + first, plan.timeline.prompt(at)))
    line = Timeline(tuple(scenes), frames + len(scenes) - 1)
    shift = int(first) - at  # from film frames to the tree's
    others = []
    for i in plan.keyframe_numbers():
        if i not in (at - 1, at):
            time = i + shift if i < at else i + shift + frames
            others.append(Elsewhere(time, plan.timeline.prompt(i), partial(plan.origin, i)))
    return Tree(
        plan.strategy,
        line.length,
        line.prompt,
        number=len(plan.trees),
        first=partial(plan.origin, at - 1) if first else None,
        last=partial(plan.origin, at) if at < plan.length else None,
        elsewhere=others,
    )
