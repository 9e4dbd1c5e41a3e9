"""The simulator gives out work as the program does, and time goes by as it must."""

from __future__ import annotations

import importlib.util
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

SCRIPT = Path(__file__).parents[1] / "benchmarks" / "simulate.py"


@pytest.fixture(scope="module")
def sim() -> Iterator[ModuleType]:
    spec = importlib.util.spec_from_file_location("simulate_benchmark", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look for their module there
    spec.loader.exec_module(module)
    yield module
    del sys.modules[spec.name]


class Watched:
    """A policy whose finished tasks are written down."""

    def __init__(self, policy: Any) -> None:
        self._policy, self.tasks = policy, []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._policy, name)

    def take(self, task: Any) -> None:
        self.tasks.append(task)
        self._policy.take(task)

    @property
    def clips(self) -> list[tuple[int, int]]:
        return [clip for task in self.tasks for clip in task.clips]

    @property
    def leaves(self) -> list[int]:
        return [leaf for task in self.tasks for leaf in task.leaves]


def watched(sim: ModuleType, kind: str, frames: int, costs: Any, **crew: Any) -> tuple[Watched, Any]:
    plan = sim.film(frames, costs)
    policy = Watched(sim.Real(plan, costs) if kind == "real" else sim.Arithmetic(plan.trees[0], costs))
    return policy, sim.simulate(policy, sim.Workforce(**crew), plan.trees[0])


@pytest.mark.parametrize("frames", [9, 256, 1024, 3376])
def test_one_worker_takes_the_sum_of_all_tasks_and_two_at_least_half(sim: ModuleType, frames: int) -> None:
    costs = sim.Costs()
    policy, one = watched(sim, "real", frames, costs)
    assert one.seconds == pytest.approx(sum(task.seconds for task in policy.tasks))
    assert one.seconds == pytest.approx(one.busy)
    _, two = watched(sim, "real", frames, costs, workers=2)
    assert one.seconds / 2 <= two.seconds <= one.seconds
    _, alone = watched(sim, "real", frames, sim.Costs(batch=1))
    first, *gaps, leaves = sim.film(frames, costs).levels if frames > 16 else (1, 0)
    evaluations = 8 * first + 4 * sum(gaps) + 3 * leaves
    shown = leaves or 1
    assert alone.seconds == pytest.approx(evaluations * 0.0414 + shown * (0.092 + 0.142 / 4))


@pytest.mark.parametrize("kind", ["real", "arithmetic"])
@pytest.mark.parametrize("failures", [0, 200])
@pytest.mark.parametrize("workers", [1, 2, 64])
def test_every_clip_is_drawn_once_and_every_leaf_encoded_once(
    sim: ModuleType, kind: str, failures: float, workers: int
) -> None:
    costs = sim.Costs()
    policy, result = watched(sim, kind, 3376, costs, workers=workers, failures=failures)
    tree = sim.film(3376, costs).trees[0]
    every = {(level, n) for level in range(tree.depth) for n in range(tree.count(level))}
    assert Counter(policy.clips) == Counter(every)
    assert sorted(policy.leaves) == list(range(tree.count(tree.depth - 1)))
    assert (result.lost > 0) == (failures > 0)
    drawn = set()
    for task in policy.tasks:  # in the order in which they ended
        assert all(sim.above(tree, clip) in {None, *drawn} for clip in task.clips)
        assert all((tree.depth - 1, leaf) in drawn for leaf in task.leaves)
        drawn.update(task.clips)


@pytest.mark.parametrize("frames", [1024, 3376])
@pytest.mark.parametrize("workers", [1, 2, 7, 1000])
def test_no_film_is_faster_than_its_path_or_its_work(sim: ModuleType, frames: int, workers: int) -> None:
    costs = sim.Costs()
    policy, result = watched(sim, "real", frames, costs, workers=workers)
    depth = sim.film(frames, costs).trees[0].depth
    path = costs.draw(8) + (depth - 2) * costs.draw(4) + costs.draw(3) + costs.segment(1)
    work = sum(task.seconds for task in policy.tasks)
    assert result.seconds >= max(path, work / workers)
    assert result.first >= path
    assert result.waiting >= depth


@pytest.mark.parametrize("frames", [1024, 50_626])
def test_the_first_leaf_comes_after_as_many_clips_as_the_film_is_deep(sim: ModuleType, frames: int) -> None:
    costs = sim.Costs()
    policy, result = watched(sim, "arithmetic", frames, costs)
    depth = sim.film(frames, costs).trees[0].depth
    assert [task.clips for task in policy.tasks[:depth]] == [((level, 0),) for level in range(depth)]
    segment = next(k for k, task in enumerate(policy.tasks) if task.leaves)
    assert policy.tasks[segment].leaves[0] == 0
    assert result.first == pytest.approx(sum(task.seconds for task in policy.tasks[: segment + 1]))


