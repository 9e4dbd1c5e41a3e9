"""Films of the second edition are watched, kept, gated and reported, with probes of its own kind."""

from __future__ import annotations

import json
import shutil
from dataclasses import fields
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from cartoon import CARTOON
from numpy.typing import NDArray

from longtake.cli import main
from longtake.errors import OptionError
from longtake.evaluate import gates
from longtake.evaluate.api import evaluate
from longtake.evaluate.catalogue import measures_of
from longtake.evaluate.gates import check_probes, gates_for, gates_of
from longtake.evaluate.probes import Probes, load_probes, probe_frames, watch, watch_by_all
from longtake.evaluate.readings import Readings, oracle
from longtake.evaluate.report import scales_file
from longtake.evaluate.score import from_json, to_json
from longtake.evaluate.script import script_of_episode
from longtake.evaluate.sources import WorldFilm
from longtake.evaluate.watching import Viewing, load_watched, watch_all
from longtake.manifest import ModelError
from longtake.models.probe import ClipProbe
from longtake.models.scene_probe import SceneProbe
from longtake.storyboard import parse
from longtake.video import encode_segment
from longtake.world.edition import world
from longtake.world.episodes import episode_facts, episode_seeds
from longtake.world.facts import SUN, SUN_RANGE

SECOND = world(2)
SEED = episode_seeds("test", 1)[0]
LENGTH = 40
# Nothing of the first edition tells these.
OWN = ("middle", "contacts", "things", "thing_count", "thing_middle")
BOARD = """
title: two
video: {fps: 12, frames: 48}
seed: 3
scenes:
  - {id: a, at: 0, prompt: "Ollie the orange fox walks to the right in the meadow in the morning."}
  - {id: b, at: 20, prompt: "Luna the pink rabbit plays with a ball at the beach at night."}
"""


def film(control: str = "ground truth") -> WorldFilm:
    return WorldFilm(control, script_of_episode(SECOND, SEED, LENGTH), SEED)


@pytest.fixture(scope="module")
def pictures() -> NDArray[np.uint8]:
    return np.stack(list(film().frames()))


# -- readings --------------------------------------------------------------------------------------------


def test_readings_have_the_oracles_shapes_and_mean_what_it_means(
    pictures: NDArray[np.uint8], tiny_scene_probes: Path
) -> None:
    read = watch(pictures, load_probes(tiny_scene_probes)).readings
    truth = oracle(film().script, episode_facts(SEED))
    for field in fields(Readings):
        ours, theirs = getattr(read, field.name), getattr(truth, field.name)
        assert ours.dtype == theirs.dtype == np.float32
        assert len(ours) == len(theirs)
        assert ours.shape == theirs.shape or "features" in field.name
        assert not np.isnan(ours).any()
    for table in (read.presence, read.contacts, read.things, read.hue, read.clock):
        assert ((table >= 0) & (table <= 1)).all()
        assert table.std(axis=0).max() > 0
    assert ((read.landmark >= -0.5) & (read.landmark < 1.5)).all()
    assert (read.thing_count == np.rint(read.thing_count)).all()
    assert np.array_equal(read.thing_count > 0, read.things > 0.5)
    assert ((read.middle > -0.5) & (read.middle < 1.5)).all()


