"""Chains of clips: what films by LVDM and VidRD cost, and that every frame is drawn once."""

from __future__ import annotations

import dataclasses
from typing import Any

import planned
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from planned import frames_of

from longtake.plan import Job, Plan, PlannedScene, Timeline
from longtake.strategies import Lvdm, VidRD
from longtake.strategies.vidrd import guided_steps

OTHER_SAMPLER = dataclasses.replace(planned.SAMPLING, sampler="dpm-2m")
ALL = slice(None)


def lvdm(length: int, clip_length: int = 16, **options: Any) -> Plan:
    return planned.lvdm(Timeline((PlannedScene("a", 0, "a red fox"),), length), clip_length, **options)


def vidrd(length: int, clip_length: int = 16, **options: Any) -> Plan:
    return planned.vidrd(Timeline((PlannedScene("a", 0, "a red fox"),), length), clip_length, **options)


@pytest.mark.parametrize(
    ("length", "levels"),
    [(1, [1]), (16, [1]), (17, [1, 2]), (227, [2, 16]), (256, [2, 17]), (1_024, [6, 69]), (3_376, [19, 225])],
)
def test_levels_of_lvdm(length: int, levels: list[int]) -> None:
    assert lvdm(length).levels == levels
    assert lvdm(length).count_missing(()) == sum(levels)


def test_the_papers_numbers_for_1024_frames() -> None:
    """4 frames make a latent: 257 latents have 65 sparse ones, the first 4 by one clip, then 3 by each."""
    assert lvdm(257, paper_exact=True).levels == [1 + 21, 64]
    on_its_grid = 4 * (4 + 3 * 21 - 1) + 1  # the next length that is one
    whole = lvdm(on_its_grid, paper_exact=True)
    assert whole.levels == [22, 66], "every gap is filled, the last ones too"
    assert frames_of(whole.leaf(on_its_grid - 1))[-1] == on_its_grid - 1
    job = whole.trees[0].clip(0, 5)
    assert (job.spec.known, job.spec.frames) == ((0,), 4)
    assert job.spec.known_level == pytest.approx(0.31)
    assert job.spec.sampling.known_guidance == 1.1


@pytest.mark.parametrize(("length", "clips"), [(1, 1), (16, 1), (17, 2), (256, 16), (3_376, 211)])
def test_levels_of_vidrd(length: int, clips: int) -> None:
    assert vidrd(length).levels == [clips]
    assert vidrd(length).count_missing(()) == clips


@settings(max_examples=25)
@given(length=st.integers(1, 3_000), data=st.data())
def test_every_frame_is_drawn_once_and_known_ones_come_from_where_they_were(
    length: int, data: st.DataObject
) -> None:
    clip_length = data.draw(st.integers(4, 16))
    if data.draw(st.booleans()):
        plan = vidrd(length, clip_length, guided=2)
    else:
        carried = data.draw(st.integers(1, clip_length - 1))
        plan = lvdm(length, clip_length, carried=carried, stride=data.draw(st.integers(2, clip_length - 1)))
    jobs = list(plan.missing((), ALL))
    by_key = {job.key: job for job in jobs}
    assert len(by_key) == len(jobs) == plan.jobs_total
    assert [sum(job.level == j for job in jobs) for j in range(len(plan.levels))] == plan.levels

    def drawn_by(job: Job) -> list[int]:
        return [f for i, f in enumerate(frames_of(job)) if i not in job.spec.known]

    drawn = [frame for job in jobs for frame in drawn_by(job)]
    assert len(drawn) == len(set(drawn))
    assert set(drawn) >= set(range(length))
    passed: set[str] = set()
    for job in jobs:
        assert job.spec.frames <= clip_length
        for known, source in zip(job.spec.known, job.inputs, strict=False):
            assert frames_of(by_key[source.key])[source.index] == frames_of(job)[known]
            assert frames_of(job)[known] in drawn_by(by_key[source.key])
        assert {parent.key for parent in plan.parents(job)} == {source.key for source in job.inputs} <= passed
        passed.add(job.key)
    shown = [one.leaf.start + i for one in plan.shown(ALL) for i in one.indices]
    assert shown == list(range(length))


@settings(max_examples=40)
@given(length=st.integers(1, 2_000), data=st.data())
def test_a_span_needs_its_leaves_and_all_that_they_stand_on(length: int, data: st.DataObject) -> None:
    plan = vidrd(length) if data.draw(st.booleans()) else lvdm(length)
    a = data.draw(st.integers(0, length))
    span = slice(a, data.draw(st.integers(a, length)))
    jobs = list(plan.missing((), span))
    needed: set[str] = set()
    stack = [one.leaf for one in plan.shown(span)]
    while stack:
        job = stack.pop()
        if job.key not in needed:
            needed.add(job.key)
            stack += plan.parents(job)
    assert {job.key for job in jobs} == needed
    assert plan.count_missing((), span) == len(jobs) == sum(plan.levels_of(span))
    have = {job.key for job in jobs[: data.draw(st.integers(0, len(jobs)))]}
    assert [job.key for job in plan.missing(have, span)] == [j.key for j in jobs if j.key not in have]
    assert plan.count_missing(have) == plan.jobs_total - len(have)


