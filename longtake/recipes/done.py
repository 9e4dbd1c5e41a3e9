"""What `train all` has done in a run's folder, when, and on what machine: `done.json`, whole or absent."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

import torch

from longtake.data.cartoon import WORLD
from longtake.files import written_whole
from longtake.recipes.recipe import Recipe

_MEMORY = {"recompute", "sharded"}  # of a TrainConfig


@dataclass(frozen=True, kw_only=True)
class Finished:
    """A stage that need not run again."""

    at: str  # when it finished: ISO 8601, UTC
    seconds: float  # of the call that finished it; calls that were interrupted do not count
    machine: str  # see `this_machine`


@dataclass(frozen=True, kw_only=True)
class Done:
    """All of a run so far."""

    recipe: str  # its digest
    data: str = WORLD  # the footage's name
    stages: Mapping[str, Finished] = field(default_factory=dict)
    evaluated: str = ""  # preset and manifest that the report is of


def digest_of(recipe: Recipe) -> str:
    """SHA-256 of every decision on what is learnt; where a process keeps it in memory is none."""
    told = {
        name: {key: value for key, value in part.items() if key not in _MEMORY}
        if isinstance(part, dict)
        else part
        for name, part in asdict(recipe).items()
        if (name, part) != ("trained", "all")  # as before that could be chosen
    }
    return hashlib.sha256(json.dumps(told, sort_keys=True, default=list).encode()).hexdigest()


def read_done(out: Path) -> Done | None:
    """The record of the run in `out`; None where `train all` has not begun there."""
    path = out / "done.json"
    if not path.exists():
        return None
    told = json.loads(path.read_text(encoding="utf-8"))
    stages = {stage: Finished(**finished) for stage, finished in told.pop("stages").items()}
    return Done(**told, stages=stages)


def write_done(done: Done, out: Path) -> None:
    """Keep the record in `out`."""
    with written_whole(out / "done.json") as aside:
        aside.write_text(json.dumps(asdict(done), indent=1) + "\n", encoding="utf-8")


def this_machine(device: str) -> str:
    """The processor, its cores, the accelerator if `device` is one, and torch, in words."""
    told = Path("/proc/cpuinfo")
    found = re.search(r"^model name\s*: (.+)$", told.read_text(), re.MULTILINE) if told.exists() else None
    model = found[1].strip() if found else platform.processor() or platform.machine()
    kind = torch.device(device).type
    accelerator = {"cpu": "no GPU", "cuda": ""}.get(kind, kind) or torch.cuda.get_device_name(device)
    return f"{model}, {os.cpu_count()} cores, {accelerator}, torch {torch.__version__}"
