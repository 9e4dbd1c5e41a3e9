"""What moves is found half way, and what stands stays."""

from __future__ import annotations

import numpy as np
import pytest

from longtake.draw.flow import FLOWS, moved
from longtake.video import Pixels


def picture(left: int) -> Pixels:
    """A bright disc on a dark, uneven ground."""
    rows, columns = np.mgrid[:96, :96]
    ground = 40 + 20 * np.sin(rows / 7) * np.cos(columns / 9)
    disc = (rows - 48) ** 2 + (columns - left) ** 2 < 16**2
    return np.where(disc, 220, ground).astype(np.uint8)[..., None].repeat(3, axis=2)


def centre(frame: Pixels) -> float:
    bright = frame[..., 0].astype(float) > 150
    return float(np.nonzero(bright)[1].mean())


@pytest.mark.parametrize("share", [0.25, 0.5, 0.75])
def test_a_disc_is_moved_along_its_way(share: float) -> None:
    pytest.importorskip("cv2", reason="OpenCV is not installed: pip install 'longtake[flow]'")
    first, last = picture(40), picture(48)
    between = moved(first, last, [share], FLOWS["dis"])[0]
    assert centre(between) == pytest.approx(40 + 8 * share, abs=1.0)
    true = picture(round(40 + 8 * share)).astype(float)
    blend = moved(first, last, [share], FLOWS["none"])[0]
    assert np.abs(between - true).mean() < 0.7 * np.abs(blend - true).mean()


def test_the_ends_are_the_pictures_and_without_flow_it_is_their_blend() -> None:
    first, last = picture(40), picture(48)
    assert np.array_equal(moved(first, last, [0.0], FLOWS["none"])[0], first)
    assert np.array_equal(moved(first, last, [1.0], FLOWS["none"])[0], last)
    blend = moved(first, last, [0.25], FLOWS["none"])[0].astype(float)
    assert np.abs(blend - (0.75 * first + 0.25 * last)).max() <= 0.5


def test_what_stands_stays() -> None:
    pytest.importorskip("cv2", reason="OpenCV is not installed: pip install 'longtake[flow]'")
    assert (
        np.abs(moved(picture(40), picture(40), [0.5], FLOWS["dis"])[0].astype(int) - picture(40)).max() <= 1
    )
