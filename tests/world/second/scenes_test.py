"""Scenes of no script: what probes learn from, and scripted ones with somebody elsewhere or twice."""

from __future__ import annotations

import random
from collections import Counter

import numpy as np
import pytest

from longtake.world.edition import world
from longtake.world.episodes import episode_seeds, random_facts
from longtake.world.facts import Actor, Shot
from longtake.world.second.drawing import draw
from longtake.world.second.motion import pose, staging
from longtake.world.second.scenes import doubled, moved, random_shot
from longtake.world.second.shot import Shot as OwnShot
from longtake.world.vocabulary import ACTIONS, CHARACTERS

WORLD = world(2)


def scripted(count: int) -> list[OwnShot]:
    """Shots of episodes with somebody in them."""
    found = []
    for seed in episode_seeds("train", 20):
        for shot in WORLD.shots(seed, 900):
            assert isinstance(shot, OwnShot)
            if shot.actors and shot.end - shot.start > 40:
                found.append(shot)
    return found[:: len(found) // count][:count]


def test_scenes_show_what_scripts_never_do_and_hang_on_their_chance_alone() -> None:
    shots = [random_shot(random.Random(k), 100, 60) for k in range(300)]
    assert shots[:20] == [random_shot(random.Random(k), 100, 60) for k in range(20)]
    casts = [Counter(actor.name for actor in shot.actors) for shot in shots]
    assert {sum(cast.values()) for cast in casts} == {0, 1, 2, 3}
    assert 0.05 < np.mean([max(cast.values(), default=0) > 1 for cast in casts]) < 0.25
    seen = {(actor.name, actor.action) for shot in shots for actor in shot.actors}
    assert seen == {(name, action) for name in CHARACTERS for action in ACTIONS}
    tempos = [any(actor.tempo for actor in shot.actors) for shot in shots if shot.actors]
    assert 0.4 < np.mean(tempos) < 0.6
    for shot in shots:
        assert (shot.start, shot.end) == (100, 160)
        truth = draw(shot, random_facts(random.Random(0)), 130, 16)[1]
        assert len(truth.actors) == len(shot.actors)


def test_the_copy_of_a_figure_does_the_same_beside_it_in_the_picture() -> None:
    for shot in scripted(40):
        for who in shot.actors:
            twice = doubled(shot, who)
            *before, copy = twice.actors
            assert tuple(before) == shot.actors
            apart, shown = [], []
            for since in range(0, shot.end - shot.start, 20):
                assert pose(copy, since) == pose(who, since)
                xs = staging(twice, since).xs
                apart.append(min(abs(xs[-1] - x) for x in xs[:-1]))
                assert staging(twice, since).scroll == staging(shot, since).scroll
                truth = draw(twice, random_facts(random.Random(0)), shot.start + since, 16)[1]
                shown.append(truth.actors[-1].shown - truth.actors[shot.actors.index(who)].shown)
            assert np.mean(apart) > 0.15
            assert np.mean(shown) > -0.35  # about as much of it is seen


def test_whoever_is_moved_does_the_same_near_by_at_another_moment() -> None:
    for k, shot in enumerate(scripted(40)):
        other = moved(shot, np.random.default_rng(k))
        assert other == moved(shot, np.random.default_rng(k)) != moved(shot, np.random.default_rng(k + 1))
        assert (other.cast, other.start, other.end, other.caption) == (
            shot.cast, shot.start, shot.end, shot.caption)  # fmt: skip
        reach = 0.2 if len(shot.actors) == 1 else 0.1
        for before, after in zip(shot.actors, other.actors, strict=True):
            assert 0 < abs(after.x - before.x) <= reach
            assert (after.way, after.room, after.stride) == (before.way, before.room, before.stride)
            assert 0 <= after.late < 1
        for since in (0, 30):  # the scenery passes as it did
            assert staging(other, since).scroll == staging(shot, since).scroll


def test_a_shot_of_another_edition_is_ours_to_avoid() -> None:
    first = world(1).shot_at(3, 0)
    for ask in (
        lambda shot: draw(shot, random_facts(random.Random(0)), 0, 16),
        lambda shot: WORLD.camera(shot, 0),
        lambda shot: WORLD.stage(shot, 0),
        lambda shot: moved(shot, np.random.default_rng(0)),
        lambda shot: doubled(shot, shot.actors[0]),
    ):
        with pytest.raises(AssertionError, match="of another edition"):
            ask(first)


def test_what_all_editions_share_of_a_shot_is_there() -> None:
    shot = scripted(1)[0]
    assert isinstance(shot, Shot)
    assert all(isinstance(actor, Actor) for actor in shot.actors)
    assert shot.cast == tuple((a.name, a.action, a.facing if a.action == "walk" else 1) for a in shot.actors)
