"""In the style of VideoGen (arXiv 2309.00398): from a reference image to a clip, in stages.

Its authors published no code, and what could be read of it is short, so nothing here claims to be equal.
Every scene is a film of its own. A reference image begins it; clips of frames that are a few apart follow,
each drawn small, then at full size with the small one as a draft; frames between are moved along a flow and
then refined.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Literal

from longtake.manifest import digest_of_pipeline
from longtake.plan import Chain, Clip, Drawing, Frame, ImagineSpec, Job, LevelSampling, Model, Need, Strategy
from longtake.plan.spec import DraftSpec, PictureModel
from longtake.strategies.requirements import FLOW, PIPELINES, check_drafts


class VideoGen(Strategy):
    """Every scene a tree: its image, the cascade as a chain of clips, then leaves that fill several gaps."""

    name = "videogen"
    most_references = 1  # the reference image
    scenes_apart = True

    @dataclass(frozen=True, kw_only=True)
    class Options(Strategy.Options):
        """What a user may choose. Raises `ValueError` for what cannot be."""

        stride: int = 3  # film frames between those that the cascade draws
        stages: int = 2  # of the cascade: each is twice as large as the one before, the last at full size
        draft_level: float = 0.2  # noise on the stage before, 0..1 (noise-level augmentation)
        flow: Literal["dis", "none"] = "dis"  # how motion between frames is estimated; none: they are blended
        flow_level: float = 0.1  # noise on frames that were moved along it, 0..1
        flow_start: float = 0.8  # noise level from which these are refined, above 0 up to 1
        pipeline: str | None = None  # folder of a text-to-image one for the image; None: the network
        pipeline_steps: int = 30
        pipeline_guidance: float = 7.5

        def __post_init__(self) -> None:
            if self.stride < 2:
                raise ValueError(
                    f"stride is {self.stride}: give 2 or more, or there is nothing between frames"
                )
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

        @cached_property
        def picture_model(self) -> PictureModel | None:
            """What makes the reference images. Raises ModelError where the folder holds no pipeline."""
            if self.pipeline is None:
                return None
            digest = digest_of_pipeline(Path(self.pipeline))
            return PictureModel(pipeline=digest, steps=self.pipeline_steps, guidance=self.pipeline_guidance)

        @property
        def pipelines(self) -> Mapping[str, Path]:
            """The folder of what makes the images, by its digest."""
            if self.pipeline is None or self.picture_model is None:
                return {}
            return {self.picture_model.pipeline: Path(self.pipeline).absolute()}

        @property
        def needs(self) -> Sequence[Need]:
            """What finds a flow, and what makes the images."""
            return [*([FLOW] if self.flow != "none" else []), *([PIPELINES] if self.pipeline else [])]

    options: Options

    def __init__(
        self,
        model: Model,
        sampling: LevelSampling | None = None,
        options: Options | None = None,
        seed: int = 0,
    ) -> None:
        super().__init__(model, sampling, options, seed)
        check_drafts(model, self.name)
        self._picture_model = self.options.picture_model
        self.chain = Chain(model.clip_length, 1, full_clips=False)
        self.gaps_per_leaf = (model.clip_length - 1) // self.options.stride
        if self.gaps_per_leaf < 1:
            raise ValueError(
                f"stride {self.options.stride} does not go with a model whose clips have "
                f"{model.clip_length} frames"
            )

    def strides(self, length: int) -> list[int]:
        """Film frames between neighbouring frames of a clip, per level."""
        return [self.options.stride, 1]

    def choose_references(self, frames: object, known: object, others: object) -> list[int]:
        """Every clip of a scene but the first sees the scene's first frame, its reference image."""
        return [0]

    def count_preparing(self, level: int, n: int, begun: bool) -> int:
        """The reference image of the first clip, if it is not given, and the smaller stages."""
        return (self.options.stages - 1 + (n == 0 and not begun)) if level == 0 else 0

    def draw(self, clip: Clip) -> Drawing:
        """What draws a clip."""
        chosen = self.options
        if clip.place.level:
            flow = DraftSpec(
                kind="flow", motion=chosen.flow, level=chosen.flow_level, start=chosen.flow_start
            )
            return Drawing(self.job(clip, self.sampling.leaves, draft=flow))
        preparing: list[Job] = []
        if 0 not in clip.known:
            preparing.append(self._image(clip))
            known = (0, *clip.known)
            clip = replace(clip, known=known, inputs=(Frame(preparing[0].key, 0), *clip.inputs))
        if chosen.stages == 1:
            return Drawing(self.job(clip, self.sampling.keyframes), tuple(preparing))
        place = clip.place._replace(preparing=len(preparing) + 1)
        small = self.job(replace(clip, place=place), self.sampling.keyframes, halved=1)
        draft = DraftSpec(kind="coarse", level=chosen.draft_level)
        inputs = tuple(Frame(small.key, k) for k in range(len(clip.frames)))
        large = self.job(clip, self.sampling.keyframes, draft=draft, inputs=inputs)
        return Drawing(large, (*preparing, small))

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
        if self._picture_model is None:
            return self.job(alone, self.sampling.keyframes)
        spec = ImagineSpec(
            prompt=clip.prompts[0],
            seed=alone.noise_seed(self.seed),
            model=self._picture_model,
            encoder=self.model.decoder_digest,
        )
        return Job(spec, place=place, start=clip.frames[0])
