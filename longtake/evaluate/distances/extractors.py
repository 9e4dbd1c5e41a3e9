"""Fixed networks that turn frames and clips into features, and the one of them that is always here.

`RandomVideoNet` needs no file: its weights follow from its name. It was trained on nothing, so it prefers no
content, and it sees what a probe that was trained to read the story through blur and noise does not.

Axes: N frames or clips, T frames of a clip, H W pixels, C colours, D features.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Literal

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from longtake.data.footage import CLIP_FRAMES
from longtake.evaluate.measured import Floats32

_AT_ONCE = {"frame": 32, "clip": 4}  # a network sees so many together


@dataclass(frozen=True, kw_only=True)
class FeatureExtractor:
    """A fixed network: uint8 `[N, H, W, 3]` (frames) or `[N, T, H, W, 3]` (clips) -> float32 `[N, D]`."""

    name: str
    sha256: str  # of the weights
    size: int  # pixels per side that the network looks at
    kind: Literal["frame", "clip"]
    dim: int  # D
    see: Callable[[Tensor], Tensor]  # values 0..255, [N, 3, H, W] or [N, 3, T, H, W] -> [N, D]
    device: str = "cpu"

    def __call__(self, pixels: NDArray[np.uint8]) -> Floats32:
        """The features; N may be 0. Raises ValueError for anything but uint8 RGB of the network's kind."""
        axes = 4 if self.kind == "frame" else 5
        if pixels.dtype != np.uint8 or pixels.ndim != axes or pixels.shape[-1] != 3:
            raise ValueError(
                f"{self.name} looks at uint8 {self.kind}s of {axes} axes, RGB last, values 0..255, "
                f"not at {pixels.dtype} {list(pixels.shape)}"
            )
        parts, step = [np.zeros((0, self.dim), dtype=np.float32)], _AT_ONCE[self.kind]
        for first in range(0, len(pixels), step):
            part = torch.from_numpy(np.ascontiguousarray(pixels[first : first + step])).to(self.device)
            with torch.inference_mode():
                parts.append(self.see(part.movedim(-1, 1).float()).float().cpu().numpy())
        return np.concatenate(parts)


class RandomVideoNet(FeatureExtractor):
    """Three layers of random 3-D convolutions, for clips of 64 x 64 pixels; D = 70.

    The first layer's filters sum to zero, half of them over time at each pixel, so that they see change and
    nothing else, half over space and time, so that they see detail. The features are the mean and the log
    standard deviation of the three colours and of the last layer's channels; the log, so that a little noise
    counts where nothing is.
    """

    def __init__(self) -> None:
        layers = _random_layers()
        digest = hashlib.sha256(b"".join(weight.numpy().tobytes() for weight in layers)).hexdigest()
        dim = 2 * (3 + len(layers[-1]))
        super().__init__(
            name="random-video", sha256=digest, size=64, kind="clip", dim=dim, see=_see_at_random
        )


@lru_cache(maxsize=1)
def _random_layers() -> list[Tensor]:
    """Filters `[out, in, 3, 3, 3]`, each of squared length 2 (He et al. 2015), the same bits everywhere.

    Whole numbers from a counter-based generator's raw stream, which no library release changes; they are
    summed as whole numbers, so the one rounding is the last.
    """
    widths = (3, 16, 16, 32)
    key = hashlib.sha256(b"longtake random video net 1").digest()[:16]
    stream = np.random.Philox(key=int.from_bytes(key, "big"))
    layers = []
    for k, (inputs, outputs) in enumerate(pairwise(widths)):
        shape = (outputs, inputs, 3, 3, 3)
        drawn = (stream.random_raw(int(np.prod(shape))) >> np.uint64(48)).astype(np.int64).reshape(shape)
        drawn = 2 * drawn + 1 - 2**16
        if k == 0:
            change, detail = np.split(drawn, 2)
            change = 3 * change - change.sum(axis=2, keepdims=True)
            detail = detail[0].size * detail - detail.sum(axis=(1, 2, 3, 4), keepdims=True)
            drawn = np.concatenate([change, detail])
        length = np.sqrt(np.square(drawn).sum(axis=(1, 2, 3, 4), keepdims=True) / 2)
        layers.append(torch.from_numpy((drawn / length).astype(np.float32)))
    return layers


def _see_at_random(x: Tensor) -> Tensor:
    if x.shape[-2:] != (64, 64):
        raise ValueError(
            f"the random network is made for 64 x 64 pixels, not {list(x.shape[-2:])}: shrink first"
        )
    x = x / 127.5 - 1
    parts = [*torch.std_mean(x, dim=(2, 3, 4), correction=0)]
    x = F.pad(x, (1,) * 6, mode="replicate")  # at the borders too, filters then sum to zero
    for k, weight in enumerate(_random_layers()):
        x = F.leaky_relu(F.conv3d(x, weight, stride=2, padding=min(k, 1)), 0.2)
    parts += torch.std_mean(x, dim=(2, 3, 4), correction=0)
    return torch.cat([parts[1], parts[3], torch.log(parts[0] + 0.01), torch.log(parts[2] + 0.01)], dim=1)


def film_features(extractor: FeatureExtractor, frames: NDArray[np.uint8]) -> Floats32:
    """Features `[n, D]` of a film uint8 `[N, H, W, 3]`: all frames, or N // 16 clips from frame 0 on."""
    return extractor(frames if extractor.kind == "frame" else whole_clips(frames))


def whole_clips(frames: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The clips `[N // 16, 16, H, W, 3]` of frames uint8 `[N, H, W, 3]`; what is left is dropped."""
    count = len(frames) // CLIP_FRAMES
    return frames[: count * CLIP_FRAMES].reshape(count, CLIP_FRAMES, *frames.shape[1:])
