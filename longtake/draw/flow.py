"""Motion between two pictures, and pictures moved along it.

A flow is a function from two pictures, uint8 `[H, W, 3]`, to float32 `[H, W, 2]`: for each pixel of the first
one how far to the right and down it has moved in the second, in pixels.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from longtake.video import Pixels

Flow = Callable[[Pixels, Pixels], NDArray[np.float32]]


def _dis(first: Pixels, second: Pixels) -> NDArray[np.float32]:
    """Dense inverse search (Kroeger et al. 2016), OpenCV's medium preset."""
    import cv2  # here: an extra that few films need

    a, b = (cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY) for picture in (first, second))
    search = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    return np.asarray(search.calc(a, b, np.zeros((*a.shape, 2), np.float32)), np.float32)


def _still(first: Pixels, second: Pixels) -> NDArray[np.float32]:
    """Nothing moves: pictures between two are their blend."""
    return np.zeros((*first.shape[:2], 2), np.float32)


FLOWS: dict[str, Flow] = {"dis": _dis, "none": _still}


def moved(first: Pixels, second: Pixels, shares: Sequence[float], flow: Flow) -> list[Pixels]:
    """The pictures so far (0..1) on the way from the first to the second.

    Both are moved there along the flow that leads from them to the other one, and blended by the way that is
    left. A pixel's own flow stands for that of the place it comes from: right where motion is smooth.
    """
    forth, back = flow(first, second), flow(second, first)

    def blend(share: float) -> Pixels:
        ahead, behind = _pulled(first, -share * forth), _pulled(second, -(1 - share) * back)
        both: Pixels = ((1 - share) * ahead + share * behind).round().astype(np.uint8)
        return both

    return [blend(share) for share in shares]


def _pulled(picture: Pixels, offset: NDArray[np.float32]) -> NDArray[np.float32]:
    """The picture whose pixel at x is the given one's at x + offset; bilinear between pixels."""
    if not offset.any():
        return picture.astype(np.float32)
    import cv2

    height, width = picture.shape[:2]
    rows, columns = np.mgrid[:height, :width].astype(np.float32)
    at = columns + offset[..., 0], rows + offset[..., 1]
    pulled = cv2.remap(picture.astype(np.float32), *at, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(pulled, np.float32)
