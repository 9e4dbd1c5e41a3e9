"""Films for tests of plans: by every strategy, with one plain sampling."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from longtake.plan import Job, LevelSampling, Plan, Sampling, Strategy, Timeline
from longtake.plan.spec import PictureModel, PipelineSettings
from longtake.strategies import ClipRule, Filling, Lvdm, NuwaXL, VideoGen, VidRD

SAMPLING = Sampling(sampler="ddim", steps=8, shift=1, text_guidance=2, known_guidance=1.5, precision="fp32")


@dataclass(frozen=True, kw_only=True)
class Model:
    """All that a strategy asks of a model."""

    name: str = "some"
    digest: str = "m"
    decoder_digest: str = "e"
    clip_length: int = 16
    references: int = 0
    lexicon: Mapping[str, Sequence[str]] = field(default_factory=dict)
    drafts: bool = True
    keyframes: Sampling = SAMPLING
    gaps: Sampling = SAMPLING
    leaves: Sampling = SAMPLING


def plan(
    strategy: type[Strategy],
    line: Timeline,
    clip_length: int = 16,
    *,
    seed: int = 7,
    sampling: Sampling | None = None,  # of all levels
    model: Mapping[str, Any] | None = None,  # what is another than above
    **options: Any,
) -> Plan:
    """The film by a strategy, with these of its options."""
    everywhere = sampling and LevelSampling(keyframes=sampling, gaps=sampling, leaves=sampling)
    drawn_by = Model(clip_length=clip_length, **(model or {}))
    return Plan.of(strategy(drawn_by, everywhere, strategy.Options(**options), seed), line)


def frames_of(job: Job) -> list[int]:
    """Of its scene."""
    return [job.start + t for t in job.spec.times]


def nuwa_xl(line: Timeline, clip_length: int = 16, **more: Any) -> Plan:
    return plan(NuwaXL, line, clip_length, **more)


def lvdm(line: Timeline, clip_length: int = 16, **more: Any) -> Plan:
    return plan(Lvdm, line, clip_length, **more)


def vidrd(line: Timeline, clip_length: int = 16, **more: Any) -> Plan:
    return plan(VidRD, line, clip_length, **more)


def videogen(line: Timeline, clip_length: int = 16, **more: Any) -> Plan:
    return plan(VideoGen, line, clip_length, **more)


SETTINGS = PipelineSettings(
    backend="some",
    version=1,
    pipeline="p",
    width=64,
    height=32,
    steps=5,
    guidance=3.0,
    negative="blurred",
    dtype="bf16",
    blend=8,
)
RULE = ClipRule(unit=8, most=97, paced=True)


def backend(
    line: Timeline,
    clip: int = 17,
    *,
    rule: ClipRule = RULE,
    picture_model: PictureModel | None = None,
    seed: int = 7,
    **options: Any,
) -> Plan:
    chosen = Filling.Options(clip=clip, **options)
    strategy = Filling(SETTINGS, rule, chosen, seed=seed, fps=24, picture_model=picture_model)
    return Plan.of(strategy, line)
