"""Films for tests of plans: by every strategy, with one plain sampling."""

from __future__ import annotations

from typing import Any

from longtake.plan import Plan, Sampling, Timeline
from longtake.plan.spec import PictureModel, PipelineSettings
from longtake.strategies import (
    BackendOptions,
    ClipRule,
    LvdmOptions,
    VideoGenOptions,
    VidRDOptions,
    plan_backend,
    plan_lvdm,
    plan_nuwa_xl,
    plan_videogen,
    plan_vidrd,
)

SAMPLING = Sampling(sampler="ddim", steps=8, shift=1, text_guidance=2, known_guidance=1.5, precision="fp32")


def nuwa_xl(line: Timeline, **options: Any) -> Plan:
    told: dict[str, Any] = {"seed": 7, "model": "m", **options}
    return plan_nuwa_xl(
        line, sampling_keyframes=SAMPLING, sampling_gaps=SAMPLING, sampling_leaves=SAMPLING, **told
    )


def lvdm(line: Timeline, clip_length: int = 16, **options: Any) -> Plan:
    return plan_lvdm(
        line,
        seed=7,
        model="m",
        sampling_keyframes=SAMPLING,
        sampling_leaves=SAMPLING,
        clip_length=clip_length,
        options=LvdmOptions(**options),
    )


def vidrd(line: Timeline, clip_length: int = 16, sampling: Sampling = SAMPLING, **options: Any) -> Plan:
    chosen = VidRDOptions(**options)
    return plan_vidrd(line, seed=7, model="m", sampling=sampling, clip_length=clip_length, options=chosen)


def videogen(
    line: Timeline, clip_length: int = 16, reference: PictureModel | None = None, **options: Any
) -> Plan:
    return plan_videogen(
        line,
        seed=7,
        model="m",
        sampling_clips=SAMPLING,
        sampling_leaves=SAMPLING,
        clip_length=clip_length,
        reference=reference,
        encoder="e",
        options=VideoGenOptions(**options),
    )


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


def backend(
    line: Timeline,
    clip: int = 17,
    reference: PictureModel | None = None,
    rule: ClipRule = ClipRule(unit=8, most=97, paced=True),  # noqa: B008
    settings: PipelineSettings = SETTINGS,
    seed: int = 7,
    **options: Any,
) -> Plan:
    return plan_backend(
        line,
        seed=seed,
        fps=24,
        rule=rule,
        settings=settings,
        reference=reference,
        options=BackendOptions(clip=clip, **options),
    )
