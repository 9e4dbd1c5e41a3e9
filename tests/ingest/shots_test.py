"""Shots begin where pictures change at once, or come out of black; a film is its shots."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from films import scenes
from hypothesis import given
from hypothesis import strategies as st

from longtake.ingest.shots import Cut, CutFinder, shots_of
from longtake.video import Pixels


def cuts_of(frames: list[Pixels], rate: int = 24) -> list[Cut]:
    finder = CutFinder(Fraction(rate), 2.0)
    for number, frame in enumerate(frames):
        finder.see(number / rate, np.ascontiguousarray(frame[..., ::-1]))
    return finder.finish()


def test_hard_cuts_are_found_at_their_frame() -> None:
    lengths = [30, 41, 25, 60]
    found = cuts_of(list(scenes(1, lengths)))
    assert [(cut.kind, round(cut.time * 24)) for cut in found] == [("cut", 30), ("cut", 71), ("cut", 96)]


def test_one_shot_has_no_cut() -> None:
    assert cuts_of(list(scenes(2, [90]))) == []
    assert cuts_of(list(scenes(2, [1]))) == []


def test_a_fade_through_black_is_one_border_in_its_middle() -> None:
    one, two = (list(scenes(seed, [48])) for seed in (3, 4))
    down = [(frame * (1 - k / 23)).astype(np.uint8) for k, frame in enumerate(one[24:])]
    up = [(frame * (k / 23)).astype(np.uint8) for k, frame in enumerate(two[:24])]
    frames = [*one[:24], *down, *up, *two[24:]]
    shots = shots_of(cuts_of(frames), len(frames), Fraction(24))
    assert len(shots) == 2
    assert abs(shots[1].start - 48) <= 3


def test_a_fade_in_at_the_start_is_no_border() -> None:
    frames = list(scenes(5, [72]))
    faded = [(frame * min(1, k / 24)).astype(np.uint8) for k, frame in enumerate(frames)]
    assert len(shots_of(cuts_of(faded), 72, Fraction(24))) == 1


@given(
    times=st.lists(st.floats(0.01, 20), max_size=30),
    frames=st.integers(1, 300),
    fps=st.sampled_from([Fraction(12), Fraction(24000, 1001), Fraction(1)]),
)
def test_the_shots_are_the_film(times: list[float], frames: int, fps: Fraction) -> None:
    shots = shots_of([Cut(time, "cut") for time in sorted(times)], frames, fps)
    assert [n for shot in shots for n in shot] == list(range(frames))
    if len(shots) > 1:
        assert min(map(len, shots)) >= fps / 4


@pytest.mark.parametrize(("time", "frame"), [(1.0, 12), (1.01, 13), (0.999999999, 12), (1 / 3, 4)])
def test_a_border_is_the_first_frame_of_the_new_shot(time: float, frame: int) -> None:
    assert shots_of([Cut(time, "cut")], 40, Fraction(12))[1].start == frame
