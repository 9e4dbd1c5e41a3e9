"""Strategies by name, with their options: `NAME`, or `NAME:OPTION=VALUE:OPTION=VALUE` and so on.

Options are those of the strategy, and of the sampling: `steps=8` or `text_guidance=1` on all levels,
`leaves.steps=4` on one of keyframes, gaps, leaves.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from longtake.manifest import Manifest, digest_of_pipeline
from longtake.plan import Plan, Sampling, Timeline
from longtake.plan.spec import PictureModel
from longtake.strategies import (
    LvdmOptions,
    VideoGenOptions,
    VidRDOptions,
    plan_lvdm,
    plan_nuwa_xl,
    plan_videogen,
    plan_vidrd,
)

_LEVELS = ("keyframes", "gaps", "leaves")
_SAMPLING = [field.name for field in dataclasses.fields(Sampling)]
_Sampled = Mapping[str, Sampling]  # by level
_Common = dict[str, Any]  # arguments of every planner


@dataclass(frozen=True, kw_only=True)
class NuwaXLOptions:
    """What a user may choose of NUWA-XL."""

    references: int | None = None  # keyframes shown to a gap at most; 0: the paper's plan; None: the model's


def _nuwa_xl(
    line: Timeline, common: _Common, manifest: Manifest, sampled: _Sampled, options: NuwaXLOptions
) -> Plan:
    return plan_nuwa_xl(
        line,
        **common,
        sampling_keyframes=sampled["keyframes"],
        sampling_gaps=sampled["gaps"],
        sampling_leaves=sampled["leaves"],
        most_references=manifest.references if options.references is None else options.references,
        lexicon=manifest.lexicon,
    )


def _lvdm(
    line: Timeline, common: _Common, manifest: Manifest, sampled: _Sampled, options: LvdmOptions
) -> Plan:
    return plan_lvdm(
        line,
        **common,
        sampling_keyframes=sampled["keyframes"],
        sampling_leaves=sampled["leaves"],
        options=options,
    )


def _vidrd(
    line: Timeline, common: _Common, manifest: Manifest, sampled: _Sampled, options: VidRDOptions
) -> Plan:
    return plan_vidrd(line, **common, sampling=sampled["keyframes"], options=options)


@dataclass(frozen=True, kw_only=True)
class VideoGenChoices(VideoGenOptions):
    """With another model for the reference images."""

    pipeline: str | None = None  # folder of a diffusers text-to-image pipeline; None: the model itself
    pipeline_steps: int = 30
    pipeline_guidance: float = 7.5

    @cached_property
    def digest(self) -> str | None:
        """Of the pipeline. Raises ModelError where the folder holds none."""
        return None if self.pipeline is None else digest_of_pipeline(Path(self.pipeline))


def _videogen(
    line: Timeline, common: _Common, manifest: Manifest, sampled: _Sampled, options: VideoGenChoices
) -> Plan:
    check_drafts(manifest, "videogen", flow=options.flow != "none")
    reference = None
    if options.digest is not None:
        check_installed("transformers", "diffusers pipelines need transformers", "pipelines")
        reference = PictureModel(
            pipeline=options.digest, steps=options.pipeline_steps, guidance=options.pipeline_guidance
        )
    return plan_videogen(
        line,
        **common,
        sampling_clips=sampled["keyframes"],
        sampling_leaves=sampled["leaves"],
        reference=reference,
        encoder=manifest.decoder_digest,
        options=options,
    )


def check_drafts(manifest: Manifest, what: str, *, flow: bool) -> None:
    """Raises `ValueError` where the network takes no drafts, or what finds a flow is not installed."""
    if not manifest.drafts:
        raise ValueError(f"the network of {manifest.name} takes no drafts, which {what} needs")
    if flow:
        check_installed("cv2", "motion between frames is found by OpenCV", "flow")


def check_installed(module: str, why: str, extra: str) -> None:
    """Before anything is drawn: a worker would find out late."""
    if find_spec(module) is None:
        raise ValueError(f"{why}: pip install 'longtake[{extra}]'")


STRATEGIES: dict[str, tuple[type, Callable[..., Plan]]] = {
    "nuwa-xl": (NuwaXLOptions, _nuwa_xl),
    "lvdm": (LvdmOptions, _lvdm),
    "vidrd": (VidRDOptions, _vidrd),
    "videogen": (VideoGenChoices, _videogen),
}


@dataclass(frozen=True)
class Way:
    """A strategy with what was chosen of its options."""

    text: str  # as the user wrote it
    name: str
    options: Any
    sampling: Mapping[str, Mapping[str, str]]  # level -> field -> value

    @property
    def pipelines(self) -> dict[str, Path]:
        """Folders of other models that it needs, by their digest."""
        chosen = self.options
        if not isinstance(chosen, VideoGenChoices) or chosen.pipeline is None or chosen.digest is None:
            return {}
        return {chosen.digest: Path(chosen.pipeline).absolute()}

    def plan(self, line: Timeline, seed: int, manifest: Manifest, **everywhere: Any) -> Plan:
        """The film of a time line; `everywhere` are fields of the sampling of all levels, over the way's own.

        Raises `ValueError` where the options do not go with the model, or the sampling is none.
        """
        sampled = {
            level: _sampling(getattr(manifest, level), {**self.sampling.get(level, {}), **everywhere})
            for level in _LEVELS
        }
        common = {"seed": seed, "model": manifest.digest, "clip_length": manifest.clip_length}
        return STRATEGIES[self.name][1](line, common, manifest, sampled, self.options)


def parse_way(text: str) -> Way:
    """Read `NAME:OPTION=VALUE...`. Raises `ValueError` with what there is to choose."""
    name, *settings = text.split(":")
    if name not in STRATEGIES:
        raise ValueError(f"{name!r} is no strategy: use {', '.join(STRATEGIES)}")
    kind, _ = STRATEGIES[name]
    own = {field.name for field in dataclasses.fields(kind)}
    options: dict[str, str] = {}
    sampling: dict[str, dict[str, str]] = {level: {} for level in _LEVELS}
    for setting in settings:
        key, _, value = setting.partition("=")
        level, _, field = key.rpartition(".")
        if not level and key in own and value:
            options[key] = value
        elif field in _SAMPLING and level in ("", *_LEVELS) and value:
            for each in [level] if level else _LEVELS:
                sampling[each][field] = value
        else:
            known = ", ".join([*sorted(own), *_SAMPLING])
            raise ValueError(f"{setting!r} is no option of {name}: use NAME=VALUE of {known}")
    return Way(text, name, checked(kind, options), sampling)


def _sampling(base: Sampling, changes: Mapping[str, Any]) -> Sampling:
    made: Sampling = checked(Sampling, {**dataclasses.asdict(base), **changes})
    return made


def checked(kind: type, values: Mapping[str, Any]) -> Any:
    """The dataclass of these values, written as text or not. Raises `ValueError` that names the option."""
    try:
        return TypeAdapter(kind).validate_python(values)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        told = first["msg"].removeprefix("Value error, ")
        raise ValueError(": ".join([*map(str, first["loc"][-1:]), told])) from None
