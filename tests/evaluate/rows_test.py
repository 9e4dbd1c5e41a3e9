"""Every film has every measure, ground truth scores as truth, and no film is its own reference."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from cartoon import CARTOON
from seen_films import plan_of, signals_of

from longtake.evaluate.catalogue import CATALOGUE, measures_of
from longtake.evaluate.measured import FilmResult, Row
from longtake.evaluate.memory import training_index
from longtake.evaluate.readings import Signals, Watched, oracle
from longtake.evaluate.rows import Episode, Line, Measuring, measure_film, measure_lines, seam_profiles
from longtake.evaluate.script import Script, script_of_episode
from longtake.evaluate.sources import WorldFilm
from longtake.world.episodes import episode_facts, episode_seeds

SEEDS = episode_seeds("test", 2)
LENGTH = 48
TOGETHER = {"diversity", *(name for name, measure in CATALOGUE.items() if measure.group == "distance")}


# -- a perfect film, perfectly read ----------------------------------------------------------------------


def truth(script: Script, seed: int) -> Signals:
    return signals_of(
        np.stack([script.picture(number, episode_facts(seed), 16) for number in range(script.length)])
    )


def truly_seen(script: Script, seed: int) -> Watched:
    """The truth's readings and the signals of its frames."""
    return Watched(
        readings=oracle(script, episode_facts(seed)),
        signals=truth(script, seed),
        motion_features=np.zeros((script.length // 16, 1), dtype=np.float32),
    )


@pytest.fixture(scope="module")
def perfect() -> FilmResult:
    script = script_of_episode(CARTOON, SEEDS[0], 560)  # someone and some places return soon and late
    seen = truly_seen(script, SEEDS[0])
    reference = replace(seen, signals=truth(script, 10**6))
    return measure_film(Episode("truth", script, plan_of(560)), seen, reference, None)


def test_ground_truth_scores_as_truth(perfect: FilmResult) -> None:
    found = {name: one.value for name, one in perfect.measured.items()}
    for name in ("scene_accuracy", "worst_tenth", "character_f1", "action_accuracy", "count_accuracy", "tau"):
        assert found[name] == 1, name
    for name in ("doubled", "off_script", "clock_back", "drift_correctness"):
        assert found[name] == 0, name
    for name in ("identity_far", "revisit_near", "revisit_middle", "revisit_far"):
        assert found[name] == pytest.approx(0, abs=1e-4), name
    assert found["cut_recall"] == 1
    assert found["clock_order"] == pytest.approx(1, abs=0.01)
    assert 0.35 < found["seam_fine"] < 0.65
    assert abs(found["motion"]) < 0.2


def test_motion_and_drift_are_what_the_reference_has_not() -> None:
    script = script_of_episode(CARTOON, SEEDS[0], 200)
    seen = truly_seen(script, SEEDS[0])
    own = seen.signals
    fading = (1 - 0.5 * np.arange(200) / 199).astype(np.float32)
    faded = replace(own, saturation=own.saturation * fading, difference=own.difference / 4)
    found = measure_film(Episode("faded", script, None), replace(seen, signals=faded), seen, None).measured
    assert found["drift_saturation"].value < -0.1
    assert found["drift_contrast"].value == 0
    assert -2 < found["motion"].value < -1  # a quarter, but for what little always moves


def test_a_measure_that_needs_a_plan_says_so(perfect: FilmResult) -> None:
    script = script_of_episode(CARTOON, SEEDS[0], 60)
    seen = truly_seen(script, SEEDS[0])
    unplanned = measure_film(Episode("truth", script, None), seen, seen, None).measured
    for name in ("seam_coarse", "seam_fine", "jolt_coarse", "jolt_fine"):
        assert np.isnan(unplanned[name].value)
        assert "one clip" in unplanned[name].note
    for name in ("identity_reached", "revisit_unreached"):
        assert unplanned[name].note == perfect.measured[name].note == "no plan is known"


def test_a_film_has_every_measure_of_one_film_and_its_curves(perfect: FilmResult) -> None:
    assert set(perfect.measured) == set(measures_of(CARTOON)) - TOGETHER - {"memorised"}
    assert perfect.name == "truth"
    assert set(perfect.curves) == {"scenes right", "saturation", "contrast", "motion"}
    assert (perfect.curves["scenes right"].values == 1).all()
    for name, one in perfect.measured.items():
        assert one.note or not np.isnan(one.value), name  # what was not measured says why


# -- rows ------------------------------------------------------------------------------------------------


def line(name: str, kind: str, control: str = "ground truth", seed: int = 5, films: int = 2) -> Line:
    """Films of a control, measured by ground truth of other hidden facts."""
    scripts = {f"film {k}": script_of_episode(CARTOON, SEEDS[k], LENGTH) for k in range(films)}
    return Line(
        name,
        kind,
        {at: WorldFilm(control, script, seed + k) for k, (at, script) in enumerate(scripts.items())},
        {at: WorldFilm("ground truth", script, 90 + k) for k, (at, script) in enumerate(scripts.items())},
        floor=kind == "reference",
    )


EPISODES = [
    Episode("film 0", script_of_episode(CARTOON, SEEDS[0], LENGTH), plan_of(LENGTH)),
    Episode("film 1", script_of_episode(CARTOON, SEEDS[1], LENGTH), plan_of(LENGTH)),
]
LINES = [
    line("ground truth", "reference"),
    line("ours", "system", "clips glued"),
    line("frozen", "control", "frozen", films=1),
]


@pytest.fixture(scope="module")
def how(tiny_probes: Path, tmp_path_factory: pytest.TempPathFactory) -> Measuring:
    """The index of training clips is kept, so that a small one stands for all."""
    folder = tmp_path_factory.mktemp("seen")
    np.save(folder / "training-index-1.npy", training_index(CARTOON, [0], 3, size=16))
    return Measuring(folder, tiny_probes)


@pytest.fixture(scope="module")
def rows(how: Measuring) -> list[Row]:
    return measure_lines(EPISODES, LINES, how)


def test_every_measure_of_the_catalogue_is_in_every_row(rows: list[Row]) -> None:
    assert [(row.name, row.kind, len(row.films)) for row in rows] == [
        ("ground truth", "reference", 2),
        ("ours", "system", 2),
        ("frozen", "control", 1),
    ]
    for row in rows:
        assert set(row.together) == TOGETHER
        for film in row.films:
            assert set(film.measured) | TOGETHER == set(measures_of(CARTOON))
            assert not set(film.measured) & TOGETHER
    assert [film.name for film in rows[0].films] == ["film 0", "film 1"]


def test_rows_tell_their_films_apart(rows: list[Row]) -> None:
    truth, ours, frozen = rows
    assert frozen.films[0].measured["motion"].value < -3
    assert frozen.films[0].measured["lag_ratio"].value == 0
    seams = [film.measured["seam_fine"].value for film in ours.films]
    assert min(seams) > 0.9
    assert max(film.measured["seam_fine"].value for film in truth.films) < 0.9
    assert "needs at least two films" in frozen.together["diversity"].note
    for name in ("frames_over_floor", "clips_over_floor", "motion_over_floor"):
        assert truth.together[name].value == 1
        assert ours.together[name].value > 0


def test_what_was_evaluated_before_is_not_watched_again(how: Measuring, rows: list[Row]) -> None:
    before = {path: path.stat().st_mtime_ns for path in how.folder.iterdir()}
    assert len(before) == 2 + 2 + 1 + 2 + 1  # three lines, their references, the index
    again = measure_lines(EPISODES, LINES[::2], how)
    assert {path: path.stat().st_mtime_ns for path in how.folder.iterdir()} == before
    for row, other in zip(rows[::2], again, strict=True):
        for name, one in row.together.items():
            assert np.array_equal(one.value, other.together[name].value, equal_nan=True)
            assert one.note == other.together[name].note
        for film, same in zip(row.films, other.films, strict=True):
            for name, one in film.measured.items():
                assert np.array_equal(one.value, same.measured[name].value, equal_nan=True)
                assert np.array_equal(one.units, same.measured[name].units)


def test_without_resamples_the_values_are_the_same(how: Measuring, rows: list[Row]) -> None:
    heard: list[tuple[int, int]] = []
    told = replace(how, resamples=0, on_row=lambda done, total: heard.append((done, total)))
    (plain,) = measure_lines(EPISODES, LINES[:1], told)
    assert heard == [(1, 1)]
    for name, one in rows[0].together.items():
        assert np.array_equal(one.value, plain.together[name].value, equal_nan=True)
    assert not np.isnan(rows[0].together["fd_motion"].low)
    assert np.isnan(plain.together["fd_motion"].low)


def test_a_film_that_is_its_own_reference_is_refused_before_it_is_watched(how: Measuring) -> None:
    script = EPISODES[0].script
    fresh = WorldFilm("ground truth", script, 12345)
    own = Line("ours", "system", {"film 0": fresh}, {"film 0": fresh})
    watched = len(list(how.folder.iterdir()))
    with pytest.raises(ValueError, match="among the references"):
        measure_lines(EPISODES, [own], how)
    other = Line("others", "system", {"film 0": WorldFilm("frozen", script, 1)}, {"film 0": fresh})
    ours = Line("ours", "system", {"film 0": fresh}, {"film 0": WorldFilm("ground truth", script, 2)})
    with pytest.raises(ValueError, match="among the references"):  # nor another row's
        measure_lines(EPISODES, [other, ours], how)
    assert len(list(how.folder.iterdir())) == watched


@pytest.mark.parametrize("length", [1, 9])
def test_a_film_too_short_for_a_clip_is_measured_as_far_as_it_goes(length: int, how: Measuring) -> None:
    script = script_of_episode(CARTOON, SEEDS[0], length)
    films, references = ({"short": WorldFilm("ground truth", script, seed)} for seed in (1, 2))
    line = Line("ours", "system", films, references)
    (row,) = measure_lines([Episode("short", script, plan_of(length))], [line], how)
    found = {**row.films[0].measured, **row.together}
    assert found.keys() == measures_of(CARTOON).keys()
    assert "fewer than 16 frames" in found["memorised"].note
    assert all(one.note for one in found.values() if np.isnan(one.value))


def test_seams_are_profiled_for_films_that_were_plan_of(how: Measuring, rows: list[Row]) -> None:
    profiles = seam_profiles(EPISODES, LINES, how)
    assert list(profiles) == ["ground truth", "ours"]  # references first, no controls
    fine = {name: by_level["fine"] for name, by_level in profiles.items()}
    assert all(profile.shape == (31,) for profile in fine.values())
    assert np.nanargmax(fine["ours"]) == 15  # the border itself
    assert fine["ours"][15] > 2 * fine["ground truth"][15]
    unplanned = [Episode(episode.name, episode.script, None) for episode in EPISODES]
    assert seam_profiles(unplanned, LINES, how) == {"ground truth": {}, "ours": {}}
