"""One training run on one process or several: who we are, and what the processes tell each other.

Several are started by `torchrun`, which sets RANK, WORLD_SIZE and LOCAL_RANK; without these there is one.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

import torch
import torch.distributed as dist
from torch import Tensor, nn


class Processes(NamedTuple):
    """This process's place in the run."""

    rank: int
    world: int  # number of processes
    device: torch.device


def place() -> tuple[int, int]:
    """This process's rank and the number of processes, whether they have met yet or not."""
    return int(os.environ.get("RANK", "0")), int(os.environ.get("WORLD_SIZE", "1"))


def own_device(device: str | torch.device) -> torch.device:
    """The device of this process: "cuda" means its own GPU."""
    number = os.environ.get("LOCAL_RANK", "0")
    return torch.device(f"cuda:{number}" if str(device) == "cuda" else device)


@contextmanager
def processes(device: str | torch.device) -> Iterator[Processes]:
    """Join the run's other processes for the time of a `with` block; "cuda" means this process's own GPU."""
    rank, world = place()
    own = own_device(device)
    if own.type == "cuda":
        torch.cuda.set_device(own)
    joined = world > 1 and not dist.is_initialized()
    if joined:
        dist.init_process_group("nccl" if own.type == "cuda" else "gloo")
    try:
        yield Processes(rank, world, own)
    finally:
        if joined:
            dist.destroy_process_group()


def broadcast(model: nn.Module) -> None:
    """Give every process the weights of the first."""
    if dist.is_initialized():
        for tensor in model.state_dict().values():
            dense = tensor.contiguous()
            dist.broadcast(dense, 0)
            tensor.copy_(dense)


def average(params: list[nn.Parameter], numbers: Tensor) -> Tensor:
    """Average the gradients in place and `numbers` `[n]` (float32) over the processes, in one exchange.

    A gradient that only some processes have counts as zero in the others; one that none has stays absent.
    """
    if not dist.is_initialized():
        return numbers
    has = numbers.new_tensor([p.grad is not None for p in params])
    grads = [torch.zeros_like(p) if p.grad is None else p.grad for p in params]
    flat = torch.cat([*(g.float().reshape(-1) for g in grads), has, numbers])
    dist.all_reduce(flat)
    flat /= dist.get_world_size()
    *parts, has, numbers = torch.split(flat, [*(p.numel() for p in params), len(params), len(numbers)])
    for p, part, present in zip(params, parts, has.tolist(), strict=True):
        p.grad = part.view(p.shape).to(p.dtype) if present else None
    return numbers
