"""A script asks for what its prompts say and nothing else, and draws what it asks for."""

from __future__ import annotations

import numpy as np
import pytest
from cartoon import CARTOON

from longtake.evaluate.prompts import frame_correct
from longtake.evaluate.readings import oracle
from longtake.evaluate.script import NOT_ASKED, Script, Wanted, script_of_episode, script_of_prompts
from longtake.world.episodes import episode_facts, episode_seeds
from longtake.world.vocabulary import ACTIONS, CHARACTERS, PLACES, TIMES

SEED = episode_seeds("test", 1)[0]


def names(wanted: Wanted, number: int) -> set[str]:
    return {CHARACTERS[who] for who in np.flatnonzero(wanted.present[number])}


# -- episodes --------------------------------------------------------------------------------------------


def test_the_script_of_an_episode_asks_for_what_the_episode_shows() -> None:
    script = script_of_episode(CARTOON, SEED, 700)
    wanted = script.wanted
    assert len(script.shots) > 3
    assert wanted.cast_asked.all()
    for number in range(0, 700, 7):
        truth = CARTOON.frame_truth(SEED, number)
        assert script.shot(number) == CARTOON.shot_at(SEED, number)
        assert script.starts[wanted.scene[number]] == truth.shot
        assert names(wanted, number) == {actor.name for actor in truth.actors}
        assert PLACES[wanted.place[number]] == truth.place
        assert TIMES[wanted.time[number]] == truth.time
        assert CARTOON.weathers[wanted.weather[number]] == truth.weather
        assert wanted.camera[number] == pytest.approx(truth.camera)
        for actor in truth.actors:
            who = CHARACTERS.index(actor.name)
            assert ACTIONS[wanted.action[number, who]] == actor.action
            assert wanted.direction[number, who] == actor.direction + 1
        absent = ~wanted.present[number]
        assert (wanted.action[number, absent] == NOT_ASKED).all()
        assert (wanted.direction[number, absent] == NOT_ASKED).all()


def test_a_film_ends_where_it_should_also_within_a_shot() -> None:
    whole = script_of_episode(CARTOON, SEED, 700)
    inside = int(whole.starts[2]) + 9
    short = script_of_episode(CARTOON, SEED, inside)
    assert len(short.shots) == 3
    assert short.ends.tolist() == [*whole.ends[:2].tolist(), inside]
    assert short.cuts.tolist() == whole.starts[1:3].tolist()
    for name, table in vars(short.wanted).items():
        assert len(table) == inside
        assert np.array_equal(table, getattr(whole.wanted, name)[:inside])
    single = script_of_episode(CARTOON, SEED, 1)
    assert (len(single.shots), len(single.cuts), len(single.wanted.scene)) == (1, 0, 1)


def test_pictures_are_the_world_s() -> None:
    script = script_of_episode(CARTOON, SEED, 400)
    for number in (0, 57, 399):
        assert np.array_equal(
            script.picture(number, episode_facts(SEED), 32), CARTOON.frame(SEED, number, 32)
        )
        other = CARTOON.draw(script.shot(number), episode_facts(SEED + 1), number, 32)[0]
        assert np.array_equal(script.picture(number, episode_facts(SEED + 1), 32), other)


def test_captions_as_a_storyboard_ask_for_the_same() -> None:
    length = int(script_of_episode(CARTOON, SEED, 900).ends[4])
    script = script_of_episode(CARTOON, SEED, length)
    again = script_of_prompts(CARTOON, [(shot.start, shot.caption) for shot in script.shots], length)
    assert again.demands == script.demands
    for name, table in vars(script.wanted).items():
        assert np.array_equal(getattr(again.wanted, name), table), name


# -- prompts ---------------------------------------------------------------------------------------------


def test_two_persons_and_what_they_do() -> None:
    script = script_of_prompts(
        CARTOON,
        [(0, "Luna walks to the left and the blue penguin waves in the snow at dusk in the rain.")],
        20,
    )
    wanted = script.wanted
    assert names(wanted, 0) == {"rabbit", "penguin"}
    assert PLACES[wanted.place[3]] == "mountains"
    assert TIMES[wanted.time[3]] == "evening"
    assert CARTOON.weathers[wanted.weather[3]] == "rain"
    rabbit, penguin = CHARACTERS.index("rabbit"), CHARACTERS.index("penguin")
    assert ACTIONS[wanted.action[19, rabbit]] == "walk"
    assert ACTIONS[wanted.action[19, penguin]] == "wave"
    assert wanted.direction[19, [rabbit, penguin]].tolist() == [0, 1]
    assert (wanted.camera == 0).all()
    assert [actor.name for actor in script.shots[0].actors] == ["rabbit", "penguin"]  # left to right


def test_place_and_time_stay_but_are_not_asked_for_again() -> None:
    script = script_of_prompts(
        CARTOON,
        [
            (0, "The fox sleeps at the beach at night."),
            (8, "The fox sits down."),
            (14, "The frog jumps in town."),
        ],
        20,
    )
    assert [(shot.place, shot.time) for shot in script.shots] == [
        ("beach", "night"),
        ("beach", "night"),
        ("city", "night"),
    ]
    wanted = script.wanted
    assert wanted.scene.tolist() == [0] * 8 + [1] * 6 + [2] * 6
    beach, city, night = PLACES.index("beach"), PLACES.index("city"), TIMES.index("night")
    assert wanted.place[[0, 8, 14]].tolist() == [beach, NOT_ASKED, city]
    assert wanted.time[[0, 8, 14]].tolist() == [night, NOT_ASKED, NOT_ASKED]
    assert names(wanted, 8) == {"fox"}


def test_a_character_that_is_only_named_may_do_anything() -> None:
    script = script_of_prompts(CARTOON, [(0, "The robot.")], 10)
    assert names(script.wanted, 0) == {"robot"}
    assert (script.wanted.action == NOT_ASKED).all()
    assert (script.wanted.direction == NOT_ASKED).all()


def test_prompts_that_are_not_understood_ask_for_nothing() -> None:
    script = script_of_prompts(CARTOON, [(0, "A dragon flies over Paris."), (9, "")], 16)
    wanted = script.wanted
    assert not wanted.cast_asked.any()
    assert not wanted.present.any()
    for table in (wanted.place, wanted.time, wanted.weather, wanted.action, wanted.direction):
        assert (table == NOT_ASKED).all()
    assert np.isnan(frame_correct(script, oracle(script, episode_facts(0)))).all()


def test_what_prompts_leave_open_is_staged_always_alike_and_walkers_face_as_they_should() -> None:
    scenes = [(0, "The fox walks left at noon."), (30, "The frog naps while the robot walks right.")]
    one, same = (script_of_prompts(CARTOON, scenes, 60) for _ in range(2))
    assert one == same
    assert [a.facing for shot in one.shots for a in shot.actors if a.action == "walk"] == [-1, 1]


@pytest.mark.parametrize(
    "script",
    [
        script_of_episode(CARTOON, SEED, 60),
        script_of_prompts(CARTOON, [(0, "The fox walks left at noon."), (30, "Pip naps.")], 60),
    ],
    ids=["episode", "prompts"],
)
def test_what_a_script_draws_is_what_it_asks_for(script: Script) -> None:
    assert (frame_correct(script, oracle(script, episode_facts(3))) == 1).all()