@pytest.mark.parametrize("plan", [lvdm(200_000), vidrd(60_000)], ids=["lvdm", "vidrd"])
def test_the_end_of_a_long_chain_can_be_asked_for(plan: Plan) -> None:
    last = plan.leaf(plan.length - 1)
    assert frames_of(last)[-1] >= plan.length - 1
    assert plan.parents(last)
    assert len(list(plan.missing((), slice(plan.length - 1, None)))) == sum(
        plan.levels_of(slice(plan.length - 1, None))
    )


@pytest.mark.parametrize("plan", [lvdm(1), vidrd(1)], ids=["lvdm", "vidrd"])
def test_an_image_is_a_clip_of_one_frame(plan: Plan) -> None:
    (job,) = plan.missing((), ALL)
    assert job.spec.times == (0,)
    assert list(plan.keyframe_numbers()) == [0]


def test_keyframes_are_those_of_all_clips_and_a_chain_of_leaves_has_none() -> None:
    assert list(lvdm(400).keyframe_numbers()) == list(range(0, 400, 15))
    assert list(vidrd(400).keyframe_numbers()) == []


def test_known_frames_are_perturbed_and_guided_as_asked() -> None:
    plan = lvdm(400, perturbation=0.05, known_guidance=1.25)
    for job in plan.missing((), ALL):
        assert job.spec.known_level == (0.05 if job.spec.known else 0)
        assert job.spec.sampling.known_guidance == 1.25
    assert not any("known_level" in job.params for job in lvdm(400, perturbation=0).missing((), ALL))
    assert len({lvdm(99, carried=k).leaf(0).key for k in (1, 2, 3)}) == 1, "the first clip is the same"
    assert len({lvdm(999, carried=k).leaf(400).key for k in (1, 2, 3)}) == 3


def test_guided_steps_are_the_papers() -> None:
    assert guided_steps(4, 50, 0.4) == [20, 15, 10, 5]
    assert guided_steps(4, 8, 0.4) == [4, 3, 2, 1]
    assert guided_steps(3, 10, 0.0) == [0, 0, 0]
    assert guided_steps(2, 10, 1.0) == [10, 5]


def test_a_clip_of_vidrd_takes_over_noise_and_guided_latents_and_nothing_more() -> None:
    plan = vidrd(100, paper_exact=True)
    first, second, *_ = plan.missing((), ALL)
    assert first.spec.frames == 8
    assert (first.spec.sampling.steps, first.spec.sampling.text_guidance) == (50, 10)
    assert first.params["reuse"] == {"steps": [20, 15, 10, 5], "recycled": 4.0, "follows": False}
    assert first.inputs == ()
    assert second.spec.reuse.follows
    noise, latents = 8, 20 + 15 + 10 + 5 - 4  # at step 0 a guided frame is its noise
    assert [frame.index for frame in second.inputs] == list(range(8, 8 + noise + latents))
    assert {frame.key for frame in second.inputs} == {first.key}


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Lvdm.Options(carried=0), "at least one frame"),
        (lambda: Lvdm.Options(keyframes=4, carried=4), "more than are carried"),
        (lambda: Lvdm.Options(stride=1), "give 2 or more"),
        (lambda: Lvdm.Options(perturbation=1.0), "from 0 to below 1"),
        (lambda: lvdm(99, keyframes=17), "do not go with a model whose clips have 16"),
        (lambda: lvdm(99, stride=16), "do not go with a model whose clips have 16"),
        (lambda: lvdm(99, clip_length=4, carried=4), "more than are carried"),
        (lambda: VidRD.Options(guided=0), "at least 1"),
        (lambda: VidRD.Options(frames=4, guided=4), "fewer than a clip has frames"),
        (lambda: VidRD.Options(recycled=-1), "give 0"),
        (lambda: VidRD.Options(guidance=2), "a share of the steps"),
        (lambda: lvdm(99, paper_exact=True, stride=8), "paper_exact decides all other options"),
        (lambda: vidrd(99, paper_exact=True, guided=2), "paper_exact decides all other options"),
        (lambda: vidrd(99, frames=17), "do not go with a model whose clips have 16"),
        (
            lambda: vidrd(99, sampling=OTHER_SAMPLER),
            "needs the sampler ddim",
        ),
    ],
)
def test_mistakes_have_a_remedy(make: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()
