"""An edition whose poses follow from prompt and clock: what is scripted of it is what is drawn.

And whoever reads exactly that has a perfect film, by every measure.
"""

from __future__ import annotations

import random
from functools import cache
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from cartoon import CARTOON

from longtake.evaluate import gates, real_videos
from longtake.evaluate.catalogue import CATALOGUE, measures_of
from longtake.evaluate.controls import CONTROLS, controls_of
from longtake.evaluate.gates import check_probes, gates_for
from longtake.evaluate.identity import identity_measures
from longtake.evaluate.order import order_measures
from longtake.evaluate.prompts import prompt_measures
from longtake.evaluate.readings import Readings, oracle
from longtake.evaluate.script import NOT_ASKED, Script, script_of_episode, script_of_prompts
from longtake.world.edition import World, world
from longtake.world.episodes import episode_facts, episode_seeds, random_facts
from longtake.world.second.drawing import GONE, HERE, FrameTruth
from longtake.world.vocabulary import ACTIONS, CHARACTERS

SECOND = world(2)
SEEDS = episode_seeds("test", 3)


@cache
def of_episode(seed: int, length: int = 700) -> tuple[Script, Readings]:
    script = script_of_episode(SECOND, seed, length)
    return script, oracle(script, episode_facts(seed))


def staged_by(*scenes: tuple[int, str], length: int) -> Script:
    return script_of_prompts(SECOND, scenes, length)


# -- what is scripted ------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", SEEDS[:2])
def test_what_is_scripted_is_what_is_drawn(seed: int) -> None:
    script, stage = of_episode(seed)[0], of_episode(seed)[0].staged
    hidden = random_facts(random.Random(seed))  # hues and layouts matter not
    for number in range(0, 700, 9):
        truth = SECOND.draw(script.shot(number), hidden, number, 16)[1]
        assert isinstance(truth, FrameTruth)
        told = {CHARACTERS.index(actor.name): actor for actor in truth.actors}
        for who in range(len(CHARACTERS)):
            if who not in told:
                assert stage.shown[number, who] == 0
                assert np.isnan(stage.middle[number, who]).all()
                assert not stage.busy[number, who]
                continue
            actor = told[who]
            assert stage.shown[number, who] == pytest.approx(actor.shown)
            assert stage.walks[number, who] == actor.direction
            assert stage.busy[number, who] == (actor.busy and actor.shown >= HERE)
            if actor.shown:
                left, top, right, bottom = np.clip(actor.box, 0, 1)
                middle = (left + right) / 2, (top + bottom) / 2
                assert stage.middle[number, who] == pytest.approx(middle)
            stands = np.array([np.nan, np.nan] if actor.pose.lying or actor.pose.seated else actor.contacts)
            assert np.array_equal(stage.contacts[number, who], stands.astype(float), equal_nan=True)
        assert stage.balls[number] == sum(0 <= actor.ball[0] <= 1 for actor in truth.actors if actor.ball)
        assert (stage.camera[number], stage.zoom[number]) == (truth.camera, truth.zoom)


def test_the_beginning_of_a_film_is_staged_as_the_film() -> None:
    script, short = of_episode(SEEDS[0])[0], script_of_episode(SECOND, SEEDS[0], 130)
    for name, table in vars(short.staged).items():
        assert len(table) == 130
        assert np.array_equal(table, getattr(script.staged, name)[:130], equal_nan=True), name


def test_steps_add_up_to_the_way_that_a_walker_goes_over_ground() -> None:
    script = staged_by((0, "Ollie the fox walks to the right in the meadow."), length=150)
    stage, who = script.staged, CHARACTERS.index("fox")
    over_ground = stage.middle[:, who, 0] - stage.camera
    lands = np.flatnonzero((np.diff(stage.contacts[:, who], axis=0) > 0).any(axis=1))
    steps = np.diff(over_ground[lands])
    assert len(steps) > 10
    assert steps.mean() == pytest.approx(stage.step[0, who], rel=0.05)


def test_only_who_is_in_the_picture_is_asked_for_and_nobody_half_way_in() -> None:
    script = staged_by(
        (0, "Ollie the fox enters from the left, walking to the right in the meadow."),
        (90, "Pip the frog waves in the meadow."),
        length=130,
    )
    fox, wanted, shown = CHARACTERS.index("fox"), script.wanted, script.staged.shown
    share = shown[:90, fox]
    assert share[0] < GONE < HERE < share[-1]
    assert np.array_equal(wanted.present[:90, fox], share >= HERE)
    assert np.array_equal(wanted.sure[:90, fox], (share >= HERE) | (share <= GONE))
    assert not wanted.sure[:90, fox].all()
    assert (wanted.action[:90, fox] == np.where(share >= HERE, ACTIONS.index("walk"), NOT_ASKED)).all()
    assert wanted.cast_asked.all()
    assert wanted.sure[90:].all()
    assert script.cast[:, [fox, CHARACTERS.index("frog")]].tolist() == [[True, False], [False, True]]


def test_one_who_has_arrived_is_asked_for_no_action() -> None:
    script = staged_by((0, "Ollie the fox walks right and Pip the frog waves on the farm."), length=200)
    fox, wanted = CHARACTERS.index("fox"), script.wanted
    assert wanted.action[30, fox] == ACTIONS.index("walk")
    assert wanted.action[-1, fox] == wanted.direction[-1, fox] == NOT_ASKED
    assert wanted.present[-1, fox]


