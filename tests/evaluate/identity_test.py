"""A film that remembers its cast and places has distance 0, one that does not that of pure chance."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from cartoon import CARTOON
from numpy.typing import NDArray
from seen_films import perfect, plan_of

from longtake.evaluate.identity import cast_hues, diversity, identity_measures
from longtake.evaluate.reach import Reach
from longtake.evaluate.readings import Readings, oracle
from longtake.evaluate.script import Script, script_of_episode, script_of_prompts
from longtake.world.episodes import EpisodeFacts, episode_facts, episode_seeds
from longtake.world.vocabulary import CHARACTERS, PLACES

FOX = CHARACTERS.index("fox")
REVISITS = ("revisit_near", "revisit_middle", "revisit_far")
Floats = NDArray[np.float64]


def read(script: Script, hues: Floats, layout: Floats) -> Readings:
    """What is asked, under these hues [N, 6] (or broadcast to it) and layouts [N]."""
    landmark = 0.10 + 0.80 * layout + script.wanted.camera
    return perfect(script, hue=np.broadcast_to(hues, (script.length, 6)), landmark=landmark)


def remembered(script: Script, hidden: EpisodeFacts) -> Readings:
    layouts = np.array([hidden.layouts[place] for place in PLACES])
    return read(script, np.array([hidden.hues[name] for name in CHARACTERS]), layouts[script.wanted.place])


def redrawn(script: Script, every: NDArray[np.int64], seed: int) -> Readings:
    """New hues and layouts wherever the number in `every` [N] changes."""
    chance = np.random.default_rng(seed)
    hues = chance.random((every.max() + 1, 6))[every]
    layouts = chance.random((every.max() + 1, 6))[every, script.wanted.place]
    return read(script, hues, layouts)


def values(script: Script, readings: Readings, reach: Reach | None = None) -> dict[str, float]:
    return {name: measured.value for name, measured in identity_measures(script, readings, reach).items()}


def assert_remembered(script: Script, readings: Readings) -> None:
    for name, measured in identity_measures(script, readings, Reach(script, plan_of(script.length))).items():
        assert np.all(measured.units < (1e-6 if "revisit" in name else 1e-12))
        assert len(measured.units) or np.isnan(measured.value)


@pytest.mark.parametrize("length", [256, 1024, 3376])
@pytest.mark.parametrize("seed", [3, *episode_seeds("test", 1)])
def test_a_film_that_remembers(seed: int, length: int) -> None:
    script = script_of_episode(CARTOON, seed, length)
    readings = remembered(script, episode_facts(seed))
    assert_remembered(script, readings)
    measured = values(script, readings)
    assert length < 3376 or (measured["identity_far"] == 0.0 and measured["revisit_far"] < 1e-6)


def test_the_oracle_remembers() -> None:
    script = script_of_episode(CARTOON, 3, 200)
    assert_remembered(script, oracle(script, episode_facts(3)))


@pytest.mark.slow
def test_the_oracle_remembers_a_whole_film() -> None:
    script = script_of_episode(CARTOON, 3, 3376)
    assert_remembered(script, oracle(script, episode_facts(3)))


def test_a_film_that_forgets_at_each_shot_is_at_chance() -> None:
    forgot = []
    for seed in range(8):
        script = script_of_episode(CARTOON, seed, 3376)
        forgot.append(values(script, redrawn(script, script.wanted.scene, seed)))
    assert np.mean([film["identity_far"] for film in forgot]) == pytest.approx(0.25, abs=0.03)
    for name in REVISITS:
        assert np.nanmean([film[name] for film in forgot]) == pytest.approx(1 / 3, abs=0.1)


def test_glued_clips_are_at_chance_too() -> None:
    script = script_of_episode(CARTOON, 3, 3376)
    measured = values(script, redrawn(script, np.arange(3376) // 15, 0))
    assert 0.2 < measured["identity_far"] < 0.3
    assert measured["revisit_far"] > 0.2


def test_two_halves_of_different_films_differ() -> None:
    script = script_of_episode(CARTOON, 3, 3376)
    first, second = (remembered(script, episode_facts(seed)) for seed in (3, 5))
    half = np.arange(3376) < 1688
    glued = replace(
        first,
        hue=np.where(half[:, None], first.hue, second.hue),
        landmark=np.where(half, first.landmark, second.landmark),
    )
    measured = values(script, glued)
    assert measured["identity_far"] > 0.05
    assert measured["revisit_far"] > 0.05


def test_hue_is_a_circle() -> None:
    script = script_of_prompts(
        CARTOON, [(0, "A fox waves."), (100, "A frog waves."), (700, "A fox sleeps.")], 800
    )
    hue = np.where(np.arange(800) < 400, 0.98, 0.02)[:, None]
    measured = identity_measures(script, read(script, hue, np.zeros(800)), None)
    assert measured["identity_far"].units == pytest.approx(
        [0.04, 0.04], abs=1e-6
    )  # fox; frog, in one long shot


def test_only_frames_that_show_the_character_count() -> None:
    script = script_of_prompts(
        CARTOON, [(0, "A fox waves."), (100, "A frog waves."), (700, "A fox sleeps.")], 800
    )
    good = read(script, np.full(6, 0.3), np.zeros(800))
    hue, presence = good.hue.copy(), good.presence.copy()
    hue[100:700, FOX] = 0.8  # not asked for there
    hue[:60, FOX], presence[:60, FOX] = 0.8, 0.4  # asked for, but not seen
    assert values(script, replace(good, hue=hue, presence=presence))["identity_far"] == 0.0
    gone = identity_measures(script, replace(good, presence=np.zeros_like(presence)), None)
    assert np.isnan(gone["identity_far"].value)
    assert "500" in gone["identity_far"].note


def test_pairs_are_over_500_frames_apart() -> None:
    for length, units in ((501, 0), (502, 0), (800, 1)):
        script = script_of_prompts(CARTOON, [(0, "A fox waves.")], length)
        measured = identity_measures(script, read(script, np.full(6, 0.3), np.zeros(length)), None)
        assert len(measured["identity_far"].units) == units
    for back, units in ((500, 0), (501, 1)):
        script = script_of_prompts(
            CARTOON, [(0, "A fox waves."), (1, "A frog."), (back, "A fox waves.")], back + 1
        )
        measured = identity_measures(script, read(script, np.full(6, 0.3), np.zeros(back + 1)), None)
        assert len(measured["identity_far"].units) == units


def test_hues_that_drift_within_one_long_shot_are_seen() -> None:
    script = script_of_prompts(CARTOON, [(0, "A fox waves.")], 2000)
    drift = values(script, read(script, np.linspace(0, 0.4, 2000)[:, None], np.zeros(2000)))
    assert 0.1 < drift["identity_far"] < 0.4


def visits(*lengths: int, layout: float) -> dict[str, float]:
    """Meadow and beach in turn, for so many frames each; the last shot's layout is off by `layout`."""
    starts = np.cumsum([0, *lengths[:-1]]).tolist()
    scenes = [(at, f"A fox waves {('in the meadow', 'at the beach')[k % 2]}.") for k, at in enumerate(starts)]
    script = script_of_prompts(CARTOON, scenes, sum(lengths))
    return values(
        script, read(script, np.zeros(6), np.where(script.wanted.scene == len(lengths) - 1, layout, 0.5))
    )


