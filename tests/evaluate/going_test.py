"""Measures of motion: an oracle's film is perfect, and each fault moves the measure that is meant for it."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from longtake.evaluate.going import NAMES, going_measures
from longtake.evaluate.readings import Readings, oracle
from longtake.evaluate.script import Script, script_of_episode, script_of_prompts
from longtake.world.edition import world
from longtake.world.episodes import episode_facts, episode_seeds

WORLD = world(2)
PROMPTS = (
    (0, "Ollie the fox walks to the right in the meadow."),
    (100, "Pip the frog jumps in the city at night."),
    (180, "Luna the rabbit plays with a ball on the farm."),
)


@cache
def film(seed: int = 0) -> tuple[Script, Readings]:
    script = script_of_prompts(WORLD, PROMPTS, 256)
    return script, oracle(script, episode_facts(seed))


def measured(script: Script, readings: Readings) -> dict[str, float]:
    return {name: one.value for name, one in going_measures(script, readings).items()}


@pytest.mark.parametrize("seed", episode_seeds("test", 4))
def test_an_oracle_is_perfect(seed: int) -> None:
    script = script_of_episode(WORLD, seed, 700)
    found = measured(script, oracle(script, episode_facts(seed)))
    assert tuple(found) == NAMES
    perfect = {"going": 1, "going_scene": 1, "steps": 1, "pose_error": 0, "jump_arc": 1, "ball_kept": 1,
               "two_suns": 0, "two_landmarks": 0}  # fmt: skip
    for name, value in perfect.items():
        assert np.isnan(found[name]) or found[name] == pytest.approx(value, abs=2e-3), name
    assert np.isnan(found["foot_slip"]) or found["foot_slip"] < 0.12  # steps are counted in whole frames


def test_every_measure_is_measured_in_a_film_that_has_it_all() -> None:
    assert not any(np.isnan(value) for value in measured(*film()).values())


def test_a_walker_on_the_spot_gets_nowhere_and_its_feet_slide() -> None:
    script, readings = film()
    stood = replace(readings, landmark=np.full_like(readings.landmark, readings.landmark[0]))
    middle = readings.middle.copy()
    middle[:100, 0, 0] = middle[40, 0, 0]
    found = measured(script, replace(stood, middle=middle))
    assert found["going"] == pytest.approx(0, abs=0.02)
    assert found["going_scene"] == pytest.approx(0, abs=0.02)
    assert found["foot_slip"] > 0.85


def test_a_camera_that_goes_along_does_not_make_a_walker() -> None:
    """Its scenery passes, its feet stand still."""
    script, readings = film()
    found = measured(script, replace(readings, contacts=np.ones_like(readings.contacts)))
    assert found["going"] == pytest.approx(1, abs=2e-3)
    assert found["foot_slip"] == pytest.approx(1, abs=0.05)


def test_a_way_longer_than_a_round_of_the_scenery_is_put_together_right() -> None:
    script = script_of_prompts(WORLD, [(0, "Luna the rabbit walks to the left in the desert.")], 330)
    readings = oracle(script, episode_facts(1))
    assert script.staged.camera[-1] > WORLD.round  # type: ignore[operator]
    assert measured(script, readings)["going_scene"] == pytest.approx(1, abs=1e-3)


def test_half_the_pace_is_half_the_way() -> None:
    script, readings = film()
    slow = np.interp(np.arange(100) / 2, np.arange(100), script.staged.camera[:100])
    marks = readings.landmark.copy()
    marks[:100] = (marks[0] + slow - slow[0] + 0.5) % 2 - 0.5
    middle = readings.middle.copy()
    middle[:100, 0, 0] = np.interp(np.arange(100) / 2, np.arange(100), middle[:100, 0, 0])
    found = measured(script, replace(readings, landmark=marks, middle=middle))
    assert found["going"] == pytest.approx(0.5, abs=0.08)


def test_jumps_without_an_arc_and_balls_that_vanish() -> None:
    script, readings = film()
    middle, count = readings.middle.copy(), readings.thing_count.copy()
    middle[100:180, 1, 1] = np.interp(np.arange(80), np.arange(0, 80, 15), middle[100:180:15, 1, 1][:6])
    count[180:256:2, 0] = 0
    found = measured(script, replace(readings, middle=middle, thing_count=count))
    assert found["jump_arc"] < 0.75
    assert found["ball_kept"] == pytest.approx(0.5, abs=0.02)


def test_where_somebody_is_counts_and_the_doubled_are_counted() -> None:
    script, readings = film()
    middle, count = readings.middle + 0.05, readings.thing_count.copy()
    count[::4, 1], count[::2, 2] = 2, 2
    found = measured(script, replace(readings, middle=middle, thing_count=count))
    assert found["pose_error"] == pytest.approx(0.05 * 2**0.5, abs=2e-3)
    assert found["two_suns"] == pytest.approx(0.25, abs=0.02)
    assert found["two_landmarks"] == pytest.approx(0.5, abs=0.02)
