"""Which keyframes a tree has, and which clips draw them: one clip, or a chain from left to right."""

from __future__ import annotations

from longtake.plan.clip import Chain

__all__ = ["Keyframes"]


class Keyframes:
    """Frames of a tree that are `stride` apart, in clips that are numbered from 0.

    In a chain a clip begins with the last keyframes of the one before, as many as it carries, and all clips
    are whole: keyframes may lie past the tree's last frame, unless that one is given (`closed`). A tree of one
    frame is a clip of one frame: an image.
    """

    def __init__(self, length: int, stride: int, chain: Chain | None, closed: bool) -> None:
        wanted = -(-(length - 1) // stride) + 1
        self._stride = stride
        self._clip, self.carried = chain if chain and wanted > 1 else (wanted, 0)
        self._advance = self._clip - self.carried
        assert self._advance > 0
        self.count = 1 + max(0, -(-(wanted - self._clip) // self._advance))  # clips
        whole = (self.count - 1) * self._advance + self._clip
        self.reach = length if closed else (whole - 1) * stride + 1  # frames up to and with the last keyframe

    def frames(self, n: int) -> list[int]:
        """The frames of clip `n`."""
        start = n * self._advance
        end = min((start + self._clip - 1) * self._stride, self.reach - 1)
        return [*range(start * self._stride, end, self._stride), end]

    def fresh(self, n: int) -> list[int]:
        """Those of them that no clip before it has drawn."""
        return self.frames(n)[self.carried if n else 0 :]

    def clip_of(self, i: int) -> int:
        """Number of the clip that draws keyframe `i`, a frame of the tree."""
        place = -(-i // self._stride)
        return 0 if place < self._clip else (place - self.carried) // self._advance

    def gaps(self, n: int) -> range:
        """Numbers of the gaps between keyframes of which clip `n` draws the later one."""
        first = n * self._advance
        return range(first + self.carried - 1 if n else 0, first + self._clip - 1)