@pytest.mark.parametrize(
    ("lengths", "bands"),
    [
        ((60, 10, 60), {"revisit_near", "revisit_middle"}),
        ((60, 13, 60), {"revisit_near", "revisit_middle"}),
        ((60, 14, 60), {"revisit_middle"}),
        ((3, 3, 3), {"revisit_near"}),
        ((60, 120, 60), {"revisit_middle", "revisit_far"}),
        ((60, 225, 60), {"revisit_far"}),
        ((60, 10), set()),
    ],
)
def test_revisits_by_how_far_the_frames_are_apart(lengths: tuple[int, ...], bands: set[str]) -> None:
    measured = visits(*lengths, layout=0.8)
    assert {name for name in REVISITS if not np.isnan(measured[name])} == bands
    assert all(measured[name] == pytest.approx(0.3, abs=1e-6) for name in bands)


def test_shots_in_a_row_at_one_place_are_one_visit() -> None:
    script = script_of_prompts(CARTOON, [(0, "A fox in the meadow."), (50, "A frog in the meadow.")], 400)
    layout = np.where(np.arange(400) < 50, 0.1, 0.9)
    assert np.isnan(values(script, read(script, np.zeros(6), layout))["revisit_far"])


def test_a_place_that_is_not_recognised_is_not_compared() -> None:
    script = script_of_prompts(
        CARTOON, [(0, "In the meadow."), (300, "At the beach."), (600, "In the meadow.")], 900
    )
    good = read(script, np.zeros(6), np.where(np.arange(900) < 200, 0.1, 0.5))
    place = good.place.copy()
    place[:200] = np.roll(place[:200], 1, axis=1)
    assert values(script, good)["revisit_far"] == pytest.approx(0.4, abs=1e-6)
    assert values(script, replace(good, place=place))["revisit_far"] == pytest.approx(0.0, abs=1e-6)


