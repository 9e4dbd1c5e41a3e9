"""Ground truth scores 1 and the control with the fault 0; the limit passes, what is beyond it fails."""

from __future__ import annotations

from dataclasses import asdict, replace

import numpy as np
import pytest

from longtake.evaluate.catalogue import CATALOGUE
from longtake.evaluate.measured import FilmResult, Measured, Row, not_measured
from longtake.evaluate.score import (
    SLACK,
    Scale,
    fix_scales,
    from_json,
    missed,
    rank,
    row_verdict,
    score,
    severity,
    to_json,
    verdict,
)

HIGH = Scale(better="high", truth=0.9, bad=0.1, limit=0.75)
LOW = Scale(better="low", truth=1.0, bad=5.0, limit=2.0)
SAME = Scale(better="same", truth=4.0, bad=1.0, limit=0.5)
NAN = float("nan")


def row(name: str, kind: str, **values: list[float]) -> Row:
    """Films with these values of these measures."""
    count = max(map(len, values.values()))
    return Row(
        name,
        kind,
        tuple(
            FilmResult(f"film {i}", {key: Measured(each[i]) for key, each in values.items()})
            for i in range(count)
        ),
    )


@pytest.mark.parametrize("scale", [HIGH, LOW, SAME])
def test_truth_scores_one_and_the_control_nought(scale: Scale) -> None:
    assert score(scale.truth, scale) == pytest.approx(1)
    assert score(scale.bad, scale) == pytest.approx(0)
    assert severity(scale.bad, scale) == pytest.approx(1)
    assert score((scale.truth + scale.bad) / 2, scale) == pytest.approx(0.5)


def test_scores_stay_within_nought_and_a_little_above_one() -> None:
    assert score(0.0, HIGH) == score(9.0, LOW) == score(-3.0, SAME) == 0
    assert score(2.0, HIGH) == score(-3.0, LOW) == 1.1
    assert score(7.0, SAME) == score(1.0, SAME) == 0  # too much is as bad as too little


@pytest.mark.parametrize(
    ("scale", "inside", "outside"),
    [
        (HIGH, [0.75, 0.9, 1.0], [0.7499, 0.0]),
        (LOW, [2.0, 0.0], [2.0001, 9.0]),
        (SAME, [3.5, 4.5], [3.4, 4.6]),
    ],
)
def test_the_limit_itself_passes(scale: Scale, inside: list[float], outside: list[float]) -> None:
    assert {verdict(Measured(value), scale) for value in inside} == {"ok"}
    assert {verdict(Measured(value), scale) for value in outside} == {"fails"}


def test_without_a_value_or_a_scale_there_is_no_verdict() -> None:
    blind = replace(LOW, blind="the control is no worse")
    assert verdict(not_measured("too short"), LOW) == "not measured"
    assert verdict(not_measured("too short"), blind) == "not measured"
    assert verdict(Measured(9.0), blind) == verdict(Measured(9.0), None) == "blind"
    assert np.isnan([score(9.0, blind), severity(9.0, blind), score(NAN, LOW), severity(NAN, LOW)]).all()


def test_the_limit_lies_a_little_beyond_the_worst_film_of_truth() -> None:
    truth = row("ground truth", "reference", tau=[1.0, 0.9], seam_fine=[0.5, 0.52], lag_ratio=[4.0, 5.0])
    controls = [
        row("reversed", "control", tau=[-1.0, -0.8]),
        row("clips glued", "control", seam_fine=[1.0, 0.9]),
        row("shuffled in 16", "control", lag_ratio=[1.5, 1.5]),
    ]
    scales = fix_scales([truth], controls)
    assert set(scales) == {name for name, measure in CATALOGUE.items() if measure.catches}
    assert (scales["tau"].truth, scales["tau"].bad) == pytest.approx((0.95, -0.9))
    assert scales["tau"].limit == pytest.approx(0.9 - SLACK * 1.8)
    assert scales["seam_fine"].limit == pytest.approx(0.52 + SLACK * 0.43)
    assert (scales["lag_ratio"].truth, scales["lag_ratio"].bad) == (4.5, 1.5)
    assert scales["lag_ratio"].limit == pytest.approx(0.5 + SLACK * 2.5)  # a distance from 4.5
    for control, name in zip(controls, ("tau", "seam_fine", "lag_ratio"), strict=True):
        assert {verdict(film.measured[name], scales[name]) for film in truth.films} == {"ok"}
        assert row_verdict(control, name, scales[name]) == "fails"


def test_a_measure_that_cannot_tell_its_control_from_truth_is_blind() -> None:
    truth = row("ground truth", "reference", tau=[1.0, 0.2], clock_order=[1.0, NAN], seam_fine=[0.5, 0.5])
    controls = [row("reversed", "control", tau=[0.2, 0.2], clock_order=[NAN, NAN])]
    scales = fix_scales([truth], controls)
    assert "no worse" in scales["tau"].blind
    assert "not measured in the control 'reversed'" in scales["clock_order"].blind
    assert "'clips glued' was not run" in scales["seam_fine"].blind
    assert "not measured in ground truth" in scales["flicker"].blind
    assert np.isnan(scales["tau"].limit)


