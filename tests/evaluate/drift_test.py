"""A line's slope comes back exactly, gaps or not, and what the script itself changes is no drift."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from seen_films import plain_signals

from longtake.evaluate.drift import curve, drift_measures
from longtake.evaluate.readings import Signals

N = 1000
LINE = np.arange(N) / 1000


def signals(saturation: NDArray[np.float64], contrast: NDArray[np.float64]) -> Signals:
    return plain_signals(len(saturation), saturation=saturation, contrast=contrast)


def values(*arguments: object) -> dict[str, float]:
    return {name: each.value for name, each in drift_measures(*arguments).items()}  # type: ignore[arg-type]


def test_a_curve_is_the_means_of_stretches() -> None:
    line = curve(np.array([1, 2, 3, np.nan, np.nan, np.nan, 5, 7]), bins=4)
    np.testing.assert_array_equal(line.at, [0.5, 2.5, 4.5, 6.5])
    np.testing.assert_array_equal(line.values, [1.5, 3, np.nan, 6])


@pytest.mark.parametrize(("length", "bins"), [(1, 1), (7, 7), (20, 20), (3376, 20)])
def test_a_curve_covers_the_film(length: int, bins: int) -> None:
    line = curve(np.arange(length).astype(np.float32))
    assert len(line.at) == len(line.values) == bins
    np.testing.assert_allclose(line.values, line.at)
    assert line.at.mean() == pytest.approx((length - 1) / 2, abs=0.5)


def test_slopes_of_lines() -> None:
    measured = drift_measures(0.9 - 0.2 * LINE, signals(0.3 - 0.1 * LINE, 0.1 + 0.05 * LINE), None)
    found = {name: each.value for name, each in measured.items()}
    expected = {"drift_correctness": -0.2, "drift_saturation": -0.1, "drift_contrast": 0.05}
    assert found == pytest.approx(expected, rel=1e-4)
    assert all(len(each.units) == 0 for each in measured.values())


def test_gaps_do_not_bend_a_line() -> None:
    correct = 1 - 0.3 * LINE
    correct[200:300] = np.nan  # two whole bins
    assert values(correct, signals(LINE, LINE), None)["drift_correctness"] == pytest.approx(-0.3)


def test_what_the_script_changes_is_no_drift() -> None:
    scenes = np.random.default_rng(0).random(20).repeat(50)
    film = signals(scenes - 0.1 * LINE, scenes)
    reference = signals(scenes, scenes)
    with_it = drift_measures(np.ones(N), film, reference)
    assert with_it["drift_saturation"].value == pytest.approx(-0.1, rel=1e-4)
    assert with_it["drift_contrast"].value == 0
    assert with_it["drift_contrast"].note == ""
    assert "without a reference" in drift_measures(np.ones(N), film, None)["drift_contrast"].note


def test_constant_films_do_not_drift() -> None:
    assert values(np.ones(N), signals(np.zeros(N), np.zeros(N)), None)["drift_correctness"] == 0


@pytest.mark.parametrize("correct", [np.full(N, np.nan), np.where(np.arange(N) < 50, 1, np.nan)])
def test_a_slope_needs_two_bins(correct: NDArray[np.float64]) -> None:
    measured = drift_measures(correct, signals(LINE, LINE), None)["drift_correctness"]
    assert np.isnan(measured.value)
    assert measured.note
