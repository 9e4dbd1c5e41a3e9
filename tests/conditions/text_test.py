"""Prompts become tokens that tell what was said and nothing of what was not."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from cartoon import CARTOON

from longtake.conditions.text import PromptEncoder, SmallTextEncoder
from longtake.conditions.words import unknown_words, words

VOCABULARY = ["fox", "jumps", "meadow", "robot", "the", "waves"]


def tiny(registers_only: bool = False) -> SmallTextEncoder:
    torch.manual_seed(0)
    encoder: SmallTextEncoder = SmallTextEncoder(
        VOCABULARY, width=16, layers=2, heads=2, registers=3, max_words=6, registers_only=registers_only
    )
    encoder.eval().requires_grad_(False)
    return encoder


def test_words() -> None:
    assert words("The Fox's tail, 7: it WAVES!") == ["the", "fox's", "tail", ",", "7", ":", "it", "waves"]
    assert words(" \n") == []


def test_tokens_are_registers_then_words() -> None:
    tokens = tiny().encode(["the fox jumps", "robot", ""])
    assert tokens.shape == (3, 3 + 6, 16)
    said = (tokens != 0).any(-1)
    assert said.tolist() == [[True] * (3 + n) + [False] * (6 - n) for n in (3, 1, 0)]


@pytest.mark.parametrize("prompts", [["the fox jumps", "robot", ""], [""]])
def test_registers_alone_are_the_first_tokens(prompts: list[str]) -> None:
    full, short = tiny(), tiny(registers_only=True)
    short.load_state_dict(full.state_dict())
    tokens = short.encode(prompts)
    assert tokens.shape == (len(prompts), 3, 16)
    assert torch.equal(tokens, full.encode(prompts)[:, :3])


def test_a_prompt_means_the_same_in_any_company() -> None:
    encoder, prompts = tiny(), ["the fox jumps", "robot", "", "the robot waves"]
    together = encoder.encode(prompts)
    for prompt, tokens in zip(prompts, together, strict=True):
        torch.testing.assert_close(encoder.encode([prompt])[0], tokens)


def test_what_stands_behind_the_end_is_never_read() -> None:
    encoder = tiny()
    before = encoder.encode(["the fox", ""])
    encoder.table.weight[0] += 5  # padding
    assert torch.equal(encoder.encode(["the fox", ""]), before)
    encoder.position[2:] += 5
    assert torch.equal(encoder.encode(["the fox", ""]), before)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("the fox waves", "the robot waves", False),
        ("fox jumps", "jumps fox", False),
        ("the fox", "The FOX!", True),
        ("the dragon", "the unicorn", True),  # unknown words are one word
        ("the dragon", "the", False),
        ("the fox jumps the fox jumps the robot", "the fox jumps the fox jumps meadow", True),  # cut off
    ],
)
def test_what_makes_a_difference(one: str, other: str, same: bool) -> None:
    a, b = tiny().encode([one, other])
    assert torch.equal(a, b) == same
    if not same:
        assert (a[:3] - b[:3]).abs().amax(-1).min() > 1e-3  # the registers hear all of it


def test_unknown_words_come_with_near_ones() -> None:
    encoder = tiny()
    assert unknown_words("The fox, jumps!", encoder.config.vocabulary) == []
    assert unknown_words("the robt sings", encoder.config.vocabulary) == [("robt", ["robot"]), ("sings", [])]


def test_the_world_s_captions_have_no_unknown_word_and_fit() -> None:
    encoder: SmallTextEncoder = SmallTextEncoder(CARTOON.vocabulary(), width=8, layers=1, heads=1)
    for seed in range(30):
        for number in range(0, 3600, 60):
            text = CARTOON.shot_at(seed, number).caption
            assert not unknown_words(text, encoder.config.vocabulary)
            assert len(words(text)) <= encoder.config.max_words


@pytest.mark.parametrize("registers_only", [False, True])
def test_save_and_load(tmp_path: Path, registers_only: bool) -> None:
    encoder = tiny(registers_only)
    encoder.save_pretrained(tmp_path)
    again: PromptEncoder = SmallTextEncoder.from_pretrained(
        tmp_path, local_files_only=True, low_cpu_mem_usage=False
    ).eval()
    prompts = ["the fox jumps", ""]
    assert torch.equal(again.encode(prompts), encoder.encode(prompts))
    assert again.config.vocabulary == encoder.config.vocabulary


@pytest.mark.parametrize("registers_only", [False, True])
def test_every_parameter_is_trained(registers_only: bool) -> None:
    encoder = tiny(registers_only).requires_grad_(True)
    encoder.encode(["the fox jumps", "robot"]).square().mul(torch.arange(16)).mean().backward()
    for name, p in encoder.named_parameters():
        assert p.grad is not None
        assert p.grad.abs().max() > 1e-9, name
