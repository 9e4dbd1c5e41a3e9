"""The latent cache: clips drawn, encoded once, and kept as flat arrays.

A cache is a folder: `latents.npy` float16 [n, T, C, H, W] (normalised), `numbers.npy` int64 [n, T] (frames of
the episode), `prompts.npy` int32 [n, T] (rows of `captions.json`), and `done.json`, written last.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from longtake.data.clips import draw_clip

__all__ = ["ClipCache", "build_cache", "open_cache"]

Encode = Callable[[NDArray[np.uint8]], NDArray[np.float16]]  # [n, T, H, W, 3] -> [n, T, C, H, W]
_CHUNK = 8  # clips drawn and encoded together


@dataclass(frozen=True)
class ClipCache:
    """All clips of a cache."""

    latents: NDArray[np.float16]  # n T C H W
    numbers: NDArray[np.int64]  # n T
    prompts: NDArray[np.int32]  # n T
    captions: list[str]

    def __len__(self) -> int:
        return len(self.latents)


def build_cache(
    folder: Path,
    count: int,
    encode: Encode,
    episodes: list[int],
    size: int,
    *,
    length: int = 16,
    seed: int = 0,
) -> Iterator[int]:
    """Draws and encodes `count` clips (>= 1) into `folder`; yields the number done so far.

    A folder that is done is left as it is; one that was interrupted is begun anew.
    """
    if (folder / "done.json").exists():
        return
    folder.mkdir(parents=True, exist_ok=True)
    rows: dict[str, int] = {}
    numbers = np.zeros((count, length), np.int64)
    prompts = np.zeros((count, length), np.int32)
    latents: NDArray[np.float16] | None = None
    for start in range(0, count, _CHUNK):
        clips = [
            draw_clip(episodes, random.Random(f"{seed}/{k}"), length)
            for k in range(start, min(start + _CHUNK, count))
        ]
        part = encode(np.stack([clip.pixels(size) for clip in clips]))
        if latents is None:
            shape = (count, *part.shape[1:])
            latents = np.lib.format.open_memmap(folder / "latents.npy", "w+", np.float16, shape)
        latents[start : start + len(clips)] = part
        for k, clip in enumerate(clips, start):
            numbers[k] = clip.numbers
            prompts[k] = [rows.setdefault(caption, len(rows)) for caption in clip.captions]
        yield start + len(clips)
    assert latents is not None
    latents.flush()  # type: ignore[attr-defined]
    np.save(folder / "numbers.npy", numbers)
    np.save(folder / "prompts.npy", prompts)
    (folder / "captions.json").write_text(json.dumps(list(rows)))
    (folder / "done.json").write_text(json.dumps({"clips": count, "size": size, "seed": seed}))


def open_cache(folders: Sequence[Path]) -> ClipCache:
    """Finished caches as one, in memory. Raises ValueError where there is none or a folder is none."""
    if not folders:
        raise ValueError("there is no latent cache; run the stage 'latents' first")
    latents, numbers, prompts = [], [], []
    captions: list[str] = []
    for folder in folders:
        if not (folder / "done.json").exists():
            raise ValueError(f"{folder} holds no finished latent cache; run the stage 'latents' first")
        latents.append(np.load(folder / "latents.npy"))
        numbers.append(np.load(folder / "numbers.npy"))
        prompts.append(np.load(folder / "prompts.npy") + len(captions))
        captions += json.loads((folder / "captions.json").read_text())
    return ClipCache(np.concatenate(latents), np.concatenate(numbers), np.concatenate(prompts), captions)
