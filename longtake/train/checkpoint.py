"""Checkpoints of a training run: folders of safetensors and JSON that are whole or absent.

    out_dir/step-00001000/{model,ema,optimiser}.safetensors, state.json

A folder is written under another name, flushed and renamed: a run that is killed leaves the last one whole.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from safetensors.torch import load_file, save_file
from torch import Tensor, nn

Tensors = dict[str, Tensor]
PARTS = ("model", "ema", "optimiser")


class Checkpoint(NamedTuple):
    """All that a run needs to go on as if it had not stopped."""

    model: Tensors
    ema: Tensors
    optimiser: Tensors
    state: dict[str, Any]  # plain JSON; "step" is the number of steps done


def weights_digest(net: nn.Module) -> str:
    """SHA-256 of the names and weights, to know again what they made."""
    digest = hashlib.sha256()
    for name, weight in net.state_dict().items():
        digest.update(name.encode() + weight.cpu().numpy().tobytes())
    return digest.hexdigest()


def _all(out_dir: Path) -> list[Path]:
    return sorted(path for path in out_dir.glob("step-*") if path.is_dir())


def newest(out_dir: Path) -> Path | None:
    """The folder of the newest whole checkpoint, None where there is none."""
    return max(_all(out_dir), default=None)


def load_newest(out_dir: Path) -> Checkpoint | None:
    """Read the newest whole checkpoint into memory, None where there is none."""
    path = newest(out_dir)
    if path is None:
        return None
    model, ema, optimiser = (load_file(path / f"{part}.safetensors") for part in PARTS)
    return Checkpoint(model, ema, optimiser, json.loads((path / "state.json").read_text()))


def save(checkpoint: Checkpoint, out_dir: Path, keep: int) -> Path:
    """Write a checkpoint and remove all but the newest `keep`; returns its folder."""
    step = checkpoint.state["step"]
    path, aside = out_dir / f"step-{step:08d}", out_dir / f".step-{step:08d}"
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir(parents=True)
    for part in PARTS:
        _write(getattr(checkpoint, part), aside / f"{part}.safetensors")
    (aside / "state.json").write_text(json.dumps(checkpoint.state, indent=1))
    for file in aside.iterdir():
        _flush(file)
    aside.rename(path)
    _flush(out_dir)
    for old in _all(out_dir)[:-keep]:
        shutil.rmtree(old.rename(out_dir / f".{old.name}"))  # absent before it is no longer whole
    return path


def _write(tensors: Mapping[str, Tensor], path: Path) -> None:
    # safetensors wants dense tensors that share no memory, also where two names mean one weight
    save_file({name: t.detach().cpu().clone().contiguous() for name, t in tensors.items()}, path)


def _flush(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
