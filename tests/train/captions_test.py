"""The text encoder learns captions that nobody took apart: it says them again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from moving import Moving
from torch import Tensor

from longtake.conditions.text import SmallTextEncoder
from longtake.train.captions import (
    CaptionRebuilder,
    captions_in,
    rebuilding_batches,
    rebuilding_loss,
    vocabulary_of,
)
from longtake.train.loop import TrainConfig, train

SAID = ["The dog bites the man.", "The man bites the dog.", "A cat sleeps", "the cat", "a"]


def encoder(captions: list[str] = SAID) -> SmallTextEncoder:
    torch.manual_seed(0)
    known = vocabulary_of(captions)
    return SmallTextEncoder(known, width=16, layers=1, heads=2, registers=2, max_words=8, registers_only=True)


def test_captions_are_found_once_each_and_silence_is_none() -> None:
    footage = Moving((13, 30))
    colours = ("blue", "green", "red")
    assert captions_in(footage, [0, 1]) == [f"A ball crosses the {colour} field." for colour in colours]
    assert captions_in(footage, [0]) == [f"A ball crosses the {colour} field." for colour in colours[1:]]
    assert captions_in(Moving(told=False), [0, 1]) == []


def test_the_vocabulary_has_the_frequent_words_in_alphabetical_order() -> None:
    assert vocabulary_of(SAID) == [".", "a", "bites", "cat", "dog", "man", "sleeps", "the"]
    assert vocabulary_of(SAID, 2) == [".", "the"]  # 2 and 5 times; "a" as often as "." comes behind it
    assert vocabulary_of(reversed(SAID)) == vocabulary_of(SAID)
    assert vocabulary_of([]) == []


def test_batches_are_functions_of_step_and_rank_and_some_words_are_not_heard() -> None:
    batches = rebuilding_batches(encoder(), SAID, 64, dropped=0.25)
    heard, meant = batches(3, 0, 2)
    assert torch.equal(batches(3, 0, 2)[0], heard)
    assert not torch.equal(batches(3, 1, 2)[1], meant)
    assert not torch.equal(batches(4, 0, 2)[1], meant)
    said = meant > 0
    assert torch.equal(heard > 0, said)
    assert 0.15 < (heard[said] == 1).float().mean() < 0.35
    assert (meant != 1).all()


def test_the_loss_is_zero_where_all_is_said_again_and_asks_nothing_behind_the_end() -> None:
    rows = encoder().rows(["the dog bites", "a zebra sleeps"])
    size = len(encoder().config.vocabulary) + 2

    def saying(said: Tensor) -> Any:
        return lambda heard: 100.0 * F.one_hot(said, size)

    loss, told = rebuilding_loss(saying(rows), (rows, rows), torch.Generator())
    assert loss == 0
    assert told["right"] == 1
    for place, counts in (((0, 1), True), ((0, 3), True), ((0, 4), False), ((1, 1), False)):
        other = rows.clone()
        other[place] = 5
        loss, told = rebuilding_loss(saying(other), (rows, rows), torch.Generator())
        assert (loss > 0) == (told["right"] < 1) == counts, place


def test_word_order_is_learnt(tmp_path: Path) -> None:
    model = CaptionRebuilder(encoder())
    config = TrainConfig(steps=120, batch=16, muon_lr=2e-2, adam_lr=1e-2, warmup=3, ema=0.9)
    made = train(model, rebuilding_loss, rebuilding_batches(model.encoder, SAID, 16), config, tmp_path)
    rows = made.encoder.rows(SAID)
    with torch.no_grad():
        loss, told = rebuilding_loss(made, (rows, rows), torch.Generator())
    assert loss < 0.2
    assert told["right"] == 1


def test_without_a_vocabulary_prompts_say_nothing() -> None:
    silent = encoder([])
    assert torch.equal(silent.rows(["a dog", ""]), silent.rows(["", "the moon"]))
    with torch.no_grad():
        first, second = silent.encode(["a dog", ""])
    assert torch.equal(first, second)


@pytest.mark.parametrize("prompt", ["a dog", ""])
def test_with_one_unknown_words_are_heard(prompt: str) -> None:
    assert (encoder().rows([prompt]) > 0).any() == bool(prompt)
