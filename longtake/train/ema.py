"""The exponential moving average of a model's weights: what is shown, kept and shipped."""

from __future__ import annotations

import copy
from typing import TypeVar

import torch
from torch import nn

from longtake.train.shard import part

M = TypeVar("M", bound=nn.Module)


def decay_at(step: int, longest: float) -> float:
    """Decay of the update after `step` (from 0): min(longest, (1 + step) / (10 + step)).

    The ramp keeps the average of a short run from lagging behind.
    """
    return min(longest, (1 + step) / (10 + step))


def ema_copy(model: M) -> M:
    """A copy of `model` to hold the average: no gradients, evaluation mode."""
    return copy.deepcopy(model).eval().requires_grad_(False)


@torch.no_grad()
def ema_update(average: nn.Module, model: nn.Module, decay: float) -> None:
    """average = decay * average + (1 - decay) * model, for trained weights; all else is copied."""
    trained = [
        (a, p) for a, p in zip(average.parameters(), model.parameters(), strict=True) if p.requires_grad
    ]
    if trained:
        parts = [part(a) for a, _ in trained], [part(p.detach()) for _, p in trained]
        torch._foreach_lerp_(*parts, 1 - decay)
    for a, b in zip(average.buffers(), model.buffers(), strict=True):
        a.copy_(b)
