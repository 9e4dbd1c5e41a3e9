"""A film as pieces of trees, one after the other: what has to be drawn for it, lazily."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise
from typing import NamedTuple

from longtake.plan.clip import Origin
from longtake.plan.job import Frame, Job
from longtake.plan.strategy import Strategy
from longtake.plan.timeline import Timeline
from longtake.plan.tree import Tree, overlap


class SceneSeen(NamedTuple):
    """Where a scene lies, and the first level (0 = keyframes) on which a frame is drawn from its prompt."""

    id: str
    start: int  # film frame
    frames: int
    level: int


class Shown(NamedTuple):
    """A leaf in the film: the frames of its clip that are shown, and the film frame that the first one is."""

    leaf: Job
    indices: range
    start: int
    piece: int  # number of the piece of the film that it is in, and of the leaf in its tree
    number: int


@dataclass(frozen=True)
class Piece:
    """Frames of a tree that are shown one after the other."""

    tree: int
    frames: range


@dataclass(frozen=True)
class Plan:
    """A film. Planned afresh it is one piece of one tree; edits (`plan/edit.py`) add layers and pieces."""

    timeline: Timeline
    strategy: Strategy
    trees: tuple[Tree, ...]
    pieces: tuple[Piece, ...]

    @classmethod
    def of(cls, strategy: Strategy, timeline: Timeline) -> Plan:
        """The film of `timeline`, planned afresh: one tree, or one per scene where these are apart."""
        if not strategy.scenes_apart:
            tree = Tree(strategy, timeline.length, timeline.prompt)
            return cls(timeline, strategy, (tree,), (Piece(0, range(timeline.length)),))
        trees = [
            Tree(strategy, len(frames), partial(_one_prompt, timeline.prompt(frames.start)), number=number)
            for number, frames in enumerate(timeline.spans())
        ]
        pieces = (Piece(tree.number, range(tree.length)) for tree in trees)
        return cls(timeline, strategy, tuple(trees), tuple(pieces))

    def with_pictures(self, pictures: Mapping[int, Job]) -> Plan:
        """The film, planned afresh, with some of its frames given, each by a job of one frame."""
        for i in pictures:
            self._checked(i)
        trees = list(self.trees)
        for piece, start in self.cut(slice(None)):
            shift = piece.frames.start - start
            own = {i + shift: job for i, job in pictures.items() if i + shift in piece.frames}
            trees[piece.tree] = trees[piece.tree].with_pictures(own)
        return replace(self, trees=tuple(trees))

    @property
    def length(self) -> int:
        """Film frames."""
        return self.timeline.length

    @property
    def strides(self) -> tuple[int, ...]:
        """Film frames between neighbouring frames of a clip, per level, of the tree planned first."""
        return self.trees[0].strides

    @property
    def levels(self) -> list[int]:
        """Clips per level, keyframes first."""
        return self.levels_of(slice(None))

    def levels_of(self, span: slice) -> list[int]:
        """Jobs per level that `span` needs, keyframes first; those that edits have replaced are left out."""
        return self.levels_under(piece for piece, _ in self.cut(span))

    def levels_under(self, pieces: Iterable[Piece]) -> list[int]:
        """Jobs per level that these frames of trees need; pieces of one tree go forward."""
        counts = [0] * max(tree.depth for tree in self.trees)
        counted: dict[tuple[int, int], int] = {}  # tree and level -> the first number that is not counted yet
        for piece in pieces:
            tree = self.trees[piece.tree]
            for level in range(tree.depth):
                numbers = tree.clips(level, piece.frames)
                first = max(numbers.start, counted.get((piece.tree, level), 0))
                counted[piece.tree, level] = numbers.stop
                fresh = range(first, max(first, numbers.stop))
                last_is_void = bool(fresh) and tree.is_void(level, fresh[-1])
                counts[level] += tree.jobs_from(level, fresh) - last_is_void
        return counts

    @property
    def jobs_total(self) -> int:
        """Clips of the whole film."""
        return sum(self.levels)

    @property
    def keyframes(self) -> Job:
        """The first clip of level 0 of the tree planned first."""
        return self.trees[0].clip(0, 0)

    def keyframe_numbers(self) -> Iterator[int]:
        """The film frames that clips of level 0 draw, in film order; a chain of leaves has no keyframes."""
        for piece, start in self.cut(slice(None)):
            tree = self.trees[piece.tree]
            if tree.depth > 1 or tree.count(0) == 1:
                for i in (i for n in tree.clips(0, piece.frames) for i in tree.draws(0, n)):
                    if i in piece.frames:
                        yield start + i - piece.frames.start

    def origin(self, i: int) -> Origin:
        """Where the latent of film frame `i` was first drawn."""
        ((piece, _),) = self.cut(slice(i, self._checked(i) + 1))
        return self.trees[piece.tree].origin(piece.frames.start)

    def frame(self, i: int) -> Frame:
        """The frame of the clip that first drew the latent of film frame `i`."""
        return self.origin(i).latent

    def leaf(self, i: int) -> Job:
        """The leaf that is decoded to show film frame `i`."""
        (shown,) = self.shown(slice(i, self._checked(i) + 1))
        return shown.leaf

    def shown(self, span: slice) -> Iterator[Shown]:
        """The leaves that show the film frames of `span`, in film order."""
        for number, (piece, start) in enumerate(self.cut(slice(None))):
            tree, inside = self.trees[piece.tree], self._inside(piece, start, span)
            if inside:
                for n in range(tree.leaf_number(inside[0]), tree.leaf_number(inside[-1]) + 1):
                    shows = tree.shows(n)
                    seen = overlap(shows, inside)
                    indices = range(seen.start - shows.start, seen.stop - shows.start)
                    leaf = tree.clip(tree.depth - 1, n)
                    yield Shown(leaf, indices, start + seen.start - piece.frames.start, number, n)

    def borders(self) -> tuple[list[int], list[int]]:
        """The film frames at which a leaf begins right where another one ends.

        First those where the clips above the two end and begin as well, then those where only leaves do.
        """
        coarse: list[int] = []
        fine: list[int] = []
        for before, after in pairwise(self.shown(slice(None))):
            if before.piece == after.piece:
                tree = self.trees[self.pieces[after.piece].tree]
                apart = tree.above(before.number) != tree.above(after.number)
                (coarse if apart else fine).append(after.start)
        return coarse, fine

    def frames_shown(self, job: Job, span: slice) -> int:
        """How many film frames of `span` a job shows: none unless it is a leaf."""
        if job.place is None or job.place.preparing or job.level != self.trees[job.place.tree].depth - 1:
            return 0
        shows = self.trees[job.place.tree].shows(job.place.number)
        pieces = (piece.frames for piece, _ in self.cut(span) if piece.tree == job.place.tree)
        return sum(len(overlap(shows, frames)) for frames in pieces)

    def parents(self, job: Job) -> tuple[Job, ...]:
        """The jobs whose frames `job` takes."""
        if job.place is None:
            return ()
        return self.trees[job.place.tree].parents(job.place)

    def joins(self, job: Job) -> list[int]:
        """The film frames that stand in one clip with each other, known ones too; past the end, the last."""
        if job.place is None:
            return []
        tree = self.trees[job.place.tree]
        frames = [(tree.number, i) for i in tree.frames(job.place.level, job.place.number)]
        frames += [(origin.tree, origin.frame) for origin in tree.stands_on(job.place)]
        in_film = {self._film_frame(*frame) for frame in frames}
        return sorted(i for i in in_film if i is not None)

    def walk(
        self, have: Container[str], span: slice, levels: int | None = None
    ) -> Iterator[tuple[Job, bool]]:
        """The jobs that `span` needs, and whether `have` has them: in film order, what a job takes before it.

        What a job took from clips that edits have replaced is needed only where the job is missing. `levels`
        keeps to the first so many levels (1: the keyframes alone). No job comes twice.
        """
        walk = Walk(self, have)
        for piece, _ in self.cut(span):
            yield from walk.tree(self.trees[piece.tree], piece.frames, levels)

    def missing(self, have: Container[str], span: slice, levels: int | None = None) -> Iterator[Job]:
        """The jobs of `walk` that `have` lacks."""
        return (job for job, there in self.walk(have, span, levels) if not there)

    def count_missing(self, have: Container[str], span: slice = slice(None)) -> int:
        """How many jobs `span` still needs.

        Without a look below a missing clip where nothing was edited: exact where clips are removed children
        first, so that a missing clip means a missing subtree.
        """
        if max(len(self.pieces), len(self.trees)) > 1 or any(tree.layers for tree in self.trees):
            return sum(1 for _ in self.missing(have, span))
        return sum(self.trees[piece.tree].count_missing(have, piece.frames) for piece, _ in self.cut(span))

    def scenes(self) -> list[SceneSeen]:
        """Each scene with the first level that draws from its prompt.

        A character or place that neither end of a gap shows is invented anew in that gap.
        """
        report = []
        for scene, frames in zip(self.timeline.scenes, self.timeline.spans(), strict=True):
            first = []
            for piece, _ in self.cut(slice(frames.start, frames.stop)):
                tree, inside = self.trees[piece.tree], piece.frames
                # The last keyframe may lie past the film's end, where the last scene goes on.
                last = tree.reach - 1 if inside.stop == tree.length else inside[-1]
                first.append(next(j for j, s in enumerate(tree.strides) if last // s * s >= inside.start))
            report.append(SceneSeen(scene.id, scene.start, len(frames), min(first)))
        return report

    def cut(self, span: slice) -> Iterator[tuple[Piece, int]]:
        """The pieces of `span`, cut to it, each with the film frame that its first frame is."""
        start = 0
        for piece in self.pieces:
            inside = self._inside(piece, start, span)
            if inside:
                yield Piece(piece.tree, inside), start + inside.start - piece.frames.start
            start += len(piece.frames)

    def _checked(self, i: int) -> int:
        if not 0 <= i < self.length:
            raise ValueError(f"frame {i} is not in the film: give 0 to {self.length - 1}")
        return i

    def _inside(self, piece: Piece, start: int, span: slice) -> range:
        """The frames of `piece`, which begins at film frame `start`, that are in `span`."""
        wanted = range(self.length)[span]
        if wanted.step != 1:
            raise ValueError(f"a span goes forward frame by frame, not in steps of {wanted.step}")
        shift = piece.frames.start - start
        return overlap(piece.frames, range(wanted.start + shift, wanted.stop + shift))

    def _film_frame(self, tree: int, i: int) -> int | None:
        """Which film frame is frame `i` of a tree; None where it is not shown any more."""
        start = 0
        for piece in self.pieces:
            if piece.tree == tree:
                held = min(i, piece.frames.stop - 1) if piece.frames.stop == self.trees[tree].length else i
                if held in piece.frames:
                    return start + held - piece.frames.start
            start += len(piece.frames)
        return None


class Walk:
    """What has been passed: on the way from the root of each tree, and outside of these ways.

    Clips that the walk has moved on from are forgotten, so that its memory does not grow with the film, but
    for those that another tree may still ask for.
    """

    def __init__(self, plan: Plan, have: Container[str]) -> None:
        self._plan, self._have = plan, have
        self._way: dict[tuple[int, int], tuple[int, set[str]]] = {}  # tree, level -> clip there, keys
        self._aside: set[str] = set()  # keys of jobs that other trees take frames of
        self._shared = _shared(plan)

    def tree(self, tree: Tree, frames: range, levels: int | None) -> Iterator[tuple[Job, bool]]:
        """The jobs for some frames of a tree, depth-first."""
        spans = [tree.clips(level, frames) for level in range(min(levels or tree.depth, tree.depth))]

        def below(level: int, n: int) -> Iterator[tuple[Job, bool]]:
            number, keys = self._way.get((tree.number, level), (-1, set()))
            if number != n:  # of a chain all that was passed is on the way
                self._way[tree.number, level] = n, keys if level == 0 else set()
            if not tree.is_void(level, n):
                yield from self._with_inputs(tree.clip(level, n))
            if level + 1 < len(spans):
                for child in overlap(tree.below(level, n), spans[level + 1]):
                    yield from below(level + 1, child)

        for n in spans[0]:
            yield from below(0, n)

    def _with_inputs(self, job: Job) -> Iterator[tuple[Job, bool]]:
        """A job, and before it what it takes; nothing where it has been passed."""
        number, on_the_way = -1, self._aside
        if job.place is not None:
            number, on_the_way = self._way.get(job.place[:2], (-1, self._aside))
        if job.key in on_the_way or job.key in self._aside:
            return
        own = job.place is not None and number == job.place.number and job.key not in self._shared
        (on_the_way if own else self._aside).add(job.key)
        there = job.key in self._have
        if not there:
            for parent in self._plan.parents(job):
                yield from self._with_inputs(parent)
        yield job, there


def _shared(plan: Plan) -> set[str]:
    """Keys of the jobs that trees take the frames beside them from, and of what these stand on.

    Clips of level 0 are left out: a walk forgets none of them.
    """
    jobs = [origin.job() for tree in plan.trees for origin in tree.ends()]
    shared: set[str] = set()
    while jobs:
        job = jobs.pop()
        if job.level and job.key not in shared:
            shared.add(job.key)
            jobs += plan.parents(job)
    return shared


def _one_prompt(prompt: str, i: int) -> str:
    """Of every frame of a scene, also of its keyframes past the end."""
    return prompt
