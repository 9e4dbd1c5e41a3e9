"""What there is to work with."""

from __future__ import annotations

import os
import sys
from pathlib import Path

__all__ = ["cores", "may_have_gpu"]


def cores() -> int:
    """How many this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def may_have_gpu() -> bool:
    """False where there is certainly none that torch calls "cuda"; without asking torch, which takes long."""
    drivers = ("/dev/nvidiactl", "/dev/dxg", "/dev/kfd")  # NVIDIA's, the same under WSL, AMD's
    return sys.platform == "win32" or any(Path(driver).exists() for driver in drivers)
