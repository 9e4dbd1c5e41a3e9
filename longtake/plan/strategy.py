"""What differs between ways to plan a film."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, NamedTuple, Protocol

from longtake.plan.clip import Clip, Drawing
from longtake.plan.job import Job
from longtake.plan.spec import Sampling


class Model(Protocol):
    """What a strategy asks of the model that draws; `longtake.manifest.Manifest` has it."""

    @property
    def name(self) -> str:
        """For messages."""

    @property
    def digest(self) -> str:
        """Of all weights that draw."""

    @property
    def decoder_digest(self) -> str:
        """Of what makes latents of pictures, and pictures of latents."""

    @property
    def clip_length(self) -> int:
        """Frames of a clip at most."""

    @property
    def references(self) -> int:
        """Keyframes that a gap may be shown beside its ends."""

    @property
    def lexicon(self) -> Mapping[str, Sequence[str]]:
        """Subject -> phrases that name it."""

    @property
    def drafts(self) -> bool:
        """Whether the network takes drafts."""

    @property
    def keyframes(self) -> Sampling:
        """How it likes keyframes to be sampled."""

    @property
    def gaps(self) -> Sampling:
        """And what lies between keyframes and leaves."""

    @property
    def leaves(self) -> Sampling:
        """And clips at every film frame."""


class LevelSampling(NamedTuple):
    """How clips are sampled, by where they stand."""

    keyframes: Sampling
    gaps: Sampling
    leaves: Sampling


class Chain(NamedTuple):
    """Keyframes as clips from left to right, each standing on the one before."""

    length: int  # frames of a clip
    carried: int  # of them known from the clip before; 0: it stands on it in another way
    full_clips: bool = True  # all clips have so many frames, also where that leads past the end


class Need(NamedTuple):
    """A package that drawing needs and not everybody has."""

    module: str
    why: str
    extra: str  # of longtake, that installs it


class Strategy:
    """What differs between ways to plan a tree: as most have it.

    One's own says how far apart frames are, and perhaps what else is another than here:

        class Every60(Strategy):
            name = "every-60"
            chain = Chain(16, 4)

            def strides(self, length):
                return [60, 15, 1]
    """

    name: ClassVar[str]  # that of the class where it is not given
    most_references: int = 0  # frames that a clip may be shown beside its own
    chain: Chain | None = None  # how keyframes follow each other; None: they are one clip
    gaps_per_leaf: int = 1  # between keyframes, that a leaf right below them fills together
    scenes_apart: bool = False  # whether every scene, also an inserted one, knows nothing of the others

    @dataclass(frozen=True, kw_only=True)
    class Options:
        """What a user may choose, each with a default; those of a strategy derive from these."""

        @property
        def pipelines(self) -> Mapping[str, Path]:
            """Folders of other models that are needed, by their digest."""
            return {}

        @property
        def needs(self) -> Sequence[Need]:
            """Packages that drawing needs beside those that everybody has."""
            return ()

    def __init_subclass__(cls) -> None:
        if "name" not in cls.__dict__:
            cls.name = cls.__name__

    def __init__(
        self,
        model: Model,
        sampling: LevelSampling | None = None,  # None: as the model likes it
        options: Any = None,  # of the strategy; None: its defaults
        seed: int = 0,  # the film's
    ) -> None:
        """Raises `ValueError` where the options do not go with the model or the sampling."""
        self.model, self.seed = model, seed
        self._digest = model.digest  # asked for by every job
        self.sampling = sampling or LevelSampling(
            keyframes=model.keyframes, gaps=model.gaps, leaves=model.leaves
        )
        self.options = self.Options() if options is None else options

    def strides(self, length: int) -> Sequence[int]:
        """Film frames between neighbouring frames of a clip, per level, for a tree of `length` > 1 frames.

        Each is a multiple of the next one, and the last is 1: clips of the last level hold every frame.
        """
        remedy = "write a method strides(length), as in return [60, 15, 1]"
        raise NotImplementedError(f"{type(self).__name__}: {remedy}")

    def draw(self, clip: Clip) -> Drawing:
        """What draws a clip: keyframes, leaves, and gaps between these, each as they are sampled."""
        return Drawing(self.job(clip, self.sampling_of(clip)))

    def sampling_of(self, clip: Clip) -> Sampling:
        """Of a film of one clip that of the keyframes."""
        if clip.place.level == 0:
            return self.sampling.keyframes
        return self.sampling.leaves if clip.stride == 1 else self.sampling.gaps

    def job(self, clip: Clip, sampling: Sampling, **more: Any) -> Job:
        """The job that draws a clip; `more` is as `Clip.job` takes it.

        Raises `ValueError` for a clip that is too long for the model.
        """
        if len(clip.frames) > self.model.clip_length:
            raise ValueError(
                f"clips of {len(clip.frames)} frames, as {self.name} has them, do not go with a model whose "
                f"clips have {self.model.clip_length}"
            )
        return clip.job(sampling, seed=self.seed, model=self._digest, **more)

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
