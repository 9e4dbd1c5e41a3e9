"""Drafts to train with: who has one, at which level, and what it is."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from longtake.diffusion import SCHEDULES
from longtake.models.resize import doubled, halved
from longtake.train.drafts import Drafted, Drafts

FLOW = SCHEDULES["flow"]


def drawn(spacing: float, reference: list[int] | None = None, **shares: Any) -> tuple[Tensor, Drafted]:
    generator = torch.Generator().manual_seed(0)
    latents = torch.randn(64, 7, 2, 4, 4, generator=generator)
    time = (spacing * torch.arange(7.0)).expand(64, 7)
    there = torch.zeros(64, 7, dtype=torch.bool)
    there[:, reference or []] = True
    mask = torch.zeros(64, 7, 1, 4, 4)
    mask[:, 0] = 1
    drafts = Drafts(**({"coarse": 0.0, "between": 0.0, "noise": 0.0} | shares))
    return latents, drafts(latents, time, mask, there, FLOW, generator)


def test_sizes_are_means_and_back() -> None:
    latents = torch.randn(2, 3, 4, 8, 8)
    small = halved(latents)
    assert small.shape == (2, 3, 4, 4, 4)
    assert torch.allclose(small[0, 1, 2, 0, 3], latents[0, 1, 2, :2, 6:].mean())
    assert doubled(small).shape == latents.shape
    flat = torch.ones(1, 1, 1, 2, 2)
    assert torch.equal(doubled(flat), torch.ones(1, 1, 1, 4, 4))


def test_without_shares_nothing_changes() -> None:
    _, found = drawn(1.0)
    assert (found.level == -1).all()
    assert found.mask[:, 1:].sum() == 0


def test_a_coarse_draft_is_the_clip_at_half_size() -> None:
    latents, found = drawn(100.0, coarse=1.0)
    assert (found.level[:, 0] == -1).all(), "known frames need none"
    assert (found.level[:, 1:] == 0).all()
    assert torch.allclose(found.draft, doubled(halved(latents)))


def test_frames_between_know_every_second_or_third_frame() -> None:
    latents, found = drawn(1.0, between=1.0)
    known = found.mask.mean(dim=(2, 3, 4))
    patterns = {tuple(row) for row in known.int().tolist()}
    assert patterns == {(1, 0, 1, 0, 1, 0, 1), (1, 0, 0, 1, 0, 0, 1)}
    assert ((found.level >= 0) == (known == 0)).all()
    second = known[:, 2] == 1
    assert torch.allclose(found.draft[second, 1], (latents[second, 0] + latents[second, 2]) / 2, atol=1e-6)
    _, far = drawn(15.0, between=1.0)
    assert (far.level == -1).all(), "frames that are far apart are no matter of flow"


def test_frames_from_elsewhere_stay_as_they_are() -> None:
    _, found = drawn(1.0, reference=[3], between=1.0)
    assert (found.level[:, 3] == -1).all()
    assert (found.mask[:, 3] == 1).all()


def test_noise_is_drawn_per_clip_and_told() -> None:
    latents, found = drawn(100.0, coarse=1.0, noise=0.5)
    level = found.level[:, 1:]
    assert (level == level[:, :1]).all()
    assert 0 <= level.min() < 0.1 < 0.4 < level.max() <= 0.5
    rough = doubled(halved(latents))
    size = level[:, :1].reshape(-1, 1, 1, 1, 1)
    noise = (found.draft - (1 - size) * rough) / size
    assert abs(noise.std().item() - 1) < 0.05
