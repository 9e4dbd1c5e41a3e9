"""The record of a run: what `train all` has done in its folder, when, and on what machine (`done.json`)."""

from __future__ import annotations

import json
import os
import platform
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

import torch

from longtake.data.cartoon import WORLD
from longtake.files import data_digest, written_whole
from longtake.machine import has_bf16
from longtake.recipes.recipe import Recipe

_MEMORY = {"recompute", "sharded"}  # of a TrainConfig


@dataclass(frozen=True, kw_only=True)
class FinishedStage:
    """A stage that need not run again."""

    at: str  # when it finished: ISO 8601, UTC
    seconds: float  # of the call that finished it; calls that were interrupted do not count
    machine: str  # see `this_machine`


@dataclass(frozen=True, kw_only=True)
class RunRecord:
    """All of a run so far."""

    recipe: str  # its digest
    data: str = WORLD  # the footage's name
    stages: Mapping[str, FinishedStage] = field(default_factory=dict)
    evaluated: str = ""  # preset and manifest that the report is of


def digest_of(recipe: Recipe) -> str:
    """SHA-256 of every decision on what is learnt; where a process keeps it in memory is none."""
    decisions = {
        name: {key: value for key, value in decision.items() if key not in _MEMORY}
        if isinstance(decision, dict)
        else decision
        for name, decision in recipe.flat().items()
        if (name, decision) != ("trained", "all")  # as before that could be chosen
    }
    return data_digest(decisions)


def read_record(out: Path) -> RunRecord | None:
    """The record of the run in `out`; None where `train all` has not begun there."""
    path = out / "done.json"
    if not path.exists():
        return None
    record = json.loads(path.read_text(encoding="utf-8"))
    stages = {stage: FinishedStage(**finished) for stage, finished in record.pop("stages").items()}
    return RunRecord(**record, stages=stages)


def write_record(record: RunRecord, out: Path) -> None:
    """Keep the record in `out`."""
    with written_whole(out / "done.json") as aside:
        aside.write_text(json.dumps(asdict(record), indent=1) + "\n", encoding="utf-8")


def this_machine(device: str) -> str:
    """The processor, its cores, the accelerator if `device` is one, torch, and if bf16 is used, in words."""
    cores = Path("/proc/cpuinfo")
    named = re.search(r"^model name\s*: (.+)$", cores.read_text(), re.MULTILINE) if cores.exists() else None
    model = named[1].strip() if named else platform.processor() or platform.machine()
    kind = torch.device(device).type
    accelerator = {"cpu": "no GPU", "cuda": ""}.get(kind, kind) or torch.cuda.get_device_name(device)
    short = "with bf16" if has_bf16(kind) else "float32 in place of bf16"
    return f"{model}, {os.cpu_count()} cores, {accelerator}, torch {torch.__version__}, {short}"