def test_truth_of_several_rows_counts_in_measures_of_the_whole_set() -> None:
    def whole(name: str, kind: str, value: float) -> Row:
        return Row(name, kind, (), {"frames_over_floor": Measured(value)})

    truths = [whole("ground truth", "reference", 1.0), whole("once more", "reference", 3.0)]
    scale = fix_scales(truths, [whole("other script", "control", 13.0)])["frames_over_floor"]
    assert (scale.truth, scale.bad) == (2.0, 13.0)
    assert scale.limit == pytest.approx(3.0 + SLACK * 10)


def test_one_film_beyond_a_limit_that_its_interval_is_not_beyond_is_unsure() -> None:
    wide, narrow = Measured(0.7, np.array([0.9, 0.9, 0.3, 0.7])), Measured(0.7, np.full(40, 0.7))
    low = Scale(better="low", truth=0.5, bad=1.0, limit=0.65)
    assert (verdict(wide, low), verdict(narrow, low)) == ("unsure", "fails")
    same = Scale(better="same", truth=0.5, bad=1.0, limit=0.1)
    assert (verdict(wide, same), verdict(narrow, same)) == ("unsure", "fails")
    assert verdict(Measured(0.7, low=0.6, high=0.8), low) == "unsure"
    assert verdict(Measured(0.64, low=0.5, high=0.8), low) == "ok"  # what passes, passes
    film = FilmResult("one", {"seam_fine": wide})
    ours = Row("ours", "system", (film,))
    assert row_verdict(ours, "seam_fine", low) == "unsure"
    control = Row(CATALOGUE["seam_fine"].catches[0], "control", (film,))
    assert (control.name, "seam_fine") in missed([control], {"seam_fine": low})  # it is not caught


def test_two_films_with_opposite_faults_do_not_make_a_good_row() -> None:
    films = row("ours", "system", lag_ratio=[3.0, 5.0])
    assert verdict(Measured(4.0), SAME) == "ok"  # their mean
    assert row_verdict(films, "lag_ratio", SAME) == "fails"


def test_films_are_ranked_by_their_worst_measure_and_not_by_the_mean() -> None:
    scales = {"tau": HIGH, "seam_fine": LOW, "flicker": LOW}
    even = row("even", "system", tau=[0.7], seam_fine=[2.3], flicker=[2.2])  # three small faults
    good = row("good", "system", tau=[0.9], seam_fine=[1.0], flicker=[1.9])
    better = row("better", "system", tau=[0.9], seam_fine=[1.0], flicker=[1.1])
    torn = row("torn", "system", tau=[1.0], seam_fine=[4.0], flicker=[0.0])  # one bad fault, else the best
    unknown = row("unknown", "system", tau=[NAN])
    ranked = rank([unknown, torn, even, good, better], scales)
    assert [film.row for film in ranked] == ["better", "good", "even", "torn", "unknown"]
    assert [film.worst for film in ranked] == ["tau", "flicker", "seam_fine", "seam_fine", ""]
    assert ranked[2].failed == ("seam_fine", "tau", "flicker")
    assert [ranked[0].failed, ranked[3].failed, ranked[4].failed] == [(), ("seam_fine",), ()]
    assert ranked[3].severity == pytest.approx(2 / 3)
    assert np.isnan(ranked[4].severity)


def test_a_fault_beyond_its_control_counts_no_more_and_then_fewer_faults_win() -> None:
    scales = {"tau": HIGH, "fd_frames": LOW}
    far = row("far", "system", fd_frames=[500.0], tau=[1.0])
    both = row("both", "system", fd_frames=[5.0], tau=[0.1])
    assert [film.row for film in rank([both, far], scales)] == ["far", "both"]


def test_measures_of_the_whole_set_count_for_a_row_of_one_film_only() -> None:
    def with_distance(count: int) -> Row:
        films = tuple(FilmResult(str(i), {"tau": Measured(1.0)}) for i in range(count))
        return Row("ours", "system", films, {"fd_frames": Measured(9.0)})

    scales = {"tau": HIGH, "fd_frames": LOW}
    assert rank([with_distance(1)], scales)[0].worst == "fd_frames"
    assert {film.worst for film in rank([with_distance(2)], scales)} == {"tau"}


def test_controls_that_slip_through_are_told() -> None:
    scales = {"tau": HIGH, "clock_order": replace(HIGH, blind="too short")}
    caught = row("reversed", "control", tau=[0.0], clock_order=[1.0])
    slipped = row("scenes permuted", "control", tau=[0.9])
    assert missed([caught, slipped], scales) == [("scenes permuted", "tau")]


def test_scales_survive_their_file() -> None:
    scales = {256: {"tau": HIGH, "flicker": LOW}, 1024: {"lag_ratio": replace(SAME, limit=NAN, blind="why")}}
    text = to_json(scales)
    assert "NaN" not in text
    back = from_json(text)
    assert list(back) == [256, 1024]
    for length, by_name in scales.items():
        for name, scale in by_name.items():
            np.testing.assert_equal(asdict(back[length][name]), asdict(scale))
    assert to_json(back) == text


@pytest.mark.parametrize(
    "text",
    [
        '{"format": 0, "lengths": {}}',
        to_json({256: {"no such measure": HIGH}}),
        to_json({256: {"tau": LOW}}),  # tau is better high
    ],
)
def test_scales_of_another_catalogue_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="anew"):
        from_json(text)
