"""Is everything here that longtake needs, and what will it run on?"""

from __future__ import annotations

import json
import os
import platform
import sys
import tempfile
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Literal, NamedTuple

import typer
from typer import Option

from longtake.cli.options import Json


def doctor(
    store: Annotated[Path, Option("--store", help="Folder that would keep clips.", metavar="DIR")] = Path(
        ".longtake"
    ),
    as_json: Json = False,
) -> None:
    """Check what this machine has for longtake.

    Exit code 1 where something essential fails.

    Example: longtake doctor
    """
    checks = []
    for check in examine(store):
        checks.append(check)
        if not as_json:
            typer.echo(f"{check.state:<4}  {check.name:<7} {check.detail}")
    sound = all(check.state != "fail" for check in checks)
    if as_json:
        typer.echo(json.dumps({"ok": sound, "checks": [check._asdict() for check in checks]}))
    if not sound:
        raise typer.Exit(1)


class Check(NamedTuple):
    """What one look found; "fail" is what nothing can be rendered with."""

    name: str
    state: Literal["ok", "note", "fail"]
    detail: str


def examine(store: Path) -> Iterator[Check]:
    """Look at everything, one after the other; `store` is where clips would be kept."""
    looks: dict[str, Callable[[], str]] = {
        "python": lambda: f"{platform.python_version()}, {sys.executable}",
        "torch": _torch,
        "device": _device,
        "bf16": _bf16,
        "video": _video,
        "models": _models,
        "store": lambda: _store(store),
        "world": _world,
    }
    for name, look in looks.items():
        try:
            state = look()
        except Exception as error:  # whatever is broken is what was asked for
            yield Check(name, "fail", f"{type(error).__name__}: {error}")
        else:
            note = state.startswith("no ")
            yield Check(name, "note" if note else "ok", state)


def _torch() -> str:
    import torch

    return f"{torch.__version__}, {torch.get_num_threads()} threads of {os.cpu_count()} cores"


def _device() -> str:
    import torch

    from longtake.draw.load import best_device

    device = best_device()
    name = torch.cuda.get_device_name() if device == "cuda" else platform.processor() or platform.machine()
    return f"{device}, {name}"


def _bf16() -> str:
    from longtake.draw.load import best_device
    from longtake.machine import has_bf16

    missing = "no instructions for it seen here: float32 is computed instead"
    return "fast" if has_bf16(best_device()) else missing


def _video() -> str:
    import numpy as np

    from longtake.video import ENCODER, count_frames, encode_segment

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "probe.mp4"
        encode_segment([np.full((16, 16, 3), 60 * i, np.uint8) for i in range(4)], path, 12)
        if (count := count_frames(path)) != 4:
            raise RuntimeError(f"of 4 encoded frames {count} came back")
    return f"{ENCODER}, H.264 encodes and decodes"


def _models() -> str:
    from longtake.manifest import ModelError, find_model, read_manifest, shipped_models

    names = shipped_models()
    if not names:
        raise ModelError("the package holds no model: install it anew, or train one and use --model DIR")
    for name in names:
        read_manifest(find_model(name)).verify()
    return f"{', '.join(names)}: checksums agree"


def _store(folder: Path) -> str:
    import numpy as np

    from longtake.store import Store

    folder = folder.absolute()
    there = next(parent for parent in (folder, *folder.parents) if parent.is_dir())
    with tempfile.TemporaryDirectory(dir=there) as probe:
        clip = np.zeros((1, 1, 1, 1), np.float16)
        Store(probe).put("abc", clip)  # a clip arrives by hard link, which not every file system has
        Store(probe).get("abc")
    return f"{there} can be written to"


def _world() -> str:
    there = find_spec("cv2") is not None
    return "OpenCV is there" if there else "no OpenCV: data world and train need longtake[train]"
