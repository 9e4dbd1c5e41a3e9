"""Pairs of shots that differ in one thing: all that need not differ is the same to the pixel."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from longtake.world.edition import world
from longtake.world.episodes import EpisodeFacts, episode_facts, episode_seeds
from longtake.world.second.counterfactual import CHANGES, Change, Pair, counterfactual
from longtake.world.second.drawing import draw
from longtake.world.second.script import shot_at
from longtake.world.second.shot import Shot
from longtake.world.vocabulary import held_out

SIZE = 64


def whole(seed: int, frames: int) -> list[Shot]:
    return [shot_at(seed, shot.start) for shot in world(2).shots(seed, frames)]


def pairs(change: Change, most: int, split: str = "test") -> list[Pair]:
    found: list[Pair] = []
    for seed in episode_seeds(split, 12):  # type: ignore[arg-type]
        for shot in whole(seed, 1200):
            pair = counterfactual(shot, episode_facts(seed), change, seed)
            if pair is not None:
                found.append(pair)
    return found[:: max(1, len(found) // most)][:most]


def picture(side: tuple[Shot, EpisodeFacts], since: float) -> NDArray[np.int16]:
    shot, hidden = side
    return draw(shot, hidden, shot.start + since, SIZE)[0].astype(np.int16)


def differs(pair: Pair, since: float) -> NDArray[np.bool_]:
    """Which pixels are not the same."""
    return np.any(picture(pair.before, since) != picture(pair.after, since), axis=-1)


def covered(pair: Pair, since: float, names: set[str]) -> NDArray[np.bool_]:
    """Pixels where these figures, their balls and their shadows may be, before or after."""
    mask: NDArray[np.bool_] = np.zeros((SIZE, SIZE), dtype=bool)
    for shot, hidden in (pair.before, pair.after):
        for actor in draw(shot, hidden, shot.start + since, 16)[1].actors:
            if actor.name in names:
                left, right = actor.box[0] - 0.08, actor.box[2] + (0.22 if actor.action == "ball" else 0.08)
                top = actor.box[1] - (0.3 if actor.action == "sleep" else 0.05)  # a z rises from sleepers
                mask[max(0, int(top * SIZE)) :, max(0, int(left * SIZE)) : max(0, int(right * SIZE) + 1)] = (
                    True
                )
    return mask


@pytest.mark.parametrize("change", CHANGES)
def test_there_are_pairs_of_every_kind_and_each_is_told(change: Change) -> None:
    for pair in (found := pairs(change, 40)):
        (before, hidden), (after, other) = pair.before, pair.after
        assert (before.start, before.end, before.telling) == (after.start, after.end, after.telling)
        if change == "outfit":
            assert before == after
            assert hidden != other
        else:
            assert before.caption != after.caption or (change == "character" and before.cast == after.cast)
            changed = {name for name in vars(before) if getattr(before, name) != getattr(after, name)}
            allowed = {
                "hour": {"time"},
                "weather": {"weather"},
                "place": {"place", "weather"},
                "character": {"actors"},
                "action": {"actors"},
                "more": {"actors"},
                "fewer": {"actors"},
            }
            assert changed <= allowed[change] | {"caption"}
    assert len(found) >= 15


@pytest.mark.parametrize("change", ["character", "action", "more", "fewer", "outfit"])
def test_pictures_differ_where_the_figure_is_and_nowhere_else(change: Change) -> None:
    moved = 0
    for pair in pairs(change, 12):
        before, after = ({(a.name, a.action) for a in side[0].actors} for side in (pair.before, pair.after))
        names = {name for name, _ in before ^ after}
        if change == "outfit":
            hues = pair.before[1].hues, pair.after[1].hues
            names = {name for name in hues[0] if hues[0][name] != hues[1][name]}
        camera = [draw(*side, side[0].start + 30, 16)[1].camera for side in (pair.before, pair.after)]
        if camera[0] != camera[1]:  # another walker goes at another pace
            moved += 1
            assert change == "character"
            assert pair.before[0].walks_on
            continue
        for since in (0, 7, 30):
            off = differs(pair, since)
            assert not (off & ~covered(pair, since, names)).any()
        assert differs(pair, 30).any() or change == "outfit"
    assert moved <= 6


@pytest.mark.parametrize("change", ["hour", "weather", "place"])
def test_figures_do_the_same_in_another_hour_weather_or_place(change: Change) -> None:
    for pair in pairs(change, 12):
        for since in (0, 7, 30):
            before, after = (draw(*side, side[0].start + since, 16)[1] for side in (pair.before, pair.after))
            assert [a.pose for a in before.actors] == [a.pose for a in after.actors]
            assert [a.box for a in before.actors] == [a.box for a in after.actors]
            assert before.camera == after.camera
            assert before.clock == after.clock


def test_training_pairs_keep_the_held_out_combinations_out() -> None:
    for change in CHANGES:
        for pair in pairs(change, 60, "train"):
            for shot, _ in (pair.before, pair.after):
                assert not any(held_out(a.name, a.action, shot.place) for a in shot.actors)


def test_a_pair_is_a_function_of_its_arguments() -> None:
    seed = episode_seeds("test", 1)[0]
    (shot, *_) = whole(seed, 100)
    for change in CHANGES:
        one, other = (counterfactual(shot, episode_facts(seed), change, seed) for _ in range(2))
        assert one == other
