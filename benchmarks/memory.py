"""What a training step keeps in memory, and how long it takes, when blocks compute twice (`recompute`).

Each arm trains the recipe's denoiser for a few steps on random latents in a process of its own and tells its
peak: of the accelerator's allocator, or, on the CPU, of the process above what it had before the first step.
Seconds are of the processor's time on the CPU, where other work would count otherwise.

    OMP_NUM_THREADS=1 python benchmarks/memory.py --recipe toon-128 --batch 10
    python benchmarks/memory.py --recipe toon-128-25min --batch 256 --device cuda
"""

from __future__ import annotations

import argparse
import statistics
import time
from dataclasses import replace
from itertools import pairwise
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from throughput import clips

from longtake.models.unet import MaskTemporalUNet
from longtake.recipes import RECIPES
from longtake.recipes.stages.denoiser import denoising_loss
from longtake.train.log import peak_memory
from longtake.train.loop import train


def measured(name: str, batch: int, steps: int, device: str, recompute: bool) -> tuple[float, float]:
    """MiB at most, and the median of seconds per step after the first."""
    recipe, own = RECIPES[name](), torch.device(device)
    config = replace(
        recipe.denoiser.training, steps=steps, batch=batch, warmup=1, compile=False, recompute=recompute,
        save_every=steps, sheet_every=steps,
    )  # fmt: skip
    clock = time.process_time if own.type == "cpu" else time.perf_counter
    clip_batch, began = clips(recipe, batch, own), list[float]()
    before = peak_memory(own) if own.type == "cpu" else 0.0

    def batches(*_: int) -> object:
        if own.type == "cuda":
            torch.cuda.synchronize()
        began.append(clock())
        return clip_batch

    loss = replace(denoising_loss(recipe.denoiser), small=0.0)  # all steps at full size
    with TemporaryDirectory() as folder:
        train(MaskTemporalUNet(**recipe.denoiser.network), loss, batches, config, Path(folder), device=device)
    taken = [after - start for start, after in pairwise(began[1:])]
    return peak_memory(own) - before, statistics.median(taken)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--recipe", default="toon-128", choices=sorted(RECIPES))
    parser.add_argument("--batch", type=int, default=10, help="clips")
    parser.add_argument("--steps", type=int, default=5, help="the first does not count for the time")
    parser.add_argument("--device", default="cpu")
    args = parser.parse_args()
    print("| blocks | peak, MiB | s per step |", "|---|---|---|", sep="\n")
    for again in (False, True):
        with get_context("spawn").Pool(1) as pool:
            measuring = (args.recipe, args.batch, args.steps, args.device, again)
            memory, seconds = pool.apply(measured, measuring)
        print(f"| {'compute twice' if again else 'keep all'} | {memory:,.0f} | {seconds:.2f} |", flush=True)


if __name__ == "__main__":
    main()
