"""NUWA-XL (arXiv 2303.12346): keyframes of the whole film first, then every gap between them, recursively."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from longtake.plan.plan import Frame, Job, Plan, Sampling
from longtake.plan.references import references
from longtake.plan.subjects import Subjects
from longtake.plan.timeline import Timeline

__all__ = ["plan_nuwa_xl"]


def plan_nuwa_xl(
    timeline: Timeline,
    *,
    seed: int,
    model: str,
    sampling_keyframes: Sampling,
    sampling_gaps: Sampling,
    sampling_leaves: Sampling,
    clip_length: int = 16,
    most_references: int = 0,
    lexicon: Mapping[str, Sequence[str]] | None = None,
) -> Plan:
    """Plan the film of `timeline`, with clips of at most `clip_length` frames.

    A gap that must show what neither end shows is given up to `most_references` keyframes that do (0: the
    paper's plan); `lexicon` tells the phrases that name one subject.

    `seed` is the film's, `model` the digest of all weights that draw. The keyframes, the leaves (clips at
    every film frame) and the gaps between these two have their own sampling; a film of one clip uses that
    of the keyframes.
    """
    strides = _strides(timeline.length, clip_length)
    samplings = [sampling_keyframes, *[sampling_gaps] * (len(strides) - 2), sampling_leaves][: len(strides)]
    subjects = Subjects(lexicon or {})

    def draw(level: int, frames: range, ends: tuple[Frame, ...]) -> Job:
        shown: list[int] = []
        if ends and most_references:
            shown = references(timeline, subjects, plan.keyframes.params["times"], frames, most_references)
        texts = [timeline.prompt(i) for i in (*frames, *shown)]
        prompts = list(dict.fromkeys(texts))
        rows = [prompts.index(text) for text in texts]
        params: dict[str, Any] = {
            "times": [i - frames[0] for i in frames],
            "prompts": prompts,
            "prompt": rows[: len(frames)],
            "known": [0, len(frames) - 1] if ends else [],
            "seed": _noise_seed(seed, 0, level, frames[0]),
            "model": model,
            **asdict(samplings[level]),
        }
        if shown:
            params["references"] = {"times": [i - frames[0] for i in shown], "prompt": rows[len(frames) :]}
        seen = tuple(Frame(plan.keyframes.key, i // strides[0]) for i in shown)
        return Job("draw", ends + seen, params, level=level, start=frames[0])

    plan = Plan(timeline, strides, draw)
    return plan


def _strides(length: int, clip_length: int) -> list[int]:
    """Film frames between neighbouring frames of a clip, per level.

    Powers of `clip_length - 1`, as few as cover the film. Keyframes with fewer than four gaps would see too
    little of it: they move together to the smallest multiple of the next stride that one clip can reach.
    """
    gaps = clip_length - 1
    if gaps < 2:
        raise ValueError(f"a clip of {clip_length} frames has nothing between its ends: give at least 3")
    strides = [1]
    while strides[0] * gaps < length - 1:
        strides.insert(0, strides[0] * gaps)
    if len(strides) > 1 and length - 1 <= 3 * strides[0]:
        strides[0] = strides[1] * -(-(length - 1) // (gaps * strides[1]))
    return strides


def _noise_seed(seed: int, reroll: int, level: int, start: int) -> int:
    """A clip's noise comes from its place: prompts, model and sampling may change under the same noise."""
    place = f"{seed}/{reroll}/{level}/{start}"
    return int.from_bytes(hashlib.sha256(place.encode()).digest()[:8], "big") >> 1  # 63 bits
