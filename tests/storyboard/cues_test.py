"""Descriptions of moments become scenes of a storyboard."""

from __future__ import annotations

from fractions import Fraction

import pytest

from longtake.storyboard import StoryboardError, from_cues, parse

CUES = [
    (Fraction(3), Fraction(4), "two"),
    (Fraction("1.5"), Fraction(2), "one:\n  a fox"),
    (Fraction("3.01"), Fraction(5), "three"),
    (Fraction(3700), Fraction("3701.25"), "# four"),
    (Fraction(6), Fraction(7), " "),
]


def test_a_scene_lasts_until_the_next_one() -> None:
    board = parse(from_cues(CUES, Fraction(12), title="A: day", seed=3))
    assert [(scene.prompt, board.frame_at(scene.at)) for scene in board.scenes] == [
        ("one: a fox", 0),
        ("two three", 36),  # both begin in frame 36
        ("# four", 44400),
    ]
    assert board.frames == 44415
    assert (board.title, board.seed, board.video.fps) == ("A: day", 3, 12)


def test_a_duration_cuts_or_prolongs_the_film() -> None:
    board = parse(from_cues(CUES, Fraction(12), title="", duration=Fraction(3)))
    assert (board.frames, len(board.scenes)) == (36, 1)
    assert parse(from_cues(CUES, Fraction(12), title="", duration=Fraction(9999))).frames == 9999 * 12
    with pytest.raises(StoryboardError, match="longer --duration"):
        from_cues(CUES, Fraction(12), title="", duration=Fraction(1))
    with pytest.raises(StoryboardError, match="no cue begins within"):
        from_cues([], Fraction(12), title="")


@pytest.mark.parametrize("fps", [Fraction(24000, 1001), Fraction(25), Fraction(25, 2), Fraction(1, 2)])
def test_times_land_on_the_frame_of_the_cue_at_any_rate(fps: Fraction) -> None:
    cues = [(Fraction(k * 7001, 1000), Fraction(k * 7 + 5), str(k)) for k in range(40)]
    board = parse(from_cues(cues, fps, title=""))
    for scene, (start, _, _) in zip(board.scenes, cues, strict=True):
        assert board.frame_at(scene.at) == int(start * Fraction(str(float(fps))) + Fraction(1, 2))
