"""The second edition's frame probe: what it is taught agrees with the truth, and it learns."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import replace
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from tiny_recipe import tiny
from torch import Tensor

from longtake.data.cartoon import CartoonWorld
from longtake.evaluate.gates import check_probes
from longtake.evaluate.probes import load_probes
from longtake.models.load import network_in
from longtake.models.probe import count_peaks
from longtake.models.scene_probe import THINGS, SceneLook, SceneProbe, middles
from longtake.recipes import do_stage
from longtake.train import scene_probe
from longtake.train.scene_probe import SceneProbeBatch, scene_loss, scene_probe_batches
from longtake.world.episodes import random_facts
from longtake.world.second.canvas import ROUND
from longtake.world.second.drawing import GONE, HERE, FrameTruth, draw
from longtake.world.second.scenes import random_shot
from longtake.world.second.script import WEATHERS
from longtake.world.vocabulary import CHARACTERS, PLACES, TIMES

KINDS = len(CHARACTERS) + THINGS
BALL, SUN, LANDMARK = (len(CHARACTERS) + k for k in range(THINGS))


def generator() -> torch.Generator:
    return torch.Generator().manual_seed(0)


@cache
def batch_of(size: int, step: int = 0) -> SceneProbeBatch:
    return scene_probe_batches(size, seed=3)(step, 0, 1)


def truths(count: int) -> list[FrameTruth]:
    """Of scenes as the probe learns from; every third has two suns and two landmarks."""
    found = []
    for k in range(count):
        chance = random.Random(k)
        shot = random_shot(chance, 0, 300)
        twice = (0.4, 0.5) if k % 3 == 0 else (None, None)
        found.append(draw(shot, random_facts(chance), chance.randrange(300), 16, doubled=twice)[1])
    return found


# -- what it is taught -----------------------------------------------------------------------------------


def test_a_batch_hangs_on_seed_step_and_rank_alone() -> None:
    batches = scene_probe_batches(4, seed=3)
    one, again = batches(5, 0, 1), scene_probe_batches(4, seed=3)(5, 0, 2)
    for a, b in zip(one, again, strict=True):
        assert torch.equal(a.nan_to_num(-1), b.nan_to_num(-1)) if a.is_floating_point() else torch.equal(a, b)
    others = (batches(6, 0, 1), batches(5, 1, 2), scene_probe_batches(4, seed=4)(5, 0, 1))
    assert not any(torch.equal(one.pictures, other.pictures) for other in others)


def test_a_batch_has_its_shapes_and_pictures_are_of_its_truths() -> None:
    batch = batch_of(24)
    assert (batch.pictures.shape, batch.heat.shape) == ((24, 3, 64, 64), (24, KINDS, 16, 16))
    assert (batch.asked.shape, batch.asked.dtype) == ((24, KINDS), torch.bool)
    assert batch.middle.shape == (24, KINDS, 2)
    assert batch.contacts.shape == (24, len(CHARACTERS), 2)
    assert batch.pictures.abs().max() <= 1
    for table, count in (
        (batch.place, len(PLACES)),
        (batch.time, len(TIMES)),
        (batch.weather, len(WEATHERS)),
    ):
        assert len(table.unique()) > 2
        assert 0 <= table.min() <= table.max() < count
    for table in (batch.hue, batch.scenery, batch.middle):
        known = table[~table.isnan()]
        assert 0 <= known.min() <= known.max() <= 1
    sky = {time: batch.pictures[batch.time == k, :, :6].mean().item() for k, time in enumerate(TIMES)}
    assert sky["night"] == min(sky.values())


def test_peaks_are_the_middles_of_what_is_seen() -> None:
    for truth in truths(60):
        things = scene_probe._things(truth)
        assert len(things) == KINDS
        for name, (spots, _) in zip(CHARACTERS, things, strict=False):
            seen = [actor for actor in truth.actors if actor.name == name and actor.shown >= HERE]
            assert len(spots) == len(seen)
            for (x, y), actor in zip(spots, seen, strict=True):
                left, top, right, bottom = np.clip(actor.box, 0, 1)
                assert (x, y) == pytest.approx(((left + right) / 2, (top + bottom) / 2))
        for spots, _ in things:
            cells = {(min(15, int(16 * y)), min(15, int(16 * x))) for x, y in spots}
            heat = scene_probe._bells(spots)
            assert {(r, c) for r, c in (heat == 1).nonzero().tolist()} == cells
            assert ((heat >= 0) & (heat <= 1)).all()


def test_what_an_edge_cuts_is_not_asked_for_and_what_is_far_away_is_clearly_gone() -> None:
    told: Counter[str] = Counter()
    for truth in truths(400):
        things = scene_probe._things(truth)
        for name, (_, clear) in zip(CHARACTERS, things, strict=False):
            cut = [GONE < actor.shown < HERE for actor in truth.actors if actor.name == name]
            assert clear == (not any(cut))
            told["figure cut"] += any(cut)
        balls = [actor.ball[0] for actor in truth.actors if actor.ball]
        spots, clear = things[BALL]
        assert len(spots) == sum(0 <= x <= 1 for x in balls)
        if any(x < -0.15 or x > 1.15 for x in balls) and len(balls) == 1:
            assert (spots, clear) == ((), True)
            told["ball gone"] += 1
        if any(-0.08 < x < -0.01 or 1.01 < x < 1.08 for x in balls):
            assert not clear
            told["ball cut"] += 1
        marks, clear = things[LANDMARK]
        assert len(marks) == sum(0 <= x <= 1 for x in truth.landmarks)
        told["landmark cut"] += not clear
        assert clear or any(-0.2 < x < 0.06 or 0.94 < x < 1.2 for x in truth.landmarks)
        assert things[SUN] == (truth.suns, True)
    assert min(told[name] for name in ("figure cut", "ball cut", "landmark cut")) > 2


def test_there_are_two_of_a_kind_in_some_pictures() -> None:
    counts = torch.cat([(batch_of(24, step).heat == 1).sum((-2, -1)) for step in range(3)])
    assert (counts[:, : len(CHARACTERS)] >= 2).any()
    assert (counts[:, SUN] >= 1).all()
    assert 0 < (counts[:, SUN] == 2).float().mean() < 0.5
    assert 0 < (counts[:, LANDMARK] == 2).float().mean() < 0.5


def test_hues_and_feet_are_those_of_who_is_wholly_there() -> None:
    stands: Counter[float] = Counter()
    for truth in truths(150):
        hues, feet = scene_probe._hues(truth), scene_probe._contacts(truth)
        for who, name in enumerate(CHARACTERS):
            actors = [actor for actor in truth.actors if actor.name == name]
            shown = [actor.hue for actor in actors if actor.shown >= HERE]
            assert hues[who] == shown[0] if shown else np.isnan(hues[who])
            whole = len(actors) == 1 and actors[0].shown >= 0.9
            if not whole or actors[0].pose.lying or actors[0].pose.seated:
                assert np.isnan(feet[who]).all()
                continue
            for foot, says in enumerate(feet[who]):
                assert np.isnan(says) or bool(says) == actors[0].contacts[foot]
                stands[float(np.nan_to_num(says, nan=-1))] += 1
    assert min(stands[0.0], stands[1.0]) > 5


# -- how it learns ---------------------------------------------------------------------------------------


def perfect(batch: SceneProbeBatch) -> SceneLook:
    """What a probe would say that knows the truth and is sure of it."""
    heat = 80 * (batch.heat == 1).float() - 40
    best = heat.flatten(2).argmax(-1)
    cell = (torch.stack([best % 16, best // 16], -1) + 0.5) / 16

    def circle(part: Tensor) -> Tensor:
        angle = 2 * torch.pi * part.nan_to_num()
        return torch.stack([angle.cos(), angle.sin()], -1)

    return SceneLook(
        heat=heat,
        offset=torch.where(batch.middle.isnan(), 0.0, 16 * (batch.middle - cell)),
        hue=circle(batch.hue),
        contacts=200 * (batch.contacts.nan_to_num() - 0.5),
        place=100.0 * F.one_hot(batch.place, len(PLACES)),
        time=100.0 * F.one_hot(batch.time, len(TIMES)),
        weather=100.0 * F.one_hot(batch.weather, len(WEATHERS)),
        scenery=circle(batch.scenery),
        features=torch.zeros(len(batch.place), 1),
    )


def test_a_reader_of_the_truth_has_no_loss() -> None:
    batch = batch_of(24)

    def told(look: SceneLook) -> tuple[Tensor, dict[str, Tensor]]:
        return scene_loss(lambda pictures: look, batch, generator())  # type: ignore[arg-type]

    look = perfect(batch)
    loss, log = told(look)
    assert loss < 1e-3
    assert (log["counts_right"], log["contacts_right"], log["steps_right"]) == (1, 1, 1)
    assert max(log[name] for name in ("hue_error", "scenery_error", "middle_error")) < 1e-3
    wrong = {
        "missed": look._replace(heat=torch.full_like(look.heat, -5.0)),
        "beside": look._replace(offset=look.offset + 3),
        "turned": look._replace(hue=-look.hue),
        "feet": look._replace(contacts=-look.contacts),
        "elsewhere": look._replace(place=look.place.roll(1, dims=1)),
        "later": look._replace(time=look.time.roll(1, dims=1)),
        "wet": look._replace(weather=look.weather.roll(1, dims=1)),
        "round": look._replace(scenery=-look.scenery),
    }
    for name, other in wrong.items():
        assert told(other)[0] > loss + 0.5, name
    assert told(wrong["turned"])[1]["hue_error"] == pytest.approx(0.5, abs=1e-4)
    assert told(wrong["round"])[1]["scenery_error"] == pytest.approx(ROUND / 2, abs=1e-3)


def test_the_loss_falls_within_a_few_steps() -> None:
    torch.manual_seed(0)
    batch, probe = batch_of(24), SceneProbe(width=8)
    optimiser = torch.optim.Adam(probe.parameters(), 1e-2)
    losses = []
    for _ in range(12):
        loss, _ = scene_loss(probe, batch, generator())
        assert all(torch.isfinite(part.grad).all() for part in probe.parameters() if part.grad is not None)
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        losses.append(loss.item())
    assert losses[-1] < 0.7 * losses[0]
    assert all(part.grad is not None and part.grad.any() for part in probe.parameters())


# -- the network -----------------------------------------------------------------------------------------


def test_a_saved_probe_is_the_same_probe(tmp_path: Path) -> None:
    torch.manual_seed(0)
    probe = SceneProbe(width=8, weathers=3).eval()
    probe.save_pretrained(tmp_path, safe_serialization=True)
    again = network_in(tmp_path).eval()
    assert isinstance(again, SceneProbe)
    assert again.config.weathers == 3
    pictures = batch_of(24).pictures[:3]
    with torch.inference_mode():
        for one, other in zip(probe(pictures), again(pictures), strict=True):
            assert torch.equal(one, other)


def test_a_look_has_its_shapes_and_middles_lie_where_peaks_are() -> None:
    look = SceneProbe(characters=2, places=5, times=3, weathers=4, width=8)(torch.zeros(3, 3, 64, 64))
    shapes = [tuple(part.shape) for part in look]
    assert shapes[:4] == [(3, 5, 16, 16), (3, 5, 2), (3, 2, 2), (3, 2, 2)]
    assert shapes[4:8] == [(3, 5), (3, 3), (3, 4), (3, 2)]
    assert (count_peaks(look.heat) == 0).all()  # hardly any cell holds a figure at first
    heat = torch.zeros(1, 1, 16, 16)
    heat[0, 0, 3, 10] = 5
    at = middles(look._replace(heat=heat, offset=torch.tensor([[[0.5, -0.25]]])))
    assert at.tolist() == [[[11 / 16, 3.25 / 16]]]


def test_the_recipe_of_an_edition_trains_its_probes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of the second edition read its scenes, and are measured against its bars."""
    few: Any = partial(check_probes, episodes=1, frames=16)
    monkeypatch.setattr("longtake.recipes.stages.probes.check_probes", few)
    recipe = replace(tiny(), edition=2, probes=replace(tiny().probes, seeds=(0,)))
    do_stage("probe", recipe, CartoonWorld(5, 2), tmp_path, "cpu")
    probes = load_probes(tmp_path / "probes")
    assert isinstance(probes.frame, SceneProbe)
    assert probes.frame.config.weathers == len(WEATHERS)
    assert (tmp_path / "probes" / "gates.json").is_file()
