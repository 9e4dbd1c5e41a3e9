"""Pixels as networks take them, and back."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor


def to_model(frames: NDArray[np.uint8] | Tensor) -> Tensor:
    """uint8 `[..., H, W, 3]` -> float32 `[..., 3, H, W]` in [-1, 1], on the device of a tensor."""
    if isinstance(frames, np.ndarray):
        frames = torch.from_numpy(frames.astype(np.float32))  # a copy: the array may be read-only
    return frames.movedim(-1, -3).float() / 127.5 - 1


def to_pixels(video: Tensor) -> NDArray[np.uint8]:
    """Float `[..., 3, H, W]` in [-1, 1], what is beyond cut off -> uint8 `[..., H, W, 3]`."""
    bytes_ = ((video.float().clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8)
    pixels: NDArray[np.uint8] = bytes_.movedim(-3, -1).cpu().numpy()
    return pixels
