"""A film at a multiple of its frame rate: what lies between its frames is drawn from them.

As VideoGen does it (arXiv 2309.00398): moved along a flow, then refined by diffusion. It stands on the leaves
of any plan and changes none of its jobs, so a film that was rendered before is only added to.
"""

from __future__ import annotations

import hashlib
from collections.abc import Container, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import groupby
from typing import Any

from longtake.plan.job import Frame, Job, Sampling
from longtake.plan.plan import Piece, Plan, SceneSeen, Shown, Walk
from longtake.plan.strategy import Origin
from longtake.plan.timeline import Timeline
from longtake.plan.tree import Tree, overlap

__all__ = ["Finer", "finer"]

_TOGETHER = 16  # leaves whose clips are asked for at once: a chain is looked through from its start each time


def finer(
    plan: Plan,
    times: int,
    *,
    model: str,
    sampling: Sampling,
    clip_length: int = 16,
    flow: str = "dis",
    flow_level: float = 0.1,
    flow_start: float = 0.2,
) -> Plan:
    """The film of `plan` with `times` as many frames per second: `times - 1` more between every two.

    They are refined from the noise level `flow_start` on.

    Raises `ValueError` where a clip has no room for a frame, those between and the next one.
    """
    if times == 1:
        return plan
    if not 1 < times < clip_length:
        raise ValueError(f"{times} times the frame rate: give a factor from 1 to {clip_length - 1}")
    scenes = tuple(replace(scene, start=scene.start * times) for scene in plan.timeline.scenes)
    line = Timeline(scenes, times * (plan.length - 1) + 1)
    draft = {"flow": flow, "level": flow_level, "start": flow_start}
    more = {"model": model, **sampling.params(), "draft": draft}
    most = (clip_length - 1) // times  # film frames that a clip moves on by
    return Finer(line, plan.strategy, plan.trees, plan.pieces, plan, times, most, more)


