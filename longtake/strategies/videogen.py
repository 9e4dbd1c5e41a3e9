"""In the style of VideoGen (arXiv 2309.00398): from a reference image to a clip, in stages.

Its authors published no code, and what could be read of it is short, so nothing here claims to be equal.
Every scene is a film of its own. A reference image begins it; clips of frames that are a few apart follow,
each drawn small, then at full size with the small one as a draft; frames between are moved along a flow and
then refined.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Literal

from longtake.plan import Chain, Clip, Drawing, Frame, ImagineSpec, Job, Plan, Sampling, Strategy, Timeline
from longtake.plan.spec import Draft, PictureModel


@dataclass(frozen=True, kw_only=True)
class VideoGenOptions:
    """What a user may choose. Raises `ValueError` for what cannot be."""

    stride: int = 3  # film frames between those that the cascade draws
    stages: int = 2  # of the cascade: each is twice as large as the one before, the last at full size
    draft_level: float = 0.2  # noise on the stage before, 0..1 (noise-level augmentation)
    flow: Literal["dis", "none"] = "dis"  # how motion between frames is estimated; none: they are blended
    flow_level: float = 0.1  # noise on frames that were moved along it, 0..1
    flow_start: float = 0.8  # noise level from which these are refined, above 0 up to 1

    def __post_init__(self) -> None:
        if self.stride < 2:
            raise ValueError(f"stride is {self.stride}: give 2 or more, or there is nothing between frames")
        if self.stages not in (1, 2):
            raise ValueError(f"stages is {self.stages}: give 1 or 2, networks learn two sizes of latents")
        if self.flow not in ("dis", "none"):
            raise ValueError(f"flow is {self.flow!r}: give 'dis' or 'none'")
        if not 0 < self.flow_start <= 1:
            raise ValueError(f"flow_start is {self.flow_start}: give a noise level above 0, up to 1")
        for name in ("draft_level", "flow_level"):
            level = getattr(self, name)
            if not (math.isfinite(level) and 0 <= level <= 1):
                raise ValueError(f"{name} is {level}: give a noise level from 0 to 1")


def plan_videogen(
    timeline: Timeline,
    *,
    seed: int,
    model: str,
    sampling_clips: Sampling,
    sampling_leaves: Sampling,
    clip_length: int = 16,
    reference: PictureModel | None = None,
    encoder: str | None = None,
    options: VideoGenOptions | None = None,
) -> Plan:
    """Plan the film of `timeline`, with clips of at most `clip_length` frames; every scene is a tree.

    `seed` is the film's, `model` the digest of all weights that draw. `reference` makes a
    scene's image, whose latent `encoder` (a digest) makes; None: the network draws it, as a clip of one
    frame. Raises `ValueError` where the options do not go with clips of this length.
    """
    found = options or VideoGenOptions()
    gaps = (clip_length - 1) // found.stride
    if gaps < 1:
        raise ValueError(
            f"stride {found.stride} does not go with a model whose clips have {clip_length} frames"
        )
    sampling = sampling_clips, sampling_leaves
    strategy = VideoGen(seed, model, sampling, clip_length, gaps, reference, encoder, found)
    return Plan.of(strategy, timeline)


class VideoGen(Strategy):
    """What makes trees of clips VideoGen's."""

    most_references = 1  # the reference image
    scenes_apart = True

    def __init__(
        self,
        seed: int,
        model: str,
        sampling: tuple[Sampling, Sampling],  # of the cascade, leaves
        clip_length: int,
        gaps: int,
        reference: PictureModel | None,
        encoder: str | None,
        options: VideoGenOptions,
    ) -> None:
        self.chain = Chain(clip_length, 1, whole=False)
        self.gaps_per_leaf = gaps
        self._seed, self._model, self._sampling = seed, model, sampling
        self._reference, self._encoder, self._options = reference, encoder, options

    def strides(self, length: int) -> list[int]:
        """Film frames between neighbouring frames of a clip, per level; a scene of one frame is its image."""
        return [1] if length == 1 else [self._options.stride, 1]

    def choose_references(self, frames: object, known: object, others: object) -> list[int]:
        """Every clip of a scene but the first sees the scene's first frame, its reference image."""
        return [0]

    def count_preparing(self, level: int, n: int, begun: bool) -> int:
        """The reference image of the first clip, if it is not given, and the smaller stages."""
        return (self._options.stages - 1 + (n == 0 and not begun)) if level == 0 else 0

    def draw(self, clip: Clip) -> Drawing:
        """What draws a clip."""
        if clip.place.level:
            chosen = self._options
            flow = Draft(kind="flow", motion=chosen.flow, level=chosen.flow_level, start=chosen.flow_start)
            return Drawing(clip.job(self._sampling[1], seed=self._seed, model=self._model, draft=flow))
        first: list[Job] = []
        if 0 not in clip.known:
            first.append(self._image(clip))
            known = (0, *clip.known)
            clip = replace(clip, known=known, inputs=(Frame(first[0].key, 0), *clip.inputs))
        for smaller in range(self._options.stages - 1, -1, -1):
            place = clip.place._replace(preparing=len(first) + 1 if smaller else 0)
            draft, inputs = None, tuple[Frame, ...]()
            if smaller < self._options.stages - 1:
                draft = Draft(kind="coarse", level=self._options.draft_level)
                inputs = tuple(Frame(first[-1].key, k) for k in range(len(clip.frames)))
            job = replace(clip, place=place).job(
                self._sampling[0],
                seed=self._seed,
                model=self._model,
                halved=smaller,
                draft=draft,
                inputs=inputs,
            )
            if smaller:
                first.append(job)
        return Drawing(job, tuple(first))

    def _image(self, clip: Clip) -> Job:
        """The reference image: a clip of one frame, or what another model makes of its prompt."""
        place = clip.place._replace(preparing=1)
        alone = replace(
            clip,
            place=place,
            frames=clip.frames[:1],
            prompts=clip.prompts[:1],
            known=(),
            inputs=(),
            references=(),
        )
        if self._reference is None:
            return alone.job(self._sampling[0], seed=self._seed, model=self._model)
        spec = ImagineSpec(
            prompt=clip.prompts[0],
            seed=alone.noise_seed(self._seed),
            model=self._reference,
            encoder=self._encoder,
        )
        return Job(spec, place=place, start=clip.frames[0])
