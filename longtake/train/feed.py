"""Batches of a run in order, made ahead by other processes where an accelerator would wait for the host."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch.utils.data import DataLoader, Dataset

from longtake.machine import cores

Batches = Callable[[int, int, int], Any]  # (step, rank, world) -> batch
_AHEAD = 4  # batches that each worker makes before they are asked for


def spare_cores(device: str | torch.device, world: int) -> int:
    """Cores of this process that have nothing to do while `device` trains: none where that is the CPU."""
    if torch.device(device).type == "cpu" or not hasattr(os, "fork"):  # workers inherit what makes batches
        return 0
    return max(1, cores() // world - 1)


def feed(batches: Batches, steps: range, rank: int, world: int, workers: int) -> Iterator[Any]:
    """The batches of `steps`: the same whatever `workers` is, as each is a function of its step.

    With workers, `batches` is called in other processes and must not use an accelerator.
    """
    if not workers:
        yield from (batches(step, rank, world) for step in steps)
        return
    yield from DataLoader(
        _Steps(batches, steps, rank, world),
        batch_size=None,
        num_workers=workers,
        collate_fn=_as_it_is,
        prefetch_factor=_AHEAD,
        pin_memory=torch.cuda.is_available(),
    )


class _Steps(Dataset[Any]):
    def __init__(self, batches: Batches, steps: range, rank: int, world: int) -> None:
        self.batches, self.steps, self.place = batches, steps, (rank, world)

    def __len__(self) -> int:
        return len(self.steps)

    def __getitem__(self, index: int) -> Any:
        torch.set_num_threads(1)  # the cores are shared out among the workers
        return self.batches(self.steps[index], *self.place)


def _as_it_is(batch: Any) -> Any:
    return batch
