"""Which keyframes a tree has, and which clips draw them: one clip, or a chain from left to right."""

from __future__ import annotations

from longtake.plan.strategy import Chain


class KeyframeClips:
    """Frames of a tree that are `stride` apart, in clips that are numbered from 0.

    In a chain a clip begins with the last keyframes of the one before, as many as it carries. Keyframes may
    lie past the tree's last frame; `reach` is how many frames there are up to and with the last one, where
    that is not for the chain to say. A tree of one frame is a clip of one frame: an image.
    """

    def __init__(self, length: int, stride: int, chain: Chain | None, reach: int | None) -> None:
        wanted = -(-((reach or length) - 1) // stride) + 1
        self._stride = stride
        self._clip, self.carried, full_clips = chain if chain and wanted > 1 else (wanted, 0, True)
        self._advance = self._clip - self.carried
        assert self._advance > 0
        self.count = 1 + max(0, -(-(wanted - self._clip) // self._advance))  # clips
        drawn = (self.count - 1) * self._advance + self._clip if full_clips else wanted  # keyframes
        self.reach = reach or (drawn - 1) * stride + 1

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

    def gaps(self, n: int) -> int:
        """How many gaps from the first one on have both ends when clip `n` is drawn."""
        return n * self._advance + self._clip - 1
