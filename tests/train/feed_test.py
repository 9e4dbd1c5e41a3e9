"""Batches are the same whoever makes them."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from longtake.data.cartoon import CartoonWorld
from longtake.train.autoencoder import still_batches
from longtake.train.feed import feed, spare_cores
from longtake.train.loop import TrainConfig, train


def test_workers_make_the_same_batches_in_order() -> None:
    batches = still_batches(CartoonWorld(0, 1).draws([3, 14]), 16, 2, seed=5)
    here, there = (list(feed(batches, range(4, 9), 1, 2, workers)) for workers in (0, 2))
    assert len(here) == 5
    for step, (one, other) in enumerate(zip(here, there, strict=True), start=4):
        assert torch.equal(one, other)
        assert torch.equal(one, batches(step, 1, 2))
    assert not torch.equal(here[0], here[1])


def test_a_run_with_workers_is_the_run_without(tmp_path: Path) -> None:
    batches = still_batches(CartoonWorld(0, 1).draws([3, 14]), 16, 2)
    config = TrainConfig(steps=3, batch=2, muon_lr=1e-2, adam_lr=1e-2, warmup=1)

    def loss(
        net: nn.Module, pictures: Tensor, generator: torch.Generator
    ) -> tuple[Tensor, dict[str, Tensor]]:
        return net(pictures.float().flatten(1) / 255).square().mean(), {}

    made = []
    for workers in (0, 1):
        torch.manual_seed(0)
        net = nn.Linear(16 * 16 * 3, 4)
        made.append(train(net, loss, batches, config, tmp_path / str(workers), workers=workers))
    assert torch.equal(made[0].weight, made[1].weight)


def test_the_cpu_has_no_core_to_spare() -> None:
    assert spare_cores("cpu", 1) == 0
    assert spare_cores("cuda:1", 1) >= 1
    assert spare_cores("cuda", 10_000) == 1


def test_a_mistake_in_a_worker_is_told() -> None:
    def batches(step: int, rank: int, world: int) -> Tensor:
        raise ValueError(f"no batch {step}")

    with pytest.raises(ValueError, match="no batch 2"):
        list(feed(batches, range(2, 3), 0, 1, 1))
