"""What a prompt is about: the names of characters and places, however it words them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache

_SHORT = 4  # letters; without a lexicon, shorter words count for nothing


class Subjects:
    """Finds the subjects that prompts name, by a lexicon of the phrases for each of them.

    Without a lexicon every longer word is a subject: then it pays to name things alike in all scenes.
    """

    def __init__(self, lexicon: Mapping[str, Sequence[str]]) -> None:
        """`lexicon`: subject -> phrases, in any case."""
        self._patterns = {
            subject: re.compile(r"\b(" + "|".join(re.escape(phrase.lower()) for phrase in phrases) + r")\b")
            for subject, phrases in lexicon.items()
        }
        self.of = lru_cache(maxsize=4096)(self._find)

    def _find(self, prompt: str) -> frozenset[str]:
        """The subjects of `prompt`."""
        said = prompt.lower()
        if not self._patterns:
            return frozenset(word for word in re.findall(r"\w+", said) if len(word) >= _SHORT)
        return frozenset(subject for subject, pattern in self._patterns.items() if pattern.search(said))
