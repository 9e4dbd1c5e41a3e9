"""A seam is a step at a border of clips and nowhere else; scripted cuts are none, and are to be found."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import planned
import pytest
from cartoon import CARTOON
from numpy.typing import NDArray
from seen_films import plain_signals, signals_of

from longtake.evaluate.readings import Signals
from longtake.evaluate.script import Script, script_of_episode, script_of_prompts
from longtake.evaluate.seams import (
    Borders,
    borders_of,
    calm_steps,
    cut_measures,
    seam_measures,
    seam_profile,
)
from longtake.plan import PlannedScene, Timeline
from longtake.world.episodes import episode_facts

N = 1000
CUTS = (38, 410, 417, 700)
GRID = np.arange(15, N - 1, 15)


def borders(length: int = N, coarse: int = 225) -> Borders:
    grid = np.arange(15, length - 1, 15)
    return Borders(grid[grid % coarse == 0], grid[grid % coarse != 0])


def scripted(cuts: tuple[int, ...] = (), length: int = N) -> Script:
    return script_of_prompts(CARTOON, [(at, "A fox waves.") for at in (0, *cuts)], length)


def signals(step: NDArray[np.float64], second: NDArray[np.float64] | None = None) -> Signals:
    return plain_signals(len(step), difference=step, second=np.zeros(len(step)) if second is None else second)


def steady(at: NDArray[np.int64] | None = None, length: int = N) -> NDArray[np.float64]:
    """Steps of 0.01, and of 0.02 `at` these frames."""
    step = np.full(length, 0.01)
    step[0] = 0
    if at is not None:
        step[at] = 0.02
    return step


def seams(step: NDArray[np.float64], script: Script | None = None) -> dict[str, float]:
    """Values by name for these first differences, taken for second ones too."""
    script = script or scripted()
    measured = seam_measures(script, signals(step, step), borders(script.length))
    return {name: each.value for name, each in measured.items()}


def test_steady_motion_has_no_seams() -> None:
    assert seams(steady()) == dict.fromkeys(("seam_coarse", "seam_fine", "jolt_coarse", "jolt_fine"), 0.5)


def test_a_step_into_each_border_is_a_seam() -> None:
    values = seams(steady(GRID))
    assert (values["seam_coarse"], values["seam_fine"]) == (1, 1)


def test_a_step_out_of_each_border_is_a_seam_and_a_jolt() -> None:
    """The second difference at frame b + 1 is that around frame b."""
    assert set(seams(steady(GRID + 1)).values()) == {1}


def test_coarse_borders_are_told_from_fine_ones() -> None:
    values = seams(steady(GRID[GRID % 225 == 0] + 1))
    assert (values["seam_coarse"], values["seam_fine"]) == (1, 0.5)
    assert (values["jolt_coarse"], values["jolt_fine"]) == (1, 0.5)


@pytest.mark.parametrize("shift", range(3, 14))
def test_steps_elsewhere_are_no_seams(shift: int) -> None:
    """A frame's steps are those into it and out of it: steps from 3 to 13 after a border touch none."""
    assert max(seams(steady(GRID[:-1] + shift)).values()) <= 0.5


def test_random_motion_has_no_seams() -> None:
    step = np.random.default_rng(0).random(30_000)
    measured = seam_measures(scripted(length=30_000), signals(step, step[::-1]), borders(30_000))
    for each in measured.values():
        assert abs(each.value - 0.5) < 4 * each.units.std() / len(each.units) ** 0.5


def test_scripted_cuts_change_nothing() -> None:
    script = scripted(CUTS)
    step = np.random.default_rng(1).random(N) / 100
    cut = step.copy()
    for shift in (-1, 0, 1):  # one early, or one late
        cut[np.array(CUTS) + shift] = 0.5
    for name, each in seam_measures(script, signals(step, step), borders(script.length)).items():
        other = seam_measures(script, signals(cut, cut), borders(script.length))[name]
        np.testing.assert_array_equal(each.units, other.units)


def test_borders_next_to_cuts_are_left_out() -> None:
    def used(cut: int) -> int:
        return len(seam_measures(scripted((cut,)), signals(steady()), borders())["seam_fine"].units)

    whole = len(seam_measures(scripted(), signals(steady()), borders())["seam_fine"].units)
    assert [used(150 + shift) for shift in (-2, -1, 0, 1, 2, 3)] == [*[whole] + [whole - 1] * 4, whole]


def test_units_are_borders() -> None:
    """Four coarse and 62 fine borders; the world's sun steps at 900 and at the 15 fine ones of 60, 120 …"""
    measured = seam_measures(scripted(), signals(steady()), borders())
    assert (len(measured["seam_coarse"].units), len(measured["seam_fine"].units)) == (3, 62 - 15)


def test_the_sun_steps_every_20_frames() -> None:
    clocks = [CARTOON.frame_truth(3, number).clock for number in range(130)]
    assert set(np.flatnonzero(np.diff(clocks)) + 1) == {20, 40, 60, 80, 100, 120}


