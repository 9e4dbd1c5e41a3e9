"""Nothing moves: 0. All moves on and on: 8. No order: 1. As much as the reference, and as sharp: 0."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from cartoon import CARTOON
from numpy.typing import NDArray
from seen_films import signals_of

from longtake.evaluate.measured import Measured
from longtake.evaluate.motion import motion_measures
from longtake.evaluate.script import Script, script_of_prompts

CUTS = (23, 50, 57)  # the scene of seven frames is too short for a lag of eight
SCRIPT = script_of_prompts(CARTOON, [(at, "A fox waves.") for at in (0, *CUTS)], 90)


def measure(frames: NDArray[np.uint8], script: Script = SCRIPT) -> dict[str, Measured]:
    signals = signals_of(frames)
    return motion_measures(script, signals, signals)


def still(count: int = 90) -> NDArray[np.uint8]:
    return np.full((count, 8, 8, 3), 100, dtype=np.uint8)


def drifting() -> NDArray[np.uint8]:
    """A gradient that moves by 1/255 a frame."""
    ramp = np.broadcast_to(np.arange(16, dtype=np.uint8)[:, None], (16, 16))[..., None].repeat(3, axis=2)
    return np.stack([ramp + np.uint8(t) for t in range(90)])


def random(seed: int = 0) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, (90, 16, 16, 3), dtype=np.uint8)


def test_zero_motion_is_zero() -> None:
    measured = measure(still())
    assert [measured[name].value for name in ("lag_ratio", "flicker", "motion", "sharpness")] == [0, 0, 0, 0]
    assert not any(each.units.any() for each in measured.values())


def test_steady_motion_goes_eight_times_as_far_in_eight_frames() -> None:
    measured = measure(drifting())
    assert measured["lag_ratio"].value == pytest.approx(8, rel=1e-5)
    assert measured["flicker"].value == pytest.approx(0, abs=1e-4)


def test_frames_in_no_order_are_as_far_from_the_next_as_from_any() -> None:
    assert measure(random())["lag_ratio"].value == pytest.approx(1, rel=0.02)


def test_flicker_of_light_that_goes_up_and_down() -> None:
    """Luminance alternates between m - 3 and m + 3: |2 (m + 3) - 2 (m - 3)| = 12."""
    frames = still()
    frames[::2] += 3
    frames[1::2] -= 3
    measured = measure(frames)
    np.testing.assert_allclose(measured["flicker"].units, 12, rtol=1e-4)
    assert measured["lag_ratio"].value == 0  # even lags come back to the same frame


def test_motion_and_sharpness_are_octaves() -> None:
    film = signals_of(random())
    twice = replace(film, difference=2 * film.difference, sharpness=film.sharpness / 4)
    measured = motion_measures(SCRIPT, twice, film)
    assert measured["motion"].value == pytest.approx(1, abs=0.01)
    assert measured["sharpness"].value == pytest.approx(-2, abs=0.01)
    back = motion_measures(SCRIPT, film, twice)
    assert back["motion"].value == pytest.approx(-measured["motion"].value)


def test_a_frozen_film_is_far_below_its_reference() -> None:
    assert motion_measures(SCRIPT, signals_of(still()), signals_of(random()))["motion"].value < -8


def test_equal_films_are_equal_in_every_scene() -> None:
    measured = measure(random())
    for name in ("motion", "sharpness"):
        np.testing.assert_array_equal(measured[name].units, 0)


def test_units_are_scenes_and_their_mean_is_the_value() -> None:
    measured = motion_measures(SCRIPT, signals_of(random(1)), signals_of(random(2)))
    assert {name: len(each.units) for name, each in measured.items()} == {
        "lag_ratio": 3,
        "flicker": 4,
        "motion": 4,
        "sharpness": 4,
        "haze": 4,
        "haze_worst": 1,  # a tenth of them, one at least
    }
    for each in measured.values():
        assert each.value == pytest.approx(each.units.mean(), abs=1e-9)


def test_units_of_ratios_spread_as_the_ratio_would() -> None:
    """Over films of independent scenes the value scatters by about what its units foretell."""
    script = script_of_prompts(CARTOON, [(at, "A fox waves.") for at in range(0, 1200, 30)], 1200)
    chance, values, foretold = np.random.default_rng(0), [], []
    film = replace(signals_of(still(1200)), thumbnails=np.zeros((1200, 8, 8, 3), dtype=np.uint8))
    for _ in range(60):
        speed = chance.gamma(2.0, 0.01, 40).repeat(30).astype(np.float32)
        far = speed * chance.uniform(1, 8, 40).repeat(30).astype(np.float32)
        lag = motion_measures(script, replace(film, difference=speed, lag=far), None)["lag_ratio"]
        values.append(lag.value)
        foretold.append(lag.units.std() / 40**0.5)
    assert np.std(values) == pytest.approx(np.mean(foretold), rel=0.3)


def test_what_happens_at_cuts_changes_nothing() -> None:
    """A cut may come a frame early or late: the three steps and all that reaches over them are left out."""
    film, reference = signals_of(random(1)), signals_of(random(2))
    base = motion_measures(SCRIPT, film, reference)
    near = (np.array(CUTS)[:, None] + (-1, 0, 1)).ravel()
    over = np.unique((np.array(CUTS)[:, None] + np.arange(-1, 9)).ravel())
    difference, lag, sharpness = film.difference.copy(), film.lag.copy(), film.sharpness.copy()
    difference[near], sharpness[near], lag[over] = 0.9, 0.9, 0.9
    changed = replace(film, difference=difference, lag=lag, sharpness=sharpness)
    for name, each in motion_measures(SCRIPT, changed, reference).items():
        np.testing.assert_array_equal(each.units, base[name].units)


def test_a_step_of_light_at_a_cut_is_no_flicker() -> None:
    frames = still()
    for cut, late in zip(CUTS, (-1, 0, 1), strict=True):
        frames[cut + late :] += 40
    assert measure(frames)["flicker"].value == 0


def test_what_cannot_be_measured_says_why() -> None:
    film = signals_of(random())
    alone = motion_measures(SCRIPT, film, None)
    assert np.isnan([alone["motion"].value, alone["sharpness"].value]).all()
    assert "reference" in alone["motion"].note
    assert alone["lag_ratio"].value > 0
    for length in (1, 2):
        short = signals_of(random()[:length])
        measured = motion_measures(script_of_prompts(CARTOON, [(0, "A fox waves.")], length), short, short)
        assert all(np.isnan(each.value) and each.note for each in measured.values())


def test_haze_is_what_blur_and_blending_leave_and_is_told_of_the_worst_scenes_too() -> None:
    """Flat colours with sharp edges have hardly any; one soft scene among sharp ones shows in the worst."""
    sharp = np.zeros((SCRIPT.length, 16, 16, 3), dtype=np.uint8)
    sharp[:, :, 8:] = 200
    sharp[:, 3, :, :] = 10  # some weak edges in all of them
    soft, part = sharp.copy(), sharp.copy()
    soft[:, :, 4:12] = np.linspace(0, 200, 8)[:, None].astype(np.uint8)
    part[SCRIPT.starts[1] : SCRIPT.ends[1]] = soft[SCRIPT.starts[1] : SCRIPT.ends[1]]
    measured = [motion_measures(SCRIPT, signals_of(film), signals_of(sharp)) for film in (sharp, soft, part)]
    same, all_soft, part_soft = ({name: one.value for name, one in each.items()} for each in measured)
    assert same["haze"] == pytest.approx(0, abs=1e-6) == same["haze_worst"]
    assert all_soft["haze"] > 1
    assert part_soft["haze_worst"] == pytest.approx(all_soft["haze_worst"], abs=0.01)
    assert 0 < part_soft["haze"] < all_soft["haze"]