@dataclass(frozen=True)
class Finer(Plan):
    """The clips that show such a film: each a stretch of a leaf and what lies between its frames."""

    base: Plan
    times: int
    most: int  # frames of the base that a clip moves on by at most
    more: dict[str, Any]  # parameters of all their jobs

    def levels_of(self, span: slice) -> list[int]:
        """Jobs per level of the base, and then of these clips."""
        own = sum(len(self._parts(tree, n, frames)) for tree, n, frames, _ in self._leaves(span))
        return [*self.base.levels_of(self._of_base(span)), own]

    def shown(self, span: slice) -> Iterator[Shown]:
        """The clips that show the frames of `span`, in film order."""
        wanted = range(self.length)[span]
        for tree, n, frames, start in self._leaves(span):
            for k, part in self._parts(tree, n, frames):
                seen = overlap(part, frames)
                first = self.times * (start + seen.start - frames.start)  # film frame
                inside = overlap(range(first, first + self.times * len(seen)), wanted)
                offset = self.times * (seen.start - part.start) - first
                indices = range(inside.start + offset, inside.stop + offset)
                if indices:
                    job = self._clip(tree, n, k)
                    place = job.place
                    assert place is not None
                    yield Shown(job, indices, inside.start, self._piece(start), place.number)

    def frames_shown(self, job: Job, span: slice) -> int:
        """How many frames of `span` a job shows: none unless it is one of these clips."""
        if job.place is None or job.level != self.trees[job.place.tree].depth:
            return 0
        tree = self.trees[job.place.tree]
        n, k = divmod(job.place.number, self._many(tree))
        part = self._part(tree, n, k)
        base = self._of_base(span)
        pieces = (piece.frames for piece, _ in self.base.cut(base) if piece.tree == tree.number)
        return self.times * sum(len(overlap(part, frames)) for frames in pieces)

    def parents(self, job: Job) -> tuple[Job, ...]:
        """The jobs whose frames `job` takes."""
        if job.place is None or job.level != self.trees[job.place.tree].depth:
            return self.base.parents(job)
        tree = self.trees[job.place.tree]
        origins = self._known(tree, *divmod(job.place.number, self._many(tree)))
        return tuple(dict.fromkeys(origin.job() for origin in origins))

    def joins(self, job: Job) -> list[int]:
        """The film frames that stand in one clip with each other."""
        return sorted({self.times * i for i in self.base.joins(job)})

    def walk(
        self, have: Container[str], span: slice, levels: int | None = None
    ) -> Iterator[tuple[Job, bool]]:
        """The jobs that `span` needs, and whether `have` has them; `levels` of the base."""
        if levels is not None and levels < max(tree.depth for tree in self.trees):
            yield from self.base.walk(have, self._of_base(span), levels)
            return
        walk = Walk(self.base, have)
        numbered = enumerate(self._leaves(span))
        for _, group in groupby(numbered, key=lambda one: (one[0] // _TOGETHER, one[1][0].number)):
            leaves = [leaf for _, leaf in group]
            tree, first, last = leaves[0][0], leaves[0][2].start, leaves[-1][2].stop
            yield from walk.tree(tree, range(first, min(last + 1, tree.length)), None)
            for _, n, frames, _ in leaves:
                for k, _ in self._parts(tree, n, frames):
                    job = self._clip(tree, n, k)
                    yield job, job.key in have

    def count_missing(self, have: Container[str], span: slice = slice(None)) -> int:
        """How many jobs `span` still needs."""
        base = self._of_base(span)
        missing = self.base.count_missing(have, base)
        if missing == sum(self.base.levels_of(base)):
            return sum(self.levels_of(span))
        return sum(1 for _ in self.missing(have, span))

    def scenes(self) -> list[SceneSeen]:
        """Each scene with the first level that draws from its prompt."""
        spans = zip(self.base.scenes(), self.timeline.spans(), strict=True)
        return [seen._replace(start=frames.start, frames=len(frames)) for seen, frames in spans]

    def origin(self, i: int) -> Origin:
        """Where the latent of film frame `i` was first drawn."""
        if i % self.times == 0:
            return self.base.origin(i // self.times)
        (one,) = self.shown(slice(i, self._checked(i) + 1))
        job = one.leaf
        assert job.place is not None
        return Origin(Frame(job.key, one.indices[0]), job.place.tree, i, lambda: job)

    def keyframe_numbers(self) -> Iterator[int]:
        """The film frames that clips of level 0 draw, in film order."""
        return (self.times * i for i in self.base.keyframe_numbers())

    def cut(self, span: slice) -> Iterator[tuple[Piece, int]]:
        """The pieces of `span` of the base, each with the film frame that its first frame is."""
        return ((piece, self.times * start) for piece, start in self.base.cut(self._of_base(span)))

    @cached_property
    def _starts(self) -> list[int]:
        """The frame of the base that each of its pieces begins with."""
        return [start for _, start in self.base.cut(slice(None))]

    def _piece(self, start: int) -> int:
        return max(k for k, first in enumerate(self._starts) if first <= start)

    def _of_base(self, span: slice) -> slice:
        """The frames of the base that `span` is shown from."""
        wanted = range(self.length)[span]
        return slice(wanted.start // self.times, -(-wanted.stop // self.times))

    def _leaves(self, span: slice) -> Iterator[tuple[Tree, int, range, int]]:
        """The leaves under `span`: tree, number, frames of the tree, frame of the base that is the first."""
        for piece, start in self.base.cut(self._of_base(span)):
            tree = self.trees[piece.tree]
            for n in range(tree.leaf_number(piece.frames[0]), tree.leaf_number(piece.frames[-1]) + 1):
                frames = overlap(tree.shows(n), piece.frames)
                yield tree, n, frames, start + frames.start - piece.frames.start

    def _each(self, tree: Tree) -> int:
        """Frames that a clip moves on by: those of a leaf in as few parts as can be, all alike."""
        frames = len(tree.shows(0))
        return -(-frames // -(-frames // self.most))

    def _many(self, tree: Tree) -> int:
        """Clips over a leaf at most; the last one may show a frame more than the others."""
        return -(-(len(tree.shows(0)) + 1) // self._each(tree))

    def _parts(self, tree: Tree, n: int, frames: range) -> list[tuple[int, range]]:
        """The clips over leaf `n` that show something of `frames`: number, and the frames that each shows."""
        shows, each = tree.shows(n), self._each(tree)
        parts = enumerate(range(s, min(s + each, shows.stop)) for s in range(shows.start, shows.stop, each))
        return [(k, part) for k, part in parts if overlap(part, frames)]

    def _part(self, tree: Tree, n: int, k: int) -> range:
        """The frames of the tree that clip `k` over leaf `n` shows."""
        return dict(self._parts(tree, n, tree.shows(n)))[k]

    def _known(self, tree: Tree, n: int, k: int) -> list[Origin]:
        """The frames of a clip that are given: those of its leaf, and the next one where the tree has it."""
        part, frames = self._part(tree, n, k), tree.frames(tree.depth - 1, n)
        leaf = tree.clip(tree.depth - 1, n)
        found = [
            Origin(Frame(leaf.key, i - frames[0]), tree.number, i, lambda: leaf)
            for i in range(part.start, min(part.stop, frames[-1]) + 1)
        ]
        if frames[-1] < part.stop < tree.length:
            found.append(tree.origin(part.stop))
        return found

    def _clip(self, tree: Tree, n: int, k: int) -> Job:
        """The job of clip `k` over leaf `n`."""
        part, known, leaf = self._part(tree, n, k), self._known(tree, n, k), tree.clip(tree.depth - 1, n)
        # After the last frame shown comes one that is known; at the tree's end those between are alone.
        length = max(self.times * len(part), self.times * (len(known) - 1) + 1)
        said = [tree.prompt(part.start + k // self.times) for k in range(length)]
        prompts = list(dict.fromkeys(said))
        told = f"{leaf.params['seed']}/{k}/{self.times}"
        params = {
            "times": [i / self.times for i in range(length)],
            "prompts": prompts,
            "prompt": [prompts.index(prompt) for prompt in said],
            "known": [self.times * i for i in range(len(known))],
            "seed": int.from_bytes(hashlib.sha256(told.encode()).digest()[:8], "big") >> 1,
            **self.more,
        }
        assert leaf.place is not None
        place = leaf.place._replace(level=tree.depth, number=n * self._many(tree) + k)
        return Job("draw", tuple(one.latent for one in known), params, place=place, start=part.start)