def test_borders_of_chains() -> None:
    line = Timeline((PlannedScene("one", 0, "a fox"), PlannedScene("two", 100, "a hen")), 400)
    coarse, fine = borders_of(planned.vidrd(line))
    assert (coarse.tolist(), fine.tolist()) == ([], list(range(16, 400, 16)))
    coarse, fine = borders_of(planned.lvdm(line))
    assert coarse.tolist() == [225], "the second clip of keyframes draws those from frame 240 on"
    assert sorted([*coarse, *fine]) == list(range(15, 400, 15))
    coarse, fine = borders_of(planned.videogen(line))
    assert coarse.tolist() == [45, 90, 145, 190, 235, 280, 325, 370]
    assert 100 not in fine, "scenes begin anew"


@pytest.mark.parametrize("length", [16, 200, 1351, 3376])
def test_borders_are_those_of_the_plan(length: int) -> None:
    plan = planned.nuwa_xl(Timeline((PlannedScene("one", 0, "a fox"),), length))
    coarse, fine = borders_of(plan)
    shown = [plan.leaf(i).key for i in range(length)]
    changes = [i for i in range(1, length) if shown[i] != shown[i - 1]]
    assert sorted([*coarse, *fine]) == changes
    above = {plan.frame(int(i)).key for i in coarse}
    assert above <= {job.key for job in plan.missing((), slice(None), levels=max(1, len(plan.strides) - 2))}
    assert not above & {plan.frame(int(i)).key for i in fine}


def test_films_of_few_levels() -> None:
    assert all(
        np.isnan(each.value) and each.note
        for each in seam_measures(scripted(), signals(steady()), borders_of(None)).values()
    )
    two = seam_measures(scripted(), signals(steady()), borders(coarse=N))
    assert np.isnan(two["seam_coarse"].value)
    assert two["seam_fine"].value == 0.5


def test_the_profile_of_seams_peaks_at_the_border() -> None:
    profile = seam_profile(scripted(), signals(steady(GRID)), GRID)
    np.testing.assert_allclose(profile, [0.02, *[0.01] * 14, 0.02, *[0.01] * 14, 0.02], rtol=1e-6)


def test_the_profile_leaves_cuts_out() -> None:
    step = steady()
    step[list(CUTS)] = 0.5
    np.testing.assert_allclose(seam_profile(scripted(CUTS), signals(step), GRID), 0.01, rtol=1e-6)
    assert np.isnan(seam_profile(scripted(), signals(step), np.array([3]))[:12]).all()


def test_steps_at_and_next_to_cuts_are_not_calm() -> None:
    assert list(np.flatnonzero(~calm_steps(scripted((5, 19), 20)))) == [0, 1, 4, 5, 6, 18, 19]


def cuts_of(step: NDArray[np.float64], script: Script | None = None) -> tuple[float, float]:
    measured = cut_measures(script or scripted(CUTS), signals(step))
    return measured["cut_recall"].value, measured["spurious_cuts"].value


@pytest.mark.parametrize("late", [-1, 0, 1])
def test_cuts_are_found_a_frame_early_or_late(late: int) -> None:
    step = steady()
    step[np.array(CUTS) + late] = 0.2
    assert cuts_of(step) == (1, 0)


def test_cuts_elsewhere_are_spurious() -> None:
    step = steady()
    step[np.array(CUTS) + 2] = 0.2
    assert cuts_of(step) == (0, 4)
    assert cuts_of(steady()) == (0, 0)
    assert cuts_of(np.zeros(N)) == (0, 0)


def test_a_cut_among_larger_jumps_is_not_found() -> None:
    step = steady()
    step[list(CUTS)] = 0.2
    step[np.array(CUTS[:1]) - 4] = 0.3
    assert cuts_of(step) == (0.75, 1)


def test_no_cut_is_asked_of_one_scene() -> None:
    recall, spurious = cuts_of(steady(), scripted())
    assert np.isnan(recall)
    assert spurious == 0
    assert np.isnan(cuts_of(np.zeros(1), scripted(length=1))).all()


def seen(script: Script, frames: list[NDArray[np.uint8]]) -> dict[str, float]:
    read = signals_of(np.stack(frames))
    measured = {**seam_measures(script, read, borders(script.length)), **cut_measures(script, read)}
    return {name: each.value for name, each in measured.items()}


def test_ground_truth_passes_and_glued_clips_and_shuffled_frames_do_not() -> None:
    n = 450
    script = script_of_episode(CARTOON, 15, n)
    truth = [script.picture(t, episode_facts(15), 32) for t in range(n)]
    good = seen(script, truth)
    assert good["cut_recall"] > 0.97
    assert good["spurious_cuts"] < 5
    assert 0.35 < good["seam_fine"] < 0.65

    glued = seen(script, [script.picture(t, episode_facts(1000 + t // 15), 32) for t in range(n)])
    assert min(glued["seam_fine"], glued["jolt_fine"]) > 0.9
    assert glued["cut_recall"] > 0.9
    assert glued["spurious_cuts"] > 10

    chance, windows = np.random.default_rng(0), np.split(np.arange(n), range(16, n, 16))
    orders = [np.concatenate([chance.permutation(window) for window in windows]) for _ in range(6)]
    assert np.mean([seen(script, [truth[t] for t in order])["cut_recall"] for order in orders]) < 0.5
    assert seen(script, [truth[0]] * n)["cut_recall"] == 0


def test_faster_and_slower_films_have_the_same_seams() -> None:
    film = signals(np.random.default_rng(3).random(N))
    twice = replace(film, difference=2 * film.difference)
    for name, each in seam_measures(scripted(), film, borders()).items():
        np.testing.assert_array_equal(each.units, seam_measures(scripted(), twice, borders())[name].units)
