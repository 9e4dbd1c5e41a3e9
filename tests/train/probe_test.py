"""The probes learn from scenes whose truth is the world's, and a reader of the truth has nothing to learn."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from cartoon import CARTOON
from torch import Tensor

from longtake.models.probe import ClipLook, ClipProbe, FrameLook, FrameProbe, count_peaks
from longtake.train import probe
from longtake.train.loop import TrainConfig, train
from longtake.train.probe import (
    ClipProbeBatch,
    FrameProbeBatch,
    clip_loss,
    clip_probe_batches,
    frame_loss,
    frame_probe_batches,
)
from longtake.world.episodes import random_facts
from longtake.world.facts import FrameTruth
from longtake.world.vocabulary import ACTIONS, CHARACTERS, PLACES, TIMES

BATCHES = pytest.mark.parametrize("of", [frame_probe_batches, clip_probe_batches], ids=["frames", "clips"])


def generator() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def same(a: NamedTuple, b: NamedTuple) -> bool:
    return all(torch.equal(x.nan_to_num(9), y.nan_to_num(9)) for x, y in zip(a, b, strict=True))


def truths(count: int, twice: bool | None = None) -> list[FrameTruth]:
    """Of random scenes; `twice`: only of those with, or without, a figure that is there twice."""
    chance, found = random.Random(5), []
    while len(found) < count:
        shot = CARTOON.random_shot(chance, chance.randrange(4500), 80)
        names = [actor.name for actor in shot.actors]
        if twice in (None, len(set(names)) < len(names)):
            found.append(CARTOON.draw(shot, random_facts(chance), shot.start + chance.randrange(80), 16)[1])
    return found


# -- batches ---------------------------------------------------------------------------------------------


@BATCHES
def test_batches_are_functions_of_seed_step_and_rank(of: Any) -> None:
    batch = of(CARTOON, 2, seed=7)(3, 0, 2)
    assert same(of(CARTOON, 2, seed=7)(3, 0, 2), batch)
    for other in (
        of(CARTOON, 2, seed=8)(3, 0, 2),
        of(CARTOON, 2, seed=7)(4, 0, 2),
        of(CARTOON, 2, seed=7)(3, 1, 2),
    ):
        assert not same(other, batch)


def test_a_batch_of_pictures_and_its_targets() -> None:
    batch = frame_probe_batches(CARTOON, 5, seed=0)(0, 0, 1)
    shapes = [tuple(part.shape) for part in batch]
    assert shapes == [(5, 3, 64, 64), (5, 6, 16, 16), (5, 6), (5,), (5,), (5,), (5, 16), (5, 16)]
    assert batch.pictures.abs().max() <= 1
    assert batch.pictures.std() > 0.1
    assert torch.equal(batch.hue.isnan(), (batch.heat == 1).sum((-2, -1)) == 0)
    for index, table in ((batch.place, PLACES), (batch.time, TIMES), (batch.weather, CARTOON.weathers)):
        assert ((index >= 0) & (index < len(table))).all()
    for columns in (batch.landmark, batch.clock):
        torch.testing.assert_close(columns.sum(1), torch.ones(5))


def test_a_batch_of_clips_and_its_targets() -> None:
    batch = clip_probe_batches(CARTOON, 3, seed=0)(0, 0, 1)
    shapes = [tuple(part.shape) for part in batch]
    assert shapes == [(3, 16, 3, 64, 64), (3, 16, 6, 8, 8), (3, 16, 6), (3, 16, 6)]
    absent = (batch.heat == 1).sum((-2, -1)) == 0
    assert (batch.action[absent] == -100).all()
    assert torch.equal(batch.action == -100, batch.direction == -100)
    assert torch.equal(
        batch.action[batch.direction.abs() != 100] == 0, batch.direction[batch.action >= 0] != 1
    )


def test_some_clips_hold_a_cut() -> None:
    batches = clip_probe_batches(CARTOON, 8, seed=0)
    casts = torch.cat([batches(step, 0, 1).action for step in range(2)]) >= 0
    assert 0 < (casts[:, 0] != casts[:, -1]).any(-1).float().mean() < 1


# -- targets ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("cells", [8, 16])
def test_a_peak_lies_in_the_cell_of_the_middle_of_the_box(cells: int) -> None:
    for truth in truths(60):
        heat = probe._heat(CARTOON, truth, cells)
        peaks: dict[int, set[tuple[int, int]]] = {}
        for actor in truth.actors:
            left, top, right, bottom = actor.box
            row, column = (min(cells - 1, max(0, int(cells * x / 2))) for x in (top + bottom, left + right))
            peaks.setdefault(CHARACTERS.index(actor.name), set()).add((row, column))
        for who in range(len(CHARACTERS)):
            assert {(r, c) for r, c in (heat[who] == 1).nonzero().tolist()} == peaks.get(who, set())
        assert ((heat >= 0) & (heat <= 1)).all()


def test_figures_that_are_there_twice_are_two_peaks() -> None:
    for truth in truths(30, twice=True):
        names = [actor.name for actor in truth.actors]
        logits = 20 * probe._heat(CARTOON, truth, 16)[None] - 10
        expected = [names.count(name) for name in CHARACTERS]
        boxes = sorted(sum(actor.box[::2]) / 2 for actor in truth.actors)
        if np.diff(boxes).min() > 2 / 16:  # walkers meet
            assert count_peaks(logits).tolist() == [expected]


def test_hues_and_doings_are_those_of_the_figures() -> None:
    for truth in [*truths(30, twice=False), *truths(10, twice=True)]:
        hues, doings = probe._hues(CARTOON, truth), probe._doings(CARTOON, truth)
        for who, name in enumerate(CHARACTERS):
            actors = [actor for actor in truth.actors if actor.name == name]
            if actors:
                assert hues[who] == actors[0].hue
            else:
                assert np.isnan(hues[who])
            if len(actors) == 1:
                assert doings[who] == [ACTIONS.index(actors[0].action), actors[0].direction + 1]
            else:  # absent, or nobody could say which of the two is meant
                assert doings[who] == [-100, -100]


def test_a_column_is_shared_by_its_neighbours() -> None:
    middles = (torch.arange(16) + 0.5) / 16
    for x in np.linspace(0.04, 0.96, 93).tolist():
        shares = probe._column(x)
        assert (shares > 0).sum() <= 2
        assert shares.sum() == 1
        assert (shares * middles).sum().item() == pytest.approx(x, abs=1e-6)
    for x, end in ((-0.2, 0), (0.0, 0), (1.0, 15), (1.3, 15)):  # a landmark can be panned out of the picture
        assert probe._column(x)[end] == 1


def test_wear_is_light_and_one_for_the_whole_clip() -> None:
    chance = random.Random(1)
    picture, _ = CARTOON.draw(CARTOON.random_shot(chance, 0, 50), random_facts(chance), 3)
    clip = np.repeat(picture[None], 4, axis=0)
    changed = []
    for k in range(20):
        worn = probe.worn(clip, random.Random(k))
        assert (worn.dtype, worn.shape) == (np.uint8, clip.shape)
        changed.append(np.abs(worn.astype(float) - clip).mean())
        means = worn.astype(float).mean((1, 2, 3))
        assert np.ptp(means) < 1
    assert np.mean(changed) > 0.5
    assert max(changed) < 25


# -- losses ----------------------------------------------------------------------------------------------


def perfect_frames(batch: FrameProbeBatch) -> FrameLook:
    """What a probe would say that knows the truth and is sure of it."""
    angle = 2 * torch.pi * batch.hue.nan_to_num()
    return FrameLook(
        heat=80 * (batch.heat == 1).float() - 40,
        hue=torch.stack([angle.cos(), angle.sin()], -1),
        place=100.0 * F.one_hot(batch.place, len(PLACES)),
        time=100.0 * F.one_hot(batch.time, len(TIMES)),
        weather=100.0 * F.one_hot(batch.weather, len(CARTOON.weathers)),
        landmark=batch.landmark.clamp(min=1e-20).log(),
        clock=batch.clock.clamp(min=1e-20).log(),
        features=torch.zeros(len(batch.place), 1),
    )


def entropy(shares: Tensor) -> Tensor:
    return torch.special.entr(shares).sum(1).mean()


def test_a_reader_of_the_truth_has_no_loss_in_pictures() -> None:
    batch = frame_probe_batches(CARTOON, 8, seed=1)(0, 0, 1)

    def told(look: FrameLook) -> tuple[Tensor, dict[str, Tensor]]:
        return frame_loss(lambda pictures: look, batch, generator())  # type: ignore[arg-type]

    look = perfect_frames(batch)
    least = 0.5 * entropy(batch.landmark) + 0.5 * entropy(batch.clock)  # places are shared by two columns
    loss, log = told(look)
    torch.testing.assert_close(loss, least)
    assert log["counts_right"] == 1
    assert log["hue_error"] < 1e-6
    missed = look._replace(heat=torch.full_like(look.heat, -5.0))
    ghosts = look._replace(heat=look.heat.roll(1, dims=1))
    turned = look._replace(hue=-look.hue)
    elsewhere = look._replace(place=look.place.roll(1, dims=1))
    for wrong in (missed, ghosts, turned, elsewhere):
        assert told(wrong)[0] > least + 1
    assert told(missed)[1]["counts_right"] < 1
    assert told(turned)[1]["hue_error"].item() == pytest.approx(0.5, abs=1e-5)


def test_a_peak_beside_the_middle_is_forgiven_more_than_one_far_away() -> None:
    target = torch.exp(-((torch.arange(16.0)[:, None] - 8) ** 2 + (torch.arange(16.0) - 8) ** 2) / 1.28)
    near, far = torch.full((2, 16, 16), -9.0)
    near[8, 8] = far[8, 8] = near[8, 9] = far[8, 2] = 3.0
    loss = [probe.focal(logits[None, None], target[None, None]).item() for logits in (near, far)]
    assert 0 < loss[0] < 0.2 * loss[1]


def test_a_reader_of_the_truth_has_no_loss_in_clips() -> None:
    batch = clip_probe_batches(CARTOON, 4, seed=1)(0, 0, 1)

    def told(batch: ClipProbeBatch, action: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        side = 100.0 * F.one_hot(batch.direction.clamp(min=0), 3)
        look = ClipLook(80 * (batch.heat == 1).float() - 40, action, side, torch.zeros(4, 1))
        return clip_loss(lambda clips: look, batch, generator())  # type: ignore[arg-type]

    right = 100.0 * F.one_hot(batch.action.clamp(min=0), len(ACTIONS))
    loss, log = told(batch, right)
    assert loss.item() == pytest.approx(0, abs=1e-6)
    assert log == {"action_right": 1, "direction_right": 1}
    loss, log = told(batch, right.roll(1, dims=-1))
    assert loss > 10
    assert log["action_right"] == 0
    # nothing is asked of characters that are absent, nor where all are
    absent = (batch.action == -100)[..., None]
    assert told(batch, torch.where(absent, 7.0, right))[0].item() == pytest.approx(0, abs=1e-6)
    nobody = torch.full_like(batch.action, -100)
    empty = batch._replace(heat=torch.zeros_like(batch.heat), action=nobody, direction=nobody)
    assert told(empty, right)[0].item() == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize(
    ("net", "loss", "of", "steps"),
    [(FrameProbe, frame_loss, frame_probe_batches, 25), (ClipProbe, clip_loss, clip_probe_batches, 16)],
    ids=["frames", "clips"],
)
def test_a_few_steps_teach_reading(net: Any, loss: Any, of: Any, steps: int, tmp_path: Path) -> None:
    torch.manual_seed(0)
    torch.set_num_threads(1)
    model = net(width=8)
    count = {FrameProbe: 8, ClipProbe: 2}[net]
    fixed = of(CARTOON, 2 * count, seed=99)(0, 0, 1)
    with torch.no_grad():
        before = loss(model, fixed, generator())[0]
    config = TrainConfig(steps=steps, batch=count, muon_lr=1e-2, adam_lr=1e-2, warmup=2, ema=0.5)
    trained = train(model, loss, of(CARTOON, count, seed=0), config, tmp_path)
    with torch.no_grad():
        after = loss(trained, fixed, generator())[0]
    assert after < 0.85 * before
    unmoved = [name for name, weights in model.named_parameters() if weights.grad is None]
    assert not unmoved  # everything has a part in the loss
