"""Known frames back into a clip that was drawn around them."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from longtake.video import Pixels


def with_known(drawn: NDArray[np.float32], known: Mapping[int, Pixels], reach: int) -> Pixels:
    """The clip `[T, H, W, 3]` (0..1) in whole numbers, its known frames as they were given.

    What a pipeline makes of a known frame is near it, no more. By how much it misses is added to the frames
    beside it too, less and less: none of it is left `reach` frames away, or at the next known one. So two
    clips agree in the frame that they share, and no frame of them stands out.

    Raises `ValueError` where a value is not finite.
    """
    if not np.isfinite(drawn).all():
        raise ValueError("the pipeline drew values that are not finite: use dtype=bf16 or fp32")
    video = 255 * np.clip(drawn, 0, 1)
    mended = video.copy()
    places = sorted(known)
    for k in places:
        miss = known[k] - video[k]
        for step in (-1, 1):
            for away in range(1, reach):
                beside = k + step * away
                if not 0 <= beside < len(video) or beside in known:
                    break
                mended[beside] += miss * (1 - away / reach)
    pixels: Pixels = np.clip(mended.round(), 0, 255).astype(np.uint8)
    for k in places:
        pixels[k] = known[k]
    return pixels
