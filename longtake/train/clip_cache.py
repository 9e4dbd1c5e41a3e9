"""The clip cache: clips drawn from films, encoded once, and kept in shards.

A cache is a folder of `clips-<number of the first>.npz`, whole or absent, each with `latents` float16
[n, T + R, C, H, W] (normalised), `numbers` float64 [n, T + R] (frames of the film), `prompts` int32
[n, T + R] (rows of its `captions`). Behind a clip's T frames are R references: frames of its film that show
what it shows. A film with fewer than T frames, or nothing to refer to, leaves places empty: their numbers
are nan.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from longtake.data.cartoon import WORLD
from longtake.data.footage import CLIP_FRAMES, Draws, Excerpt
from longtake.files import written_whole

EncodeClips = Callable[[NDArray[np.uint8]], NDArray[np.float16]]  # [n, T, H, W, 3] -> [n, T, C, H, W]
_CHUNK = 8  # clips drawn and encoded together


@dataclass(frozen=True)
class ClipCache:
    """All clips of a cache."""

    latents: NDArray[np.float16]  # n T+R C H W
    numbers: NDArray[np.float64]  # n T+R, nan where there is no frame
    prompts: NDArray[np.int32]  # n T+R
    captions: list[str]
    references: int  # R

    def __len__(self) -> int:
        return len(self.latents)

    @property
    def frames(self) -> NDArray[np.int64]:
        """How many frames each clip has, references not counted, `[n]`."""
        own = self.numbers[:, : self.numbers.shape[1] - self.references]
        return np.asarray((~np.isnan(own)).sum(axis=1), np.int64)

    @property
    def referring(self) -> NDArray[np.bool_]:
        """Which clips have all their frames and references, `[n]`."""
        return np.asarray(~np.isnan(self.numbers).any(axis=1))


def build_cache(
    folder: Path,
    count: int,
    encode: EncodeClips,
    draws: Draws,
    size: int,
    *,
    length: int = CLIP_FRAMES,
    references: int = 0,
    seed: int = 0,
    maker: str = "",
    footage: str = WORLD,
    shard: int = 256,
    share: tuple[int, int] = (0, 1),
    workers: int = 0,
) -> Iterator[int]:
    """Draws and encodes `count` clips of `length` frames, each with `references` more; yields those done.

    Clip k is a function of (seed, k) alone, and shards that are there stay: an interrupted cache is
    completed, a larger `count` adds to it. `maker` names what encodes, `footage` what is drawn from: shards
    of others are made anew.
    `share`: (rank, world) of a process that makes every world-th shard of `shard` clips. `workers`: processes
    that draw the pictures; 0: this one.
    """
    folder.mkdir(parents=True, exist_ok=True)
    done = 0
    with ProcessPoolExecutor(workers) if workers else nullcontext() as pool:
        for first in range(share[0] * shard, count, share[1] * shard):
            numbers = range(first, min(first + shard, count))
            path = folder / f"clips-{first:08d}.npz"
            if _clips_in(path, maker, footage) >= len(numbers):
                done += len(numbers)
                yield done
                continue
            drawn = [_drawn(draws, random.Random(f"{seed}/{k}"), length, references) for k in numbers]
            latents = []
            for pixels in _pictures([clip for clip, _ in drawn], size, pool):
                latents.append(encode(pixels))
                done += len(pixels)
                yield done
            rows: dict[str, int] = {}
            prompts = [
                [rows.setdefault(caption, len(rows)) for caption in clip.captions] for clip, _ in drawn
            ]
            with written_whole(path) as aside, aside.open("wb") as file:
                np.savez(
                    file,
                    latents=np.concatenate(latents),
                    numbers=np.array([numbers for _, numbers in drawn]),
                    prompts=np.array(prompts, np.int32),
                    captions=np.array(list(rows)),
                    references=references,
                    maker=maker,
                    footage=footage,
                )


def open_cache(folder: Path) -> ClipCache:
    """A cache in memory. Raises ValueError where there is none, or one of unlike parts."""
    paths = sorted(folder.glob("clips-*.npz"))
    if not paths:
        raise ValueError(f"there is no latent cache in {folder}; run the stage 'latents' first")
    latents, numbers, prompts = [], [], []
    rows: dict[str, int] = {}
    references: set[int] = set()
    for path in paths:
        with np.load(path) as part:
            latents.append(part["latents"])
            numbers.append(part["numbers"].astype(np.float64))
            places = np.array([rows.setdefault(str(caption), len(rows)) for caption in part["captions"]])
            prompts.append(places[part["prompts"]].astype(np.int32))
            references.add(int(part["references"]))
    if len(references) > 1 or len({part.shape[1:] for part in latents}) > 1:
        raise ValueError(
            f"{folder} holds clips of several kinds: remove it and run the stage 'latents' again"
        )
    return ClipCache(
        np.concatenate(latents),
        np.concatenate(numbers),
        np.concatenate(prompts),
        list(rows),
        references.pop(),
    )


def _clips_in(path: Path, maker: str, footage: str) -> int:
    """Clips of a shard, 0 where it is not there or another one's."""
    if not path.exists():
        return 0
    with np.load(path) as part:
        source = str(part["footage"]) if "footage" in part else WORLD  # there was nothing else at first
        return len(part["prompts"]) if (part["maker"], source) == (maker, footage) else 0


def _drawn(
    draws: Draws, chance: random.Random, length: int, references: int
) -> tuple[Excerpt, tuple[float, ...]]:
    """A clip with its references behind it, and its frames' numbers; empty places show the first frame."""
    clip = draws.clip(chance, length)
    empty = (np.nan,) * (length - len(clip.numbers))
    others = draws.references(clip, chance, references) if not empty else ()
    numbers = clip.numbers + empty + (others or (np.nan,) * references)
    shown = tuple(clip.numbers[0] if np.isnan(number) else number for number in numbers)
    return replace(clip, numbers=shown), numbers


def _pictures(clips: list[Excerpt], size: int, pool: Executor | None) -> Iterator[NDArray[np.uint8]]:
    """The pictures of a few clips at a time, in order."""
    parts = [clips[start : start + _CHUNK] for start in range(0, len(clips), _CHUNK)]
    draw = partial(_pixels, size=size)
    return pool.map(draw, parts) if pool else map(draw, parts)


def _pixels(clips: list[Excerpt], size: int) -> NDArray[np.uint8]:
    return np.stack([clip.pixels(size) for clip in clips])