def test_what_a_probe_says_is_what_is_read(pictures: NDArray[np.uint8]) -> None:
    """A probe without eyes, whose last layers' biases say a rabbit on its left foot, and a sun."""
    blind = SceneProbe(width=8)
    with torch.no_grad():
        for weights in blind.parameters():
            weights.zero_()
        assert blind.maps.bias is not None
        heat, offset, hue, contacts = torch.split(blind.maps.bias, [9, 18, 12, 12])
        heat.copy_(torch.tensor([-5.0, -5, -5, 5, -5, -5, -5, 5, -5]))
        offset.copy_(torch.tensor([2.0, 4.0] * 9))  # of the first cell, the likeliest where all are alike
        angle = torch.tensor(0.3 * 2 * torch.pi)
        hue[6:8] = 0.5 * torch.stack([angle.cos(), angle.sin()])
        contacts[6:8] = torch.tensor([9.0, -9.0])
        blind.answers.bias[3] = blind.answers.bias[6 + 1] = blind.answers.bias[10 + 2] = 9.0
        turn = torch.tensor(0.9 * 2 * torch.pi)
        blind.round[2].bias.copy_(torch.stack([turn.cos(), turn.sin()]))
    read = probe_frames(Probes(blind, ClipProbe(width=8), ""), pictures[:5, :64, :64])
    assert (read["presence"][:, 3] > 0.99).all()
    assert (np.delete(read["presence"], 3, axis=1) < 0.01).all()
    assert read["count"].tolist() == [[0, 0, 0, 1, 0, 0]] * 5
    assert read["thing_count"].tolist() == [[0, 1, 0]] * 5
    np.testing.assert_allclose(read["hue"][:, 3], 0.3, atol=0.003)
    np.testing.assert_allclose(read["middle"][:, 3], [[2.5 / 16, 4.5 / 16]] * 5, atol=1e-3)
    np.testing.assert_allclose(read["contacts"][:, 3], [[1, 0]] * 5, atol=1e-3)
    np.testing.assert_allclose(read["landmark"], 1.8 - 2, atol=0.01)  # 0.9 of a round of 2, from -0.5
    np.testing.assert_allclose(read["clock"], (2.5 / 16 - SUN) / SUN_RANGE, atol=0.002)
    best = [read[name].argmax(axis=1).tolist() for name in ("place", "time", "weather")]
    assert best == [[3] * 5, [1] * 5, [2] * 5]


def test_probes_of_both_kinds_see_a_film_that_is_made_once(
    pictures: NDArray[np.uint8], tiny_probes: Path, tiny_scene_probes: Path
) -> None:
    kinds = [load_probes(tiny_probes), load_probes(tiny_scene_probes)]
    seen, both = watch_by_all(iter(pictures), kinds)
    for probes, readings in zip(kinds, both, strict=True):
        alone = watch(pictures, probes)
        assert np.array_equal(alone.signals.difference, seen.signals.difference)
        for name, table in vars(readings).items():
            assert np.array_equal(table, getattr(alone.readings, name), equal_nan=True), name
    assert all(np.isnan(getattr(both[0], name)).all() for name in OWN)
    assert not any(np.isnan(getattr(both[1], name)).any() for name in OWN)


def test_what_was_seen_is_kept(tmp_path: Path, pictures: NDArray[np.uint8], tiny_scene_probes: Path) -> None:
    task = Viewing(film(), tmp_path, tiny_scene_probes)
    watch_all([task], 1)
    before = task.path.stat().st_mtime_ns
    watch_all([task], 1)
    assert task.path.stat().st_mtime_ns == before
    kept, seen = load_watched(task).readings, watch(pictures, load_probes(tiny_scene_probes)).readings
    for name, table in vars(seen).items():
        ours = getattr(kept, name)
        assert (ours.dtype, ours.shape) == (np.float32, table.shape)
        np.testing.assert_allclose(ours, table, rtol=1e-3, atol=1e-3, err_msg=name)  # float16
    assert Viewing(film("sliding"), tmp_path, tiny_scene_probes).path != task.path


# -- gates -----------------------------------------------------------------------------------------------


