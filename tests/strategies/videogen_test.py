"""VideoGen-style films: every scene alone, from its image through a cascade to frames between frames."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import planned
import pytest
from planned import frames_of

from longtake.manifest import digest_of_pipeline
from longtake.plan import EncodeSpec, ImagineSpec, Job, Plan, PlannedScene, Timeline
from longtake.plan.edit import insert, pin, remove, set_prompt
from longtake.plan.spec import PictureModel

ALL = slice(None)
SCENES = (
    PlannedScene("a", 0, "a fox"),
    PlannedScene("b", 100, "a frog"),
    PlannedScene("c", 101, "a hen"),
    PlannedScene("d", 120, "a fox"),
)


def film(length: int = 200, scenes: tuple[PlannedScene, ...] = SCENES, **options: Any) -> Plan:
    return planned.videogen(Timeline(scenes, length), **options)


def drawn(plan: Plan) -> dict[str, Job]:
    """All jobs, each after what it takes."""
    passed: dict[str, Job] = {}
    for job in plan.missing((), ALL):
        assert {frame.key for frame in job.inputs} <= set(passed)
        assert [parent.key for parent in plan.parents(job)] == list(dict.fromkeys(f.key for f in job.inputs))
        assert job.key not in passed
        passed[job.key] = job
    return passed


def test_a_scene_costs_its_image_two_stages_and_its_leaves() -> None:
    plan = film(100, SCENES[:1])
    # 100 frames: 34 keyframes, in clips of 16 that share one; 7 leaves of 15 frames.
    assert plan.levels == [1 + 2 * 3, 7]
    jobs = list(drawn(plan).values())
    assert len(jobs) == plan.jobs_total == plan.count_missing(())
    image, small, whole = jobs[:3]
    assert (image.spec.times, image.inputs) == ((0,), ())
    assert small.spec.halved == 1
    assert small.spec.known == whole.spec.known == (0,)
    assert small.inputs == ((image.key, 0),)
    assert whole.inputs == ((image.key, 0), *((small.key, k) for k in range(16)))
    assert whole.params["draft"] == {"level": 0.2}
    assert frames_of(whole) == list(range(0, 46, 3))
    assert len({image.spec.seed, small.spec.seed, whole.spec.seed}) == 3


def test_later_clips_begin_with_the_last_frame_and_see_the_image() -> None:
    plan = film(100, SCENES[:1])
    tree = plan.trees[0]
    first, second, third = (tree.clip(0, n) for n in range(3))
    assert frames_of(second) == list(range(45, 91, 3))
    assert frames_of(third) == list(range(90, 100, 3)), "no more than the scene needs"
    assert second.inputs[0] == (first.key, 15)
    assert second.inputs[1] == (first.key, 0), "the reference image"
    assert [one.time for one in second.spec.references] == [-45]
    assert third.inputs[1] == (first.key, 0)


def test_leaves_know_every_third_frame_and_draft_the_others() -> None:
    leaf = film(100, SCENES[:1]).leaf(20)
    assert frames_of(leaf) == list(range(15, 31))
    assert leaf.spec.known == (0, 3, 6, 9, 12, 15)
    assert leaf.params["draft"] == {"flow": "dis", "level": 0.1, "start": 0.8}


def test_scenes_stand_alone() -> None:
    plan = film()
    jobs = drawn(plan)
    assert len(jobs) == plan.jobs_total
    shown = list(plan.shown(ALL))
    assert [one.start + k for one in shown for k in range(len(one.indices))] == list(range(200))
    for one in shown:
        assert len({one.leaf.spec.prompts[row] for row in one.leaf.spec.rows}) == 1
    middle = {job.key for job in plan.missing((), slice(110, 111))}
    assert len(middle) == 4, "image, two stages, one leaf"
    assert plan.count_missing((), slice(110, 111)) == 4
    assert len({plan.trees[0].clip(0, 0).spec.seed, plan.trees[3].clip(0, 0).spec.seed}) == 2


def test_a_scene_of_one_frame_is_its_image() -> None:
    plan = film()
    jobs = list(plan.missing((), slice(100, 101)))
    assert [job.spec.times for job in jobs] == [(0,)] * 3
    assert jobs[-1].spec.known == (0,)


def test_edits_touch_their_scene_alone() -> None:
    plan = film()
    have = set(drawn(plan))
    edited, changed = set_prompt(plan, "d", "an owl")
    fresh = list(edited.missing(have, ALL))
    assert {job.place.tree for job in fresh if job.place} == {3}
    assert changed == range(120, 200)
    assert all(job.spec.prompts == ("an owl",) for job in fresh)
    inserted, _ = insert(plan, "new", 100, 40, "an owl")
    fresh = list(inserted.missing(have, ALL))
    assert len({job.place.tree for job in fresh if job.place}) == 1
    assert fresh[0].inputs == (), "a new scene begins with an image of its own"
    assert next(one.start for one in inserted.shown(ALL)) == 0
    assert sum(len(one.indices) for one in inserted.shown(ALL)) == 240
    assert not list(remove(plan, "b").plan.missing(have, ALL))


def test_a_users_picture_is_the_reference() -> None:
    picture = Job(EncodeSpec(pixels="abc", encoder="e"))
    plan, _ = pin(film(), 120, picture)
    tree = plan.trees[3]
    assert tree.clip(0, 0).inputs[0] == (picture.key, 0)
    assert not any(job.spec.frames == 1 and job.op == "draw" for job in plan.missing((), slice(121, None)))


def test_options_have_their_say() -> None:
    assert film(100, SCENES[:1], stages=1).levels == [1 + 3, 7]
    assert film(100, SCENES[:1], stages=1).trees[0].clip(0, 0).spec.draft is None
    assert film(100, SCENES[:1], stride=5).leaf(20).spec.known == (0, 5, 10, 15)
    keys = {
        film(**more).leaf(99).key
        for more in ({}, {"draft_level": 0.3}, {"flow_level": 0.3}, {"flow": "none"}, {"flow_start": 1.0})
    }
    assert len(keys) == 5


def test_the_image_may_be_another_models(tmp_path: Path) -> None:
    (tmp_path / "model_index.json").write_text("{}")
    image = next(film(pipeline=str(tmp_path), pipeline_steps=3).missing((), ALL))
    assert image.spec == ImagineSpec(
        prompt="a fox",
        seed=image.spec.seed,
        model=PictureModel(pipeline=digest_of_pipeline(tmp_path), steps=3, guidance=7.5),
        encoder="e",
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"stride": 1}, "give 2 or more"),
        ({"stride": 16}, "does not go with a model whose clips have 16"),
        ({"stages": 3}, "give 1 or 2"),
        ({"draft_level": 2.0}, "a noise level from 0 to 1"),
        ({"flow_level": -1.0}, "a noise level from 0 to 1"),
        ({"flow_start": 0.0}, "above 0, up to 1"),
        ({"flow": "guess"}, "flow is 'guess'"),
    ],
)
def test_mistakes_have_a_remedy(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        film(**options)
