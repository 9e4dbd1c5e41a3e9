"""Wan VACE: any frames of a clip may be known (`WanVACEPipeline`)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from longtake.draw.backends.backend import Backend, Gap
from longtake.draw.backends.wan import EXACTLY, encode, ratios
from longtake.strategies import ClipRule

_GREY, _KEEP, _DRAW = 128, 0, 255  # a frame that is not known; the two values of a mask


def _draw(pipeline: Any, gap: Gap) -> NDArray[np.float32]:
    """The clip: a video that is grey where nothing is known, and a mask that is white there."""
    size = gap.width, gap.height
    grey = Image.new("RGB", size, (_GREY,) * 3)
    video = [Image.fromarray(gap.known[k]) if k in gap.known else grey for k in range(gap.frames)]
    masks = {value: Image.new("L", size, value) for value in (_KEEP, _DRAW)}
    mask = [masks[_KEEP if k in gap.known else _DRAW] for k in range(gap.frames)]
    frames: NDArray[np.float32] = pipeline(**gap.arguments(), video=video, mask=mask).frames[0]
    return frames


WAN_VACE = Backend(
    name="wan-vace",
    version=1,
    pipeline="WanVACEPipeline",
    rule=ClipRule(unit=4, most=81),
    multiple=16,
    clip=81,
    size=(832, 480),
    steps=30,
    guidance=5.0,
    shifts=True,
    exactly=EXACTLY,
    ratios=ratios,
    encode=encode,
    draw=_draw,
)