@pytest.mark.parametrize(
    "crew",
    [
        {"workers": 1},
        {"workers": 2, "startup": 3},
        {"workers": 64, "stragglers": (0.2, 4)},
        {"workers": 1000},
        {"workers": 16, "stragglers": (0.1, 2), "failures": 60, "startup": 1, "seed": 3},
    ],
)
@pytest.mark.parametrize("frames", [1, 9, 17, 256, 3390])
def test_numbers_and_the_programs_schedule_agree(sim: ModuleType, frames: int, crew: dict[str, Any]) -> None:
    by_schedule, real = watched(sim, "real", frames, sim.Costs(), **crew)
    by_numbers, result = watched(sim, "arithmetic", frames, sim.Costs(), **crew)
    assert result == real
    assert by_numbers.clips == by_schedule.clips
    assert by_numbers.leaves == by_schedule.leaves


def extrapolation(sim: ModuleType, shorter: tuple[int, ...], frames: int, **crew: Any) -> tuple[Any, Any]:
    costs, who = sim.Costs(), sim.Workforce(**crew)
    known = {n: sim.rendered(n, costs, who) for n in shorter}
    guess = sim.extrapolated(frames, known, who, costs.draw(costs.gaps), costs.batch)
    return guess, sim.rendered(frames, costs, who)


@pytest.mark.parametrize("workers", [1, 64])
def test_a_long_film_is_extrapolated_and_at_most_a_tenth_too_long(sim: ModuleType, workers: int) -> None:
    guess, true = extrapolation(sim, (5 * 3375 + 1, 15 * 3375 + 1), 180_000, workers=workers)
    assert 0.97 * true.seconds < guess.seconds < 1.1 * true.seconds
    assert guess.busy == pytest.approx(true.busy, rel=0.01)
    assert guess.first == pytest.approx(true.first)


@pytest.mark.slow
@pytest.mark.parametrize(
    "crew", [{"workers": 64}, {"workers": 1000, "stragglers": (0.1, 4)}, {"workers": 10_000}]
)
def test_from_the_films_that_the_command_takes(sim: ModuleType, crew: dict[str, Any]) -> None:
    guess, true = extrapolation(sim, sim.SHORTER, 3_000_000, **crew)
    assert 0.97 * true.seconds < guess.seconds < 1.1 * true.seconds


def test_slow_workers_take_longer_and_dead_ones_cost_what_they_lose(sim: ModuleType) -> None:
    costs, usual = sim.Costs(batch=1), sim.Workforce(workers=8)
    fast = sim.rendered(3376, costs, usual)
    assert sim.rendered(3376, costs, sim.Workforce(workers=8, stragglers=(1, 2))).seconds == 2 * fast.seconds
    some = sim.rendered(3376, costs, sim.Workforce(workers=8, stragglers=(0.25, 2))).seconds
    assert fast.seconds < some < 2 * fast.seconds
    dying = sim.rendered(3376, costs, sim.Workforce(workers=8, failures=100))
    assert dying.lost > 0
    assert dying.busy > fast.busy
    assert dying == sim.rendered(3376, costs, sim.Workforce(workers=8, failures=100))
    assert dying != sim.rendered(3376, costs, sim.Workforce(workers=8, failures=100, seed=1))


def test_a_chain_waits_for_itself(sim: ModuleType) -> None:
    costs = sim.Costs()
    draw, last = costs.draw(3), [*sim.segments(240)][-1]
    times = [
        sim.simulate(sim.LeftToRight(3601, costs), sim.Workforce(workers=k)).seconds for k in (1, 2, 3, 1000)
    ]
    assert times[0] == pytest.approx(240 * draw + costs.segment(240))
    assert times[2] == times[3] == pytest.approx(240 * draw + costs.segment(len(last)))
    assert max(times[2], times[0] / 2) <= times[1] < times[2] + 2


def test_the_command_prints_a_table_and_draws_it(
    sim: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    picture = tmp_path / "new" / "simulate.png"
    sim.main(
        [
            "--frames",
            "256",
            "1024",
            "--workers",
            "1",
            "2",
            "64",
            "--stragglers",
            "0.5:2",
            "--plot",
            str(picture),
        ]
    )
    head, _, *rows = capsys.readouterr().out.splitlines()
    assert head == "| " + " | ".join(sim.COLUMNS) + " |"
    assert len(rows) == 2 + 3  # 256 frames are 27 clips
    assert picture.read_bytes().startswith(b"\x89PNG")
