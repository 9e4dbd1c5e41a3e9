"""Where shots begin: hard cuts and fades through black, by scenedetect, on the pictures as they come."""

from __future__ import annotations

import math
from array import array
from collections.abc import Sequence
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

LOOK = 256  # pixels of the longer side at which cuts are looked for

# Found on the films that were counted by hand (docs/data.md).
_LEAST_CHANGE = 15.0  # of a cut, in scenedetect's content value
_BLACK = 4.0  # mean of a picture that is faded out, of 255: night scenes are brighter
_SHORTEST = Fraction(1, 4)  # s of a shot
_FADE = 1.0  # s around the middle of a fade in which no cut counts: it is the fade's own beginning or end


class Cut(NamedTuple):
    """Where a shot begins, in seconds, and whether by a "cut" or a "fade"."""

    time: float
    kind: str


class CutFinder:
    """Hears all pictures of a film, in order."""

    def __init__(self, rate: Fraction, ratio: float) -> None:
        """`rate`: pictures per second; `ratio`: how many times the change around it a cut must be."""
        from scenedetect import FrameTimecode  # here: an extra
        from scenedetect.detectors import AdaptiveDetector, ThresholdDetector

        self._rate, self._code = float(rate), FrameTimecode
        # Shots too short are joined by `shots_of`, which knows the times.
        adaptive = AdaptiveDetector(adaptive_threshold=ratio, min_scene_len=1, min_content_val=_LEAST_CHANGE)
        self._finders: dict[str, Any] = {
            "cut": adaptive,
            "fade": ThresholdDetector(threshold=_BLACK, min_scene_len=1),
        }
        self._times = array("d")  # s, of every picture
        self._cuts: list[Cut] = []

    def see(self, time: float, picture: NDArray[np.uint8]) -> None:
        """The next picture, uint8 `[H, W, 3]`, BGR."""
        self._times.append(time)
        self._hear("process_frame", picture)

    def finish(self) -> list[Cut]:
        """All cuts, in order, each at the time of its shot's first picture; the film's start is none."""
        if self._times:
            self._hear("post_process")
        return sorted({cut for cut in self._cuts if cut.time > 0})

    def _hear(self, what: str, *pictures: NDArray[np.uint8]) -> None:
        now = self._code(len(self._times) - 1, self._rate)
        for kind, finder in self._finders.items():
            for first in getattr(finder, what)(now, *pictures):
                self._cuts.append(Cut(self._times[first.frame_num], kind))


def shots_of(cuts: Sequence[Cut], frames: int, fps: Fraction) -> list[range]:
    """The shots of a film of `frames` frames, which together are the film; none is shorter than 1/4 s."""
    fades = [cut.time for cut in cuts if cut.kind == "fade"]
    least = max(1, math.ceil(_SHORTEST * fps))
    borders = [0]
    for cut in cuts:
        if cut.kind == "cut" and any(abs(cut.time - fade) < _FADE for fade in fades):
            continue
        first = math.ceil(cut.time * float(fps) - 1e-6)
        if first - borders[-1] >= least and frames - first >= least:
            borders.append(first)
    return [range(start, end) for start, end in zip(borders, [*borders[1:], frames], strict=True)]
