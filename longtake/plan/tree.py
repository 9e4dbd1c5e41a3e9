"""A tree of clips: keyframes a stride apart, and each gap filled by a clip of a finer stride, recursively.

A tree computes every clip from its place, so asking for one frame of a film of any length touches one job per
level and nothing else. Edits lie over it in layers: a layer draws a span of frames anew, and every frame
outside of it stays known to the clips that are drawn for it, on every level.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from itertools import pairwise
from typing import NamedTuple, Protocol

from longtake.plan.job import Frame, Job, Place

__all__ = ["Clip", "Elsewhere", "Layer", "Origin", "Seen", "Strategy", "Tree", "overlap"]

_REMEMBERED = 1024  # jobs kept by a tree; walking depth-first needs one per level


class Seen(NamedTuple):
    """A frame that a clip is shown beside its own, as known as its ends."""

    time: int  # as frame of the clip's tree; may lie outside of it
    prompt: str
    frame: Frame


@dataclass(frozen=True, kw_only=True)
class Clip:
    """What a strategy makes a job of."""

    place: Place
    frames: tuple[int, ...]  # of the tree
    prompts: tuple[str, ...]  # one per frame
    known: tuple[int, ...]  # positions in `frames`
    inputs: tuple[Frame, ...]  # the latents of these
    seen: tuple[Seen, ...]
    reroll: int  # how often the user asked for other noise


class Strategy(Protocol):
    """What differs between ways to plan a tree."""

    most_seen: int  # frames that a clip may be shown beside its own

    def strides(self, length: int) -> Sequence[int]:
        """Frames between neighbouring frames of a clip, per level, for a tree of `length` frames."""

    def draw(self, clip: Clip) -> Job:
        """The job of a clip."""

    def look(
        self, frames: Sequence[str], known: Sequence[str], others: Sequence[tuple[float, str]]
    ) -> list[int]:
        """Which of `others` (how far away, prompt) a clip should see; positions, in order.

        `frames` are the prompts of what is to be drawn, `known` those of what is known.
        """


class Origin(NamedTuple):
    """Where a latent was first drawn: frame `index` of the clip of `job`, frame `frame` of tree `tree`."""

    job: Job
    index: int  # type: ignore[assignment]  # hides tuple.index, which nobody needs here
    tree: int
    frame: int

    @property
    def latent(self) -> Frame:
        """As an input of other jobs."""
        return Frame(self.job.key, self.index)


class Elsewhere(NamedTuple):
    """A frame of another tree that the clip of level 0 may be shown."""

    time: int  # as frame of this tree
    prompt: str
    origin: Callable[[], Origin]


@dataclass(frozen=True, kw_only=True)
class Layer:
    """Frames that an edit draws anew."""

    span: range  # frames of the tree, past its end where its last scene goes on
    prompt: str
    reroll: int
    pins: tuple[tuple[int, Job], ...] = ()  # frames in the span that are given, each by a job of one frame


class Tree:
    """Clips over `length` frames, the first and the last of them given by other trees or not.

    Clip `n` of level `l` > 0 fills the gap from frame `n * strides[l - 1]` to the next multiple; both of
    these are frames of clips above it. The clips of the last level (leaves) hold every frame. Where the last
    frame is not given, keyframes may lie past the end.
    """

    def __init__(
        self,
        strategy: Strategy,
        length: int,
        prompt: Callable[[int], str],
        *,
        number: int = 0,
        first: Callable[[], Origin] | None = None,
        last: Callable[[], Origin] | None = None,
        elsewhere: Sequence[Elsewhere] = (),
        layers: tuple[Layer, ...] = (),
    ) -> None:
        self.strategy, self.length, self.number, self.layers = strategy, length, number, layers
        self.strides = tuple(strategy.strides(length))
        assert self.strides[-1] == 1
        assert all(coarse % fine == 0 for coarse, fine in pairwise(self.strides))
        self._prompt, self._first, self._last, self._elsewhere = prompt, first, last, tuple(elsewhere)
        self._gaps = -(-(length - 1) // self.strides[0])  # of the keyframes
        self._clip = lru_cache(maxsize=_REMEMBERED)(self._make)

    def with_layer(self, layer: Layer) -> Tree:
        """The tree after one more edit."""
        return Tree(
            self.strategy,
            self.length,
            self._prompt,
            number=self.number,
            first=self._first,
            last=self._last,
            elsewhere=self._elsewhere,
            layers=(*self.layers, layer),
        )

    @property
    def closed(self) -> bool:
        """Whether its last frame is given."""
        return self._last is not None

    @property
    def depth(self) -> int:
        """How many levels there are."""
        return len(self.strides)

    @property
    def leaf_frames(self) -> int:
        """Frames from one leaf to the next."""
        return self.strides[-2] if self.depth > 1 else self.length

    @property
    def reach(self) -> int:
        """Frames up to and with the last keyframe, which may lie past the end."""
        return self.length if self.closed else self._gaps * self.strides[0] + 1

    def count(self, level: int) -> int:
        """Clips of a level."""
        return 1 if level == 0 else -(-(self.length - 1) // self.strides[level - 1])

    def frames(self, level: int, n: int) -> list[int]:
        """The frames of clip `n` of `level`."""
        stride = self.strides[level]
        gap = self._gaps * stride if level == 0 else self.strides[level - 1]
        end = min((n + 1) * gap, self.reach - 1)
        return [*range(n * gap, end, stride), end]

    def draws(self, level: int, n: int) -> list[int]:
        """Those of them that no clip above has drawn."""
        frames = self.frames(level, n)
        if level:
            return frames[1:-1]
        return frames[self._first is not None : len(frames) - self.closed]

    def is_void(self, level: int, n: int) -> bool:
        """Whether there is nothing to do: a short last gap that has no frame of this level in it."""
        return level < self.depth - 1 and not self.draws(level, n)

    def leaf_number(self, i: int) -> int:
        """Of the leaf that shows frame `i`."""
        return min(i // self.leaf_frames, self.count(self.depth - 1) - 1)

    def shows(self, n: int) -> range:
        """The frames that leaf `n` shows: all but its last, which the next leaf shows."""
        frames = self.frames(self.depth - 1, n)
        whole = n == self.count(self.depth - 1) - 1 and not self.closed
        return range(frames[0], min(frames[-1] + whole, self.length))

    def clips(self, level: int, frames: range) -> range:
        """Numbers of the clips of `level` that `frames` (not empty) stand on."""
        if level == 0:
            return range(1)
        first, last = (self.leaf_number(i) * self.leaf_frames for i in (frames[0], frames[-1]))
        gap = self.strides[level - 1]
        return range(first // gap, last // gap + 1)

    def below(self, level: int, n: int) -> range:
        """Numbers of the clips right below clip `n` of `level`, which is no leaf."""
        ratio = self._gaps if level == 0 else self.strides[level - 1] // self.strides[level]
        return range(n * ratio, min((n + 1) * ratio, self.count(level + 1)))

    def clip(self, level: int, n: int) -> Job:
        """The job of clip `n` of `level` as the last edit left it."""
        return self._clip(level, n, self._newest(level, n))

    def prompt(self, i: int, version: int | None = None) -> str:
        """The prompt of frame `i` after `version` edits, or all."""
        layer = self._layer_of(i, len(self.layers) if version is None else version)
        return self.layers[layer - 1].prompt if layer else self._prompt(i)

    def origin(self, i: int, version: int | None = None) -> Origin:
        """Where the latent of frame `i` was first drawn, after `version` edits, or all."""
        layer = self._layer_of(i, len(self.layers) if version is None else version)
        pinned = dict(self.layers[layer - 1].pins) if layer else {}
        if i in pinned:
            return Origin(pinned[i], 0, self.number, i)
        if i == 0 and self._first is not None:
            return self._first()
        if i == self.length - 1 and self._last is not None:
            return self._last()
        level = next(j for j, stride in enumerate(self.strides) if i % stride == 0)
        n = 0 if level == 0 else i // self.strides[level - 1]
        return Origin(self._clip(level, n, layer), self.frames(level, n).index(i), self.number, i)

    def stands_on(self, place: Place) -> list[Origin]:
        """The inputs of the clip at `place`, in the job's order."""
        known, seen = self._inputs(place.level, place.number, place.version)
        return [*known.values(), *(origin for _, _, origin in seen)]

    def count_missing(self, have: Container[str], frames: range) -> int:
        """How many jobs `frames` (not empty) still need, without a look below a missing clip; no edits."""
        assert not self.layers
        spans = [self.clips(level, frames) for level in range(self.depth)]

        def below(level: int, n: int) -> range:
            return overlap(self.below(level, n), spans[level + 1])

        def missing(level: int, n: int) -> int:
            if self.clip(level, n).key in have:
                return sum(missing(level + 1, c) for c in below(level, n)) if level + 1 < self.depth else 0
            total, numbers = 1, range(n, n + 1)
            for deeper in range(level, self.depth - 1):
                numbers = range(below(deeper, numbers[0]).start, below(deeper, numbers[-1]).stop)
                total += len(numbers)
            return total

        return missing(0, 0)

    def _layer_of(self, i: int, version: int) -> int:
        """The last of the first `version` edits that drew frame `i` anew, or 0."""
        return next((v for v in range(version, 0, -1) if i in self.layers[v - 1].span), 0)

    def _newest(self, level: int, n: int) -> int:
        """The last edit that changed something that clip `n` of `level` draws, or shows; or 0."""
        if not self.layers:
            return 0
        changed = set(self.draws(level, n))
        if level == self.depth - 1:
            changed.update(self.shows(n)[int(n == 0 and self._first is not None) :])
        return max((self._layer_of(i, len(self.layers)) for i in changed), default=0)

    def _inputs(
        self, level: int, n: int, version: int
    ) -> tuple[dict[int, Origin], list[tuple[int, str, Origin]]]:
        """What a clip is given: its known frames by position, and (time, prompt, origin) of others."""
        frames, layer = self.frames(level, n), self.layers[version - 1] if version else None
        pinned = dict(layer.pins) if layer else {}
        drawn = {i for i in self.draws(level, n) if layer is None or (i in layer.span and i not in pinned)}
        known = {at: self.origin(i, version) for at, i in enumerate(frames) if i not in drawn}
        if not drawn:
            return known, []
        middle = (min(drawn) + max(drawn)) / 2
        pins = [i for i in pinned if frames[0] < i < frames[-1] and i not in frames]
        pins = sorted(pins, key=lambda i: abs(i - middle))[: self.strategy.most_seen]
        seen = [(i, self.prompt(i, version), self.origin(i, version)) for i in pins]
        others: list[tuple[int, str, Callable[[], Origin]]]
        if level == 0:
            others = [*self._elsewhere]
        else:
            free = [i for i in self.frames(0, 0) if not frames[0] <= i <= frames[-1]]
            others = [(i, self.prompt(i, version), partial(self.origin, i, version)) for i in free]
        room = self.strategy.most_seen - len(seen)
        if room > 0 and others:
            away = [(abs(i - middle), prompt) for i, prompt, _ in others]
            wanted = [self.prompt(i, version) for i in frames if i in drawn]
            given = [self.prompt(frames[at], version) for at in known]
            chosen = self.strategy.look(wanted, given, away)[:room]
            seen += [(time, prompt, find()) for time, prompt, find in (others[k] for k in chosen)]
        return known, sorted(seen, key=lambda one: one[0])

    def _make(self, level: int, n: int, version: int) -> Job:
        frames = self.frames(level, n)
        known, seen = self._inputs(level, n, version)
        return self.strategy.draw(
            Clip(
                place=Place(self.number, level, n, version),
                frames=tuple(frames),
                prompts=tuple(self.prompt(i, version) for i in frames),
                known=tuple(known),
                inputs=tuple(origin.latent for origin in known.values()),
                seen=tuple(Seen(time, prompt, origin.latent) for time, prompt, origin in seen),
                reroll=self.layers[version - 1].reroll if version else 0,
            )
        )


def overlap(a: range, b: range) -> range:
    """What two ranges have in common; empty where that is nothing."""
    first = max(a.start, b.start)
    return range(first, max(first, min(a.stop, b.stop)))
