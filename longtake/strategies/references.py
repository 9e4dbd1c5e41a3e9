"""Which keyframes a gap is shown beside its ends.

A tree's clip sees its two ends and its prompts. A character that appears only in between would be invented
anew, another one in every gap (NUWA-XL's limit). Every keyframe of the film is drawn before any gap, so a gap
may look at those that show what its ends do not, at no cost in depth.
"""

from __future__ import annotations

from collections.abc import Sequence

from longtake.strategies.subjects import Subjects


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
    found: list[int] = []
    while free and len(found) < most:
        told = {k: len(wanted & subjects.of(others[k][1])) for k in free}
        best = max(free, key=lambda k: (told[k], -others[k][0]))
        if not found and not told[best]:
            break
        found.append(best)
        free.remove(best)
        wanted -= subjects.of(others[best][1])
    return sorted(found)


def _all(subjects: Subjects, prompts: Sequence[str]) -> frozenset[str]:
    return frozenset().union(*(subjects.of(prompt) for prompt in dict.fromkeys(prompts)))
