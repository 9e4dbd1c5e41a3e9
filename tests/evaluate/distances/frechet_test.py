"""Distances have their closed forms, lose no digits, and what they make of small samples is known."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from longtake.evaluate.distances.frechet import Moments, floor, frechet, kid, kid_of_films, pool

Floats = NDArray[np.float64]


def normal(n: int, d: int, seed: int, mean: float = 0.0) -> Floats:
    return mean + np.random.default_rng(seed).normal(size=(n, d))


def distance(x: NDArray[np.floating], y: NDArray[np.floating]) -> float:
    return frechet(Moments.of(x), Moments.of(y))


def test_diagonal_normals_have_a_closed_form() -> None:
    a = Moments.given(np.zeros(3), np.diag([1.0, 4.0, 9.0]), 100)
    b = Moments.given(np.array([1.0, 2.0, 3.0]), np.diag([4.0, 9.0, 25.0]), 100)
    assert frechet(a, b) == pytest.approx(20, abs=1e-12)
    turn = np.linalg.qr(normal(3, 3, 0))[0]
    turned = (Moments.given(turn @ side.mean, turn @ side.covariance @ turn.T, side.n) for side in (a, b))
    assert frechet(*turned) == pytest.approx(20, abs=1e-12)


def test_a_set_is_no_distance_from_itself() -> None:
    x = normal(300, 64, 0)
    assert distance(x, x) < 1e-9


def test_shift_scale_rotation_and_order() -> None:
    x, y = normal(500, 5, 0), 2 * normal(500, 5, 1) + 0.5
    assert distance(x, x + 2) == pytest.approx(20)
    spread = np.trace(np.cov(x.T))
    assert distance(x - x.mean(axis=0), 3 * (x - x.mean(axis=0))) == pytest.approx(spread * (3 - 1) ** 2)
    turn = np.linalg.qr(normal(5, 5, 2))[0]
    assert distance(x @ turn, y @ turn) == pytest.approx(distance(x, y))
    assert distance(y, x) == pytest.approx(distance(x, y))
    assert distance(x[::-1], y) == pytest.approx(distance(x, y))


def test_singular_and_collapsed_sets_have_a_distance() -> None:
    x, few, one = normal(500, 40, 0), normal(7, 40, 1), np.ones((7, 40))
    for y in (few, one, normal(500, 2, 2) @ normal(2, 40, 3)):
        assert 0 <= distance(x, y) < np.inf
        assert distance(y, x) == pytest.approx(distance(x, y))
    assert distance(one, one + 1) == pytest.approx(40)
    assert distance(few, few) < 1e-9


def test_one_sample_has_no_distance() -> None:
    one, many = Moments.of(np.zeros((1, 3))), Moments.of(np.eye(3))
    for a, b in ((one, many), (many, one)):
        with pytest.raises(ValueError, match="at least two"):
            frechet(a, b)


@pytest.mark.parametrize(
    ("x", "remedy"),
    [(np.zeros(3), "table"), (np.full((2, 2), np.nan), "finite"), (np.zeros((4, 2)), "one network")],
)
def test_what_is_no_table_of_features_is_refused(x: Floats, remedy: str) -> None:
    with pytest.raises(ValueError, match=remedy):
        distance(x, np.zeros((4, 3)))


def test_float32_far_from_zero_costs_no_digits() -> None:
    x, y = (normal(400, 8, seed, 1000.0).astype(np.float32) for seed in (0, 1))
    assert distance(x, y) == pytest.approx(distance(x.astype(np.float64) - 1000, y.astype(np.float64) - 1000))
    batched = pool([Moments.of(part) for part in np.split(x, 20)])
    np.testing.assert_allclose(batched.covariance, np.cov(x.astype(np.float64).T), rtol=1e-9, atol=1e-9)


def test_batches_add_up_to_the_whole() -> None:
    x = normal(101, 6, 0)
    whole = Moments.of(x)
    cuts = [x[:1], x[1:1], x[1:40], x[40:]]
    for sets in (cuts, [x[60:], x[:60]]):
        parts = pool([Moments.of(part) for part in sets])
        assert parts.n == 101
        np.testing.assert_allclose(parts.mean, x.mean(axis=0), atol=1e-12)
        np.testing.assert_allclose(parts.covariance, whole.covariance, atol=1e-12)
    np.testing.assert_allclose(whole.covariance, np.cov(x.T), atol=1e-12)


def test_small_samples_are_biased_by_about_one_over_n() -> None:
    found = [
        np.mean([distance(normal(n, 16, 2 * k), normal(n, 16, 2 * k + 1)) for k in range(10)])
        for n in (128, 512, 2048)
    ]
    assert 3 < found[0] / found[1] < 5
    assert 3 < found[1] / found[2] < 5


def test_the_floor_is_what_chance_alone_makes() -> None:
    x, generator = normal(1024, 16, 0), np.random.default_rng(0)
    low, high = floor(x, 512, generator), floor(x, 64, generator)
    assert 4 < high / low < 16
    assert low == pytest.approx(distance(normal(512, 16, 1), normal(512, 16, 2)), rel=0.3)
    with pytest.raises(ValueError, match="smaller N"):
        floor(x, 513, generator)


def test_kid_is_its_definition() -> None:
    x, y = normal(5, 3, 0), normal(5, 3, 1)

    def kernel(a: Floats, b: Floats) -> float:
        return float((a @ b / 3 + 1) ** 3)

    pairs = [(i, j) for i in range(5) for j in range(5) if i != j]
    by_hand = np.mean(
        [kernel(x[i], x[j]) + kernel(y[i], y[j]) - kernel(x[i], y[j]) - kernel(x[j], y[i]) for i, j in pairs]
    )
    assert kid(x, y) == pytest.approx(by_hand)


@pytest.mark.parametrize("subset", [None, 16])
def test_kid_is_unbiased(subset: int | None) -> None:
    for shift in (0.0, 0.5):
        values = np.array(
            [kid(normal(64, 8, 2 * k), normal(64, 8, 2 * k + 1, shift), subset) for k in range(100)]
        )
        error = values.std(ddof=1) / 10
        if shift == 0:
            assert abs(values[:20].mean()) < 3 * values[:20].std(ddof=1) / 20**0.5
            assert abs(values.mean()) < 3 * error
        else:
            assert values.mean() > 10 * error


def test_kid_of_films_is_that_of_their_samples_in_any_choice() -> None:
    x, y, counts = normal(12, 3, 0), normal(12, 3, 1, mean=0.5), np.array([5, 3, 4])
    distance = kid_of_films(x, y, counts)
    assert distance(np.arange(3)) == pytest.approx(kid(x, y))
    two = np.r_[0:5, 8:12]
    assert distance(np.array([0, 2])) == pytest.approx(kid(x[two], y[two]))


def test_sets_of_other_sizes_are_refused() -> None:
    x = normal(40, 3, 0)
    with pytest.raises(ValueError, match="same number"):
        kid(x, x[:39])
    with pytest.raises(ValueError, match="no two subsets"):
        kid(x, x, 21)
