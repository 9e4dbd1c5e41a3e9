"""From a recipe to a model with its card: all stages in order, the evaluation, the card.

A model of the cartoon world is evaluated beside ground truth. One of other films has none beside it: how it
does is a stage of its own, `measures`.
"""

from __future__ import annotations

import hashlib
import json
import random
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch.distributed as dist

from longtake.data.cartoon import CartoonWorld
from longtake.data.footage import Footage
from longtake.manifest import ModelError
from longtake.recipes.begin import begin_from
from longtake.recipes.card import write_card
from longtake.recipes.done import Done, Finished, digest_of, read_done, this_machine, write_done
from longtake.recipes.measures import read_measures
from longtake.recipes.recipe import Recipe
from longtake.recipes.stages import STAGES, do_stage, share_threads
from longtake.train.processes import place, processes

Evaluate = Callable[[Path, Path], dict[str, Any]]  # a model's folder, one for the report -> the report


def stages_of(recipe: Recipe, footage: Footage) -> tuple[str, ...]:
    """The stages that lead to its model, in order; the probes do not: they measure any model's films."""
    optional = {"distillation": recipe.distillation, "hd": recipe.hd}
    left_out = {"probe", *(stage for stage, config in optional.items() if config is None)}
    if isinstance(footage, CartoonWorld):
        left_out.add("measures")
    return tuple(stage for stage in STAGES if stage not in left_out)


def run_all(
    recipe: Recipe,
    footage: Footage,
    out: Path,
    device: str,
    *,
    evaluate: Evaluate,
    preset: str,  # what `evaluate` does, by name
    tell: Callable[[str], None],  # what is going on, a line at a time
    begin: Path | None = None,  # folder of a model whose networks the run begins with
) -> Path | None:
    """Run what `out` lacks of the recipe's stages, evaluate the package, and write its card.

    Returns the card's path. Of several processes all run the stages; the first alone packs, evaluates and
    writes, the others return None before that. What is finished is in `out/done.json` and not run again; only
    the card is written every time, for the notes in it. Raises ModelError where `out` is another recipe's or
    other footage's.
    """
    # Films that are too small for the last stages are told of now, not after hours.
    still = footage.draws(footage.films("train")).still(random.Random(0))
    still.pixels(recipe.size * (recipe.hd_times if recipe.hd else 1))
    done = _begun(recipe, footage, out)
    if begin is not None:
        name, taken = begin_from(begin, recipe, footage, out)
        source = f"taken from {name}"
        for stage in taken:
            if stage not in done.stages:
                done = _with(done, stage, 0.0, source)
    share_threads()
    # One group for all stages: a process that is ahead must wait for what the others write.
    with processes(device) as (rank, world, own):
        for number, stage in enumerate(stages := stages_of(recipe, footage), start=1):
            which = f"stage {number} of {len(stages)}, {stage}"
            if stage in done.stages:
                if rank == 0:
                    tell(f"{which}: finished {done.stages[stage].at}")
                continue
            if rank == 0:
                tell(which)
            started = time.monotonic()
            if rank == 0 or stage not in ("package", "measures"):
                do_stage(stage, recipe, footage, out, device)
            if world > 1:
                dist.barrier()
            if rank == 0:
                done = _with(done, stage, time.monotonic() - started, this_machine(str(own)))
                write_done(done, out)
    if rank > 0:
        return None
    if isinstance(footage, CartoonWorld):
        report = _evaluated(out, done, evaluate, preset, tell)
    else:
        report = read_measures(out)
    return write_card(recipe, footage, out, report, preset)


def _begun(recipe: Recipe, footage: Footage, out: Path) -> Done:
    """What is done in `out`, which is this recipe's and this footage's from now on."""
    digest = digest_of(recipe)
    done = read_done(out)
    if done is None:
        done = Done(recipe=digest, data=footage.name)
        if place()[0] == 0:
            write_done(done, out)
    if done.recipe != digest:
        raise ModelError(
            f"{out} was begun with another recipe than '{recipe.name}' is now: give another --out; or, to go "
            f"on from its checkpoints and latents as they are, remove {out / 'done.json'}"
        )
    if done.data != footage.name:
        raise ModelError(
            f"{out} was begun with other data, '{done.data}', than '{footage.name}': give another --out; or, "
            f"to go on from its checkpoints, remove {out / 'done.json'}"
        )
    return done


def _with(done: Done, stage: str, seconds: float, machine: str) -> Done:
    at = datetime.now(UTC).isoformat(timespec="seconds")
    finished = Finished(at=at, seconds=round(seconds, 3), machine=machine)
    return replace(done, stages={**done.stages, stage: finished})


def _evaluated(
    out: Path, done: Done, evaluate: Evaluate, preset: str, tell: Callable[[str], None]
) -> Mapping[str, Any]:
    """The report that `out` has of this very package, else a new one."""
    package, folder = out / "package", out / "evaluation"
    measured = f"{preset} {hashlib.sha256((package / 'manifest.json').read_bytes()).hexdigest()}"
    written = folder / "report.json"
    if done.evaluated == measured and written.exists():
        tell(f"evaluation: {written} is there")
        told: Mapping[str, Any] = json.loads(written.read_text(encoding="utf-8"))
        return told
    tell("evaluation")
    write_done(replace(done, evaluated=""), out)  # the report there may be replaced before this is done
    report = evaluate(package, folder)
    write_done(replace(done, evaluated=measured), out)
    return report
