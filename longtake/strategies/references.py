"""Which keyframes a gap is shown beside its ends.

A tree's clip sees its two ends and its prompts. A character that appears only in between would be invented
anew, another one in every gap (NUWA-XL's limit). Every keyframe of the film is drawn before any gap, so a gap
may look at those that show what its ends do not, at no cost in depth. What a prompt shows are the names of
characters and places in it, however it words them.
"""

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
        text = prompt.lower()
        if not self._patterns:
            return frozenset(word for word in re.findall(r"\w+", text) if len(word) >= _SHORT)
        return frozenset(subject for subject, pattern in self._patterns.items() if pattern.search(text))


def references(
    subjects: Subjects,
    drawn: Sequence[str],
    known: Sequence[str],
    others: Sequence[tuple[float, str]],
    most: int,
) -> list[int]:
    """Which of `others` (how far away, prompt) a clip should see: positions, ascending, at most `most`.

    `drawn` and `known` are the prompts of the clip's frames that are to be drawn and that are given. Each
    reference is the one that shows the most of what is still wanted, the nearest of equals. None where what
    is known shows all that there is to show; where there is one, the nearest others fill up to `most`.
    """
    wanted = _all(subjects, drawn) - _all(subjects, known)
    free = list(range(len(others)))
    chosen: list[int] = []
    while free and len(chosen) < most:
        shows = {k: len(wanted & subjects.of(others[k][1])) for k in free}
        best = max(free, key=lambda k: (shows[k], -others[k][0]))
        if not chosen and not shows[best]:
            break
        chosen.append(best)
        free.remove(best)
        wanted -= subjects.of(others[best][1])
    return sorted(chosen)


def _all(subjects: Subjects, prompts: Sequence[str]) -> frozenset[str]:
    return frozenset().union(*(subjects.of(prompt) for prompt in dict.fromkeys(prompts)))
