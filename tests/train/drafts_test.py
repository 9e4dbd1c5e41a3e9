"""Drafts to train with: who has one, at which level, and what it is."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from longtake.diffusion import SCHEDULES
from longtake.given import Draft, Given
from longtake.models.latents import doubled, halved
from longtake.train.drafts import Drafts

FLOW = SCHEDULES["flow"]


def drawn(spacing: float, reference: list[int] | None = None, **shares: Any) -> tuple[Tensor, Draft, Tensor]:
    """Latents of 64 clips, their drafts, and their masks."""
    generator = torch.Generator().manual_seed(0)
    latents = torch.randn(64, 7, 2, 4, 4, generator=generator)
    time = (spacing * torch.arange(7.0)).expand(64, 7)
    there = torch.zeros(64, 7, dtype=torch.bool)
    there[:, reference or []] = True
    mask = torch.zeros(64, 7, 1, 4, 4)
    mask[:, 0] = 1
    drafts = Drafts(**({"coarse": 0.0, "between": 0.0, "noise": 0.0} | shares))
    prompt = torch.zeros(64, 7, dtype=torch.long)
    given = Given(time=time, text=torch.zeros(1, 1, 1), prompt=prompt, known=latents, mask=mask)
    changed = drafts(latents, given, there, FLOW, generator)
    assert changed.draft is not None
    return latents, changed.draft, changed.mask


def test_without_shares_nothing_changes() -> None:
    _, draft, mask = drawn(1.0)
    assert (draft.level == -1).all()
    assert mask[:, 1:].sum() == 0


def test_a_coarse_draft_is_the_clip_at_half_size() -> None:
    latents, draft, _ = drawn(100.0, coarse=1.0)
    assert (draft.level[:, 0] == -1).all(), "known frames need none"
    assert (draft.level[:, 1:] == 0).all()
    assert torch.allclose(draft.latents, doubled(halved(latents)))


def test_frames_between_know_every_second_or_third_frame() -> None:
    latents, draft, mask = drawn(1.0, between=1.0)
    known = mask.mean(dim=(2, 3, 4))
    patterns = {tuple(row) for row in known.int().tolist()}
    assert patterns == {(1, 0, 1, 0, 1, 0, 1), (1, 0, 0, 1, 0, 0, 1)}
    assert ((draft.level >= 0) == (known == 0)).all()
    second = known[:, 2] == 1
    assert torch.allclose(draft.latents[second, 1], (latents[second, 0] + latents[second, 2]) / 2, atol=1e-6)
    _, far, _ = drawn(15.0, between=1.0)
    assert (far.level == -1).all(), "frames that are far apart are no matter of flow"


def test_frames_from_elsewhere_stay_as_they_are() -> None:
    _, draft, mask = drawn(1.0, reference=[3], between=1.0)
    assert (draft.level[:, 3] == -1).all()
    assert (mask[:, 3] == 1).all()


def test_noise_is_drawn_per_clip_and_told() -> None:
    latents, draft, _ = drawn(100.0, coarse=1.0, noise=0.5)
    level = draft.level[:, 1:]
    assert (level == level[:, :1]).all()
    assert 0 <= level.min() < 0.1 < 0.4 < level.max() <= 0.5
    rough = doubled(halved(latents))
    size = level[:, :1].reshape(-1, 1, 1, 1, 1)
    noise = (draft.latents - (1 - size) * rough) / size
    assert abs(noise.std().item() - 1) < 0.05