def test_a_pan_that_was_asked_for_is_no_fault() -> None:
    meadow = "A fox waves in the meadow."
    scenes = [
        (0, f"{meadow} The camera pans left."),
        (60, "At the beach."),
        (70, f"{meadow} The camera pans right."),
    ]
    script = script_of_prompts(CARTOON, scenes, 130)
    assert np.ptp(script.wanted.camera) > 0.1
    measured = values(script, read(script, np.zeros(6), np.full(130, 0.5)))
    assert measured["revisit_near"] == pytest.approx(0.0, abs=1e-6)
    assert measured["revisit_middle"] == pytest.approx(0.0, abs=1e-6)


def test_faults_beyond_reach_are_told_from_faults_within() -> None:
    # The fox is on keyframes of both long shots, the frog and the beach are on none.
    scenes = [(0, "A fox at the farm."), (70, "A frog at the beach."), (80, "A fox at the farm.")]
    scenes += [(790, "A frog at the beach."), (800, "A fox at the farm.")]
    script, plan = script_of_prompts(CARTOON, scenes, 901), plan_of(901)
    assert plan.strides[0] == 225  # keyframes at 0, 225, ..., 900
    second = np.arange(901) > 400
    hue = np.where(second[:, None] & (np.arange(6) != FOX), 0.7, 0.4)
    layout = np.where(second & (script.wanted.place == PLACES.index("beach")), 0.9, 0.4)
    measured = identity_measures(script, read(script, hue, layout), Reach(script, plan))
    for name, far in (("identity", 0.3), ("revisit", 0.5)):
        assert measured[f"{name}_reached"].value == pytest.approx(0.0, abs=1e-6)
        assert measured[f"{name}_unreached"].value == pytest.approx(far, abs=1e-6)
        assert measured[f"{name}_reached"].note.endswith("% of pairs")
    both = measured["identity_reached"].units, measured["identity_unreached"].units
    assert sum(map(len, both)) == len(measured["identity_far"].units)
    share = 100 * len(both[0]) / len(measured["identity_far"].units)
    assert measured["identity_reached"].note == f"{share:.0f} % of pairs"


def test_without_a_plan_nothing_is_known_of_reach() -> None:
    script = script_of_episode(CARTOON, 3, 3376)
    measured = identity_measures(script, remembered(script, episode_facts(3)), None)
    for name in ("identity_reached", "identity_unreached", "revisit_reached", "revisit_unreached"):
        assert np.isnan(measured[name].value)
        assert "plan" in measured[name].note


def test_the_mean_hue_is_that_of_the_circle() -> None:
    script = script_of_prompts(CARTOON, [(0, "A fox waves."), (50, "A frog waves.")], 100)
    hue = np.zeros((100, 6))
    hue[:, FOX] = np.where(np.arange(100) % 2, 0.9, 0.1)
    hue[:, FOX + 1] = 0.25
    hues = cast_hues(script, read(script, hue, np.zeros(100)))
    assert hues.keys() == {FOX, FOX + 1}
    assert min(hues[FOX], 1 - hues[FOX]) == pytest.approx(0.0, abs=1e-6)
    assert hues[FOX + 1] == pytest.approx(0.25, abs=1e-6)


def test_diversity_is_a_quarter_by_chance_and_nothing_for_one_cast() -> None:
    casts = []
    for seed in range(40):
        script = script_of_episode(CARTOON, seed, 300)
        casts.append(cast_hues(script, remembered(script, episode_facts(seed))))
    mixed = diversity(casts)
    assert mixed.value == pytest.approx(0.25, abs=0.02)
    assert diversity(casts[::-1]).value == pytest.approx(mixed.value, abs=1e-12)
    assert diversity([casts[0]] * 3).value == 0.0
    assert np.isnan(diversity(casts[:1]).value)
    assert np.isnan(diversity([{0: 0.1}, {1: 0.1}]).value)
    assert diversity([{0: 0.98, 1: 0.5}, {0: 0.02}]).value == pytest.approx(0.04)
