"""What is said of films: their captions, and the words that a text encoder has to know for them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from longtake.conditions.words import words
from longtake.data.footage import Footage

_MOST = 4000  # words: those that are left out are rare, and count as unknown
_AT_ONCE = 4096  # frames whose captions are asked for together


def captions_of(footage: Footage, films: Sequence[int]) -> list[str]:
    """Every caption of these films once, in alphabetical order; without "", which says nothing."""
    found: set[str] = set()
    for film in films:
        frames = footage.length(film)
        for first in range(0, frames, _AT_ONCE):
            found.update(footage.captions(film, range(first, min(first + _AT_ONCE, frames))))
    return sorted(found - {""})


def vocabulary_of(captions: Iterable[str], most: int = _MOST) -> list[str]:
    """The words of the captions in alphabetical order: the `most` frequent ones, of equals the first."""
    counts = Counter(word for caption in captions for word in words(caption))
    ranked = sorted(counts, key=lambda word: (-counts[word], word))
    return sorted(ranked[:most])
