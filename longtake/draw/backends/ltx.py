"""LTX-Video: keyframes at any frame of a clip, in one call (`LTXConditionPipeline`)."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from longtake.draw.backends.backend import Backend, Gap, Words
from longtake.strategies import ClipRule
from longtake.video import Pixels

# By default noise is laid over what is known, to let it move: here it has to come back. The other two are
# what is recommended for decoders that draw too (0.9.1 and later); others leave them aside.
_SETTINGS = {"image_cond_noise_scale": 0.0, "decode_timestep": 0.05, "decode_noise_scale": 0.025}


def _encode(pipeline: Any, text: str) -> Words:
    """Embeddings `[1, N, D]` of a text and which of its N tokens are its own, `[1, N]`."""
    embeds, mask, _, _ = pipeline.encode_prompt(text, do_classifier_free_guidance=False)
    return {"embeds": embeds, "attention_mask": mask}


def _draw(pipeline: Any, gap: Gap) -> NDArray[np.float32]:
    """The clip.

    A condition stands for a place in time that is counted in pixel frames. As lists beside each other, all
    but the first would be dropped in silence: they are handed over as objects.
    """
    from diffusers.pipelines.ltx.pipeline_ltx_condition import LTXVideoCondition  # here: it imports torch

    conditions = [
        LTXVideoCondition(image=Image.fromarray(picture), frame_index=k)
        for k, picture in _telling(gap.known, gap.frames)
    ]
    more = {"frame_rate": gap.fps, "conditions": conditions or None, **_SETTINGS}
    frames: NDArray[np.float32] = pipeline(**gap.arguments(), **more).frames[0]
    return frames


def _telling(known: Mapping[int, Pixels], frames: int) -> Iterator[tuple[int, Pixels]]:
    """Known frames that have a neighbour which is to be drawn: each costs as much as a frame of latents."""
    for k, picture in sorted(known.items()):
        if any(0 <= beside < frames and beside not in known for beside in (k - 1, k + 1)):
            yield k, picture


def _narrowed(folder: Path, rule: ClipRule) -> ClipRule:
    """The first weights knew no keyframes; their scheduler tells them."""
    settings = folder / "scheduler" / "scheduler_config.json"
    if settings.is_file() and json.loads(settings.read_text()).get("use_dynamic_shifting"):
        raise ValueError(
            f"{folder} has a scheduler with use_dynamic_shifting, as LTX-Video before 0.9.5 has, which was "
            "not trained on keyframes: use weights of 0.9.5 or later"
        )
    return rule


def _ratios(pipeline: Any) -> tuple[int, int]:
    patches = pipeline.vae_spatial_compression_ratio * pipeline.transformer_spatial_patch_size
    return pipeline.vae_temporal_compression_ratio, patches


LTX = Backend(
    name="ltx",
    version=1,
    pipeline="LTXConditionPipeline",
    also=("LTXPipeline", "LTXImageToVideoPipeline"),
    rule=ClipRule(unit=8, most=257, paced=True),
    multiple=32,
    clip=97,
    size=(704, 512),
    steps=40,
    guidance=3.0,
    ratios=_ratios,
    encode=_encode,
    draw=_draw,
    narrowed=_narrowed,
)
