"""Is a film remembered? Its clips are compared, as small as thumbnails, with clips that models learn from.

Many scenes of the cartoon world look alike, so every film comes near some training clip. How near is too
near is learnt from ground truth of episodes that no model has seen. The index holds what fits into it: a
copy of a training clip that it lacks, or that begins some frames later, may go unnoticed.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from longtake.data.footage import CLIP_FRAMES
from longtake.evaluate.measured import Floats32, Measured, mean_of
from longtake.evaluate.signals import shrink
from longtake.world.edition import World

_SEEN = range(2, CLIP_FRAMES, 4)  # frames of a clip that stand for it
_ROW = 8 * 8 * 3  # numbers of a thumbnail
_CLIPS = 210  # of an episode: its first 3,360 frames


def clip_rows(thumbnails: NDArray[np.uint8]) -> Floats32:
    """A row `[N // 16, 768]` of values 0..1 for each 16 of the thumbnails `[N, 8, 8, 3]`."""
    clips = len(thumbnails) // CLIP_FRAMES
    seen = thumbnails[: clips * CLIP_FRAMES].reshape(clips, CLIP_FRAMES, _ROW)[:, _SEEN]
    return seen.reshape(clips, len(_SEEN) * _ROW).astype(np.float32) / np.float32(255)


def training_index(cartoon: World, seeds: Sequence[int], clips_per_episode: int, size: int = 64) -> Floats32:
    """Rows `[len(seeds) * clips_per_episode, 768]` of clips of these episodes, as films of `size` show them.

    The clips begin at multiples of 16, spread over the first 3,360 frames; 210 are all of them. About 4 ms a
    clip. Raises `ValueError` for more.
    """
    if not 1 <= clips_per_episode <= _CLIPS:
        raise ValueError(f"{clips_per_episode} clips per episode: give 1 to {_CLIPS}")
    starts = [CLIP_FRAMES * (k * _CLIPS // clips_per_episode) for k in range(clips_per_episode)]
    clips = [(seed, start) for seed in seeds for start in starts]
    rows = [[shrink(cartoon.frame(seed, start + t, size), 8) for t in _SEEN] for seed, start in clips]
    return np.reshape(rows, (len(rows), len(_SEEN) * _ROW)).astype(np.float32) / np.float32(255)


def nearest(rows: Floats32, index: Floats32) -> Floats32:
    """Root mean square distance `[C]`, 0..1, of each row `[C, 768]` to the one of the `index` next to it."""
    squares = np.square(index).sum(axis=1)
    distances = []
    for part in np.array_split(rows, len(rows) // 256 + 1):  # so that the product stays small
        closest = np.argmin(squares - 2 * part @ index.T, axis=1)
        distances.append(np.sqrt(np.square(part - index[closest]).mean(axis=1)))
    return np.concatenate(distances)


def too_near(truth: Floats32, index: Floats32, share: float = 0.01) -> float:
    """The distance that this `share` of the rows of held-out ground truth `[C, 768]` falls below."""
    return float(np.quantile(nearest(truth, index), share))


def memorised(thumbnails: NDArray[np.uint8], index: Floats32, limit: float) -> Measured:
    """The share of a film's clips that are nearer than `limit` to a clip of the `index`; units are the clips.

    `thumbnails` are the film's `[N, 8, 8, 3]`; `limit` comes from `too_near` with the same index.
    """
    near = nearest(clip_rows(thumbnails), index) < limit
    return mean_of(near.astype(np.float64), f"the film has fewer than {CLIP_FRAMES} frames")
