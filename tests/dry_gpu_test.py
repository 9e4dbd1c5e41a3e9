"""The GPU path without a GPU: no tensor is left on another device, and the numbers are the CPU's.

All of it runs once, in a process of its own: see `dry_parts` for what is run and `dry_device` for where.
What a device of paper cannot show: kernels (whether one is there, exact, fast or deterministic), memory,
pinned memory and copies that do not wait, `torch.cuda.*`, `torch.compile`, offloading, several devices.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import dry_parts
import pytest

import longtake

pytest.importorskip("transformers", reason="pip install 'longtake[pipelines]'")
pytest.importorskip("accelerate", reason="pip install 'longtake[pipelines]'")


@pytest.fixture(scope="session")
def faults(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str | None]:
    """Of each part what went wrong and where, None where all is well."""
    folder = tmp_path_factory.mktemp("dry")
    report = folder / "report.json"
    path = {"PYTHONPATH": str(Path(longtake.__file__).parents[1]), "OMP_NUM_THREADS": "1"}
    process = subprocess.run(
        [sys.executable, dry_parts.__file__, str(tiny_model), str(folder), str(report)],
        env={**os.environ, **path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert report.exists(), process.stdout + process.stderr
    faults: dict[str, str | None] = json.loads(report.read_text(encoding="utf-8"))
    return faults


@pytest.mark.parametrize("part", dry_parts.RUNS)
def test_everything_stays_on_its_device(faults: dict[str, str | None], part: str) -> None:
    assert faults[part] is None, faults[part]
