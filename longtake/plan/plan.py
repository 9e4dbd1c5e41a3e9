"""What has to be drawn for a film: jobs by key, frames of jobs, and the lazy tree that holds them.

A plan computes every clip from its place in the tree, so asking for one frame of a film of any length
touches one job per level and nothing else.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Container, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from itertools import pairwise
from typing import Any, Literal, NamedTuple

from longtake.plan.timeline import Timeline

__all__ = ["Frame", "Job", "Plan", "Sampling", "SceneSeen"]

# Raise an operation's version by hand whenever its code changes what it yields: it is part of every key.
VERSIONS = {"draw": 1}

_REMEMBERED = 1024  # jobs kept by a plan; walking depth-first needs one per level


class Frame(NamedTuple):
    """Frame `index` of the clip that the job `key` yields."""

    key: str
    index: int  # type: ignore[assignment]  # hides tuple.index, which nobody needs here


@dataclass(frozen=True)
class Job:
    """One clip to be drawn: an operation, plain (JSON) parameters and frames of other jobs."""

    op: str
    inputs: tuple[Frame, ...]
    params: dict[str, Any]
    # Where the clip stands in the film, for progress and messages. Neither is part of the key.
    level: int = field(default=0, compare=False)  # 0 = keyframes
    start: int = field(default=0, compare=False)  # film frame

    @cached_property
    def key(self) -> str:
        """The recipe's SHA-256: all that can change the clip, and nothing else, is in it."""
        recipe = {"op": self.op, "version": VERSIONS[self.op], "params": self.params, "inputs": self.inputs}
        text = json.dumps(recipe, sort_keys=True, separators=(",", ":"), allow_nan=False)
        return hashlib.sha256(text.encode()).hexdigest()

    def __hash__(self) -> int:
        return hash(self.key)


@dataclass(frozen=True, kw_only=True)
class Sampling:
    """How the clips of one level are sampled. Every field is part of their keys."""

    sampler: Literal["ddim", "dpm-2m"]
    steps: int  # steps of the sampler, at least 1
    shift: float  # shift of its times towards noise, 1 = none
    text_guidance: float  # 1 = none
    known_guidance: float  # 1 = none; of no effect where no frame is known
    precision: Literal["fp32", "bf16"]

    def __post_init__(self) -> None:
        if self.steps < 1:
            raise ValueError(f"sampling needs at least one step, not {self.steps}")
        for name in ("shift", "text_guidance", "known_guidance"):
            value = float(getattr(self, name))  # 3 and 3.0 are one recipe
            if not math.isfinite(value):
                raise ValueError(f"{name} is {value}: give a finite number")
            object.__setattr__(self, name, value)
        if self.shift <= 0:
            raise ValueError(f"shift is {self.shift}: give a number above 0 (1 shifts nothing)")


class SceneSeen(NamedTuple):
    """Where a scene lies, and the first level (0 = keyframes) on which a frame is drawn from its prompt."""

    id: str
    start: int  # film frame
    frames: int
    level: int


# (level, film frames of the clip, its known first and last frame or nothing) -> job
Draw = Callable[[int, range, tuple[Frame, ...]], Job]


