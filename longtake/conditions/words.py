"""The words of a prompt, and which of them say nothing. Importing this imports no torch."""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection


def words(prompt: str) -> list[str]:
    """Lower-case words of a prompt; punctuation and case carry no meaning, commas and colons do."""
    return re.findall(r"[a-z0-9']+|[,:.]", prompt.lower())


def unknown_words(prompt: str, vocabulary: Collection[str]) -> list[tuple[str, list[str]]]:
    """Words of `prompt` that are not in the vocabulary, each with up to three near ones."""
    strange = [word for word in words(prompt) if word not in vocabulary and word not in ",:."]
    return [(word, difflib.get_close_matches(word, vocabulary, n=3, cutoff=0.6)) for word in strange]
