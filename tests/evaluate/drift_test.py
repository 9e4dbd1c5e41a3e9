"""A line's slope comes back exactly, gaps or not, and what the script itself changes is no drift."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from longtake.evaluate.drift import curve, drift_measures, slope, slope_interval
from longtake.evaluate.measured import Curve
from longtake.evaluate.readings import Signals

N = 1000
LINE = np.arange(N) / 1000


def signals(saturation: NDArray[np.float64], contrast: NDArray[np.float64]) -> Signals:
    zeros = np.zeros(len(saturation), dtype=np.float32)
    return Signals(
        difference=zeros,
        second=zeros,
        lag=zeros,
        luminance=zeros,
        contrast=contrast.astype(np.float32),
        saturation=saturation.astype(np.float32),
        sharpness=zeros,
        thumbnails=np.zeros((len(zeros), 8, 8, 3), dtype=np.uint8),
    )


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


def test_an_interval_shrinks_to_an_exact_line() -> None:
    line = curve(LINE)
    assert slope_interval(line, np.random.default_rng(0)) == pytest.approx((1, 1))
    assert np.isnan(slope_interval(curve(LINE[:5]), np.random.default_rng(0))).all()


def test_an_interval_often_holds_the_slope() -> None:
    """Twenty bins whose errors hang together (first-order autoregression with 0.3) around a slope of -0.2."""
    chance, held = np.random.default_rng(0), 0
    at = np.arange(20) * 169.0
    for _ in range(200):
        errors = chance.normal(0, 0.05, 20)
        for k in range(1, 20):
            errors[k] += 0.3 * errors[k - 1]
        line = Curve(at, 1 - 0.2 * at / 1000 + errors)
        low, high = slope_interval(line, chance, draws=200)
        assert low <= slope(line) <= high
        held += low <= -0.2 <= high
    assert held / 200 > 0.75  # blocks of few bins promise a little too much
