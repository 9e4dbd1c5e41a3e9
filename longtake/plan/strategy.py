"""What differs between ways to plan a film."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from longtake.plan.clip import Clip, Drawing


class Chain(NamedTuple):
    """Keyframes as clips from left to right, each standing on the one before."""

    length: int  # frames of a clip
    carried: int  # of them known from the clip before; 0: it stands on it in another way
    whole: bool = True  # all clips have so many frames, also where that leads past the end


class Strategy:
    """What differs between ways to plan a tree: as most have it."""

    most_references = 0  # frames that a clip may be shown beside its own
    chain: Chain | None = None  # how keyframes follow each other; None: they are one clip
    gaps_per_leaf = 1  # between keyframes, that a leaf right below them fills together
    scenes_apart = False  # whether every scene, also one that is inserted, knows nothing of the others

    def strides(self, length: int) -> Sequence[int]:
        """Film frames between neighbouring frames of a clip, per level, for a tree of `length` frames."""
        raise NotImplementedError

    def draw(self, clip: Clip) -> Drawing:
        """What draws a clip."""
        raise NotImplementedError

    def reach(self, length: int, stride: int) -> int:
        """Frames of an open tree up to and with its last keyframe, where keyframes are one clip.

        At least `length`. They are `stride` apart, but for the last one, which may be nearer.
        """
        return -(-(length - 1) // stride) * stride + 1

    def count_preparing(self, level: int, n: int, begun: bool) -> int:
        """Of a chain, how many jobs are done first for clip `n` of `level`, where no edit has touched it.

        `begun`: the tree's first frame is given.
        """
        return 0

    def choose_references(
        self, frames: Sequence[str], known: Sequence[str], others: Sequence[tuple[float, str]]
    ) -> list[int]:
        """Which of `others` (how far away, prompt) a clip should see; positions, in order.

        `frames` are the prompts of what is to be drawn, `known` those of what is known.
        """
        return []
