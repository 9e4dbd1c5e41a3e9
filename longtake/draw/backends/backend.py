"""What a back end says of itself, and what it is asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from longtake.strategies import ClipRule
from longtake.video import Pixels

Words = Mapping[str, Any]  # tensors of one prompt, by what follows `prompt_` in the pipeline's arguments


@dataclass(frozen=True, kw_only=True)
class Gap:
    """A clip that is wanted, and what is known of it."""

    known: Mapping[int, Pixels]  # frame of the clip -> uint8 [H, W, 3]
    frames: int
    width: int  # pixels
    height: int
    words: Words  # of the prompt
    unwanted: Words  # of what should not be seen
    steps: int
    guidance: float  # by the text; 1: none
    fps: float | None  # frames of the clip per second; None: the back end is not told
    chance: Any  # torch.Generator

    def arguments(self) -> dict[str, Any]:
        """Those that all pipelines call alike."""
        return {
            "num_frames": self.frames,
            "width": self.width,
            "height": self.height,
            "num_inference_steps": self.steps,
            "guidance_scale": self.guidance,
            "generator": self.chance,
            "output_type": "np",
            **{f"prompt_{name}": value for name, value in self.words.items()},
            **{f"negative_prompt_{name}": value for name, value in self.unwanted.items()},
        }


def _any_weights(folder: Path, rule: ClipRule) -> ClipRule:
    return rule


@dataclass(frozen=True, kw_only=True)
class Backend:
    """A diffusers pipeline that draws clips between pictures."""

    name: str
    version: int  # part of every key: raise it by hand when the same call gives another clip
    pipeline: str  # its class in diffusers
    also: tuple[str, ...] = ()  # classes whose folders hold the same parts
    rule: ClipRule
    multiple: int  # of which width and height are
    clip: int  # by default: what it was trained on most
    size: tuple[int, int]  # width and height by default
    steps: int
    guidance: float
    shifts: bool = False  # whether its schedule can be moved towards noise
    exactly: tuple[str, ...] = ()  # parts that compute in float32 whatever the others do
    ratios: Callable[[Any], tuple[int, int]]  # pipeline -> frames per latent frame, multiple of the sides
    encode: Callable[[Any, str], Words]  # (pipeline, text) -> its words
    draw: Callable[[Any, Gap], NDArray[np.float32]]  # (pipeline, gap) -> [T, H, W, 3], 0..1
    # The rule as the weights in a folder narrow it. Raises `ValueError` where they cannot be used.
    narrowed: Callable[[Path, ClipRule], ClipRule] = _any_weights
