"""The script of an episode: endless, the same from wherever it is looked at, and fit to be learnt from."""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from dataclasses import replace
from functools import cache
from itertools import pairwise

import pytest

from longtake.world.episodes import episode_facts, episode_seeds, split_of
from longtake.world.first import WORLD, script
from longtake.world.first.script import WEATHERS, Shot, shot_at, stage
from longtake.world.vocabulary import (
    ACTIONS,
    CHARACTERS,
    HELD_OUT_ACTIONS,
    HELD_OUT_PLACES,
    PLACES,
    SPLITS,
    TIMES,
)

FRAMES = 3600  # more than a film of three levels
SEEDS = range(60)


@cache
def shots(seed: int) -> list[Shot]:
    found = [shot_at(seed, 0)]
    while found[-1].end < FRAMES:
        found.append(shot_at(seed, found[-1].end))
    return found


def test_there_is_enough_of_everything() -> None:
    counts = [len(set(group)) for group in (CHARACTERS, PLACES, ACTIONS, TIMES, WEATHERS)]
    assert all(n >= least for n, least in zip(counts, (6, 6, 6, 4, 2), strict=True))
    every = [shot for seed in SEEDS for shot in shots(seed)]
    actors = [actor for shot in every for actor in shot.actors]
    assert {actor.name for actor in actors} == set(CHARACTERS)
    assert {actor.action for actor in actors} == set(ACTIONS)
    assert {shot.place for shot in every} == set(PLACES)
    assert {shot.time for shot in every} == set(TIMES)
    assert {shot.weather for shot in every} == set(WEATHERS)
    assert {shot.pan for shot in every} == {-1, 0, 1}
    assert {len(shot.actors) for shot in every} == {1, 2}
    assert {actor.facing for actor in actors if actor.action == "walk"} == {-1, 1}


def test_any_frame_is_found_without_those_before() -> None:
    chance = random.Random(0)
    for seed in range(5):
        expected = shots(seed)
        numbers = [chance.randrange(FRAMES) for _ in range(50)]
        script._act.cache_clear()
        episode_facts.cache_clear()
        found = {number: shot_at(seed, number) for number in numbers}
        for number, shot in found.items():
            assert shot.start <= number < shot.end
            assert shot in expected


def test_shots_tile_the_episode_and_it_has_no_end() -> None:
    for seed in SEEDS:
        assert shots(seed)[0].start == 0
        for shot, following in zip(shots(seed), shots(seed)[1:], strict=False):
            assert following.start == shot.end
            assert 6 <= shot.end - shot.start <= 320
    far = shot_at(3, 10**12)
    assert far.start <= 10**12 < far.end
    with pytest.raises(ValueError, match="from 0"):
        shot_at(3, -1)


def test_no_cut_stands_where_clips_are_joined() -> None:
    residues = Counter(shot.start % 15 for seed in SEEDS for shot in shots(seed)[1:])
    assert set(residues) == set(range(2, 14))
    # Cuts that would stand there come later, at 2; acts end at 7.
    assert max(residues.values()) < 0.3 * residues.total()


def test_places_and_characters_return_after_short_middle_and_long_gaps() -> None:
    bands: dict[str, Counter[str]] = {"place": Counter(), "character": Counter()}
    for seed in SEEDS:
        left: dict[tuple[str, str], int] = {}
        for shot in shots(seed):
            present = [("place", shot.place), *(("character", actor.name) for actor in shot.actors)]
            for kind, name in present:
                gap = shot.start - left.get((kind, name), shot.start)
                if gap:
                    bands[kind]["short" if gap < 15 else "middle" if gap < 225 else "long"] += 1
                left[kind, name] = shot.end
    for seen in bands.values():
        assert set(seen) == {"short", "middle", "long"}
        assert min(seen.values()) > len(SEEDS)  # of each more than one to an episode


def test_training_never_shows_what_is_held_out() -> None:
    places: dict[str, set[tuple[str, str]]] = defaultdict(set)
    actions: dict[str, set[tuple[str, str]]] = defaultdict(set)
    for split in SPLITS:
        for seed in episode_seeds(split, 60):
            for shot in shots(seed):
                places[split] |= {(actor.name, shot.place) for actor in shot.actors}
                actions[split] |= {(actor.name, actor.action) for actor in shot.actors}
    assert len(HELD_OUT_PLACES) >= 3
    assert len(HELD_OUT_ACTIONS) >= 3
    everywhere = {(name, place) for name in CHARACTERS for place in PLACES}
    everything = {(name, action) for name in CHARACTERS for action in ACTIONS}
    assert places["train"] == everywhere - HELD_OUT_PLACES
    assert actions["train"] == everything - HELD_OUT_ACTIONS
    for split in ("validation", "test"):
        assert places[split] == everywhere
        assert actions[split] == everything


