"""Probes are believed only where they read held-out ground truth well enough."""

from __future__ import annotations

import json
from collections import defaultdict
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from cartoon import CARTOON

from longtake.evaluate import gates
from longtake.evaluate.gates import GATES, Gate, check_probes, gates_of
from longtake.evaluate.probes import Probes, load_probes, watch
from longtake.evaluate.readings import oracle
from longtake.evaluate.script import script_of_episode
from longtake.models.probe import ClipProbe, FrameProbe
from longtake.world.episodes import episode_facts, episode_seeds


def test_a_gate_is_passed_at_its_bar() -> None:
    accuracy, error = Gate("place", 0.9), Gate("hue median error", 0.02, at_least=False)
    assert [accuracy.passed(value) for value in (0.89, 0.9, 1.0)] == [False, True, True]
    assert [error.passed(value) for value in (0.03, 0.02, 0.0)] == [False, True, True]
    assert not accuracy.passed(float("nan"))
    assert not error.passed(float("nan"))


def test_every_gate_has_a_value_and_random_probes_pass_none_of_all(tiny_probes: Path) -> None:
    found = check_probes(load_probes(tiny_probes), CARTOON, episodes=2, frames=32)
    assert {gate.name for gate in GATES} < set(found)
    assert all(0 <= value <= 1 for value in found.values())
    assert not all(gate.passed(found[gate.name]) for gate in GATES)
    again = check_probes(load_probes(tiny_probes), CARTOON, episodes=2, frames=32)
    assert again == found
    assert check_probes(load_probes(tiny_probes, seed=1), CARTOON, episodes=2, frames=32) != found
    assert check_probes(load_probes(tiny_probes), CARTOON, episodes=2, frames=32, split="validation") != found


def test_values_are_shares_and_medians_against_the_truth(tiny_probes: Path) -> None:
    probes, right, off = load_probes(tiny_probes), defaultdict(list), defaultdict(list)
    for seed in episode_seeds("test", 6, first=500):
        seen = watch((CARTOON.frame(seed, number) for number in range(8)), probes).readings
        truth = oracle(script_of_episode(CARTOON, seed, 8), episode_facts(seed))
        there = truth.presence > 0.5
        right["time"].append(seen.time.argmax(1) == truth.time.argmax(1))
        right["counts"].append((seen.count == truth.count).all(axis=1))
        right["character set"].append(((seen.presence > 0.5) == there).all(axis=1))
        for name in ("action", "direction"):  # of those who are there
            best = getattr(seen, name).argmax(2) == getattr(truth, name).argmax(2)
            right[name].append(best[there])
        off["hue"].append(np.abs(seen.hue - truth.hue)[there])
        off["landmark"].append(np.abs(seen.landmark - truth.landmark))
        off["clock"].append(np.abs(seen.clock - truth.clock))
    found = check_probes(probes, CARTOON, episodes=6, frames=8)
    for name, each in right.items():
        assert found[name] == np.mean(np.concatenate(each)), name
    hue = np.concatenate(off.pop("hue"))
    off["hue"] = [np.minimum(hue, 1 - hue)]
    for name, each in off.items():
        assert found[f"{name} median error"] == pytest.approx(np.median(np.concatenate(each)), abs=1e-6), name


def test_hues_are_compared_the_shorter_way_around() -> None:
    """Probes without eyes, whose biases say one hue of everybody, close to 0 or to 1."""
    (seed,) = episode_seeds("test", 1, first=500)
    true = np.array([actor.hue for number in range(8) for actor in CARTOON.frame_truth(seed, number).actors])
    said = 0.02 if true.mean() > 0.5 else 0.98
    off = np.abs(true - said)
    shorter = np.median(np.minimum(off, 1 - off))
    assert shorter < np.median(off) - 0.05
    blind = FrameProbe(width=8)
    with torch.no_grad():
        for weights in blind.parameters():
            weights.zero_()
        assert blind.maps.bias is not None
        angle = torch.tensor(2 * torch.pi * said)
        blind.maps.bias[6:18] = torch.stack([angle.cos(), angle.sin()]).repeat(6)
    found = check_probes(Probes(blind, ClipProbe(width=8), ""), CARTOON, episodes=1, frames=8)
    assert found["hue median error"] == pytest.approx(shorter, abs=0.005)


def test_an_answer_is_kept_for_the_same_probes(
    tiny_probes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gates, "check_probes", partial(check_probes, episodes=1, frames=16))
    folder, probes = tmp_path / "seen", load_probes(tiny_probes)
    found = gates_of(probes, CARTOON, folder)
    assert found == check_probes(probes, CARTOON, episodes=1, frames=16)
    (file,) = folder.iterdir()
    file.write_text(json.dumps({**found, "place": 0.125}))
    assert gates_of(probes, CARTOON, folder)["place"] == 0.125  # not asked again
    gates_of(load_probes(tiny_probes, seed=1), CARTOON, folder)
    assert len(list(folder.iterdir())) == 2
