"""What neither end of a gap shows is looked up in the keyframes that do."""

from __future__ import annotations

from itertools import pairwise

import planned
import pytest

from longtake.plan import Plan, PlannedScene, Timeline
from longtake.strategies.references import Subjects, references

LEXICON = {"fox": ["fox", "Ollie"], "frog": ["frog"], "owl": ["owl"], "sea": ["sea", "on the shore"]}
ALL = slice(None)


def timeline(length: int, **prompts: str) -> Timeline:
    """Scenes by their first frame: `f0="..."`."""
    return Timeline(tuple(PlannedScene(name, int(name[1:]), text) for name, text in prompts.items()), length)


def film(line: Timeline, most: int = 2) -> Plan:
    return planned.nuwa_xl(line, references=most, model={"lexicon": LEXICON})


def looked_up(line: Timeline, keyframes: range, frames: range, most: int) -> list[int]:
    """The keyframes that the gap of `frames`, whose ends are known, should see."""
    free = [k for k in keyframes if not frames[0] <= k <= frames[-1]]
    middle = (frames[0] + frames[-1]) / 2
    drawn, known = [line.prompt(i) for i in frames[1:-1]], [line.prompt(i) for i in (frames[0], frames[-1])]
    others = [(abs(k - middle), line.prompt(k)) for k in free]
    return [free[k] for k in references(Subjects(LEXICON), drawn, known, others, most)]


@pytest.mark.parametrize(
    ("prompt", "found"),
    [
        ("Ollie waits.", {"fox"}),
        ("A FOX on the Shore", {"fox", "sea"}),
        ("foxes are no fox-like frogs", {"fox"}),
        ("the season of owls", set()),
    ],
)
def test_subjects_are_found_by_whole_phrases(prompt: str, found: set[str]) -> None:
    assert Subjects(LEXICON).of(prompt) == found


def test_without_a_lexicon_longer_words_are_the_subjects() -> None:
    assert Subjects({}).of("The old Mole, by a river") == {"mole", "river"}


def test_the_keyframe_that_shows_what_the_ends_lack_is_chosen_and_another_fills_up() -> None:
    line = timeline(101, f0="a fox", f12="an owl", f18="a fox", f55="an owl", f75="a frog")
    assert looked_up(line, range(0, 101, 20), range(21), 1) == [60]  # the only one with the owl
    assert looked_up(line, range(0, 101, 20), range(21), 2) == [40, 60]  # and the nearest other
    assert looked_up(line, range(0, 101, 20), range(60, 81), 2) == []  # both ends show all there is
    assert looked_up(line, range(0, 101, 20), range(40, 61), 2) == []


def test_of_equals_the_nearest_and_of_two_the_one_that_shows_more() -> None:
    line = timeline(
        101, f0="an owl at sea", f5="a frog", f25="a fox", f35="an owl at sea", f39="a fox", f75="an owl"
    )
    found = looked_up(line, range(0, 101, 20), range(40, 61), 1)
    assert found == []
    assert looked_up(line, range(0, 101, 20), range(20, 41), 1) == [0]  # sea and owl, not 80
    line = timeline(101, f0="an owl", f5="a fox", f45="an owl", f50="a fox", f70="an owl", f90="a fox")
    assert looked_up(line, range(0, 101, 20), range(40, 61), 1) == [80]


def test_nothing_to_look_up_gives_the_papers_plan() -> None:
    line = timeline(1024, f0="a fox", f500="a frog")
    plain, seen = film(line, 0), film(line, 2)
    assert [job.key for job in plain.missing((), ALL)] == [job.key for job in seen.missing((), ALL)]


def test_jobs_take_the_frames_of_the_keyframes_that_show_the_thing() -> None:
    line = timeline(3376, f0="a fox", f300="an owl", f430="a fox", f1500="an owl at sea", f2000="a fox")
    plan = film(line)
    gap = plan.leaf(300)
    while gap.level > 1:
        gap = next(job for job in plan.parents(gap) if job.level == gap.level - 1)
    assert gap.start == 225
    shown = [gap.start + one.time for one in gap.spec.references]
    assert shown == [0, 1575]  # the owl, and the nearest other keyframe
    assert [gap.spec.prompts[one.row] for one in gap.spec.references] == [line.prompt(i) for i in shown]
    assert gap.inputs[2:] == tuple(plan.frame(i) for i in shown)
    assert plan.keyframes in plan.parents(gap)


def test_depth_and_count_stay_and_parents_come_first() -> None:
    line = timeline(3376, f0="a fox", f300="an owl", f430="a fox", f1500="an owl at sea", f2000="a fox")
    plan = film(line)
    jobs = list(plan.missing((), ALL))
    assert len(jobs) == plan.jobs_total == 241
    done: set[str] = set()
    for job in jobs:
        assert {frame.key for frame in job.inputs} <= done
        assert {parent.key for parent in plan.parents(job)} == {frame.key for frame in job.inputs}
        done.add(job.key)
    assert len(list(plan.missing((), slice(310, 311)))) == 3
    assert any(job.spec.references for job in jobs)
    assert all(a < b for job in jobs for a, b in pairwise(job.spec.times))


def test_which_keyframes_are_seen_is_part_of_the_key() -> None:
    one = timeline(3376, f0="a fox", f300="an owl", f430="a fox", f1500="an owl", f2000="a fox")
    other = timeline(3376, f0="a fox", f300="an owl", f430="a fox", f1800="an owl", f2300="a fox")
    changed = [
        a.start
        for a, b in zip(film(one).missing((), ALL), film(other).missing((), ALL), strict=True)
        if a.level == 1 and a.spec != b.spec
    ]
    assert 225 in changed
    assert 2700 not in changed
