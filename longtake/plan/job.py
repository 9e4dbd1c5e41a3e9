"""Jobs by key, and frames of them: what a plan is made of."""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import Any, Literal, NamedTuple

# Raise an operation's version by hand whenever its code changes what it yields: it is part of every key.
VERSIONS = {"draw": 1, "encode": 1, "fill": 1, "imagine": 1}


class Frame(NamedTuple):
    """Frame `index` of the clip that the job `key` yields."""

    key: str
    index: int  # type: ignore[assignment]  # hides tuple.index, which nobody needs here


class Place(NamedTuple):
    """Where a job stands in a plan: of which tree, on which level, which clip, and as which edit left it."""

    tree: int = 0
    level: int = 0  # 0 = keyframes
    number: int = 0
    version: int = 0  # 0 = as first planned
    stage: int = 0  # 0 = the clip itself; others are what is made first for it alone


@dataclass(frozen=True)
class Job:
    """One clip to be made: an operation, plain (JSON) parameters and frames of other jobs."""

    op: str
    inputs: tuple[Frame, ...]
    params: dict[str, Any]
    # For progress and messages, and to find the jobs that it stands on. Not part of the key.
    place: Place | None = field(default=None, compare=False)  # None: it stands on nothing
    start: int = field(default=0, compare=False)  # frame of its tree; of the film where nothing was inserted

    @cached_property
    def key(self) -> str:
        """The recipe's SHA-256: all that can change the clip, and nothing else, is in it."""
        recipe = {"op": self.op, "version": VERSIONS[self.op], "params": self.params, "inputs": self.inputs}
        text = json.dumps(recipe, sort_keys=True, separators=(",", ":"), allow_nan=False)
        return hashlib.sha256(text.encode()).hexdigest()

    @property
    def level(self) -> int:
        """Of its place, 0 for one that stands on nothing."""
        return self.place.level if self.place else 0

    def __hash__(self) -> int:
        return hash(self.key)


@dataclass(frozen=True, kw_only=True)
class Sampling:
    """How the clips of one level are sampled. Every field is part of their keys."""

    sampler: Literal["ddim", "dpm-2m"]
    steps: int  # steps of the sampler, at least 1
    shift: float  # shift of its times towards noise, 1 = none
    text_guidance: float  # 1 = none
    known_guidance: float  # 1 = none; of no effect where no frame is known
    precision: Literal["fp32", "bf16"]
    compiled: bool = False  # by torch.compile: other last bits, and minutes before the first clip

    def params(self) -> dict[str, Any]:
        """As parameters of a job; what is not compiled says nothing of it, as before that could be chosen."""
        return {key: value for key, value in asdict(self).items() if key != "compiled" or value}

    def __post_init__(self) -> None:
        if self.steps < 1:
            raise ValueError(f"sampling needs at least one step, not {self.steps}")
        for name in ("shift", "text_guidance", "known_guidance"):
            value = float(getattr(self, name))  # 3 and 3.0 are one recipe
            if not math.isfinite(value):
                raise ValueError(f"{name} is {value}: give a finite number")
            object.__setattr__(self, name, value)
        if self.shift <= 0:
            raise ValueError(f"shift is {self.shift}: give a number above 0 (1 shifts nothing)")
