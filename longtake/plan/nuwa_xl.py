"""NUWA-XL (arXiv 2303.12346): keyframes of the whole film first, then every gap between them, recursively."""

from __future__ import annotations

import hashlib
from dataclasses import asdict

from longtake.plan.plan import Frame, Job, Plan, Sampling
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
) -> Plan:
    """Plan the film of `timeline`, with clips of at most `clip_length` frames.

    `seed` is the film's, `model` the digest of all weights that draw. The keyframes, the leaves (clips at
    every film frame) and the gaps between these two have their own sampling; a film of one clip uses that
    of the keyframes.
    """
    strides = _strides(timeline.length, clip_length)
    samplings = [sampling_keyframes, *[sampling_gaps] * (len(strides) - 2), sampling_leaves][: len(strides)]

    def draw(level: int, frames: range, ends: tuple[Frame, ...]) -> Job:
        texts = [timeline.prompt(i) for i in frames]
        prompts = list(dict.fromkeys(texts))
        params = {
            "times": [i - frames[0] for i in frames],
            "prompts": prompts,
            "prompt": [prompts.index(text) for text in texts],
            "known": [0, len(frames) - 1] if ends else [],
            "seed": _noise_seed(seed, 0, level, frames[0]),
            "model": model,
            **asdict(samplings[level]),
        }
        return Job("draw", ends, params, level=level, start=frames[0])

    return Plan(timeline, strides, draw)


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
