"""Planning, storing, driving and helping must not wait for torch, whose import takes over a second."""

from __future__ import annotations

import subprocess
import sys

LIGHT = ["plan", "strategies", "storyboard", "store", "manifest", "film", "cli", "files", "machine", "video"]
LIGHT += [f"evaluate.{name}" for name in ("score", "table", "plots", "sources")]  # reports, without looking
CODE = """
import importlib, pkgutil, sys
for room in sys.argv[1:]:
    module = importlib.import_module(room)
    inside = pkgutil.walk_packages(getattr(module, "__path__", ()), room + ".")
    for name in (room, *(one.name for one in inside)):
        importlib.import_module(name)
        assert "torch" not in sys.modules, name + " imports torch"
        print(name)
"""


def test_light_rooms_leave_torch_out() -> None:
    rooms = [f"longtake.{room}" for room in LIGHT]
    process = subprocess.run(
        [sys.executable, "-c", CODE, *rooms], capture_output=True, text=True, check=False
    )
    assert process.returncode == 0, process.stderr
    assert len(process.stdout.split()) > 40, "modules are found"
