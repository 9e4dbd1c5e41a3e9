"""Which scenes could know of each other: those that a chain of clips joins.

A network sees one clip at a time. What it invents for a character that stands in no prompt (the colour of its
outfit) can only be the same in two shots where frames of both that show the character lie in one clip, or
where a third shot hands it on in that way. A film with a fault within reach was drawn badly; one with a fault
beyond reach was planned so.
"""

from __future__ import annotations

import numpy as np

from longtake.evaluate.measured import Ints
from longtake.evaluate.script import Script
from longtake.plan import Plan


class Reach:
    """For every character and place, the shots in which it can stay the same, in groups.

    `characters` and `places` are int `[6, S]`: two shots with one number in a row reach each other, and a
    number means nothing outside its row; -1 where the shot is not asked to show the thing.
    """

    def __init__(self, script: Script, plan: Plan) -> None:
        """What the clips of `plan` join of the film of `script`, which is as long as the plan.

        Frames that a clip draws beyond the film's end belong to its last shot.
        """
        assert plan.length == script.length
        wanted, first = script.wanted, script.starts
        casts = script.cast.T
        where = np.arange(len(script.world.places))[:, None] == wanted.place[first]
        shown = np.concatenate([casts, where])  # [12, S]
        groups = np.where(shown, np.arange(len(first)), -1)
        for shots in _shots_of_clips(script, plan):
            for row in np.flatnonzero(np.count_nonzero(shown[:, shots], axis=1) > 1):
                met = groups[row, shots[shown[row, shots]]]
                if np.any(met != met[0]):
                    groups[row, np.isin(groups[row], met)] = met.min()
        self.characters: Ints = groups[: len(casts)]
        self.places: Ints = groups[len(casts) :]


def _shots_of_clips(script: Script, plan: Plan) -> list[Ints]:
    """The shots of every clip that shows several, no set of shots twice."""
    seen: dict[bytes, Ints] = {}
    for job in plan.missing((), slice(None)):
        shots = np.unique(script.wanted.scene[plan.joins(job)])
        if len(shots) > 1:
            seen[shots.tobytes()] = shots
    return list(seen.values())
