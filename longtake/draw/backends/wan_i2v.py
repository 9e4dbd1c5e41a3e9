"""Wan from a first picture to a last one (`WanImageToVideoPipeline`)."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from longtake.draw.backends.backend import Backend, Gap
from longtake.draw.backends.wan import EXACTLY, encode, ratios
from longtake.strategies import ClipRule


def _draw(pipeline: Any, gap: Gap) -> NDArray[np.float32]:
    """The clip, from the first frame on, to the last one where that is known."""
    ends = {
        name: gap.known[k] for name, k in (("image", 0), ("last_image", gap.frames - 1)) if k in gap.known
    }
    pictures = {name: Image.fromarray(picture) for name, picture in ends.items()}
    frames: NDArray[np.float32] = pipeline(**gap.arguments(), **pictures).frames[0]
    return frames


def _narrowed(folder: Path, rule: ClipRule) -> ClipRule:
    """Some weights ignore the last picture, others fail without it."""
    if json.loads((folder / "model_index.json").read_text()).get("expand_timesteps"):
        raise ValueError(
            f"{folder} has expand_timesteps set, as Wan 2.2 TI2V-5B has: its pipeline ignores the last frame "
            "of a gap without a word, so clips would not meet; use weights of Wan 2.1 I2V or FLF2V, Wan 2.2 "
            "I2V-A14B, or the back end wan-vace"
        )
    network = folder / "transformer" / "config.json"
    if network.is_file() and json.loads(network.read_text()).get("pos_embed_seq_len") is not None:
        return replace(rule, ahead=False)
    return rule


WAN_I2V = Backend(
    name="wan-i2v",
    version=1,
    pipeline="WanImageToVideoPipeline",
    rule=ClipRule(unit=4, most=81, text=False, inner=False),
    multiple=16,
    clip=81,
    size=(832, 480),
    steps=40,
    guidance=5.0,
    shifts=True,
    exactly=EXACTLY,
    ratios=ratios,
    encode=encode,
    draw=_draw,
    narrowed=_narrowed,
)
