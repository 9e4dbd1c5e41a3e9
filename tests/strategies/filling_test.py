"""Films by a back end, as plans: clips are in its rule, keyframes where they should be, refusals in time."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import planned
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from planned import frames_of

from longtake.plan import EncodeSpec, FillSpec, Job, Plan, PlannedScene, Timeline
from longtake.plan.edit import insert, move_cut, pin, set_prompt
from longtake.plan.spec import PictureModel
from longtake.strategies import CannotDraw, ClipRule

ALL = slice(None)
SCENES = (PlannedScene("a", 0, "a fox"), PlannedScene("b", 30, "a frog"))
PICTURE = Job(EncodeSpec(pixels="", width=64, height=32))
PAINTER = PictureModel(pipeline="d", steps=30, guidance=7.5)


def film(
    length: int = 50,
    scenes: tuple[PlannedScene, ...] = SCENES,
    *,
    clip: int = 9,
    picture_model: PictureModel | None = None,
    seed: int = 7,
    rule: dict[str, Any] | None = None,
    **options: Any,
) -> Plan:
    narrowed = ClipRule(**{"unit": 8, "most": 97, **(rule or {})})
    return planned.backend(
        Timeline(scenes, length), clip, picture_model=picture_model, rule=narrowed, seed=seed, **options
    )


def drawn(plan: Plan) -> list[Job]:
    """All jobs, each after what it takes."""
    passed: dict[str, Job] = {}
    for job in plan.missing((), ALL):
        assert {frame.key for frame in job.inputs} <= set(passed)
        assert job.key not in passed
        passed[job.key] = job
    return list(passed.values())


@settings(max_examples=60)
@given(
    length=st.integers(1, 3000),
    unit=st.sampled_from([4, 8]),
    units=st.integers(1, 12),
    keyframes=st.sampled_from(["clip", "pictures"]),
)
def test_clips_keep_to_the_rule_and_show_every_frame_once(
    length: int, unit: int, units: int, keyframes: Any
) -> None:
    clip = unit * units + 1
    plan = film(
        length,
        SCENES[:1],
        clip=clip,
        rule={"unit": unit},
        picture_model=PAINTER if keyframes == "pictures" else None,
        keyframes=keyframes,
    )
    jobs = drawn(plan)
    assert len(jobs) == plan.jobs_total == plan.count_missing(())
    for job in jobs:
        count = job.spec.frames
        if isinstance(job.spec, FillSpec) and job.spec.call is not None:
            assert count % unit == 1, "no pipeline is asked for a number that it would change"
            assert count <= clip
            assert job.level == 0 or job.spec.known == (0, count - 1), "a gap knows its two ends"
    shown = [one.start + k for one in plan.shown(ALL) for k in range(len(one.indices))]
    assert shown == list(range(length))
    assert all(plan.frame(i).index < plan.origin(i).job().spec.frames for i in range(length))


def test_a_scene_is_a_tree_of_its_own() -> None:
    plan = film()
    # 30 frames: 5 keyframes 8 apart; they must be 8 k + 1 in number, so 9. 20 frames: 9 as well.
    assert plan.levels == [2, 4 + 3]
    keyframes, *_ = drawn(plan)
    assert frames_of(keyframes) == list(range(0, 65, 8))
    assert keyframes.spec.known == ()
    assert [job.spec.call.prompt for job in drawn(plan)] == ["a fox"] * 5 + ["a frog"] * 4
    second = plan.leaf(30)
    assert frames_of(second) == list(range(9)), "the next scene begins anew"
    assert {frame.key for frame in second.inputs}.isdisjoint(job.key for job in drawn(plan)[:5])


@pytest.mark.parametrize(
    ("length", "strides", "reach"),
    [
        (1, (1,), 1),
        (2, (1,), 9),
        (97, (1,), 97),
        (98, (16, 1), 129),  # 8 gaps are the fewest; they are as short as covers the scene
        (240, (32, 1), 257),
        (769, (96, 1), 769),
        (770, (56, 1), 897),
        (9217, (96, 1), 9217),
        (9218, (1536, 96, 1), 12289),  # three levels
    ],
)
def test_keyframes_are_as_near_to_each_other_as_their_number_allows(
    length: int, strides: tuple[int, ...], reach: int
) -> None:
    (tree,) = film(length, SCENES[:1], clip=97).trees
    assert tree.strides == strides
    assert tree.reach == reach
    if len(strides) > 1:
        assert (reach - 1) // strides[0] % 8 == 0


def test_pictures_stand_every_clip_and_the_last_gap_is_as_short_as_can_be() -> None:
    plan = film(200, SCENES[:1], clip=97, picture_model=PAINTER, keyframes="pictures")
    first, *others = (job for job in drawn(plan) if job.op == "imagine")
    together = next(job for job in drawn(plan) if job.op == "fill" and job.level == 0)
    assert frames_of(together) == [0, 96, 192, 200]
    assert together.params == {"times": [0, 96, 192, 200], "known": [0, 1, 2, 3]}, "whatever fills the gaps"
    assert [one.leaf.spec.frames for one in plan.shown(ALL)] == [97, 97, 9]
    assert first.inputs == ()
    assert all(job.inputs == ((first.key, 0),) for job in others), "they begin from the first one"
    assert [job.spec.strength for job in (first, *others)] == [None, 0.6, 0.6, 0.6]
    assert len({job.spec.seed for job in (first, *others)}) == 4
    free = film(200, SCENES[:1], picture_model=PAINTER, keyframes="pictures", strength=1)
    assert all(job.inputs == () for job in drawn(free) if job.op == "imagine")


def test_a_picture_begins_the_scene_and_a_given_one_is_not_made() -> None:
    plan = film(30, SCENES[:1], picture_model=PAINTER)
    image, keyframes, *_ = drawn(plan)
    assert image.op == "imagine"
    assert (keyframes.spec.known, keyframes.inputs) == ((0,), ((image.key, 0),))
    given = plan.with_pictures({0: PICTURE})
    assert given.jobs_total == plan.jobs_total - 1
    assert [job.op for job in drawn(given)[:2]] == ["encode", "fill"]
    assert plan.origin(8).job().key != given.origin(8).job().key


def test_the_pace_is_told_to_whom_it_matters() -> None:
    keyframes, leaf, *_ = drawn(film(rule={"paced": True}))
    assert (keyframes.spec.call.fps, leaf.spec.call.fps) == (3, 24)
    assert drawn(film())[0].spec.call.fps is None


def test_seeds_are_of_the_place() -> None:
    jobs = drawn(film())
    assert len({job.spec.call.seed for job in jobs}) == len(jobs)
    longer = drawn(film(51))
    assert [job.key for job in jobs[:5]] == [job.key for job in longer[:5]], "a scene knows nothing of others"
    assert drawn(film(seed=8))[0].spec.call.seed != jobs[0].spec.call.seed


def test_edits_draw_what_they_touch() -> None:
    plan = film()
    had = {job.key for job in drawn(plan)}
    other = set_prompt(plan, "b", "a hen").plan
    assert {job.place.tree for job in other.missing(had, ALL) if job.place} == {1}
    assert all(plan.leaf(i).key == other.leaf(i).key for i in range(30))
    pinned = pin(plan, 3, PICTURE).plan
    leaf = pinned.leaf(3)
    assert leaf.spec.known == (0, 3, 8), "a keyframe between the ends"
    assert leaf.inputs[1] == (PICTURE.key, 0)
    moved = move_cut(plan, "b", 26).plan
    keyframes, crossing = (job for job in moved.missing(had, ALL))
    assert frames_of(keyframes) == list(range(0, 65, 8))
    assert keyframes.spec.known == (0, 1, 2, 3), "those before the cut stay"
    assert crossing == moved.leaf(25)
    assert (crossing.spec.known, crossing.spec.call.prompt) == ((0, 1, 8), "a frog")
    assert frames_of(insert(plan, "c", 30, 5, "a hen").plan.leaf(30)) == list(range(9))


@pytest.mark.parametrize(
    ("rule", "given", "message"),
    [
        ({"text": False}, {}, "draws from a picture: name a model"),
        ({"ahead": False}, {0: PICTURE}, "between two pictures only"),
        ({"inner": False}, {8: PICTURE}, r"as frame 8 of its scene is: give only frames 0 and 64"),
        ({"inner": False}, {3: PICTURE}, r"as frame 3 of its scene is: give only frames 0 and 8"),
    ],
)
def test_what_a_back_end_cannot_draw_is_refused(
    rule: dict[str, Any], given: dict[int, Job], message: str
) -> None:
    plan = film(30, SCENES[:1], rule=rule)
    with pytest.raises(CannotDraw, match=message):
        drawn(plan.with_pictures(given) if given else plan)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"clip": 10}, r"8 k \+ 1 frames, from 9 to 97; give 9"),
        ({"clip": 30}, "give 25"),
        ({"clip": 1}, "give 9"),
        ({"clip": 500}, "give 97"),
        ({"keyframes": "pictures"}, "picture=FOLDER"),
        ({"strength": 0}, "strength is 0"),
    ],
)
def test_options_outside_the_rule_have_a_remedy(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        film(**options)


def test_borders_lie_where_clips_meet() -> None:
    plan = film()
    coarse, fine = plan.borders()
    assert coarse == []
    assert fine == [8, 16, 24, 38, 46]
    assert all(b > a for a, b in pairwise(fine))
