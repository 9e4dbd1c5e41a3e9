"""The text encoder learns to read: captions in, facts out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from cartoon import CARTOON
from torch import Tensor

from longtake.conditions.text import SmallTextEncoder
from longtake.train.caption_facts import CaptionReader, caption_batches, facts_loss, facts_of_shot
from longtake.train.loop import TrainConfig, train
from longtake.world.episodes import episode_seeds

EPISODES = episode_seeds("train", 50)


def reader() -> CaptionReader:
    torch.manual_seed(0)
    encoder = SmallTextEncoder(CARTOON.vocabulary(), width=32, layers=1, heads=2, registers=4)
    return CaptionReader(encoder, CARTOON)


def test_facts_tell_shots_apart() -> None:
    seen: dict[tuple[int, ...], set[object]] = {}
    for seed in range(30):
        for number in range(0, 3600, 40):
            shot = CARTOON.shot_at(seed, number)
            pictured = shot.place, shot.time, shot.weather, shot.pan, shot.cast
            seen.setdefault(tuple(facts_of_shot(CARTOON, shot)), set()).add(pictured)
    # "facing" is a fact of walkers alone, as in captions
    assert all(len({repr(p) for p in same}) == 1 for same in seen.values())
    assert len(seen) > 300
    for k, column in enumerate(zip(*seen, strict=True)):
        answers = reader().forward(torch.zeros(1, 40, dtype=torch.long))[k].shape[1]
        assert set(column) == set(range(answers))  # every answer is given, none is left over


def test_batches_are_functions_of_step_and_rank() -> None:
    encoder = reader().encoder
    batches = caption_batches(CARTOON, encoder, EPISODES, 8)
    rows, facts = batches(3, 0, 2)
    assert rows.shape == (8, 40)
    assert facts.shape == (8, 10)
    for again in (batches(3, 0, 2), caption_batches(CARTOON, encoder, EPISODES, 8)(3, 0, 2)):
        assert torch.equal(again[0], rows)
        assert torch.equal(again[1], facts)
    assert not torch.equal(batches(4, 0, 2)[0], rows)
    assert not torch.equal(batches(3, 1, 2)[0], rows)


def test_some_words_are_made_unknown() -> None:
    encoder = reader().encoder
    told = CARTOON, encoder, EPISODES, 64
    whole, part, none = (caption_batches(*told, dropped=p)(0, 0, 1)[0] for p in (0, 0.25, 1))
    said = whole > 0
    assert (whole != 1).all()  # the world's captions have no unknown word
    assert torch.equal(part > 0, said)  # an end stays an end
    assert ((part == whole) | (part == 1)).all()
    assert 0.2 < (part[said] == 1).float().mean() < 0.3
    assert (none[said] == 1).all()


def test_the_loss_is_zero_where_all_is_read_right() -> None:
    rows, facts = caption_batches(CARTOON, reader().encoder, EPISODES, 16)(0, 0, 1)
    answers = [logits.shape[1] for logits in reader()(rows[:1])]

    def oracle(rows: Tensor) -> tuple[Tensor, ...]:
        return tuple(100.0 * F.one_hot(facts[:, k], n) for k, n in enumerate(answers))

    net: Any = oracle
    loss, told = facts_loss(net, (rows, facts), torch.Generator())
    assert loss == 0
    assert told["right"] == 1
    other = facts.clone()
    other[0, 5] = (other[0, 5] + 1) % answers[5]  # one fact of one caption
    loss, told = facts_loss(net, (rows, other), torch.Generator())
    assert loss.item() == pytest.approx(100 / 16)
    assert told["right"] == 15 / 16


def test_a_few_steps_teach_reading(tmp_path: Path) -> None:
    model = reader()
    fixed = caption_batches(CARTOON, model.encoder, episode_seeds("validation", 20), 64, dropped=0)(0, 0, 1)
    with torch.no_grad():
        before = facts_loss(model, fixed, torch.Generator())[0]
    config = TrainConfig(steps=15, batch=32, muon_lr=5e-3, adam_lr=5e-3, warmup=3, ema=0.5)
    trained = train(
        model, facts_loss, caption_batches(CARTOON, model.encoder, EPISODES, 32), config, tmp_path
    )
    with torch.no_grad():
        after = facts_loss(trained, fixed, torch.Generator())[0]
    assert after < 0.9 * before
