"""A film at a multiple of its frame rate: its own clips stay, what lies between is drawn from them."""

from __future__ import annotations

from collections.abc import Callable

import planned
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from longtake.plan import Plan, PlannedScene, Timeline, finer
from longtake.plan.edit import insert, remove, set_prompt

ALL = slice(None)
SCENES = (PlannedScene("a", 0, "a fox"), PlannedScene("b", 22, "a frog"), PlannedScene("c", 40, "a hen"))


def line(length: int) -> Timeline:
    return Timeline(tuple(scene for scene in SCENES if scene.start < length), length)


def nuwa_xl(length: int) -> Plan:
    return planned.nuwa_xl(line(length))


def lvdm(length: int) -> Plan:
    return planned.lvdm(line(length))


def vidrd(length: int) -> Plan:
    return planned.vidrd(line(length))


def videogen(length: int) -> Plan:
    return planned.videogen(line(length))


PLANS = [nuwa_xl, lvdm, vidrd, videogen]


def fine(plan: Plan, times: int = 2) -> Plan:
    return finer(plan, times, model="m", sampling=planned.SAMPLING)


def check(plan: Plan, base: Plan, times: int) -> None:
    """What holds of every such film."""
    assert plan.length == times * (base.length - 1) + 1
    shown = list(plan.shown(ALL))
    assert [one.start + k for one in shown for k in range(len(one.indices))] == list(range(plan.length))
    drawn = {}
    for job in plan.missing((), ALL):
        assert job.key not in drawn
        assert {frame.key for frame in job.inputs} <= set(drawn)
        assert {parent.key for parent in plan.parents(job)} == {frame.key for frame in job.inputs}
        drawn[job.key] = job
    assert {job.key for job in base.missing((), ALL)} <= set(drawn), "its own clips stay as they are"
    assert sum(plan.frames_shown(job, ALL) for job in drawn.values()) == plan.length
    whole = [(one.leaf.key, k) for one in base.shown(ALL) for k in one.indices]
    latents = []
    for one in shown:
        known = dict(zip(one.leaf.spec.known, one.leaf.inputs, strict=True))
        latents += [known.get(k) for k in one.indices]
        assert one.leaf.spec.frames <= 16
        joined = plan.joins(one.leaf)
        assert {one.start + k - one.indices[0] for k in one.indices} <= set(joined)
        assert joined[-1] < plan.length
        for k in one.indices:
            said = one.leaf.spec.prompts[one.leaf.spec.rows[k]]
            assert said == base.timeline.prompt((one.start + k - one.indices[0]) // times)
    for i, (key, index) in enumerate(whole):
        assert latents[times * i] is not None, "a frame of the film is known"
        assert latents[times * i] == (key, index) or latents[times * i] == base.frame(i)
    assert all(latent is None for i, latent in enumerate(latents) if i % times)


@settings(max_examples=40)
@given(length=st.integers(1, 300), times=st.sampled_from([2, 2, 3, 5]), make=st.sampled_from(PLANS))
def test_every_frame_is_there_and_the_films_own_are_known(
    length: int, times: int, make: Callable[[int], Plan]
) -> None:
    base = make(length)
    plan = fine(base, times)
    check(plan, base, times)
    assert plan.count_missing(()) == plan.jobs_total == sum(plan.levels)
    have = {job.key for job in base.missing((), ALL)}
    assert plan.count_missing(have) == plan.jobs_total - base.jobs_total
    assert list(plan.keyframe_numbers()) == [times * i for i in base.keyframe_numbers()]
    assert plan.strides == (*(times * stride for stride in base.strides), 1)


@settings(max_examples=40)
@given(length=st.integers(2, 300), make=st.sampled_from(PLANS), data=st.data())
def test_a_span_shows_itself(length: int, make: Callable[[int], Plan], data: st.DataObject) -> None:
    plan = fine(make(length))
    a = data.draw(st.integers(0, plan.length - 1))
    b = data.draw(st.integers(a + 1, plan.length))
    shown = list(plan.shown(slice(a, b)))
    assert [one.start + k for one in shown for k in range(len(one.indices))] == list(range(a, b))
    jobs = [job.key for job in plan.missing((), slice(a, b))]
    needed: set[str] = set()
    stack = [one.leaf for one in shown]
    while stack:
        job = stack.pop()
        if job.key not in needed:
            needed.add(job.key)
            stack += plan.parents(job)
    assert set(jobs) == needed
    assert len(jobs) == plan.count_missing((), slice(a, b)) == sum(plan.levels_of(slice(a, b)))


@pytest.mark.parametrize("make", PLANS)
def test_an_edit_leaves_the_rest_alone(make: Callable[[int], Plan]) -> None:
    base = make(100)
    have = {job.key for job in fine(base).missing((), ALL)}
    edited = set_prompt(base, "b", "an owl").plan
    check(fine(edited), edited, 2)
    fresh = list(fine(edited).missing(have, ALL))
    assert 0 < len(fresh) < 0.7 * len(have)
    for change in (insert(base, "n", 25, 30, "an owl").plan, remove(base, "b").plan):
        check(fine(change), change, 2)
        assert fine(change).count_missing(()) == len(list(fine(change).missing((), ALL)))
        assert next(one.start for one in fine(change).shown(ALL)) == 0
        assert sum(len(one.indices) for one in fine(change).shown(ALL)) == 2 * change.length - 1


def test_halves_of_frames_and_their_seeds() -> None:
    base = nuwa_xl(100)
    first, second, *_ = (one.leaf for one in fine(base).shown(ALL))
    assert first.spec.times == tuple(k / 2 for k in range(11))
    assert first.spec.known == (0, 2, 4, 6, 8, 10)
    assert first.params["draft"] == {"flow": "dis", "level": 0.1, "start": 0.2}
    assert first.spec.seed != second.spec.seed
    assert fine(base).joins(first) == list(range(11))
    assert fine(base).joins(base.keyframes) == [2 * i for i in base.joins(base.keyframes)]
    assert fine(base, 1) is base
    with pytest.raises(ValueError, match="from 1 to 15"):
        fine(base, 16)
