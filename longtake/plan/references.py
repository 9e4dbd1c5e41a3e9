"""Which keyframes a gap is shown beside its ends.

A tree's clip sees its two ends and its prompts. A character that appears only in between would be invented
anew, another one in every gap (NUWA-XL's limit). Every keyframe of the film is drawn before any gap, so a gap
may look at those that show what its ends do not, at no cost in depth.
"""

from __future__ import annotations

from collections.abc import Sequence

from longtake.plan.subjects import Subjects
from longtake.plan.timeline import Timeline

__all__ = ["references"]


def references(
    timeline: Timeline, subjects: Subjects, keyframes: Sequence[int], frames: Sequence[int], most: int
) -> list[int]:
    """The film frames, out of `keyframes`, that a clip of `frames` should see; ascending, at most `most`.

    Each is the one that shows the most of what is still wanted, the nearest of equals. None where the ends
    show all that there is to show; where there is one, the nearest other keyframes fill up to `most`.
    """
    first, *between, last = (subjects.of(timeline.prompt(i)) for i in frames)
    wanted = frozenset().union(*between) - first - last
    free = [k for k in keyframes if not frames[0] <= k <= frames[-1]]
    middle = (frames[0] + frames[-1]) / 2
    found: list[int] = []
    while free and len(found) < most:
        told = {k: len(wanted & subjects.of(timeline.prompt(k))) for k in free}
        best = max(free, key=lambda k: (told[k], -abs(k - middle)))
        if not found and not told[best]:
            break
        found.append(best)
        free.remove(best)
        wanted -= subjects.of(timeline.prompt(best))
    return sorted(found)
