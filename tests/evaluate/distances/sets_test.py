"""Distances of sets pool films as they say, show drift that a pooled one hides, know their N and error."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from cartoon import CARTOON
from numpy.typing import NDArray
from seen_films import plain_signals

from longtake.evaluate.catalogue import CATALOGUE
from longtake.evaluate.distances.frechet import Moments, frechet, kid
from longtake.evaluate.distances.sets import (
    b_fvd_literal,
    b_fvd_over_time,
    bootstrap,
    kernel_distance,
    pooled_distance,
    reference_digest,
    refuse_overlap,
    set_distances,
)
from longtake.evaluate.readings import Watched, oracle
from longtake.evaluate.script import script_of_prompts
from longtake.world.episodes import episode_facts

Films = list[NDArray[np.float64]]


def chance() -> np.random.Generator:
    return np.random.default_rng(0)


def made(films: int, clips: int, seed: int, drift: float = 0.0, d: int = 8) -> Films:
    """Films of normal features whose mean runs from -drift to drift."""
    generator = np.random.default_rng(seed)
    way = np.linspace(-drift, drift, clips)[:, None]
    return [way + generator.normal(size=(clips, d)) for _ in range(films)]


def joined(films: Films) -> Moments:
    return Moments.of(np.concatenate(films))


def test_all_samples_of_all_films_make_one_distance() -> None:
    films, references = made(4, 50, 0), made(4, 50, 1)
    found = pooled_distance(films, references, chance())
    assert found.value == pytest.approx(frechet(joined(films), joined(references)))
    assert (found.samples, found.films) == (200, 4)
    assert found.low < found.value < found.high
    assert pooled_distance(films, films, chance()).value < 1e-9


@pytest.mark.parametrize(
    ("films", "references", "remedy"),
    [(2, 3, "its own reference"), (0, 0, "its own reference"), (3, 3, "one length")],
)
def test_both_sides_have_the_same_n(films: int, references: int, remedy: str) -> None:
    theirs = [features[: 9 + k % 2] for k, features in enumerate(made(references, 10, 1))]
    with pytest.raises(ValueError, match=remedy):
        pooled_distance(made(films, 9, 0), theirs, chance())


def test_drift_shows_over_time() -> None:
    films, references = made(6, 105, 0, drift=1.0), made(6, 105, 1)
    worse = [film[52:] for film in films]  # from 0 on ever farther away
    over = b_fvd_over_time(worse, [film[52:] for film in references], chance(), bins=5)
    assert (np.diff(over.values) > 0).all()
    assert over.slope.low > 0
    assert over.slope.low < over.slope.value < over.slope.high
    assert over.slope.value == pytest.approx(np.polyfit(np.arange(5), over.values, 1)[0])
    assert over.slope.samples == 6 * 10  # 53 clips: the same number in every part
    np.testing.assert_allclose(over.at, [0.1, 0.3, 0.5, 0.7, 0.9])

    still = b_fvd_over_time(made(6, 105, 2), references, chance(), bins=5)
    assert still.slope.low < 0 < still.slope.high


def test_a_pooled_distance_hides_what_halves_show() -> None:
    films, references = made(6, 100, 0, drift=0.5), made(6, 100, 1)
    halves = b_fvd_over_time(films, references, chance(), bins=2).values
    assert (halves > 1.5 * pooled_distance(films, references, chance()).value).all()


def test_parts_of_the_time_are_pooled_over_films() -> None:
    films, references = made(3, 20, 0), made(3, 20, 1)
    over = b_fvd_over_time(films, references, chance(), bins=2)
    last = [joined([film[10:] for film in side]) for side in (films, references)]
    assert over.values[1] == pytest.approx(frechet(*last))
    with pytest.raises(ValueError, match="ask for fewer"):
        b_fvd_over_time(films, references, chance(), bins=21)


def test_the_literal_reading_is_the_mean_over_single_clips() -> None:
    films, references = made(5, 12, 0), made(5, 12, 1)
    by_hand = [
        frechet(*(Moments.of(np.stack([film[k] for film in side])) for side in (films, references)))
        for k in range(12)
    ]
    literal = b_fvd_literal(films, references)
    assert literal.value == pytest.approx(np.mean(by_hand))
    assert (literal.samples, literal.note) == (5, "literal")
    assert literal.value > 3 * pooled_distance(films, references, chance()).value  # all bias: the truth is 0
    with pytest.raises(ValueError, match="one length"):
        b_fvd_literal([films[0], films[1][:9]], [references[0], references[1][:9]])
    with pytest.raises(ValueError, match="at least two"):
        b_fvd_literal(films[:1], references[:1])


def test_a_resample_of_films_is_the_distance_of_those_films() -> None:
    films, references = made(4, 30, 0), made(4, 30, 1)

    def slowly(chosen: NDArray[np.int64]) -> float:
        return frechet(joined([films[i] for i in chosen]), joined([references[i] for i in chosen]))

    low, high = bootstrap(slowly, 4, chance(), 50)
    found = pooled_distance(films, references, chance(), 50)
    assert (found.low, found.high) == (pytest.approx(max(0, low)), pytest.approx(high))


def test_kernel_distances_take_as_many_samples_of_each_film() -> None:
    films, references = made(4, 50, 0), made(4, 50, 1, drift=1.0)
    found = kernel_distance(films, references, chance(), most=80)
    assert (found.samples, found.films) == (80, 4)
    spread = [
        np.concatenate([film[np.arange(20) * 50 // 20] for film in side]) for side in (films, references)
    ]
    assert found.value == pytest.approx(kid(*spread))
    assert found.low < found.value < found.high


def test_intervals_hold_the_mean() -> None:
    held = 0
    expected = np.mean([pooled_distance(*pair(seed), chance(), 0).value for seed in range(100)])
    for seed in range(40):
        found = pooled_distance(*pair(seed), chance(), 100)
        held += found.low <= expected <= found.high
    assert held >= 34


def pair(seed: int) -> tuple[Films, Films]:
    """Six films that differ more from each other than their clips do."""
    both = made(12, 10, 2 * seed, d=3)
    apart = np.random.default_rng(2 * seed + 1).normal(size=(12, 1, 3))
    shifted = [features + shift for features, shift in zip(both, apart, strict=True)]
    return shifted[:6], shifted[6:]


def test_one_film_has_no_interval() -> None:
    found = pooled_distance(made(1, 30, 0), made(1, 30, 1), chance())
    assert found.value > 0
    assert np.isnan([found.low, found.high]).all()


def test_digests_tell_sets_apart() -> None:
    assert reference_digest(["a", "b"]) == reference_digest(["b", "a"])
    assert len({reference_digest(ids) for ids in (["a", "b"], ["ab"], ["a"], ["a", "a"], [])}) == 5


def test_a_film_is_not_its_own_reference() -> None:
    refuse_overlap({"a", "b"}, {"c"})
    with pytest.raises(ValueError, match="1 of 2 films are among the references"):
        refuse_overlap({"a", "b"}, {"b", "c"})


def seen(frames: int, seed: int, worse: float = 0.0) -> Watched:
    """A film that was seen to have random features, whose clips run away by `worse`."""
    script = script_of_prompts(CARTOON, [(0, "a fox waves in the meadow")], 8)
    clips = frames // 16
    features = made(1, frames, 3 * seed)[0], made(1, clips, 3 * seed + 1)[0], made(1, clips, 3 * seed + 2)[0]
    frame, clip, motion = (numbers.astype(np.float32) for numbers in features)
    motion += worse * np.linspace(0, 1, clips, dtype=np.float32)[:, None]
    readings = replace(oracle(script, episode_facts(seed)), features=frame, clip_features=clip)
    return Watched(
        readings=readings,
        signals=plain_signals(frames),
        motion_features=motion,
    )


def test_the_measures_of_a_set() -> None:
    films, references = [seen(640, k, 4.0) for k in range(3)], [seen(640, 10 + k) for k in range(3)]
    measured, curve = set_distances(films, references, chance(), resamples=20)
    own = {name for name, each in CATALOGUE.items() if each.group == "distance"}
    assert set(measured) == {name for name in own if not name.endswith("over_floor")}
    by_hand = [joined([film.readings.features for film in side]) for side in (films, references)]
    assert measured["fd_frames"].value == pytest.approx(frechet(*by_hand))
    assert "N = 1920 of 3 films" in measured["fd_frames"].note
    assert "N = 120 of 3 films" in measured["fd_motion"].note
    assert measured["fd_drift"].value > 1
    assert curve is not None
    assert list(curve.at[:2]) == [32, 96]
    assert curve.values[-1] > 5 * curve.values[0]

    plain, _ = set_distances(films, references, chance(), resamples=0)
    assert {name: each.value for name, each in plain.items()} == {
        name: each.value for name, each in measured.items()
    }
    assert np.isnan(plain["fd_drift"].low)
    assert measured["fd_frames"].low < measured["fd_frames"].value < measured["fd_frames"].high
    assert measured["kid_motion"].value > 0


@pytest.mark.parametrize("frames", [8, 16, 160])
def test_short_films_say_what_could_not_be_measured(frames: int) -> None:
    measured, curve = set_distances([seen(frames, 0)], [seen(frames, 1)], chance())
    assert measured["fd_frames"].value > 0
    assert np.isnan(measured["fd_motion"].value) == (frames < 32)
    assert np.isnan(measured["fd_drift"].value)
    assert "longer films" in measured["fd_drift"].note
    assert curve is None


def test_distances_need_no_network(tmp_path: Path) -> None:
    code = "import sys, longtake.evaluate.distances.sets; assert 'torch' not in sys.modules"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
