"""A tree of clips: keyframes a stride apart, and each gap filled by a clip of a finer stride, recursively.

A tree computes every clip from its place, so asking for one frame of a film of any length touches one job per
level and nothing else. Its keyframes are one clip, or a chain of clips from left to right, each of which
stands on the one before. Edits lie over it in layers: a layer draws a span of frames anew, and every frame
outside of it stays known to the clips that are drawn for it, on every level.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from itertools import pairwise
from typing import Any, NamedTuple

from longtake.plan.clip import Clip, Drawing, Origin, ReferenceFrame
from longtake.plan.job import Frame, Job, Place
from longtake.plan.keyframes import KeyframeClips
from longtake.plan.strategy import Strategy

_PICTURES = 48  # given pictures that keyframes are shown at most: three clips' worth of attention more
_REMEMBERED = 1024  # jobs kept by a tree; walking depth-first needs one per level


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

    Clip `n` of level `l` > 0 fills the gap from frame `n * strides[l - 1]` to the next multiple, or
    `gaps_per_leaf` of them at once right below the keyframes; what lies between gaps are frames of clips
    above. Level 0 is one clip or a chain (`KeyframeClips`). The clips of the last level (leaves) hold every
    frame. Where the last frame is not given, keyframes may lie past the end.

    `pictures` are frames inside the tree that are given, each by a job of one frame. Every clip that has such
    a frame among its own takes it as known; one within whose ends it lies is shown it beside its own.
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
        pictures: Mapping[int, Job] | None = None,
        layers: tuple[Layer, ...] = (),
    ) -> None:
        self.strategy, self.length, self.number, self.layers = strategy, length, number, layers
        self.pictures = dict(sorted((pictures or {}).items()))
        self.strides = _checked_strides(strategy, length) if length > 1 else (1,)
        # Frames from one clip to the next, per level; those of level 0 are another matter.
        gaps = strategy.gaps_per_leaf, *[1] * len(self.strides)
        self._apart = 0, *(stride * many for stride, many in zip(self.strides[:-1], gaps, strict=False))
        self._prompt, self._first, self._last, self._elsewhere = prompt, first, last, tuple(elsewhere)
        reach = strategy.reach(length, self.strides[0]) if strategy.chain is None else None
        self._keyframes = KeyframeClips(length, self.strides[0], strategy.chain, length if last else reach)
        self._inputs = lru_cache(maxsize=_REMEMBERED)(self._find_inputs)  # for the clip and for its parents
        self._drawing = lru_cache(maxsize=_REMEMBERED)(self._make)
        self._keys: dict[int, list[str]] = {}  # of a chain's clips by edit, from the first one that it has

    def with_layer(self, layer: Layer) -> Tree:
        """The tree after one more edit."""
        return self._changed(layers=(*self.layers, layer))

    def with_pictures(self, pictures: Mapping[int, Job]) -> Tree:
        """The tree, not edited yet, with these frames given too."""
        assert not self.layers
        return self._changed(pictures={**self.pictures, **pictures})

    def _changed(self, **changes: Any) -> Tree:
        fields: dict[str, Any] = {"pictures": self.pictures, "layers": self.layers, **changes}
        return Tree(
            self.strategy,
            self.length,
            self._prompt,
            number=self.number,
            first=self._first,
            last=self._last,
            elsewhere=self._elsewhere,
            **fields,
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
        """Frames from one leaf to the next, where there are levels above."""
        return self._apart[-1]

    @property
    def reach(self) -> int:
        """Frames up to and with the last keyframe, which may lie past the end."""
        return self._keyframes.reach

    def count(self, level: int) -> int:
        """Clips of a level."""
        return self._keyframes.count if level == 0 else -(-(self.length - 1) // self._apart[level])

    def frames(self, level: int, n: int) -> list[int]:
        """The frames of clip `n` of `level`."""
        if level == 0:
            return self._keyframes.frames(n)
        end = min((n + 1) * self._apart[level], self.reach - 1)
        return [*range(n * self._apart[level], end, self.strides[level]), end]

    def draws(self, level: int, n: int) -> list[int]:
        """Those of them that no clip above, or before it in a chain, has drawn."""
        if level:
            return [i for i in self.frames(level, n)[1:-1] if i % self.strides[level - 1]]
        fresh = self._keyframes.fresh(n)
        first, last = self._first is not None and n == 0, self.closed and n == self.count(0) - 1
        return fresh[first : len(fresh) - last]

    def is_void(self, level: int, n: int) -> bool:
        """Whether there is nothing to do: a short last gap that has no frame of this level in it."""
        return level < self.depth - 1 and not self.draws(level, n)

    def leaf_number(self, i: int) -> int:
        """Of the leaf that shows frame `i`."""
        if self.depth == 1:
            return self._keyframes.clip_of(i)
        return min(i // self.leaf_frames, self.count(self.depth - 1) - 1)

    def shows(self, n: int) -> range:
        """The frames that leaf `n` shows.

        A leaf below others shows all but its last, which the next leaf shows; one of a chain what it draws.
        """
        if self.depth == 1:
            fresh = self._keyframes.fresh(n)
            return range(fresh[0], min(fresh[-1] + 1, self.length - self.closed))
        frames = self.frames(self.depth - 1, n)
        is_last = n == self.count(self.depth - 1) - 1 and not self.closed
        return range(frames[0], min(frames[-1] + is_last, self.length))

    def above(self, n: int) -> int:
        """Number of the clip that leaf `n` lies under: of a chain, the one that draws its last frame."""
        if self.depth < 2:
            return 0
        if self.depth == 2:
            return self._keyframes.clip_of(self.frames(1, n)[-1])
        return n * self._apart[-1] // self._apart[-2]

    def clips(self, level: int, frames: range) -> range:
        """Numbers of the clips of `level` that `frames` (not empty) stand on: in a chain, all before too."""
        if self.depth == 1:
            return range(self.leaf_number(frames[-1]) + 1)
        first, last = (self.leaf_number(i) * self.leaf_frames for i in (frames[0], frames[-1]))
        gap = self._apart[max(level, 1)]
        if level == 0:
            return range(self._keyframes.clip_of(min((last // gap + 1) * gap, self.reach - 1)) + 1)
        return range(first // gap, last // gap + 1)

    def below(self, level: int, n: int) -> range:
        """Numbers of the clips right below clip `n` of `level`, which is no leaf."""
        if level == 0:
            most, last = self.count(1), self.count(0) - 1
            ends = [
                self._keyframes.gaps(k) // self.strategy.gaps_per_leaf if k < last else most
                for k in (n - 1, n)
            ]
            return range(min(ends[0], most) if n else 0, min(ends[1], most))
        ratio = self._apart[level] // self._apart[level + 1]
        return range(n * ratio, min((n + 1) * ratio, self.count(level + 1)))

    def clip(self, level: int, n: int) -> Job:
        """The job of clip `n` of `level` as the last edit left it."""
        return self._clip(level, n, self._newest(level, n))

    def prompt(self, i: int, edit: int | None = None) -> str:
        """The prompt of frame `i` after the edit `edit` (0: as first planned), or the last one."""
        layer = self._layer_of(i, len(self.layers) if edit is None else edit)
        return self.layers[layer - 1].prompt if layer else self._prompt(i)

    def origin(self, i: int, edit: int | None = None) -> Origin:
        """Where the latent of frame `i` was first drawn, after the edit `edit`, or the last one."""
        layer = self._layer_of(i, len(self.layers) if edit is None else edit)
        pinned = self._given(layer)
        if i in pinned:
            return Origin(Frame(pinned[i].key, 0), self.number, i, partial(pinned.__getitem__, i))
        if i == 0 and self._first is not None:
            return self._first()
        if i == self.length - 1 and self._last is not None:
            return self._last()
        level = next(j for j, stride in enumerate(self.strides) if i % stride == 0 or i == self.reach - 1)
        n = self._keyframes.clip_of(i) if level == 0 else i // self._apart[level]
        return self._drawn_as(level, n, layer, self.frames(level, n).index(i))

    def ends(self) -> list[Origin]:
        """Where the first and the last frame were drawn, those of them that are given by other trees."""
        return [origin() for origin in (self._first, self._last) if origin is not None]

    def stands_on(self, place: Place) -> list[Origin]:
        """What the clip at `place` takes frames of."""
        known, references, before = self._inputs(place.level, place.number, place.edit)
        return [*known.values(), *(origin for _, _, origin in references), *([before] if before else [])]

    def parents(self, place: Place) -> tuple[Job, ...]:
        """The jobs whose frames the job at `place` takes, in its order."""
        drawing = self._drawing(place.level, place.number, place.edit)
        wanted = drawing.preparing[place.preparing - 1] if place.preparing else drawing.job
        origins = {origin.latent.key: origin for origin in self.stands_on(place)}
        own = {job.key: job for job in drawing.preparing}
        keys = dict.fromkeys(frame.key for frame in wanted.inputs)
        return tuple(own[key] if key in own else origins[key].job() for key in keys)

    def count_missing(self, have: Container[str], frames: range) -> int:
        """How many jobs `frames` (not empty) still need, without a look below a missing clip; no edits."""
        assert not self.layers
        spans = [self.clips(level, frames) for level in range(self.depth)]

        def below(level: int, n: int) -> range:
            return overlap(self.below(level, n), spans[level + 1])

        def jobs_below(level: int, numbers: range) -> int:
            """Jobs of the clips `numbers` of a level, and of all below them."""
            total = self.jobs_from(level, numbers)
            for upper in range(level, self.depth - 1):
                numbers = range(below(upper, numbers[0]).start, below(upper, numbers[-1]).stop)
                total += self.jobs_from(upper + 1, numbers)
            return total

        def there(level: int, n: int) -> int | None:
            """Of the jobs that are done first for a clip, how many `have` has; None where it has the clip."""
            drawing = self._drawing(level, n, 0)
            if drawing.job.key in have:
                return None
            return sum(job.key in have for job in drawing.preparing)

        def missing(level: int, n: int) -> int:
            done = there(level, n)
            if done is not None:
                return jobs_below(level, range(n, n + 1)) - done
            return sum(missing(level + 1, c) for c in below(level, n)) if level + 1 < self.depth else 0

        total = self._pictures_missing(have, spans)
        for n in spans[0]:
            done = there(0, n)
            if done is not None:  # nor has it those that stand on it
                return total + jobs_below(0, range(n, spans[0].stop)) - done
            total += missing(0, n)
        return total

    def _pictures_missing(self, have: Container[str], spans: Sequence[range]) -> int:
        """How many pictures the clips in `spans` (numbers per level) still need."""
        lacking = set()
        for i, picture in self.pictures.items():
            if picture.key not in have:
                around = [(level, n) for level in range(self.depth) for n in self._around(level, i)]
                takers = (self.clip(level, n) for level, n in around if n in spans[level])
                if any(job.key not in have and (picture.key, 0) in job.inputs for job in takers):
                    lacking.add(picture.key)
        return len(lacking)

    def _around(self, level: int, i: int) -> Sequence[int]:
        """Numbers of the clips of `level` among whose frames, or between them, frame `i` is."""
        if level:
            near = i // self._apart[level]
            return [n for n in (near - 1, near) if 0 <= n < self.count(level)]
        first = self._keyframes.clip_of(i)
        return [n for n in (first, first + 1) if n < self._keyframes.count]

    def jobs_from(self, level: int, numbers: range) -> int:
        """Jobs of the clips `numbers` of `level`, where no edit has touched them."""
        if level or not numbers:
            return len(numbers)
        if self.strategy.chain is None:
            return 1 + len(self._drawing(0, 0, self._newest(0, 0)).preparing)
        begun = 0 in self.pictures
        return len(numbers) + sum(self.strategy.count_preparing(level, n, begun) for n in numbers)

    def _clip(self, level: int, n: int, edit: int) -> Job:
        return self._drawing(level, n, edit).job

    def _given(self, edit: int) -> Mapping[int, Job]:
        """The pictures of the edit `edit`, or those that the tree began with."""
        return dict(self.layers[edit - 1].pins) if edit else self.pictures

    def _layer_of(self, i: int, edit: int) -> int:
        """The last edit up to `edit` that drew frame `i` anew, or 0."""
        return next((e for e in range(edit, 0, -1) if i in self.layers[e - 1].span), 0)

    def _drawn_as(self, level: int, n: int, edit: int, index: int) -> Origin:
        """Frame `index` of a clip."""
        latent = Frame(self._key(level, n, edit), index)
        return Origin(latent, self.number, self.frames(level, n)[index], partial(self._clip, level, n, edit))

    def _key(self, level: int, n: int, edit: int) -> str:
        """The key of a clip. A chain's are computed in order and kept: no call goes as deep as it is long."""
        if level or self.strategy.chain is None:
            return self._clip(level, n, edit).key
        first = self._keyframes.clip_of(self.layers[edit - 1].span.start) if edit else 0
        keys = self._keys.setdefault(edit, [])
        while len(keys) <= n - first:
            keys.append(self._clip(0, first + len(keys), edit).key)
        return keys[n - first]

    def _newest(self, level: int, n: int, edit: int | None = None) -> int:
        """The last edit (up to `edit`) that changed what clip `n` of `level` draws or shows, or 0."""
        if not self.layers:
            return 0
        changed = set(self.draws(level, n))
        if level == self.depth - 1:
            changed.update(self.shows(n)[int(n == 0 and self._first is not None) :])
        edit = len(self.layers) if edit is None else edit
        return max((self._layer_of(i, edit) for i in changed), default=0)

    def _find_inputs(
        self, level: int, n: int, edit: int
    ) -> tuple[dict[int, Origin], list[tuple[int, str, Origin]], Origin | None]:
        """What a clip is given.

        Its known frames by position, (time, prompt, origin) of others, and the last frame of the clip that it
        stands on in a chain that carries none.
        """
        frames, layer = self.frames(level, n), self.layers[edit - 1] if edit else None
        pinned = self._given(edit)
        drawn = {i for i in self.draws(level, n) if (layer is None or i in layer.span) and i not in pinned}
        known = {at: self.origin(i, edit) for at, i in enumerate(frames) if i not in drawn}
        if not drawn:
            return known, [], None
        before = None
        if level == 0 and n and not self._keyframes.carried:
            before = self._drawn_as(0, n - 1, self._newest(0, n - 1, edit), -1)
        middle = (min(drawn) + max(drawn)) / 2
        pins = [i for i in pinned if frames[0] < i < frames[-1] and i not in frames]
        pins = self._shown(level, pins, middle)
        references = [(i, self.prompt(i, edit), self.origin(i, edit)) for i in pins]
        others: list[tuple[int, str, Callable[[], Origin]]]
        if level == 0:
            others = [*self._elsewhere]
            if n and self.strategy.chain is not None:
                others.append((0, self.prompt(0, edit), partial(self.origin, 0, edit)))
        elif self.strategy.chain is not None:
            others = []
        else:
            free = [i for i in self.frames(0, 0) if not frames[0] <= i <= frames[-1]]
            others = [(i, self.prompt(i, edit), partial(self.origin, i, edit)) for i in free]
        room = self.strategy.most_references - len(references)
        if room > 0 and others:
            away = [(abs(i - middle), prompt) for i, prompt, _ in others]
            wanted = [self.prompt(i, edit) for i in frames if i in drawn]
            given = [self.prompt(frames[at], edit) for at in known]
            chosen = self.strategy.choose_references(wanted, given, away)[:room]
            references += [(time, prompt, find()) for time, prompt, find in (others[k] for k in chosen)]
        return known, sorted(references, key=lambda one: one[0]), before

    def _shown(self, level: int, pictures: list[int], middle: float) -> list[int]:
        """Which of the pictures between a clip's frames it is shown beside them.

        Keyframes that are one clip see them all, up to a limit then evenly: they decide what the film's
        characters look like (docs/log.md). Other clips see the nearest.
        """
        most = self.strategy.most_references
        if level == 0 and self.strategy.chain is None and most:
            step = max(1.0, len(pictures) / _PICTURES)
            return [pictures[int(k * step)] for k in range(min(len(pictures), _PICTURES))]
        return sorted(pictures, key=lambda i: abs(i - middle))[:most]

    def _make(self, level: int, n: int, edit: int) -> Drawing:
        frames = self.frames(level, n)
        known, references, before = self._inputs(level, n, edit)
        return self.strategy.draw(
            Clip(
                place=Place(self.number, level, n, edit),
                frames=tuple(frames),
                prompts=tuple(self.prompt(i, edit) for i in frames),
                known=tuple(known),
                inputs=tuple(origin.latent for origin in known.values()),
                references=tuple(
                    ReferenceFrame(time, prompt, origin.latent) for time, prompt, origin in references
                ),
                before=before and before.latent.key,
                reroll=self.layers[edit - 1].reroll if edit else 0,
            )
        )


def overlap(a: range, b: range) -> range:
    """What two ranges have in common; empty where that is nothing."""
    first = max(a.start, b.start)
    return range(first, max(first, min(a.stop, b.stop)))


def _checked_strides(strategy: Strategy, length: int) -> tuple[int, ...]:
    """The strides of a tree. Raises `ValueError` where clips of the strategy would not fit together."""
    strides = tuple(operator.index(stride) for stride in strategy.strides(length))
    fit = all(fine > 0 and coarse > fine and coarse % fine == 0 for coarse, fine in pairwise(strides))
    if not fit or strides[-1:] != (1,):
        raise ValueError(
            f"{strategy.name} has strides {list(strides)}: each must be a multiple of the next one, and the "
            "last one 1, as in [60, 15, 1]"
        )
    if strategy.chain is not None and not 0 <= strategy.chain.carried < strategy.chain.length:
        raise ValueError(
            f"{strategy.name} has {strategy.chain}: a clip carries none or more frames, and fewer than it has"
        )
    if strategy.gaps_per_leaf < 1:
        raise ValueError(f"{strategy.name} has {strategy.gaps_per_leaf} gaps_per_leaf: give 1 or more")
    return strides
