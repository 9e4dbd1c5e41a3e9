"""The words of a prompt, and what of prompts a model's text encoder does not read. Imports no torch."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

from longtake.plan import PlannedScene


def words(prompt: str) -> list[str]:
    """Lower-case words of a prompt; punctuation and case carry no meaning, commas and colons do."""
    return re.findall(r"[a-z0-9']+|[,:.]", prompt.lower())


def unknown_words(prompt: str, vocabulary: Collection[str]) -> list[tuple[str, list[str]]]:
    """Words of `prompt` that are not in the vocabulary, each with up to three near ones."""
    strange = [word for word in words(prompt) if word not in vocabulary and word not in ",:."]
    return [(word, difflib.get_close_matches(word, vocabulary, n=3, cutoff=0.6)) for word in strange]


def unread_prompts(encoder: Path, scenes: Sequence[PlannedScene]) -> Iterator[str]:
    """A sentence for each word or end of a prompt that the encoder in that folder does not read."""
    config = json.loads((encoder / "config.json").read_text(encoding="utf-8"))
    if "vocabulary" not in config:  # a pretrained one knows parts of any word
        yield from _cut_off(encoder, scenes)
    elif config["vocabulary"]:
        yield from _unknown(set(config["vocabulary"]), scenes)
    else:
        yield "the model was trained without captions: prompts do not change what it draws"


def _unknown(vocabulary: set[str], scenes: Sequence[PlannedScene]) -> Iterator[str]:
    named: set[str] = set()
    for scene in scenes:
        for word, near in unknown_words(scene.prompt, vocabulary):
            if word not in named:
                named.add(word)
                nearest = f"the nearest it knows: {', '.join(near)}" if near else "it knows none like it"
                yield f"scene {scene.id!r}: the model does not know the word {word!r}; {nearest}"


def _cut_off(encoder: Path, scenes: Sequence[PlannedScene]) -> Iterator[str]:
    from longtake.conditions.pretrained import unread  # here: it imports torch

    lost = unread(encoder, [scene.prompt for scene in scenes])
    for scene in scenes:
        if scene.prompt in lost:
            end = lost[scene.prompt]
            yield f"scene {scene.id!r}: its prompt is too long, the model does not read {end!r}"
