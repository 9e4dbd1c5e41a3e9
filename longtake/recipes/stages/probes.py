"""The probes that measure films of the cartoon world, of any model: no stage of the way to one."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import partial
from itertools import product
from typing import Any

import torch

from longtake.evaluate.gates import check_probes, gates_for
from longtake.evaluate.probes import load_probes
from longtake.models.probe import ClipProbe, FrameProbe
from longtake.models.scene_probe import SceneProbe
from longtake.recipes.stages.stage import Run, Stage, in_bfloat16
from longtake.train.loop import train
from longtake.train.probe import clip_loss, clip_probe_batches, frame_loss, frame_probe_batches
from longtake.train.processes import place
from longtake.train.scene_probe import scene_loss, scene_probe_batches
from longtake.world.edition import world


def _train_probes(run: Run) -> None:
    """Frame and clip probes of every seed, in bfloat16, and how they do on ground truth."""
    if not run.footage.scripted:
        raise ValueError("probes read the cartoon world's characters and places: leave --data out")
    part, folder, cartoon = run.recipe.probes, run.out / PROBES.leaves, world(run.recipe.edition)
    reads = {
        "characters": len(cartoon.characters),
        "places": len(cartoon.places),
        "times": len(cartoon.times),
        "weathers": len(cartoon.weathers),
    }
    frame: tuple[Any, Any, Any] = (FrameProbe, frame_loss, partial(frame_probe_batches, cartoon))
    if cartoon.clocked:  # feet, balls and scenery are read as well
        frame = SceneProbe, scene_loss, scene_probe_batches
    sees = {"characters": len(cartoon.characters), "actions": len(cartoon.actions)}
    kinds = (
        ("frame", partial(frame[0], **reads), *frame[1:], part.frame),
        ("clip", partial(ClipProbe, **sees), clip_loss, partial(clip_probe_batches, cartoon), part.clip),
    )
    for seed, (name, kind, loss, batches, training) in product(part.seeds, kinds):
        torch.manual_seed(seed)
        log, seeded = run.out / f"{name}-probe-{seed}", replace(training, seed=seed)
        probe: Any = train(kind(), loss, batches(training.batch, seed), seeded, log, **run.where)
        if place()[0] == 0:
            in_bfloat16(probe.cpu()).save_pretrained(folder / f"{name}-{seed}", safe_serialization=True)
    if place()[0] == 0:
        passed = {
            seed: check_probes(load_probes(folder, seed), cartoon, split="validation") for seed in part.seeds
        }
        (folder / "gates.json").write_text(json.dumps(passed, indent=1) + "\n")
        for gate in gates_for(cartoon):
            values = ", ".join(f"{by_gate[gate.name]:.4f}" for by_gate in passed.values())
            print(f"{gate.name}: {values} ({'at least' if gate.at_least else 'at most'} {gate.bar})")


PROBES = Stage(name="probe", run=_train_probes, leaves="probes", needed=lambda recipe, footage: False)
