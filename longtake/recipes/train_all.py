"""From a recipe to a model with its card: all stages in order, the evaluation, the card.

A model of the cartoon world is evaluated beside ground truth. One of other films has none beside it: how it
does is a stage of its own, `measures`.
"""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch.distributed as dist

from longtake.data.footage import Footage
from longtake.files import file_digest
from longtake.manifest import ModelError
from longtake.recipes.card import write_card
from longtake.recipes.recipe import Recipe
from longtake.recipes.run_record import (
    FinishedStage,
    RunRecord,
    digest_of,
    read_record,
    this_machine,
    write_record,
)
from longtake.recipes.stages import do_stage, share_threads, stages_of
from longtake.recipes.stages.measures import read_measures
from longtake.recipes.stages.package import PACKAGE
from longtake.recipes.stages.stage import Stage
from longtake.recipes.start_from_model import start_from_model
from longtake.train.processes import place, processes

Evaluate = Callable[[Path, Path], dict[str, Any]]  # a model's folder, one for the report -> the report


def run_all(
    recipe: Recipe,
    footage: Footage,
    out: Path,
    device: str,
    *,
    evaluate: Evaluate,
    preset: str,  # what `evaluate` does, by name
    tell: Callable[[str], None],  # what is going on, a line at a time
    start_from: Path | None = None,  # folder of a model whose networks the run starts with
) -> Path | None:
    """Run what `out` lacks of the recipe's stages, evaluate the package, and write its card.

    Returns the card's path. Of several processes all run the stages; the first alone packs, evaluates and
    writes, the others return None before that. What is finished is in `out/done.json` and not run again; only
    the card is written every time, for the notes in it. Raises ModelError where `out` is another recipe's or
    other footage's.
    """
    # Films that are too small for the last stages are told of now, not after hours.
    still = footage.draws(footage.films("train")).still(random.Random(0))
    still.pixels(recipe.size * (recipe.hd.times if recipe.hd.training else 1))
    record = _record_of(recipe, footage, out)
    if start_from is not None:
        name, taken = start_from_model(start_from, recipe, footage, out)
        for stage in taken:
            if stage.name not in record.stages:
                record = _with(record, stage, 0.0, f"taken from {name}")
    share_threads()
    # One group for all stages: a process that is ahead must wait for what the others write.
    with processes(device) as (rank, world, own):
        for number, stage in enumerate(stages := stages_of(recipe, footage), start=1):
            which = f"stage {number} of {len(stages)}, {stage.name}"
            if stage.name in record.stages:
                if rank == 0:
                    tell(f"{which}: finished {record.stages[stage.name].at}")
                continue
            if rank == 0:
                tell(which)
            started = time.monotonic()
            do_stage(stage.name, recipe, footage, out, device)
            if world > 1:
                dist.barrier()
            if rank == 0:
                record = _with(record, stage, time.monotonic() - started, this_machine(str(own)))
                write_record(record, out)
    if rank > 0:
        return None
    if footage.scripted:
        report = _evaluated(out, record, evaluate, preset, tell)
    else:
        report = read_measures(out)
    return write_card(recipe, footage, out, report, preset)


def _record_of(recipe: Recipe, footage: Footage, out: Path) -> RunRecord:
    """The record of the run in `out`, which is this recipe's and this footage's from now on."""
    digest = digest_of(recipe)
    record = read_record(out)
    if record is None:
        record = RunRecord(recipe=digest, data=footage.name)
        if place()[0] == 0:
            write_record(record, out)
    if record.recipe != digest:
        raise ModelError(
            f"{out} was begun with another recipe than '{recipe.name}' is now: give another --out; or, to go "
            f"on from its checkpoints and latents as they are, remove {out / 'done.json'}"
        )
    if record.data != footage.name:
        raise ModelError(
            f"{out} was begun with other data, '{record.data}', than '{footage.name}': give another --out; "
            f"or, to go on from its checkpoints, remove {out / 'done.json'}"
        )
    return record


def _with(record: RunRecord, stage: Stage, seconds: float, machine: str) -> RunRecord:
    at = datetime.now(UTC).isoformat(timespec="seconds")
    finished = FinishedStage(at=at, seconds=round(seconds, 3), machine=machine)
    return replace(record, stages={**record.stages, stage.name: finished})


def _evaluated(
    out: Path, record: RunRecord, evaluate: Evaluate, preset: str, tell: Callable[[str], None]
) -> Mapping[str, Any]:
    """The report that `out` has of this very package, else a new one."""
    package, folder = out / PACKAGE.leaves, out / "evaluation"
    measured = f"{preset} {file_digest(package / 'manifest.json')}"
    written = folder / "report.json"
    if record.evaluated == measured and written.exists():
        tell(f"evaluation: {written} is there")
        kept: Mapping[str, Any] = json.loads(written.read_text(encoding="utf-8"))
        return kept
    tell("evaluation")
    write_record(replace(record, evaluated=""), out)  # the report there may be replaced before this is done
    report = evaluate(package, folder)
    write_record(replace(record, evaluated=measured), out)
    return report
