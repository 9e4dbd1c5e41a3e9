"""Pictures that a storyboard gives."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from longtake.storyboard import StoryboardError
from longtake.video import Pixels


def read_picture(path: Path, size: tuple[int, int]) -> Pixels:
    """The picture in a file, cut from its middle and resized to `size` (width, height): uint8 `[H, W, 3]`.

    Raises `StoryboardError` where it is no picture.
    """
    from PIL import Image, ImageOps, UnidentifiedImageError  # here: few films have a picture

    try:
        with Image.open(path) as image:
            upright = ImageOps.exif_transpose(image).convert("RGB")
            fitted = ImageOps.fit(upright, size, Image.Resampling.LANCZOS)
    except FileNotFoundError:
        raise StoryboardError(f"the picture {path} is not there") from None
    except (UnidentifiedImageError, OSError, Image.DecompressionBombError) as error:
        raise StoryboardError(f"{path} is no picture that can be read: {error}") from None
    return np.asarray(fitted)
