"""The right order is 1, the reverse is -1, and a clock that does not run on is seen wherever that is."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from cartoon import CARTOON
from numpy.typing import NDArray
from seen_films import perfect

from longtake.evaluate.order import order_measures
from longtake.evaluate.readings import Readings, oracle
from longtake.evaluate.script import Script, script_of_episode, script_of_prompts
from longtake.world.episodes import episode_facts, episode_seeds

Ints = NDArray[np.int64]
LONG = 3376
THREE = [(0, "A fox at the farm at night."), (40, "A frog at the beach."), (90, "A robot in the city.")]


def clock_at(numbers: Ints) -> NDArray[np.float32]:
    return (numbers % 4500 // 20 / 224).astype(np.float32)  # see world.draw


def in_order(script: Script) -> Readings:
    return perfect(script, clock=clock_at(np.arange(script.length)))


def played(readings: Readings, frames: Ints) -> Readings:
    """The film that shows these frames of another in turn."""
    per_frame = ("presence", "count", "place", "time", "weather", "hue", "landmark", "clock")
    return replace(readings, **{name: getattr(readings, name)[frames] for name in per_frame})


def values(script: Script, readings: Readings) -> dict[str, float]:
    return {name: measured.value for name, measured in order_measures(script, readings).items()}


def clock_of(numbers: Ints) -> dict[str, float]:
    """The measures of a clock that shows these frame numbers."""
    script = script_of_prompts(CARTOON, [(0, "A fox waves.")], len(numbers))
    return values(script, replace(in_order(script), clock=clock_at(numbers)))


def assert_in_order(script: Script, readings: Readings) -> None:
    measured = values(script, readings)
    few = script.length < 1000 and np.isnan(measured["tau"])  # shots that can be mistaken for no other
    assert measured["tau"] == 1.0 or few
    assert measured["clock_order"] == pytest.approx(1.0, abs=1e-12)
    assert measured["clock_back"] == 0.0
    back = values(script, played(readings, np.arange(script.length)[::-1]))
    assert back["tau"] == -1.0 or few
    assert back["clock_order"] < -0.99
    assert back["clock_back"] == 1.0


@pytest.mark.parametrize("length", [256, 1024, LONG])
@pytest.mark.parametrize("seed", [3, *episode_seeds("test", 2)])
def test_a_film_in_order_and_its_reverse(seed: int, length: int) -> None:
    script = script_of_episode(CARTOON, seed, length)
    assert_in_order(script, in_order(script))


def test_the_oracle_is_in_order() -> None:
    script = script_of_prompts(CARTOON, THREE, 240)
    assert_in_order(script, oracle(script, episode_facts(3)))


@pytest.mark.slow
def test_the_oracle_is_in_order_in_a_whole_film() -> None:
    script = script_of_episode(CARTOON, 3, LONG)
    assert_in_order(script, oracle(script, episode_facts(3)))


def test_no_order_at_all() -> None:
    script = script_of_episode(CARTOON, 3, LONG)
    mixed = [
        values(script, played(in_order(script), np.random.default_rng(seed).permutation(LONG)))
        for seed in range(5)
    ]
    for name in ("tau", "clock_order"):
        assert abs(np.mean([film[name] for film in mixed])) < 0.2
    assert all(film["clock_back"] > 0.3 for film in mixed)


def test_a_frozen_film_has_no_order() -> None:
    script = script_of_episode(CARTOON, 3, LONG)
    readings = played(in_order(script), np.zeros(LONG, dtype=np.int64))
    noise = np.random.default_rng(0).normal(0, 1e-9, LONG)  # of arithmetic in batches
    readings = replace(readings, clock=readings.clock + noise, place=readings.place + noise[:, None])
    assert values(script, readings) == {"tau": 0.0, "clock_order": 0.0, "clock_back": 1.0}


def test_two_scenes_that_change_places() -> None:
    script = script_of_prompts(CARTOON, THREE, 130)
    swapped = np.r_[40:90, 0:40, 90:130]
    measured = order_measures(script, played(in_order(script), swapped))["tau"]
    assert measured.value == pytest.approx(1 / 3)  # two of three pairs are as they should be
    assert measured.units == pytest.approx([0, 0, 1])


def test_shots_that_could_be_taken_for_another_are_not_looked_for() -> None:
    again = [*THREE, (130, "A fox on the farm after dark."), (170, "In the city.")]
    script = script_of_prompts(CARTOON, again, 210)
    measured = order_measures(script, in_order(script))["tau"]
    assert np.isnan(measured.value)  # left is the frog alone: foxes look alike, the city may have a robot
    assert measured.note
    twice = script_of_prompts(CARTOON, [*again[:4], (170, "A rabbit in the mountains at dawn.")], 210)
    assert len(order_measures(twice, in_order(twice))["tau"].units) == 3


def test_short_shots_are_not_looked_for() -> None:
    script = script_of_prompts(CARTOON, [*THREE, (130, "A rabbit at noon.")], 141)
    assert len(order_measures(script, in_order(script))["tau"].units) == 3


def test_a_scene_is_found_by_what_is_best_of_it() -> None:
    """One whose cast is never right still has its place and its time."""
    script = script_of_prompts(CARTOON, THREE, 130)
    read = in_order(script)
    presence = read.presence.copy()
    presence[:40] = 0.0
    assert values(script, replace(read, presence=presence))["tau"] == 1.0


@pytest.mark.parametrize("start", [0, 777, 2000, 4010, 4490])
@pytest.mark.parametrize("length", [1024, LONG, 10_000])
def test_the_clock_may_start_anywhere_and_over_again(start: int, length: int) -> None:
    measured = clock_of(start + np.arange(length))
    assert measured["clock_order"] == pytest.approx(1.0, abs=1e-3)  # bins across a step of the clock may tie
    assert measured["clock_back"] == 0.0
    back = clock_of((start + np.arange(length))[::-1])
    assert back["clock_order"] == pytest.approx(-1.0, abs=1e-3)
    assert back["clock_back"] == 1.0


@pytest.mark.parametrize("loop", [20, 50, 100, 225, 1000, 2000])
def test_a_looped_segment_is_seen(loop: int) -> None:
    numbers = np.arange(LONG)
    numbers[1100:] = 1100 + (numbers[1100:] - 1100) % loop
    assert clock_of(numbers)["clock_back"] > (0.3 if loop < 200 else 0.015)


def test_a_part_that_runs_back_is_seen() -> None:
    numbers = np.arange(LONG)
    numbers[1000:2000] = numbers[1000:2000][::-1]
    measured = clock_of(numbers)
    assert 0.25 < measured["clock_back"] < 0.4
    assert 0.3 < measured["clock_order"] < 0.95


def test_every_period_counts_by_its_length() -> None:
    numbers = np.arange(9000)
    numbers[4500:] = 4500 + numbers[:4500][::-1]
    assert clock_of(numbers)["clock_order"] == pytest.approx(0.0, abs=1e-9)
    assert clock_of(numbers[:6000])["clock_order"] == pytest.approx(0.5, abs=1e-9)


def test_errors_of_the_probe_are_no_fault_of_the_film() -> None:
    script = script_of_episode(CARTOON, 3, LONG)
    chance = np.random.default_rng(0)
    per_scene = chance.uniform(-0.01, 0.01, len(script.shots))[script.wanted.scene]
    clock = in_order(script).clock + per_scene + chance.normal(0, 0.02, LONG)
    clock[chance.random(LONG) < 0.1] = chance.random()
    clock[500:520] = 0.99
    measured = values(script, replace(in_order(script), clock=clock.astype(np.float32)))
    assert measured["clock_back"] == 0.0
    assert measured["clock_order"] > 0.95


def test_the_rank_correlation_is_spearmans() -> None:
    chance = np.random.default_rng(1)
    bins = chance.integers(2, 8, 40) / 10  # with ties
    script = script_of_prompts(CARTOON, [(0, "A fox waves.")], 800)
    measured = values(script, replace(in_order(script), clock=np.repeat(bins, 20).astype(np.float32)))
    ranks = np.array([np.sum(bins < b) + 0.5 * np.sum(bins == b) for b in bins])
    assert measured["clock_order"] == pytest.approx(np.corrcoef(ranks, np.arange(40))[0, 1], abs=1e-12)


def test_a_film_that_is_too_short_has_no_order() -> None:
    for length in (1, 8, 59):
        script = script_of_prompts(CARTOON, [(0, "A fox waves.")], length)
        for measured in order_measures(script, in_order(script)).values():
            assert np.isnan(measured.value)
            assert measured.note
