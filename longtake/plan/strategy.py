"""What a tree tells a strategy of a clip, and what a strategy tells of its trees."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from longtake.plan.job import Frame, Job, Place


class Chain(NamedTuple):
    """Keyframes as clips from left to right, each standing on the one before."""

    length: int  # frames of a clip
    carried: int  # of them known from the clip before; 0: it stands on it in another way
    whole: bool = True  # all clips have so many frames, also where that leads past the end


class Seen(NamedTuple):
    """A frame that a clip is shown beside its own, as known as its ends."""

    time: int  # as frame of the clip's tree; may lie outside of it
    prompt: str
    frame: Frame


class Origin(NamedTuple):
    """Where a latent was first drawn: as which frame of which job, and which frame of which tree that is."""

    latent: Frame  # as an input of other jobs
    tree: int
    frame: int
    job: Callable[[], Job]


@dataclass(frozen=True, kw_only=True)
class Clip:
    """What a strategy makes a job of."""

    place: Place
    frames: tuple[int, ...]  # of the tree
    prompts: tuple[str, ...]  # one per frame
    known: tuple[int, ...]  # positions in `frames`
    inputs: tuple[Frame, ...]  # the latents of these
    seen: tuple[Seen, ...]
    before: str | None  # key of the clip before, in a chain that carries no frames
    reroll: int  # how often the user asked for other noise


class Drawing(NamedTuple):
    """The job of a clip, and jobs that are done for it first.

    Each takes frames of those before it, and of what the clip may take frames of.
    """

    job: Job
    first: tuple[Job, ...] = ()


class Strategy:
    """What differs between ways to plan a tree: as most have it."""

    most_seen = 0  # frames that a clip may be shown beside its own
    chain: Chain | None = None  # how keyframes follow each other; None: they are one clip
    posts = 1  # gaps between keyframes that a leaf right below them fills together
    joined = True  # whether an inserted scene stands on the frames on either side of it

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

    def first_jobs(self, level: int, n: int, begun: bool) -> int:
        """Of a chain, how many jobs are done first for clip `n` of `level`, where no edit has touched it.

        `begun`: the tree's first frame is given.
        """
        return 0

    def look(
        self, frames: Sequence[str], known: Sequence[str], others: Sequence[tuple[float, str]]
    ) -> list[int]:
        """Which of `others` (how far away, prompt) a clip should see; positions, in order.

        `frames` are the prompts of what is to be drawn, `known` those of what is known.
        """
        return []