def test_an_edition_has_its_own_gates_and_keeps_its_own_answer(
    tiny_probes: Path, tiny_scene_probes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert set(gates_for(CARTOON)) < set(gates_for(SECOND))
    monkeypatch.setattr(gates, "check_probes", partial(check_probes, episodes=1, frames=40))
    probes = load_probes(tiny_scene_probes)
    found = gates_of(probes, SECOND, tmp_path)
    assert {gate.name for gate in gates_for(SECOND)} <= set(found)
    assert all(0 <= value <= 2 for value in found.values())
    assert not all(gate.passed(found[gate.name]) for gate in gates_for(SECOND))
    gates_of(load_probes(tiny_probes), CARTOON, tmp_path)
    assert sorted(path.name[:8] for path in tmp_path.iterdir()) == ["gates-1-", "gates-2-"]
    (file,) = tmp_path.glob("gates-2-*")
    file.write_text(json.dumps({**found, "contacts": 0.125}))
    assert gates_of(probes, SECOND, tmp_path)["contacts"] == 0.125  # not asked again


# -- a report --------------------------------------------------------------------------------------------


@pytest.fixture
def few_gates(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gates, "check_probes", partial(check_probes, episodes=1, frames=16))


def limits(path: Path) -> Path:
    """Scales of the second edition, as those of the first: so that there are some."""
    path.write_text(to_json(from_json(scales_file(1).read_text())))
    return path


def nothing_shipped(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """As if longtake had neither probes nor limits of the second edition; where its limits would be."""
    scales = folder / "scales-2.json"
    monkeypatch.setattr("longtake.evaluate.probes._SHIPPED", folder)
    monkeypatch.setattr(
        "longtake.evaluate.report.scales_file",
        lambda edition: scales if edition == 2 else scales_file(edition),
    )
    return scales


def test_without_probes_or_limits_of_the_edition_it_is_told_what_to_do(
    pictures: NDArray[np.uint8], tiny_probes: Path, tiny_scene_probes: Path, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    scales, out = nothing_shipped(tmp_path, monkeypatch), tmp_path / "out"
    shown, board = np.repeat(pictures[:1], 48, axis=0), parse(BOARD)
    asked: Any = partial(evaluate, shown, storyboard=board, out=out, controls="none", edition=2)
    with pytest.raises(
        OptionError, match=r"no limits for edition 2 .*benchmarks/controls.py --edition 2 --fix"
    ):
        asked()
    limits(scales)
    with pytest.raises(ModelError, match=r"no probes of edition 2 .* `longtake train probe`"):
        asked()
    with pytest.raises(ModelError, match=r"tell 2 weathers apart, edition 2 of the cartoon world has 4"):
        asked(probes=tiny_probes)
    with pytest.raises(ModelError, match=r"tell 4 weathers apart, edition 1 of the cartoon world has 2"):
        asked(probes=tiny_scene_probes, edition=1)
    half = Path(shutil.copytree(tiny_scene_probes / "frame-0", tmp_path / "half" / "frame-0")).parent
    with pytest.raises(ModelError, match=r"clip-0 holds no probe: train one"):
        asked(probes=half)
    assert not out.exists()
    encode_segment(shown, tmp_path / "film.mp4", 12)
    (tmp_path / "board.yaml").write_text(BOARD)
    scales.unlink()
    code = main(["evaluate", str(tmp_path / "film.mp4"), "--storyboard", str(tmp_path / "board.yaml"),
                 "--edition", "2", "--out", str(out)])  # fmt: skip
    assert code == 2
    assert "no limits for edition 2" in " ".join(capsys.readouterr().err.split())


@pytest.mark.usefixtures("few_gates")
def test_a_report_of_the_second_edition_tells_how_things_move(
    tiny_scene_probes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    limits(nothing_shipped(tmp_path, monkeypatch))
    shown = np.stack([SECOND.frame(SEED, n, 64) for n in range(48)])
    report = evaluate(
        shown, storyboard=parse(BOARD), out=tmp_path / "out", controls="sliding", edition=2,
        probes=tiny_scene_probes, workers=1, memorised=False,
    )  # fmt: skip
    assert [row.name for row in report.rows] == ["film", "ground truth", "sliding"]
    assert report.content["facts"]["world"] == "edition 2"
    moving = {name for name, measure in measures_of(SECOND).items() if measure.clocked}
    for row in report.content["rows"]:
        assert moving <= set(row["measures"])
        assert {row["measures"][name]["verdict"] for name in moving} <= {"blind", "not measured"}  # no limits
    text = (tmp_path / "out" / "report.md").read_text()
    assert "foot slip" in text
    assert {path.name[:8] for path in (tmp_path / "out" / "seen").glob("gates-*")} == {"gates-2-"}
    for gate in gates_for(SECOND):
        assert gate.name in report.content["facts"]["probes on ground truth"]