# -- what is read of a perfect film ----------------------------------------------------------------------


@pytest.mark.parametrize("seed", SEEDS)
def test_a_reader_of_the_truth_has_a_perfect_film(seed: int) -> None:
    """Also where the scenery came again between two visits."""
    script, readings = of_episode(seed, 1500)
    found = {
        **prompt_measures(script, readings),
        **identity_measures(script, readings, None),
        **order_measures(script, readings),
    }
    best = {"tau": 1.0, "clock_order": 1.0}
    for name, measured in found.items():
        right = best.get(name, 1.0 if CATALOGUE[name].better == "high" else 0.0)
        assert np.isnan(measured.value) or measured.value == pytest.approx(right, abs=1e-4), name
    assert np.ptp(script.staged.camera) > 1  # far enough for the landmark to be seen on another round
    assert found["revisit_far"].value == pytest.approx(0, abs=1e-4)


def test_what_is_half_in_the_picture_is_no_mistake_either_way() -> None:
    script = staged_by(
        (0, "Ollie the fox enters from the left, walking to the right on the farm."), length=60
    )
    readings, unsure = oracle(script, episode_facts(1)), ~script.wanted.sure
    assert unsure.any()
    for there in (0.0, 1.0):
        read = {**vars(readings), "presence": np.where(unsure, there, readings.presence).astype(np.float32)}
        found = prompt_measures(script, Readings(**read))
        assert found["scene_accuracy"].value == 1
        assert found["off_script"].value == 0
    wrong = {**vars(readings), "presence": 1 - readings.presence}
    assert prompt_measures(script, Readings(**wrong))["scene_accuracy"].value == 0


def test_scenes_are_told_apart_by_who_comes_in() -> None:
    """At their first frames there is nobody in any of them."""
    names = ("fox", "frog", "penguin", "rabbit")
    prompts = [
        f"The {name} enters from the left, walking to the right in the meadow at noon." for name in names
    ]
    script = staged_by(*((120 * k, prompt) for k, prompt in enumerate(prompts)), length=480)
    readings = oracle(script, episode_facts(1))
    assert not script.wanted.present[script.starts].any()
    assert order_measures(script, readings)["tau"].value == 1
    backwards = Readings(**{name: table[::-1] for name, table in vars(readings).items()})
    assert order_measures(script, backwards)["tau"].value == -1


def test_a_ball_outside_of_the_picture_is_not_read() -> None:
    shows = [of_episode(seed)[0].staged.balls for seed in SEEDS]
    reads = [of_episode(seed)[1].thing_count[:, 0] for seed in SEEDS]
    assert all(np.array_equal(a, b) for a, b in zip(shows, reads, strict=True))
    assert any(balls.any() for balls in shows)


# -- who asks whether an edition is such a one -----------------------------------------------------------


def test_the_first_edition_has_no_measure_and_no_control_of_motion() -> None:
    moving = {name for name, measure in CATALOGUE.items() if measure.group == "going"}
    assert set(measures_of(SECOND)) - set(measures_of(CARTOON)) == moving
    assert controls_of(SECOND) == list(CONTROLS)
    assert controls_of(CARTOON) == list(CONTROLS)[: len(controls_of(CARTOON))]


def test_nothing_is_drawn_for_the_scripts_of_real_videos(monkeypatch: pytest.MonkeyPatch) -> None:
    def draws(*arguments: Any, **options: Any) -> Any:
        raise AssertionError("a picture was drawn")

    script = real_videos._cut_at([40], 100)
    monkeypatch.setattr("longtake.world.first.drawing.Canvas", draws)
    assert script.wanted.scene.tolist() == [0] * 40 + [1] * 60
    assert not script.world.clocked


@pytest.mark.parametrize("cartoon", [world(1), SECOND], ids=str)
def test_a_reader_of_the_truth_passes_every_gate(cartoon: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever it says of those who are half in the picture, and of what one does who has arrived."""
    known: list[Readings] = []

    def told(script: Script, hidden: Any) -> Readings:
        known.append(oracle(script, hidden))
        return known[-1]

    def seen(frames: Any, probes: Any) -> Any:
        read = dict(vars(known[-1]))
        if cartoon.clocked:
            unsure, idle = ~scripts[-1].wanted.sure, ~scripts[-1].staged.busy
            read["presence"] = np.where(unsure, 1 - read["presence"], read["presence"])
            read["count"] = np.where(unsure, 7, read["count"])
            read["action"] = np.where(idle[..., None], np.roll(read["action"], 1, -1), read["action"])
            read["landmark"] = (read["landmark"] + 0.5) % 2 - 0.5
        return SimpleNamespace(readings=Readings(**read))

    scripts: list[Script] = []

    def script_of(*given: Any) -> Script:
        scripts.append(script_of_episode(*given))
        return scripts[-1]

    monkeypatch.setattr(gates, "oracle", told)
    monkeypatch.setattr(gates, "watch", seen)
    monkeypatch.setattr(gates, "script_of_episode", script_of)
    found = check_probes(None, cartoon, episodes=3, frames=200)  # type: ignore[arg-type]
    assert all(gate.passed(found[gate.name]) for gate in gates_for(cartoon))
    for name, value in found.items():
        assert value == (pytest.approx(0, abs=1e-6) if name.endswith("error") else 1), name
