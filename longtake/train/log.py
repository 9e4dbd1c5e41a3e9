"""What a training run tells: JSON lines, sheets, and a progress bar where someone is looking."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import torch
from PIL import Image
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn


def peak_memory(device: torch.device) -> float:
    """Most memory used so far, MiB: of the GPU's allocator, else of this process (nan on Windows)."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / 2**20
    if sys.platform == "win32":
        return float("nan")
    import resource  # POSIX only

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (2**20 if sys.platform == "darwin" else 2**10)


def save_sheet(picture: Any, out_dir: Path, step: int) -> Path:
    """Save a uint8 picture `[H, W, 3]` (tensor or array) as `sheets/step-XXXXXXXX.png`."""
    path = out_dir / "sheets" / f"step-{step:08d}.png"
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.asarray(picture)).save(path)
    return path


class Log:
    """`log.jsonl`: one object per line, numbers averaged over the steps since the line before.

    Lines of steps that a resumed run is going to repeat are removed. Only the first process writes. Where the
    package `tensorboard` is installed (extra `train`), the same numbers go to `events/` for it to show.
    """

    def __init__(
        self,
        out_dir: Path,
        steps: int,  # of the whole run
        done: int,  # steps
        seconds: float,  # spent on them
        clips: int,  # per step, of all processes
        device: torch.device,
        computed: Mapping[str, str],  # in which numbers what was computed: the end of every line
        first: bool,  # whether this process writes
    ) -> None:
        self.path, self.done, self.clips = out_dir / "log.jsonl", done, clips
        self.computed = computed
        self.device, self.first = device, first
        self.start = time.perf_counter() - seconds
        self.since, self.sums, self.count = time.perf_counter(), dict[str, float](), 0
        seen = first and sys.stderr.isatty()
        self.bar = Progress(
            TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(),
            console=Console(stderr=True), disable=not seen,
        )  # fmt: skip
        self.task = self.bar.add_task("train", total=steps, completed=done)
        self.events: Any = None

    @property
    def seconds(self) -> float:
        """Wall time of the run so far, also of the parts before it was resumed."""
        return time.perf_counter() - self.start

    def __enter__(self) -> Log:
        if self.first:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            lines = self.path.read_text().splitlines() if self.path.exists() else []
            kept = [line for line in lines if line.endswith("}") and json.loads(line)["step"] <= self.done]
            self.path.write_text("".join(f"{line}\n" for line in kept))
            self.events = _events(self.path.parent / "events", self.done)
        self.bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.bar.stop()
        if self.events:
            self.events.close()

    def add(self, numbers: dict[str, float]) -> None:
        """Take in the numbers of one step."""
        self.count += 1
        for name, value in numbers.items():
            self.sums[name] = self.sums.get(name, 0.0) + value
        self.bar.update(self.task, advance=1, description=f"loss {numbers['loss']:.4f}")

    def write(self, step: int, numbers: dict[str, float]) -> None:
        """Write a line for the steps taken in since the last one; `step` is the number of steps done."""
        now = time.perf_counter()
        line: dict[str, float] = {"step": step}
        line |= {name: total / self.count for name, total in self.sums.items()} | numbers
        line |= {
            "clips_per_second": self.clips * self.count / (now - self.since),
            "seconds": self.seconds,
            "peak_memory_mib": peak_memory(self.device),
        }
        if self.first:
            short = {k: float(f"{v:.6g}") if k != "step" else v for k, v in line.items()}
            with self.path.open("a") as file:
                file.write(json.dumps({**short, **self.computed}) + "\n")
        if self.events:
            for name, value in line.items():
                self.events.add_scalar(name, value, step)
        self.since, self.sums, self.count = now, {}, 0


def _events(folder: Path, done: int) -> Any:
    """TensorBoard's writer, or None where its package is not there; what follows step `done` is hidden."""
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        return None
    return SummaryWriter(str(folder), purge_step=done + 1)
