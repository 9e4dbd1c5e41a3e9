"""Intervals hold the mean as often as they say, whatever the order of films, and say what they are over."""

from __future__ import annotations

import numpy as np
import pytest

from longtake.evaluate.intervals import film_values, interval, interval_of, paired
from longtake.evaluate.measured import FilmResult, Measured, Row, not_measured

NAN = float("nan")


def films(values: dict[str, float]) -> tuple[FilmResult, ...]:
    return tuple(
        FilmResult(name, {"tau": not_measured(f"{name} has one scene") if np.isnan(v) else Measured(v)})
        for name, v in values.items()
    )


def row(values: dict[str, float], name: str = "ours") -> Row:
    return Row(name, "system", films(values))


def drawn(seed: int, count: int = 8) -> dict[str, float]:
    return dict(zip("abcdefgh", np.random.default_rng(seed).normal(size=count), strict=False))


def test_the_interval_holds_the_true_mean_about_as_often_as_it_says() -> None:
    generator = np.random.default_rng(0)
    held = 0
    for _ in range(400):
        low, high = interval(generator.exponential(2.0, 40), generator, resamples=300)
        held += low <= 2.0 <= high
    assert 0.88 < held / 400 < 0.98  # skewed values and 40 of them: a little less than 0.95


def test_many_values_are_drawn_in_portions_and_give_the_interval_of_the_normal_law() -> None:
    values = np.random.default_rng(3).normal(size=20_000)
    low, high = interval(values, np.random.default_rng(4), resamples=400)
    assert high - low == pytest.approx(2 * 1.96 / 20_000**0.5, rel=0.15)


@pytest.mark.parametrize("values", [[], [3.0]])
def test_fewer_than_two_values_have_no_interval(values: list[float]) -> None:
    assert np.isnan(interval(values, np.random.default_rng(0))).all()


def test_the_order_of_the_films_changes_nothing() -> None:
    values = drawn(5)
    turned = dict(reversed(values.items()))
    assert interval_of(row(values), "tau") == interval_of(row(turned), "tau")
    assert len({interval(list(v.values()), np.random.default_rng(0)) for v in (values, turned)}) == 1
    other = row(drawn(6), "other")
    assert paired(row(values), other, "tau") == paired(row(turned), other, "tau")


def test_equal_rows_have_equal_intervals_and_other_names_draw_anew() -> None:
    assert interval_of(row(drawn(7)), "tau") == interval_of(row(drawn(7)), "tau")
    assert interval_of(row(drawn(7)), "tau").low != interval_of(row(drawn(7), "theirs"), "tau").low


def test_films_without_a_value_are_left_out_and_counted() -> None:
    found = interval_of(row({"a": 1.0, "b": NAN, "c": 3.0}), "tau")
    assert (found.value, found.over, found.n, found.left_out) == (2.0, "films", 2, 1)
    assert found.note == "b has one scene"
    assert 1.0 <= found.low <= found.high <= 3.0


def test_a_row_without_any_value_says_why() -> None:
    found = interval_of(row({"a": NAN, "b": NAN}), "tau")
    assert np.isnan([found.value, found.low, found.high]).all()
    assert (found.over, found.n, found.left_out) == ("none", 0, 2)
    assert found.note == "a has one scene; b has one scene"
    assert interval_of(row({"a": 1.0}), "clock_order").note == "not computed"


def test_one_film_has_an_interval_over_its_own_units_and_says_so() -> None:
    units = np.random.default_rng(8).random(20)
    one = Row("ours", "system", (FilmResult("a", {"tau": Measured(float(units.mean()), units)}),))
    found = interval_of(one, "tau")
    assert (found.over, found.n) == ("scenes and pairs within the film", 20)
    assert found.low < found.value < found.high
    bare = interval_of(row({"a": 0.5}), "tau")  # no units: one number has no interval
    assert (bare.value, bare.over, bare.n) == (0.5, "none", 1)
    assert np.isnan([bare.low, bare.high]).all()


def test_a_measure_of_the_whole_set_has_no_interval_though_it_has_units() -> None:
    whole = Row("ours", "system", films(drawn(9)), {"diversity": Measured(0.2, np.array([0.1, 0.3]), "note")})
    found = interval_of(whole, "diversity")
    assert (found.value, found.over, found.note) == (0.2, "none", "note")
    assert np.isnan(found.low)
    np.testing.assert_array_equal(film_values(whole, "diversity"), [0.2])


def test_what_scripts_have_in_common_cancels_in_pairs() -> None:
    hard = drawn(10)  # scripts differ by about 1, the rows by 0.1
    better = {name: value + 0.1 for name, value in hard.items()}
    assert interval_of(row(better), "tau").low < interval_of(row(hard), "tau").high  # apart, nothing shows
    found = paired(row(better), row(hard, "theirs"), "tau")
    assert found.value == pytest.approx(0.1)
    assert (found.n, found.left_out, found.significant) == (8, 0, True)
    assert not paired(row(hard), row(hard, "theirs"), "tau").significant


def test_only_scripts_that_both_rows_have_are_paired() -> None:
    found = paired(row({"a": 1.0, "b": 2.0, "c": NAN}), row({"b": 1.5, "c": 1.0, "d": 9.0}, "theirs"), "tau")
    assert (found.value, found.n, found.left_out) == (0.5, 1, 3)
    assert np.isnan([found.low, found.high]).all()
    assert not found.significant


def test_films_of_one_name_cannot_be_paired() -> None:
    twice = Row("ours", "system", films({"a": 1.0}) * 2)
    with pytest.raises(ValueError, match="rename one"):
        paired(twice, row({"a": 1.0}), "tau")
