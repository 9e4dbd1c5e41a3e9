"""What there is to work with, and processes that do not run the main script."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any


def cores() -> int:
    """How many this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def may_have_gpu() -> bool:
    """False where there is certainly none that torch calls "cuda"; without asking torch, which takes long."""
    drivers = ("/dev/nvidiactl", "/dev/dxg", "/dev/kfd")  # NVIDIA's, the same under WSL, AMD's
    return sys.platform == "win32" or any(Path(driver).exists() for driver in drivers)


def has_bf16(device: str) -> bool:
    """Whether bfloat16 is worth while: where the device has instructions for it.

    Without them it is computed by way of float32: a CPU draws two to four times slower than in float32, and
    trains twelve times slower.
    """
    if device == "cpu":
        return _cpu_has_bf16()
    return not device.startswith("cuda") or _gpu_has_bf16()


@cache
def _cpu_has_bf16(told: Path = Path("/proc/cpuinfo")) -> bool:
    """As far as the system tells (Linux does): on x86 by two names, on ARM by a third."""
    words = told.read_text(errors="replace").lower().split() if told.exists() else []
    return not {"avx512_bf16", "amx_bf16", "bf16"}.isdisjoint(words)


@cache
def _gpu_has_bf16() -> bool:
    """Not where torch would compute it by other means, as it does on what is older than Ampere."""
    import torch  # takes long, and whoever computes on a GPU has it

    return not torch.cuda.is_available() or torch.cuda.is_bf16_supported(including_emulation=False)


@contextmanager
def without_main() -> Iterator[None]:
    """Processes that start in this block do not run the main script again, as spawned ones do.

    A script that draws at its top level, without a guard, would otherwise start workers that draw at theirs.
    What they are sent must be importable without it.
    """
    main = sys.modules["__main__"]
    hidden: dict[str, Any] = {
        name: vars(main).pop(name) for name in ("__file__", "__spec__") if name in vars(main)
    }
    main.__spec__ = None
    try:
        yield
    finally:
        vars(main).update(hidden)
