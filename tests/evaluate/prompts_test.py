"""A perfect film gets exactly 1 for what was asked, and what was not asked counts neither way."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from cartoon import CARTOON
from seen_films import perfect

from longtake.evaluate.prompts import frame_correct, prompt_measures
from longtake.evaluate.readings import Readings, oracle
from longtake.evaluate.script import Script, script_of_episode, script_of_prompts
from longtake.world.episodes import episode_facts, episode_seeds
from longtake.world.vocabulary import ACTIONS, CHARACTERS, PLACES

ACCURACIES = (
    "scene_accuracy",
    "worst_tenth",
    "character_f1",
    "action_accuracy",
    "direction_accuracy",
    "count_accuracy",
)
FOX, FROG = CHARACTERS.index("fox"), CHARACTERS.index("frog")
SCENES = [
    (0, "A fox waves in the meadow at night."),
    (90, "A frog walks to the left in the city at dawn in the rain."),
]


def values(script: Script, readings: Readings) -> dict[str, float]:
    return {name: measured.value for name, measured in prompt_measures(script, readings).items()}


def assert_perfect(script: Script, readings: Readings) -> None:
    measured = prompt_measures(script, readings)
    for name in ACCURACIES:
        assert measured[name].value == 1.0 or (name == "direction_accuracy" and not script_walks(script))
        assert np.all(measured[name].units == 1.0)
    assert len(measured["scene_accuracy"].units) == len(script.shots)
    assert measured["doubled"].value == measured["off_script"].value == 0.0
    assert np.all(frame_correct(script, readings) == 1.0)


def script_walks(script: Script) -> bool:
    return any(action == "walk" for demand in script.demands for _, action, _ in demand.cast)


@pytest.mark.parametrize("length", [256, 1024, 3376])
@pytest.mark.parametrize("seed", [3, *episode_seeds("test", 2)])
def test_a_perfect_film_is_right(seed: int, length: int) -> None:
    script = script_of_episode(CARTOON, seed, length)
    assert_perfect(script, perfect(script))


def test_the_oracle_is_right() -> None:
    script = script_of_episode(CARTOON, 3, 200)
    assert_perfect(script, oracle(script, episode_facts(3)))


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 3])
def test_the_oracle_is_right_on_a_whole_film(seed: int) -> None:
    script = script_of_episode(CARTOON, seed, 3376)
    assert_perfect(script, oracle(script, episode_facts(seed)))


def test_another_script_is_wrong() -> None:
    script = script_of_episode(CARTOON, 3, 3376)
    measured = values(script, perfect(script_of_episode(CARTOON, 4, 3376)))
    assert measured["scene_accuracy"] < 0.05
    assert measured["worst_tenth"] == 0.0
    assert measured["character_f1"] < 0.5
    assert measured["off_script"] > 0.5
    reversed_ = perfect(script)
    reversed_ = replace(reversed_, **{k: v[::-1] for k, v in vars(reversed_).items()})
    assert values(script, reversed_)["scene_accuracy"] < 0.2


@pytest.mark.parametrize("kind", ["place", "time", "weather"])
def test_each_attribute_counts(kind: str) -> None:
    script = script_of_prompts(CARTOON, SCENES, 100)
    read = perfect(script)
    wrong = getattr(read, kind).copy()
    wrong[:45] = np.roll(wrong[:45], 1, axis=1)
    measured = prompt_measures(script, replace(read, **{kind: wrong}))
    assert measured["scene_accuracy"].units == pytest.approx([0.5, 1.0])
    assert measured["character_f1"].value == 1.0


def test_scenes_with_pairs_that_training_never_shows_are_told_apart() -> None:
    prompts = (
        "A fox waves in the meadow.",
        "A rabbit sleeps in the meadow.",
        "A rabbit waves and a fox sleeps in the meadow.",  # the pairs that it may seem to have, it has not
        "A fox waves at the beach.",
    )
    script = script_of_prompts(CARTOON, [(10 * k, prompt) for k, prompt in enumerate(prompts)], 40)
    read = perfect(script)
    place = read.place.copy()
    place[10:15] = place[20:21] = np.eye(len(PLACES))[2]
    measured = prompt_measures(script, replace(read, place=place))
    assert measured["scenes_familiar"].units == pytest.approx([1.0, 0.9])
    assert measured["scenes_composed"].units == pytest.approx([0.5, 1.0])
    plain = values(script_of_prompts(CARTOON, SCENES, 100), perfect(script_of_prompts(CARTOON, SCENES, 100)))
    assert plain["scenes_familiar"] == 1.0
    assert np.isnan(plain["scenes_composed"])


def test_scenes_weigh_alike_and_the_worst_one_shows() -> None:
    script = script_of_prompts(CARTOON, SCENES, 100)
    read = perfect(script)
    place = read.place.copy()
    place[90:95] = np.roll(place[90:95], 1, axis=1)  # half of the scene of ten frames, right after the cut
    measured = values(script, replace(read, place=place))
    assert measured["scene_accuracy"] == 0.75
    assert measured["worst_tenth"] == 0.5


def test_the_worst_tenth_is_a_tenth() -> None:
    script = script_of_prompts(CARTOON, [(10 * k, "A fox waves in the meadow.") for k in range(25)], 250)
    read = perfect(script)
    place = read.place.copy()
    for k in range(3):  # 3, 2 and 1 of ten frames of three scenes
        place[70 * k : 70 * k + 3 - k] = np.eye(len(PLACES))[1]
    measured = prompt_measures(script, replace(read, place=place))
    assert measured["worst_tenth"].units == pytest.approx([0.7, 0.8])
    assert measured["worst_tenth"].value == pytest.approx(0.75)


def test_a_second_copy_is_counted_and_nothing_else_sees_it() -> None:
    script = script_of_prompts(CARTOON, SCENES, 100)
    read = perfect(script)
    count = read.count.copy()
    count[:30, FOX] = 1.8
    measured = prompt_measures(script, replace(read, count=count))
    assert measured["count_accuracy"].units == pytest.approx([2 / 3, 1.0])
    assert measured["doubled"].units == pytest.approx([1 / 3, 0.0])
    for name in ("scene_accuracy", "character_f1", "action_accuracy", "direction_accuracy"):
        assert measured[name].value == 1.0


def test_a_character_too_many() -> None:
    script = script_of_prompts(CARTOON, SCENES, 100)
    read = perfect(script)
    presence = read.presence.copy()
    presence[:90, FROG] = 0.9
    measured = prompt_measures(script, replace(read, presence=presence))
    assert measured["off_script"].units == pytest.approx([1.0, 0.0])
    assert measured["scene_accuracy"].value == 0.5
    assert measured["character_f1"].value == pytest.approx(2 * 100 / (2 * 100 + 90))
    assert measured["character_f1"].units == pytest.approx([2 / 3, 1.0])


def test_actions_are_judged_where_the_character_is_seen() -> None:
    script = script_of_prompts(CARTOON, SCENES, 100)
    read = perfect(script)
    presence, action = read.presence.copy(), read.action.copy()
    presence[:45, FOX] = 0.2
    action[:60, FOX] = np.eye(len(ACTIONS))[ACTIONS.index("sleep")]
    measured = prompt_measures(script, replace(read, presence=presence, action=action))
    assert measured["action_accuracy"].units == pytest.approx([2 / 3, 1.0])
    gone = values(script, replace(read, presence=np.zeros_like(presence)))
    assert np.isnan(gone["action_accuracy"])
    assert gone["character_f1"] == 0.0


def test_only_walkers_have_a_direction() -> None:
    script = script_of_prompts(CARTOON, SCENES, 100)
    read = perfect(script)
    mirrored = replace(read, direction=read.direction[..., ::-1])
    measured = prompt_measures(script, mirrored)
    assert measured["direction_accuracy"].value == 0.0
    assert len(measured["direction_accuracy"].units) == 1
    assert measured["action_accuracy"].value == 1.0


def test_what_is_not_asked_is_not_counted() -> None:
    script = script_of_prompts(CARTOON, [(0, "In the meadow."), (50, "A fox waves.")], 100)
    read = perfect(script)
    anyone = read.presence.copy()
    anyone[:50] = 1.0
    time = np.roll(read.time, 1, axis=1)
    place = read.place.copy()
    place[50:] = np.roll(place[50:], 1, axis=1)
    measured = prompt_measures(script, replace(read, presence=anyone, count=anyone, time=time, place=place))
    for name in ("scene_accuracy", "character_f1", "action_accuracy", "count_accuracy"):
        assert measured[name].value == 1.0
    assert len(measured["count_accuracy"].units) == 1
    assert measured["off_script"].value == 0.0


def test_a_prompt_that_asks_nothing_is_left_out() -> None:
    script = script_of_prompts(CARTOON, [(0, "Something happens."), (50, "A fox waves.")], 100)
    correct = frame_correct(script, perfect(script))
    assert np.array_equal(np.isnan(correct), np.arange(100) < 50)
    assert len(prompt_measures(script, perfect(script))["scene_accuracy"].units) == 1
    nothing = script_of_prompts(CARTOON, [(0, "Something happens.")], 100)
    for name, measured in prompt_measures(nothing, perfect(nothing)).items():
        if name != "doubled":  # two of one kind are wrong whatever is asked
            assert np.isnan(measured.value)
            assert measured.note
