"""Jobs by key, and frames of them: what a plan is made of."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

from longtake.plan.spec import Spec


class Frame(NamedTuple):
    """Frame `index` of the clip that the job `key` yields."""

    key: str
    index: int  # type: ignore[assignment]  # hides tuple.index, which nobody needs here


class Place(NamedTuple):
    """Where a job stands in a plan: of which tree, on which level, which clip, and as which edit left it."""

    tree: int = 0
    level: int = 0  # 0 = keyframes
    number: int = 0
    edit: int = 0  # 0 = as first planned
    preparing: int = 0  # 0 = the clip itself; else which of the jobs that are done first for it alone


@dataclass(frozen=True)
class Job:
    """One clip to be made: what it is, and the frames of other jobs that it takes."""

    spec: Spec
    inputs: tuple[Frame, ...] = ()
    # For progress and messages, and to find the jobs that it stands on. Not part of the key.
    place: Place | None = field(default=None, compare=False)  # None: it stands on nothing
    start: int = field(default=0, compare=False)  # frame of its tree; of the film where nothing was inserted

    @cached_property
    def key(self) -> str:
        """The recipe's SHA-256: all that can change the clip, and nothing else, is in it."""
        spec = self.spec
        recipe = {"op": spec.op, "version": spec.version, "params": self.params, "inputs": self.inputs}
        text = json.dumps(recipe, sort_keys=True, separators=(",", ":"), allow_nan=False)
        return hashlib.sha256(text.encode()).hexdigest()

    @property
    def params(self) -> dict[str, Any]:
        """What the key holds of the spec; read the spec for all else."""
        return self.spec.to_params()

    @property
    def op(self) -> str:
        """What kind of thing is done: draw, fill, encode or imagine."""
        return self.spec.op

    @property
    def level(self) -> int:
        """Of its place, 0 for one that stands on nothing."""
        return self.place.level if self.place else 0

    def __hash__(self) -> int:
        return hash(self.key)