def test_splits_are_disjoint_and_of_their_sizes() -> None:
    share = Counter(split_of(seed) for seed in range(5000))
    assert share["train"] / 5000 == pytest.approx(0.8, abs=0.02)
    assert share["validation"] / 5000 == pytest.approx(0.1, abs=0.015)
    assert share["test"] / 5000 == pytest.approx(0.1, abs=0.015)
    found = {split: episode_seeds(split, 40) for split in SPLITS}
    assert len({seed for seeds in found.values() for seed in seeds}) == 120
    for split, seeds in found.items():
        assert seeds == sorted(seeds)
        assert {split_of(seed) for seed in seeds} == {split}
        assert episode_seeds(split, 2, first=seeds[5]) == seeds[5:7]


def test_an_episode_keeps_its_latents_and_episodes_differ() -> None:
    every = [episode_facts(seed) for seed in range(300)]
    for known in every[:20]:
        assert len(set(known.cast)) == len(set(known.places)) == 4
        assert set(known.hues) == set(CHARACTERS)
        assert set(known.layouts) == set(PLACES)
    for table in ("hues", "layouts"):  # uniform, all of them
        for name in getattr(every[0], table):
            drawn = sorted(getattr(known, table)[name] for known in every)
            assert max(abs(value - k / 300) for k, value in enumerate(drawn)) < 0.12
    for seed in range(20):
        assert all(shot.place in every[seed].places for shot in shots(seed))
        assert all(actor.name in every[seed].cast for shot in shots(seed) for actor in shot.actors)


def test_actors_stand_apart_in_the_picture_and_walkers_stay_in_it() -> None:
    for seed in SEEDS:
        for shot in shots(seed):
            ways = [sorted((actor.x, actor.x + actor.travel)) for actor in shot.actors]
            assert all(first > 0.1 and last < 0.9 for first, last in ways)
            if len(ways) == 2:
                assert ways[1][0] - ways[0][1] > 0.2
                assert shot.actors[0].name != shot.actors[1].name
            for actor in shot.actors:
                walks = actor.action == "walk"
                assert (actor.travel * actor.facing > 0) if walks else (actor.travel == 0)


def test_the_shots_of_a_film_are_those_of_its_frames() -> None:
    for seed in range(5):
        for length in (1, 2, 899, 900, 1807, FRAMES):
            found = WORLD.shots(seed, length)
            assert found[0].start == 0
            assert all(b.start == a.end for a, b in pairwise(found))
            assert found[-1].start < length <= found[-1].end
            assert all(shot_at(seed, shot.start) == shot for shot in found)
        ends_whole = found[3].end
        assert WORLD.shots(seed, ends_whole) == found[:4]
        assert WORLD.shots(seed, ends_whole + 1) == found[:5]


def test_staging_follows_from_seed_and_start() -> None:
    plain = [
        replace(
            shot,
            actors=tuple(replace(actor, facing=0, x=0.5, travel=0.0, phase=0.0) for actor in shot.actors),
        )
        for shot in shots(0)
    ]
    staged = [stage(shot, 7) for shot in plain]
    assert [stage(shot, 7) for shot in reversed(plain)] == staged[::-1]
    assert [stage(shot, 8) for shot in plain] != staged
    moved = stage(replace(plain[0], start=plain[0].start + 1), 7)
    assert [actor.phase for actor in moved.actors] != [actor.phase for actor in staged[0].actors]


def test_staging_keeps_what_is_told_and_gives_everyone_a_place() -> None:
    for seed in range(10):
        for shot in shots(seed):
            staged = stage(shot, seed)
            assert replace(staged, actors=shot.actors) == shot
            assert staged.cast == shot.cast  # a walker keeps the way that it is told to go
            ways = [sorted((actor.x, actor.x + actor.travel)) for actor in staged.actors]
            assert all(first > 0.1 and last < 0.9 for first, last in ways)
            assert len(ways) == 1 or ways[1][0] - ways[0][1] > 0.2
            assert {actor.facing for actor in staged.actors} <= {-1, 1}
    nobody = replace(shots(0)[0], actors=())
    assert stage(nobody, 0) == nobody
