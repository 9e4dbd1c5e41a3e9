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
    """Whether bfloat16 is worth while: on a CPU only where it has instructions for it.

    Without them it is computed by way of float32, two to four times slower than that.
    """
    return device != "cpu" or _cpu_has_bf16()


@cache
def _cpu_has_bf16() -> bool:
    """As far as the system tells (Linux does)."""
    cpu = Path("/proc/cpuinfo")
    flags = cpu.read_text(errors="replace").lower() if cpu.exists() else ""
    return any(flag in flags for flag in ("avx512_bf16", "amx_bf16", " bf16"))


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
