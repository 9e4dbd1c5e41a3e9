"""A film at a multiple of its frame rate: what lies between its frames is drawn from them.

As VideoGen does it (arXiv 2309.00398): moved along a flow, then refined by diffusion. It stands on the leaves
of any plan and changes none of its jobs, so a film that was rendered before is only added to.
"""

from __future__ import annotations

from collections.abc import Container, Iterator
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Literal, NamedTuple

from longtake.plan.clip import Origin, numbered, seed_of_noise
from longtake.plan.job import Frame, Job
from longtake.plan.plan import Piece, Plan, SceneSeen, Shown, Walk
from longtake.plan.spec import ClipSpec, DraftSpec, Sampling
from longtake.plan.timeline import Timeline
from longtake.plan.tree import Tree, overlap

_TOGETHER = 16  # leaves whose clips are asked for at once: a chain is looked through from its start each time


def finer(
    plan: Plan,
    times: int,
    *,
    model: str,
    sampling: Sampling,
    clip_length: int = 16,
    flow: Literal["dis", "none"] = "dis",
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
    draft = DraftSpec(kind="flow", motion=flow, level=flow_level, start=flow_start)
    most = (clip_length - 1) // times  # film frames that a clip moves on by
    return Finer(line, plan.strategy, plan.trees, plan.pieces, plan, times, most, model, sampling, draft)


class _Leaf(NamedTuple):
    """A leaf of the base, as far as it is shown."""

    tree: Tree
    n: int  # its number
    frames: range  # of the tree, that are shown
    start: int  # frame of the base that the first of them is
    piece: int  # number of the base's piece
    stop: int  # frame of the tree up to which it is needed for this leaf: behind the last one shown, or after


@dataclass(frozen=True)
class Finer(Plan):
    """The clips that show such a film: each a stretch of a leaf and what lies between its frames.

    Edits and pictures of the user's are the base's matter.
    """

    base: Plan
    times: int
    most: int  # frames of the base that a clip moves on by at most
    model: str  # digest of all weights that draw them
    sampling: Sampling
    draft: DraftSpec

    @property
    def strides(self) -> tuple[int, ...]:
        """Film frames between neighbouring frames of a clip, per level: of the base, then of these clips."""
        return *(self.times * stride for stride in self.base.strides), 1

    def keyframe_numbers(self) -> Iterator[int]:
        """The film frames that clips of the base's level 0 draw, in film order."""
        return (self.times * i for i in self.base.keyframe_numbers())

    def levels_of(self, span: slice) -> list[int]:
        """Jobs per level of the base, and then of these clips."""
        own, pieces = set[tuple[int, int, int]](), dict[int, Piece]()
        for leaf in self._leaves(span):
            own |= {(leaf.tree.number, leaf.n, k) for k, _ in self._parts(leaf)}
            start = pieces[leaf.piece].frames.start if leaf.piece in pieces else leaf.frames.start
            pieces[leaf.piece] = Piece(leaf.tree.number, range(start, leaf.stop))
        return [*self.base.levels_under(pieces.values()), len(own)]

    def shown(self, span: slice) -> Iterator[Shown]:
        """The clips that show the frames of `span`, in film order."""
        wanted = range(self.length)[span]
        for leaf in self._leaves(span):
            for k, part in self._parts(leaf):
                seen = overlap(part, leaf.frames)
                first = self.times * (leaf.start + seen.start - leaf.frames.start)  # film frame
                inside = overlap(range(first, first + self.times * len(seen)), wanted)
                offset = self.times * (seen.start - part.start) - first
                indices = range(inside.start + offset, inside.stop + offset)
                if indices:
                    number = leaf.n * self._many(leaf.tree) + k
                    yield Shown(self._clip(leaf.tree, leaf.n, k), indices, inside.start, leaf.piece, number)

    def borders(self) -> tuple[list[int], list[int]]:
        """The film frames at which leaves of the base meet, as it tells them."""
        coarse, fine = ([self.times * i for i in frames] for frames in self.base.borders())
        return coarse, fine

    def frames_shown(self, job: Job, span: slice) -> int:
        """How many frames of `span` a job shows: none unless it is one of these clips."""
        if not self._is_own(job):
            return 0
        tree, n, k = self._place(job)
        part, wanted, count = self._part(tree, n, k), range(self.length)[span], 0
        for piece, start in self.base.cut(self._of_base(span)):
            if piece.tree == tree.number and (seen := overlap(part, piece.frames)):
                first = self.times * (start + seen.start - piece.frames.start)
                count += len(overlap(range(first, first + self.times * len(seen)), wanted))
        return count

    def parents(self, job: Job) -> tuple[Job, ...]:
        """The jobs whose frames `job` takes."""
        if not self._is_own(job):
            return self.base.parents(job)
        return tuple(dict.fromkeys(origin.job() for origin in self._known(*self._place(job))))

    def joins(self, job: Job) -> list[int]:
        """The film frames that stand in one clip with each other, known ones too."""
        if not self._is_own(job):
            return [self.times * i for i in self.base.joins(job)]
        tree, n, k = self._place(job)
        part, in_film = self._part(tree, n, k), set[int]()
        for moved in range(job.spec.frames):
            base = self._film_frame(tree.number, part.start + moved // self.times)
            if base is not None:
                in_film.add(self.times * base + moved % self.times)
        return sorted(i for i in in_film if i < self.length)

    def walk(
        self, have: Container[str], span: slice, levels: int | None = None
    ) -> Iterator[tuple[Job, bool]]:
        """The jobs that `span` needs, and whether `have` has them; `levels` of the base."""
        if levels is not None and levels < max(tree.depth for tree in self.trees):
            yield from self.base.walk(have, self._of_base(span), levels)
            return
        walk, cut = Walk(self.base, have), set[str]()  # keys of clips over leaves that are not shown whole
        numbered = enumerate(self._leaves(span))
        for _, group in groupby(numbered, key=lambda one: (one[0] // _TOGETHER, one[1].tree.number)):
            leaves = [leaf for _, leaf in group]
            tree = leaves[0].tree
            yield from walk.tree(tree, range(leaves[0].frames.start, leaves[-1].stop), None)
            for leaf in leaves:
                for k, _ in self._parts(leaf):
                    job = self._clip(tree, leaf.n, k)
                    if job.key not in cut:
                        yield job, job.key in have
                    if leaf.frames != tree.shows(leaf.n):
                        cut.add(job.key)

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

    def _of_base(self, span: slice) -> slice:
        """The frames of the base that `span` is shown from."""
        wanted = range(self.length)[span]
        return slice(wanted.start // self.times, -(-wanted.stop // self.times))

    def _leaves(self, span: slice) -> Iterator[_Leaf]:
        """The leaves of the base under `span`, in film order."""
        base = range(self.base.length)[self._of_base(span)]
        for number, (piece, start) in enumerate(self.base.cut(slice(None))):
            tree, shift = self.trees[piece.tree], piece.frames.start - start
            inside = overlap(piece.frames, range(base.start + shift, base.stop + shift))
            if inside:
                last = tree.leaf_number(inside[-1])
                for n in range(tree.leaf_number(inside[0]), last + 1):
                    frames = overlap(tree.shows(n), inside)
                    stop = frames.stop + 1 if n < last else self._needed(tree, n, inside.stop)
                    yield _Leaf(tree, n, frames, frames.start - shift, number, stop)

    def _needed(self, tree: Tree, n: int, stop: int) -> int:
        """Up to where clips over leaf `n` need the tree, which show it up to `stop`.

        The last one may end with a frame of the next leaf.
        """
        part = next(part for part in self._all_parts(tree, n) if stop - 1 in part)
        beyond = tree.frames(tree.depth - 1, n)[-1] < part.stop < tree.length
        return part.stop + 1 if beyond else stop

    def _is_own(self, job: Job) -> bool:
        return job.place is not None and job.level == self.trees[job.place.tree].depth

    def _place(self, job: Job) -> tuple[Tree, int, int]:
        """Of one of these clips: its tree, the number of its leaf, which of the clips over that it is."""
        assert job.place is not None
        tree = self.trees[job.place.tree]
        return tree, *divmod(job.place.number, self._many(tree))

    def _each(self, tree: Tree) -> int:
        """Frames that a clip moves on by: those of a leaf in as few parts as can be, all alike."""
        frames = len(tree.shows(0))
        return -(-frames // -(-frames // self.most))

    def _many(self, tree: Tree) -> int:
        """Clips over a leaf at most; the last one may show a frame more than the others."""
        return -(-(len(tree.shows(0)) + 1) // self._each(tree))

    def _all_parts(self, tree: Tree, n: int) -> list[range]:
        """The frames that each of the clips over leaf `n` shows."""
        shows, each = tree.shows(n), self._each(tree)
        return [range(s, min(s + each, shows.stop)) for s in range(shows.start, shows.stop, each)]

    def _parts(self, leaf: _Leaf) -> list[tuple[int, range]]:
        """The clips over a leaf that show something: number, and the frames that each shows in all."""
        parts = enumerate(self._all_parts(leaf.tree, leaf.n))
        return [(k, part) for k, part in parts if overlap(part, leaf.frames)]

    def _part(self, tree: Tree, n: int, k: int) -> range:
        """The frames of the tree that clip `k` over leaf `n` shows."""
        return self._all_parts(tree, n)[k]

    def _known(self, tree: Tree, n: int, k: int) -> list[Origin]:
        """The frames of a clip that are given: those of its leaf, and the next one where the tree has it."""
        part, frames = self._part(tree, n, k), tree.frames(tree.depth - 1, n)
        leaf = tree.clip(tree.depth - 1, n)
        known = [
            Origin(Frame(leaf.key, i - frames[0]), tree.number, i, lambda: leaf)
            for i in range(part.start, min(part.stop, frames[-1]) + 1)
        ]
        if frames[-1] < part.stop < tree.length:
            known.append(tree.origin(part.stop))
        return known

    def _clip(self, tree: Tree, n: int, k: int) -> Job:
        """The job of clip `k` over leaf `n`."""
        part, known, leaf = self._part(tree, n, k), self._known(tree, n, k), tree.clip(tree.depth - 1, n)
        # After the last frame shown comes one that is known; at the tree's end those between are alone.
        length = max(self.times * len(part), self.times * (len(known) - 1) + 1)
        texts = [tree.prompt(part.start + k // self.times) for k in range(length)]
        prompts, rows = numbered(texts)
        assert isinstance(leaf.spec, ClipSpec)
        assert leaf.place is not None
        spec = ClipSpec(
            times=tuple(i / self.times for i in range(length)),
            prompts=prompts,
            rows=rows,
            known=tuple(self.times * i for i in range(len(known))),
            seed=seed_of_noise(f"{leaf.spec.seed}/{k}/{self.times}"),
            model=self.model,
            sampling=self.sampling,
            draft=self.draft,
        )
        place = leaf.place._replace(level=tree.depth, number=n * self._many(tree) + k)
        return Job(spec, tuple(one.latent for one in known), place=place, start=part.start)
