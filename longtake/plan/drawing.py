"""The job that draws a clip, the same for every strategy."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from longtake.plan.job import Frame, Job, Sampling
from longtake.plan.strategy import Clip


def draw_job(
    clip: Clip,
    sampling: Sampling,
    *,
    seed: int,  # the film's
    model: str,  # digest of all weights that draw
    more: Mapping[str, Any] | None = None,  # further parameters
    inputs: tuple[Frame, ...] = (),  # after the clip's own, for these
) -> Job:
    """The job of a clip: its frames' times and prompts, what is known, its noise, and how it is sampled."""
    start = clip.frames[0]
    texts = [*clip.prompts, *(seen.prompt for seen in clip.seen)]
    prompts, rows = numbered(texts)
    params: dict[str, Any] = {
        "times": [i - start for i in clip.frames],
        "prompts": prompts,
        "prompt": rows[: len(clip.frames)],
        "known": list(clip.known),
        "seed": noise_seed(clip, seed),
        "model": model,
        **sampling.params(),
        **(more or {}),
    }
    if clip.seen:
        times = [seen.time - start for seen in clip.seen]
        params["references"] = {"times": times, "prompt": rows[len(clip.frames) :]}
    given = (*clip.inputs, *(seen.frame for seen in clip.seen), *inputs)
    return Job("draw", given, params, place=clip.place, start=start)


def noise_seed(clip: Clip, seed: int) -> int:
    """Seed of the noise, by the clip's place: prompts, model and sampling may change under the same."""
    tree = f"{clip.place.tree}/" if clip.place.tree else ""
    tree += f"stage {clip.place.stage}/" if clip.place.stage else ""
    place = f"{tree}{seed}/{clip.reroll}/{clip.place.level}/{clip.frames[0]}"
    return seed_of(place)


def seed_of(place: str) -> int:
    """63 bits of noise's seed for whatever names a place."""
    return int.from_bytes(hashlib.sha256(place.encode()).digest()[:8], "big") >> 1


def numbered(texts: Sequence[str]) -> tuple[list[str], list[int]]:
    """Each text once, in order, and for every text which of them it is."""
    distinct = list(dict.fromkeys(texts))
    return distinct, [distinct.index(text) for text in texts]