class Plan:
    """A film as a tree of clips: keyframes a stride apart, and each gap filled by a clip of a finer stride.

    Clip `n` of level `l` > 0 fills the gap from frame `n * strides[l - 1]` to the next multiple; both of
    these are frames of clips above it. The clips of the last level (leaves) hold every film frame.
    """

    def __init__(self, timeline: Timeline, strides: Sequence[int], draw: Draw) -> None:
        """`strides` in film frames, one per level, each a multiple of the next, the last one 1.

        `draw(level, frames, ends)` makes the job of a clip from its film frames and its known first and
        last frame (no known frames for the keyframes).
        """
        assert strides[-1] == 1
        assert all(coarse % fine == 0 for coarse, fine in pairwise(strides))
        self.timeline = timeline
        self.length = timeline.length
        self.strides = tuple(strides)
        self._gaps = -(-(self.length - 1) // strides[0])  # of the keyframes
        self._draw = draw
        self._clip = lru_cache(maxsize=_REMEMBERED)(self._make)

    @property
    def levels(self) -> list[int]:
        """Clips per level, keyframes first."""
        return [1, *(-(-(self.length - 1) // stride) for stride in self.strides[:-1])]

    def levels_of(self, span: slice) -> list[int]:
        """Clips per level that `span` needs, keyframes first."""
        lo, hi = self._aligned(span)
        if lo >= hi:
            return [0] * len(self.strides)
        last = min(hi, self.length - 1)
        return [1, *(-(-last // stride) - lo // stride for stride in self.strides[:-1])]

    @property
    def jobs_total(self) -> int:
        """Clips of the whole film."""
        return sum(self.levels)

    @property
    def keyframes(self) -> Job:
        """The clip of level 0."""
        return self._clip(0, 0)

    @property
    def leaf_frames(self) -> int:
        """Film frames from one leaf to the next."""
        return self.strides[-2] if len(self.strides) > 1 else self.length

    def frame(self, i: int) -> Frame:
        """The frame of the clip that first drew the latent of film frame `i`."""
        level, n = self._owner(self._checked(i))
        frames = self._frames(level, n)
        return Frame(self._clip(level, n).key, frames.index(i))

    def leaf(self, i: int) -> Job:
        """The leaf that is decoded to show film frame `i`, which is its frame `i - leaf.start`."""
        return self._clip(len(self.strides) - 1, self._leaf_number(self._checked(i)))

    def leaves(self, span: slice) -> Iterator[Job]:
        """The leaves that show the film frames of `span`, in film order."""
        frames = self._range(span)
        if frames:
            for n in range(self._leaf_number(frames[0]), self._leaf_number(frames[-1]) + 1):
                yield self._clip(len(self.strides) - 1, n)

    def shows(self, leaf: Job) -> range:
        """The film frames that are shown from `leaf`: all but its last, which the next leaf shows."""
        stop = leaf.start + self.leaf_frames
        return range(leaf.start, self.length if stop >= self.length - 1 else stop)

    def parents(self, job: Job) -> tuple[Job, ...]:
        """The jobs whose frames `job` takes."""
        ends = () if job.level == 0 else (job.start, job.start + self.strides[job.level - 1])
        above = [self._clip(*self._owner(end)) for end in ends]
        if "references" in job.params:
            above.append(self.keyframes)
        return tuple(dict.fromkeys(above))

    def missing(self, have: Container[str], span: slice, levels: int | None = None) -> Iterator[Job]:
        """The jobs that `span` needs and `have` lacks by key: depth-first, in film order, parents first.

        `levels` keeps to the first so many levels (1: the keyframes alone).
        """
        lo, hi = self._aligned(span)
        if lo < hi:
            yield from self._missing(0, 0, lo, hi, have, levels or len(self.strides))

    def count_missing(self, have: Container[str], span: slice = slice(None)) -> int:
        """How many jobs `span` still needs, without a look below a missing clip.

        Exact where clips are removed children first, so that a missing clip means a missing subtree.
        """
        lo, hi = self._aligned(span)
        return self._count_missing(0, 0, lo, hi, have) if lo < hi else 0

    def scenes(self) -> list[SceneSeen]:
        """Each scene with the first level that draws from its prompt.

        A character or place that neither end of a gap shows is invented anew in that gap.
        """
        report = []
        for scene, frames in zip(self.timeline.scenes, self.timeline.spans(), strict=True):
            # The last keyframe may lie past the film's end, where the last scene goes on.
            last = frames[-1] if frames.stop < self.length else self._gaps * self.strides[0]
            level = next(j for j, stride in enumerate(self.strides) if last // stride * stride >= scene.start)
            report.append(SceneSeen(scene.id, scene.start, len(frames), level))
        return report

    def _make(self, level: int, n: int) -> Job:
        frames = self._frames(level, n)
        ends = () if level == 0 else (frames[0], frames[-1])
        known = []
        for i in ends:
            above, m = self._owner(i)
            known.append(Frame(self._clip(above, m).key, self._frames(above, m).index(i)))
        return self._draw(level, frames, tuple(known))

    def _frames(self, level: int, n: int) -> range:
        """The film frames of clip `n` of `level`."""
        stride = self.strides[level]
        if level == 0:
            return range(0, self._gaps * stride + 1, stride)
        gap = self.strides[level - 1]
        return range(n * gap, (n + 1) * gap + 1, stride)

    def _owner(self, i: int) -> tuple[int, int]:
        """Level and number of the clip that first drew film frame `i`: the coarsest that reaches it."""
        level = next(j for j, stride in enumerate(self.strides) if i % stride == 0)
        return level, (0 if level == 0 else i // self.strides[level - 1])

    def _missing(
        self, level: int, n: int, lo: int, hi: int, have: Container[str], levels: int
    ) -> Iterator[Job]:
        job = self._clip(level, n)
        if job.key not in have:
            yield job
        if level + 1 < levels:
            for child in self._children(level, n, lo, hi):
                yield from self._missing(level + 1, child, lo, hi, have, levels)

    def _count_missing(self, level: int, n: int, lo: int, hi: int, have: Container[str]) -> int:
        if self._clip(level, n).key not in have:
            first, last = self._reach(level, n)
            lo, hi = max(first, lo), min(last, hi)
            return 1 + sum(-(-hi // stride) - lo // stride for stride in self.strides[level:-1])
        return sum(self._count_missing(level + 1, c, lo, hi, have) for c in self._children(level, n, lo, hi))

    def _reach(self, level: int, n: int) -> tuple[int, int]:
        """First and last film frame under clip `n` of `level`, the last no further than the film's end."""
        frames = self._frames(level, n)
        return frames[0], min(frames[-1], self.length - 1)

    def _children(self, level: int, n: int, lo: int, hi: int) -> range:
        """Numbers of the clips right below that lie between film frames `lo` and `hi`."""
        if level + 1 == len(self.strides):
            return range(0)
        first, last = self._reach(level, n)
        stride = self.strides[level]
        return range(max(first, lo) // stride, -(-min(last, hi) // stride))

    def _leaf_number(self, i: int) -> int:
        return min(i // self.leaf_frames, self.levels[-1] - 1)

    def _checked(self, i: int) -> int:
        if not 0 <= i < self.length:
            raise ValueError(f"frame {i} is not in the film: give 0 to {self.length - 1}")
        return i

    def _range(self, span: slice) -> range:
        frames = range(self.length)[span]
        if frames.step != 1:
            raise ValueError(f"a span goes forward frame by frame, not in steps of {frames.step}")
        return frames

    def _aligned(self, span: slice) -> tuple[int, int]:
        """`span` widened to whole leaves, as film frames [lo, hi); `lo == hi` where it is empty."""
        frames = self._range(span)
        if not frames:
            return 0, 0
        width = self.leaf_frames
        return self._leaf_number(frames[0]) * width, (self._leaf_number(frames[-1]) + 1) * width
