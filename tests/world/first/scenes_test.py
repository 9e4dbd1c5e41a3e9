"""Scenes of no script: any cast anywhere, also twice the same figure, and none hidden behind another."""

from __future__ import annotations

import random
from collections import Counter
from itertools import pairwise

import numpy as np

from longtake.world.episodes import random_facts
from longtake.world.first.drawing import draw
from longtake.world.first.scenes import random_shot
from longtake.world.first.script import WEATHERS, Shot
from longtake.world.vocabulary import (
    ACTIONS,
    CHARACTERS,
    HELD_OUT_ACTIONS,
    HELD_OUT_PLACES,
    PLACES,
    TIMES,
)


def many(count: int = 3000, seed: int = 0) -> list[Shot]:
    chance = random.Random(seed)
    return [random_shot(chance, start=60, frames=chance.randint(6, 260)) for _ in range(count)]


def twice(shot: Shot) -> bool:
    names = [actor.name for actor in shot.actors]
    return len(set(names)) < len(names)


def test_a_scene_follows_from_its_chance() -> None:
    assert many(20) == many(20)
    assert many(20) != many(20, seed=1)
    assert random_facts(random.Random(3)) == random_facts(random.Random(3))
    assert random_facts(random.Random(3)) != random_facts(random.Random(4))


def test_there_is_everything_that_scripts_have_and_what_they_never_have() -> None:
    shots = many()
    actors = [actor for shot in shots for actor in shot.actors]
    assert {shot.place for shot in shots} == set(PLACES)
    assert {shot.time for shot in shots} == set(TIMES)
    assert {shot.weather for shot in shots} == set(WEATHERS)
    assert {shot.pan for shot in shots} == {-1, 0, 1}
    assert {(actor.name, actor.action) for actor in actors} == {(n, a) for n in CHARACTERS for a in ACTIONS}
    assert {(actor.name, actor.action) for actor in actors} > HELD_OUT_ACTIONS
    assert {(actor.name, shot.place) for shot in shots for actor in shot.actors} > HELD_OUT_PLACES
    assert Counter(len(shot.actors) for shot in shots).keys() == {0, 1, 2, 3}
    assert 0.2 < np.mean([twice(shot) for shot in shots]) < 0.28  # one scene in four
    assert all(max(Counter(actor.name for actor in shot.actors).values(), default=0) <= 2 for shot in shots)


def test_a_scene_lasts_as_long_as_it_should() -> None:
    shot = random_shot(random.Random(0), start=100, frames=40)
    assert (shot.start, shot.end, shot.caption) == (100, 140, "")


def test_figures_stand_apart_in_the_picture_and_walk_the_way_they_face() -> None:
    for shot in many():
        middles = [actor.x + actor.travel / 2 for actor in shot.actors]  # walkers are there half-way
        assert all(0.1 - 1e-9 <= x <= 0.9 + 1e-9 for x in middles)
        assert all(b - a > 0.17 - 1e-9 for a, b in pairwise(sorted(middles)))
        for actor in shot.actors:
            assert np.sign(actor.travel) == (actor.facing if actor.action == "walk" else 0)
            assert abs(actor.travel) <= 0.3
            assert 0 <= actor.phase < 1


def test_latents_are_of_no_episode() -> None:
    chance = random.Random(0)
    drawn = [random_facts(chance) for _ in range(300)]
    for known in drawn[:3]:
        assert (known.cast, known.places) == (CHARACTERS, PLACES)
        assert (set(known.hues), set(known.layouts)) == (set(CHARACTERS), set(PLACES))
    for name in CHARACTERS:  # uniform
        hues = sorted(known.hues[name] for known in drawn)
        assert max(abs(hue - k / 300) for k, hue in enumerate(hues)) < 0.12


def test_a_figure_that_is_there_twice_is_drawn_twice() -> None:
    chance = random.Random(0)
    doubled = [shot for shot in many(100) if twice(shot)]
    assert len(doubled) > 10
    for shot in doubled[:5]:
        hidden = random_facts(chance)
        picture, truth = draw(shot, hidden, shot.start, 32)
        assert picture.shape == (32, 32, 3)
        assert [actor.name for actor in truth.actors] == [actor.name for actor in shot.actors]
        assert {actor.hue for actor in truth.actors} == {hidden.hues[actor.name] for actor in shot.actors}
        for leave in range(len(shot.actors)):  # each figure changes the picture
            others = tuple(actor for k, actor in enumerate(shot.actors) if k != leave)
            less = Shot(**{**vars(shot), "actors": others})
            assert (draw(less, hidden, shot.start, 32)[0] != picture).any()
