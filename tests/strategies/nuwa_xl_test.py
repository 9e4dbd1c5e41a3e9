"""The tree of clips: what a film of any length costs, and that every frame is drawn once."""

from __future__ import annotations

import dataclasses
import time

import planned
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from planned import SAMPLING, frames_of

from longtake.plan import MAX_FRAMES, Job, Plan, PlannedScene, Sampling, Timeline

ALL = slice(None)


def film(
    length: int,
    *,
    scenes: tuple[PlannedScene, ...] = (PlannedScene("a", 0, "a red fox"),),
    seed: int = 7,
    model: str = "m",
    clip_length: int = 16,
    gaps: Sampling = SAMPLING,
) -> Plan:
    drawn_by = {"digest": model, "gaps": gaps}
    return planned.nuwa_xl(Timeline(scenes, length), clip_length, seed=seed, model=drawn_by)


def drawn_by(job: Job) -> list[int]:
    return [f for i, f in enumerate(frames_of(job)) if i not in job.spec.known]


@pytest.mark.parametrize(
    ("length", "levels"),
    [
        (1, [1]),
        (2, [1]),
        (16, [1]),
        (17, [1, 8]),
        (46, [1, 15]),
        (47, [1, 4]),
        (226, [1, 15]),
        (227, [1, 8, 16]),
        (241, [1, 8, 16]),
        (256, [1, 9, 17]),
        (1_024, [1, 5, 69]),
        (3_376, [1, 15, 225]),
        (3_377, [1, 8, 16, 226]),
        (MAX_FRAMES, [1, 15, 225, 3_375, 50_625, 759_375, 11_390_625]),
    ],
)
def test_levels(length: int, levels: list[int]) -> None:
    assert film(length).levels == levels
    assert film(length).jobs_total == sum(levels) == film(length).count_missing(())


def test_keyframes_have_a_stride_and_reach_past_the_end() -> None:
    assert frames_of(film(256).keyframes) == list(range(0, 271, 30))
    assert frames_of(film(1_024).keyframes) == list(range(0, 1_126, 225))
    assert frames_of(film(1).keyframes) == [0]


@settings(max_examples=25)
@given(length=st.integers(1, 20_000), clip_length=st.sampled_from([16, 16, 16, 3, 5, 8]))
def test_every_frame_is_drawn_once_and_ends_are_shared(length: int, clip_length: int) -> None:
    plan = film(length, clip_length=clip_length)
    jobs = list(plan.missing((), ALL))
    by_key = {job.key: job for job in jobs}
    assert len(by_key) == len(jobs) == plan.jobs_total
    assert [sum(job.level == j for job in jobs) for j in range(len(plan.levels))] == plan.levels

    drawn = [frame for job in jobs for frame in drawn_by(job)]
    assert len(drawn) == len(set(drawn))
    assert set(drawn) >= set(range(length))

    seen: set[str] = set()
    for job in jobs:
        assert job.spec.frames <= clip_length
        assert job.level == 0 or job.spec.frames >= 3, "a gap without a frame between its ends"
        for known, source in zip(job.spec.known, job.inputs, strict=True):
            assert source.key in seen, "parents come before children"
            assert frames_of(by_key[source.key])[source.index] == frames_of(job)[known]
            assert frames_of(job)[known] in drawn_by(by_key[source.key])
        assert {parent.key for parent in plan.parents(job)} == {source.key for source in job.inputs}
        seen.add(job.key)


@settings(max_examples=30)
@given(length=st.integers(1, 20_000), data=st.data())
def test_leaves_show_every_frame_once(length: int, data: st.DataObject) -> None:
    plan = film(length)
    shown = [one.leaf.start + i for one in plan.shown(ALL) for i in one.indices]
    assert shown == list(range(length))
    starts = [leaf.start for leaf in plan.missing((), ALL) if leaf.level == len(plan.levels) - 1]
    assert starts == [one.leaf.start for one in plan.shown(ALL)], "leaves are drawn in film order"
    i = data.draw(st.integers(0, length - 1))
    leaf = plan.leaf(i)
    ((shows, indices, start, *_),) = plan.shown(slice(i, i + 1))
    assert (shows, shows.start + indices[0], start, len(indices)) == (leaf, i, i, 1)
    assert leaf.spec.times[i - leaf.start] == i - leaf.start
    source = plan.frame(i)
    owner = next(job for job in plan.missing((), slice(i, i + 1)) if job.key == source.key)
    assert frames_of(owner)[source.index] == i
    assert i in drawn_by(owner)


