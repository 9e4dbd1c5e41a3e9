"""The oracle reads the truth: all of it, and no more of the hidden facts than the pictures show."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
from cartoon import CARTOON

from longtake.evaluate.readings import Readings, oracle
from longtake.evaluate.script import script_of_episode, script_of_prompts
from longtake.world.episodes import episode_facts, episode_seeds
from longtake.world.vocabulary import ACTIONS, CHARACTERS, PLACES, TIMES

SEED = next(
    seed
    for seed in episode_seeds("test", 9)
    if any(a.action == "walk" for a in CARTOON.shot_at(seed, 0).actors)
)
LENGTH = 150


def test_the_oracle_reads_what_the_world_shows() -> None:
    readings = oracle(script_of_episode(CARTOON, SEED, LENGTH), episode_facts(SEED))
    for number in range(0, LENGTH, 5):
        truth = CARTOON.frame_truth(SEED, number)
        assert PLACES[readings.place[number].argmax()] == truth.place
        assert TIMES[readings.time[number].argmax()] == truth.time
        assert CARTOON.weathers[readings.weather[number].argmax()] == truth.weather
        assert readings.landmark[number] == np.float32(truth.landmark)
        assert readings.clock[number] == np.float32(truth.clock)
        assert readings.presence[number].sum() == readings.count[number].sum() == len(truth.actors)
        for actor in truth.actors:
            who = CHARACTERS.index(actor.name)
            assert readings.presence[number, who] == 1
            assert readings.hue[number, who] == np.float32(actor.hue)
            assert ACTIONS[readings.action[number, who].argmax()] == actor.action
            assert readings.direction[number, who].argmax() == actor.direction + 1


def test_readings_have_their_shapes_and_are_sure() -> None:
    for length in (1, 15, 16, 65):
        readings = oracle(script_of_episode(CARTOON, SEED, length), episode_facts(SEED))
        for field in fields(Readings):
            rows = {"features": -(-length // 4), "clip_features": length // 16}.get(field.name, length)
            table = getattr(readings, field.name)
            assert len(table) == rows
            assert table.dtype == np.float32
        for table in (readings.place, readings.time, readings.weather):
            assert (table.sum(axis=1) == 1).all()


def test_other_latents_change_hues_and_landmarks_alone() -> None:
    script = script_of_episode(CARTOON, SEED, LENGTH)
    one, other = oracle(script, episode_facts(SEED)), oracle(script, episode_facts(SEED + 1))
    differ = {
        field.name
        for field in fields(Readings)
        if not np.array_equal(getattr(one, field.name), getattr(other, field.name), equal_nan=True)
    }
    assert differ == {"hue", "landmark"}


def test_a_figure_that_is_there_twice_counts_twice() -> None:
    script = script_of_prompts(CARTOON, [(0, "The fox waves at noon.")], 8)
    (shot,) = script.shots
    (fox,) = shot.actors
    twice = replace(script, shots=(replace(shot, actors=(replace(fox, x=0.2), replace(fox, x=0.8))),))
    readings = oracle(twice, episode_facts(0))
    who = CHARACTERS.index("fox")
    assert (readings.presence[:, who] == 1).all()
    assert (readings.count[:, who] == 2).all()
    assert readings.count.sum() == 16
    assert (readings.action[:, who].sum(axis=1) == 1).all()
