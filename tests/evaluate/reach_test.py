"""Two shots reach each other where a chain of clips that show the thing in several shots joins them."""

from __future__ import annotations

import random
from itertools import product

import numpy as np
import pytest
from cartoon import CARTOON
from seen_films import plan_of

from longtake.evaluate.reach import Reach
from longtake.evaluate.script import Script, script_of_episode, script_of_prompts
from longtake.plan import Plan
from longtake.world.vocabulary import CHARACTERS, PLACES

FOX, FROG, RABBIT, ROBOT = (CHARACTERS.index(name) for name in ("fox", "frog", "rabbit", "robot"))


def reached(groups: np.ndarray, a: int, b: int) -> bool:  # type: ignore[type-arg]
    return bool(groups[a] == groups[b] >= 0)


def test_what_lies_between_keyframes_is_not_reached() -> None:
    # Keyframes 0, 9, 18, 27. The rabbit is seen at 4 and 13 alone, the frog on the keyframes 9 and 18.
    scenes = [(0, "fox"), (4, "rabbit"), (5, "fox"), (8, "frog"), (11, "fox"), (13, "rabbit")]
    scenes += [(14, "fox"), (17, "frog"), (20, "fox")]
    script = script_of_prompts(CARTOON, [(at, f"The {who} waves.") for at, who in scenes], 28)
    plan = plan_of(28, clip_length=4)
    assert plan.strides == (9, 3, 1)
    reach = Reach(script, plan)
    assert not reached(reach.characters[RABBIT], 1, 5)
    assert reached(reach.characters[FROG], 3, 7)
    assert reached(reach.characters[FOX], 0, 8)
    assert np.all(reach.characters[FROG, [0, 1, 2, 4, 5, 6, 8]] == -1)
    assert np.all(reach.characters[ROBOT] == -1)


def test_a_third_shot_hands_on() -> None:
    # The rabbit of 4 is met in the clip 3..6 by that of 5, which lasts to the keyframe 9 and so to 18.
    scenes = [
        (0, "A fox waves."),
        (4, "A rabbit waves."),
        (5, "A rabbit and a fox wave."),
        (10, "A fox waves."),
    ]
    scenes += [(17, "A rabbit waves."), (20, "A fox waves.")]
    alone = script_of_prompts(CARTOON, [*scenes[:2], (5, "A fox waves."), *scenes[3:]], 28)
    assert not reached(Reach(alone, plan_of(28, clip_length=4)).characters[RABBIT], 1, 4)
    assert reached(
        Reach(script_of_prompts(CARTOON, scenes, 28), plan_of(28, clip_length=4)).characters[RABBIT], 1, 4
    )


def test_places_are_things_too() -> None:
    scenes = [
        (0, "at the farm"),
        (4, "at the beach"),
        (6, "in the city"),
        (8, "somewhere"),
        (13, "at the beach"),
    ]
    scenes += [(14, "at the farm")]
    script = script_of_prompts(CARTOON, [(at, f"The fox waves {where}.") for at, where in scenes], 28)
    reach = Reach(script, plan_of(28, clip_length=4))
    assert reached(reach.places[PLACES.index("farm")], 0, 5)
    assert not reached(reach.places[PLACES.index("beach")], 1, 4)
    assert np.all(reach.places[:, 3] == -1)  # it does not say where


def test_one_clip_reaches_everything_it_shows() -> None:
    script = script_of_prompts(CARTOON, [(2 * k, f"A {CHARACTERS[k % 3]} waves.") for k in range(8)], 16)
    reach = Reach(script, plan_of(16, clip_length=16))
    for who in range(3):
        assert len(set(reach.characters[who].tolist()) - {-1}) == 1


def test_neighbours_reach_each_other_across_the_cut() -> None:
    for cut in range(1, 27):
        script = script_of_prompts(CARTOON, [(0, "A fox waves."), (cut, "A fox sleeps.")], 28)
        assert reached(Reach(script, plan_of(28, clip_length=4)).characters[FOX], 0, 1)


def by_hand(script: Script, plan: Plan, shown: list[set[int]], thing: int) -> list[set[int]]:
    """The groups of shots: walks from frame to frame, within a shot and within a clip."""
    clips = [
        {min(job.start + t, script.length - 1) for t in job.spec.times}
        for job in plan.missing((), slice(None))
    ]
    scene = script.wanted.scene.tolist()
    left = {frame for frame in range(script.length) if thing in shown[scene[frame]]}
    groups = []
    while left:
        group = {min(left)}
        while True:
            near = {f for f in left if any(scene[f] == scene[g] for g in group)}
            near |= {f for clip in clips if clip & group for f in clip & left}
            if near <= group:
                break
            group |= near
        left -= group
        groups.append({scene[frame] for frame in group})
    return groups


@pytest.mark.parametrize("seed", range(12))
def test_it_agrees_with_a_walk_from_frame_to_frame(seed: int) -> None:
    chance = random.Random(seed)
    length = chance.randint(10, 60)
    starts = [0, *sorted(chance.sample(range(1, length), min(length // 3, 12)))]
    prompts = [
        f"The {chance.choice(CHARACTERS[:3])} waves {chance.choice(['at the beach', 'on the farm', ''])}."
        for _ in starts
    ]
    script = script_of_prompts(CARTOON, list(zip(starts, prompts, strict=True)), length)
    plan = plan_of(length, clip_length=chance.choice((3, 4, 5)))
    reach = Reach(script, plan)
    casts = [{CHARACTERS.index(name) for name, _, _ in demand.cast} for demand in script.demands]
    sights = [{PLACES.index(demand.place)} if demand.place else set() for demand in script.demands]
    for groups, shown in ((reach.characters, casts), (reach.places, sights)):
        for thing in range(6):
            expected = by_hand(script, plan, shown, thing)
            for a, b in product(range(len(starts)), repeat=2):
                together = any({a, b} <= group for group in expected)
                assert reached(groups[thing], a, b) == together


def test_a_film_of_many_clips() -> None:
    script = script_of_episode(CARTOON, 3, 10_000)
    reach = Reach(script, plan_of(10_000, clip_length=16))
    shown = script.wanted.present[script.starts].T
    assert np.array_equal(reach.characters >= 0, shown)
    for row in reach.characters:
        known = row[row >= 0]
        assert np.all(known <= np.flatnonzero(row >= 0))  # a group has the number of its first shot
        assert np.all(row[known] == known)