@settings(max_examples=60)
@given(length=st.integers(1, 6_000), data=st.data())
def test_a_span_needs_its_leaves_and_what_they_stand_on(length: int, data: st.DataObject) -> None:
    plan = film(length)
    a = data.draw(st.integers(0, length))
    b = data.draw(st.integers(a, length))
    span = slice(a, b)
    jobs = list(plan.missing((), span))
    needed: dict[str, Job] = {}
    stack = [one.leaf for one in plan.shown(span)]
    while stack:
        job = stack.pop()
        needed[job.key] = job
        stack += plan.parents(job)
    assert {job.key for job in jobs} == set(needed)
    assert plan.count_missing((), span) == len(jobs)
    assert plan.levels_of(span) == [sum(j.level == level for j in jobs) for level in range(len(plan.strides))]
    assert [one.start + k for one in plan.shown(span) for k in range(len(one.indices))] == list(range(a, b))
    have = {job.key for job in jobs[: data.draw(st.integers(0, len(jobs)))]}
    assert [job.key for job in plan.missing(have, span)] == [j.key for j in jobs if j.key not in have]
    assert plan.count_missing(have, span) == len(jobs) - len(have)
    assert plan.count_missing(have) == plan.jobs_total - len(have)


def test_any_frame_of_3376_stands_on_three_jobs() -> None:
    plan = film(3_376)
    for i in (0, 1, 15, 225, 3_374, 3_375):
        jobs = list(plan.missing((), slice(i, i + 1)))
        assert [job.level for job in jobs] == [0, 1, 2]
        assert jobs[-1] == plan.leaf(i)
        assert jobs[-1].start == 15 * min(i // 15, 224)


def test_the_longest_film_is_planned_at_once() -> None:
    begin = time.process_time()
    plan = film(MAX_FRAMES)
    assert plan.count_missing(()) == plan.jobs_total == 12_204_241
    for i in (0, MAX_FRAMES // 2, MAX_FRAMES - 1):
        jobs = list(plan.missing((), slice(i, i + 1)))
        assert [job.level for job in jobs] == list(range(7))
    assert next(plan.missing((), ALL)) == plan.keyframes
    assert time.process_time() - begin < 0.1


def test_the_first_levels_alone() -> None:
    plan = film(3_376)
    assert [job.level for job in plan.missing((), ALL, levels=1)] == [0]
    assert len(list(plan.missing((), ALL, levels=2))) == 16


def test_prompts_change_on_their_frame() -> None:
    scenes = (PlannedScene("a", 0, "one"), PlannedScene("b", 20, "two"), PlannedScene("c", 26, "one"))
    leaf = film(100, scenes=scenes).leaf(20)
    assert leaf.start == 15
    assert leaf.spec.prompts == ("one", "two")
    assert leaf.spec.rows == (0,) * 5 + (1,) * 6 + (0,) * 5


def test_keyframes_past_the_end_go_on_with_the_last_prompt() -> None:
    scenes = (PlannedScene("a", 0, "one"), PlannedScene("b", 254, "two"), PlannedScene("c", 400, "three"))
    plan = planned.nuwa_xl(Timeline(scenes, 500).first(256))
    assert plan.keyframes.spec.prompts == ("one", "two")
    assert plan.keyframes.spec.rows == (0,) * 9 + (1,)


def test_each_scene_has_the_level_that_first_draws_it() -> None:
    names = [("a", 0), ("b", 226), ("c", 450), ("d", 451), ("e", 460), ("f", 470), ("g", 900), ("h", 3_370)]
    scenes = tuple(PlannedScene(name, start, name) for name, start in names)
    plan = film(3_376, scenes=scenes)
    by_prompt: dict[str, int] = {}
    for job in plan.missing((), ALL):
        for frame in drawn_by(job):
            name = plan.timeline.prompt(frame)
            by_prompt[name] = min(by_prompt.get(name, 9), job.level)
    report = plan.scenes()
    assert {scene.id: scene.level for scene in report} == by_prompt
    assert by_prompt["b"] == 1
    assert by_prompt["d"] == 2
    assert sum(scene.frames for scene in report) == 3_376


def keys(plan: Plan) -> list[str]:
    return [job.key for job in plan.missing((), ALL)]


def noises(plan: Plan) -> list[int]:
    return [job.spec.seed for job in plan.missing((), ALL)]


def test_what_is_in_a_key() -> None:
    scenes = (PlannedScene("a", 0, "one"), PlannedScene("b", 100, "two"))
    plan = film(1_024, scenes=scenes)
    renamed = (PlannedScene("x", 0, "one"), PlannedScene("y", 100, "two"))
    assert keys(film(1_024, scenes=renamed)) == keys(plan)
    for other in (film(1_024, scenes=scenes, seed=8), film(1_024, scenes=scenes, model="n")):
        assert not set(keys(other)) & set(keys(plan))
    assert len(set(noises(plan))) == plan.jobs_total


@pytest.mark.parametrize(
    "change",
    [
        {"sampler": "dpm-2m"},
        {"steps": 9},
        {"shift": 1.01},
        {"text_guidance": 2 * 1.01},
        {"known_guidance": 1.5 * 1.01},
        {"precision": "bf16"},
    ],
)
def test_sampling_changes_every_key_and_no_noise(change: dict[str, object]) -> None:
    other = dataclasses.replace(SAMPLING, **change)  # type: ignore[arg-type]
    line = Timeline((PlannedScene("a", 0, "one"),), 1_024)
    plans = [planned.nuwa_xl(line, sampling=sampling) for sampling in (SAMPLING, other)]
    assert not set(keys(plans[0])) & set(keys(plans[1]))
    assert noises(plans[0]) == noises(plans[1])


def test_a_level_has_its_own_sampling_and_children_follow() -> None:
    plan, other = film(3_376), film(3_376, gaps=dataclasses.replace(SAMPLING, steps=9))
    changed = {a.level for a, b in zip(*(p.missing((), ALL) for p in (plan, other)), strict=True) if a != b}
    assert plan.keyframes == other.keyframes
    assert changed == {1, 2}


def test_the_film_may_grow_where_its_clips_stay_the_same() -> None:
    short, long = film(3_361), film(3_376)
    assert short.levels == [1, 15, 225 - 1]
    assert keys(short) == keys(long)[:-1]


def test_another_prompt_keeps_the_noise() -> None:
    one = film(300, scenes=(PlannedScene("a", 0, "one"),))
    two = film(300, scenes=(PlannedScene("a", 0, "two"),))
    assert noises(one) == noises(two)
    assert not set(keys(one)) & set(keys(two))


def test_mistakes_have_a_remedy() -> None:
    with pytest.raises(ValueError, match="give at least 3"):
        film(10, clip_length=2)
    with pytest.raises(ValueError, match="0 to 99"):
        film(100).leaf(100)
    with pytest.raises(ValueError, match="0 to 99"):
        film(100).frame(-1)
    with pytest.raises(ValueError, match="steps of 2"):
        list(film(100).shown(slice(0, 10, 2)))
    with pytest.raises(ValueError, match="at least one step"):
        dataclasses.replace(SAMPLING, steps=0)
    with pytest.raises(ValueError, match="finite"):
        dataclasses.replace(SAMPLING, text_guidance=float("nan"))
    with pytest.raises(ValueError, match="above 0"):
        dataclasses.replace(SAMPLING, shift=0)
