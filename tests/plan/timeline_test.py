"""Each film frame belongs to one scene, and mistakes are named."""

from __future__ import annotations

import pytest

from longtake.plan import MAX_FRAMES, PlannedScene, Timeline

SCENES = (PlannedScene("a", 0, "one"), PlannedScene("b", 10, "two"), PlannedScene("c", 12, "three"))


def test_a_scene_lasts_until_the_next_one() -> None:
    timeline = Timeline(SCENES, 20)
    prompts = [timeline.prompt(i) for i in range(20)]
    assert prompts == ["one"] * 10 + ["two"] * 2 + ["three"] * 8
    assert timeline.spans() == [range(10), range(10, 12), range(12, 20)]
    assert timeline.prompt(10**9) == "three"


def test_the_first_frames_are_a_film() -> None:
    timeline = Timeline(SCENES, 20)
    assert timeline.first(11) == Timeline(SCENES[:2], 11)
    assert timeline.first(10) == Timeline(SCENES[:1], 10)
    assert timeline.first(11).prompt(15) == "two"
    assert timeline.first(99) == Timeline(SCENES, 99)
    with pytest.raises(ValueError, match="1 to 170859376"):
        timeline.first(0)


@pytest.mark.parametrize(
    ("scenes", "length", "message"),
    [
        ([], 20, "at least one scene"),
        ([("a", 1, "x")], 20, "'a'.*start it at 0"),
        ([("a", 0, "x"), ("b", 0, "x")], 20, "'b'.*'a'.*later start"),
        ([("a", 0, "x"), ("b", 9, "x"), ("c", 8, "x")], 20, "'c'.*'b'.*later start"),
        ([("a", 0, "x"), ("a", 9, "x")], 20, "'a' is used twice"),
        ([("a", 0, " ")], 20, "'a' has an empty prompt"),
        ([("a", 0, "x"), ("b", 20, "x")], 20, "'b'.*lengthen the film"),
        ([("a", 0, "x")], 0, "1 to 170859376 frames, not 0"),
        ([("a", 0, "x")], MAX_FRAMES + 1, "not 170859377"),
    ],
)
def test_mistakes_name_the_scene_and_the_remedy(
    scenes: list[tuple[str, int, str]], length: int, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        Timeline(tuple(PlannedScene(*scene) for scene in scenes), length)
