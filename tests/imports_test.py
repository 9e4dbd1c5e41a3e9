"""Planning, storing, driving and helping must not wait for torch, whose import takes over a second."""

from __future__ import annotations

import subprocess
import sys

LIGHT = ["longtake", "plan", "manifest", "store", "storyboard", "film.executors", "video", "film.segments"]
LIGHT += ["commands.render", "commands.doctor", "commands.evaluate", "cli"]
LIGHT += ["evaluate.score", "evaluate.table", "evaluate.plots", "evaluate.sources"]


def test_light_modules_leave_torch_out() -> None:
    names = [LIGHT[0], *(f"longtake.{name}" for name in LIGHT[1:])]
    code = (
        "import importlib, sys\n"
        f"for name in {names}:\n"
        "    importlib.import_module(name)\n"
        "    assert 'torch' not in sys.modules, name + ' imports torch'\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
