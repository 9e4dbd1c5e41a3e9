"""Noise that frames have in common."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from longtake.diffusion import SCHEDULES, DiffusionLoss, draw_noise

SHAPE = torch.Size((2, 5, 16, 32, 32))


def chance() -> torch.Generator:
    return torch.Generator().manual_seed(3)


@pytest.mark.parametrize("share", [0.0, 0.25, 0.8, 1.0])
def test_every_frame_is_standard_normal_and_any_two_are_correlated_by_the_share(share: float) -> None:
    noise = draw_noise(SHAPE, share, chance())
    assert noise.mean(dim=(2, 3, 4)).abs().max() < 0.04
    assert (noise.var(dim=(2, 3, 4)) - 1).abs().max() < 0.05
    for clip in noise.flatten(2):
        assert (torch.corrcoef(clip) - torch.eye(5) * (1 - share) - share).abs().max() < 0.04
    apart = torch.corrcoef(noise[:, 0].flatten(1))[0, 1]  # clips have nothing in common
    assert apart.abs() < 0.04


def test_without_a_share_it_is_plain_noise() -> None:
    assert torch.equal(draw_noise(SHAPE, 0.0, chance()), torch.randn(SHAPE, generator=chance()))


def test_the_loss_is_of_clips_with_such_noise() -> None:
    seen: list[Tensor] = []

    def net(x: Tensor, t: Tensor, **_: Tensor) -> Tensor:
        seen.append(x)
        return x

    loss = DiffusionLoss(
        schedule=SCHEDULES["flow"],
        prediction="flow",
        time_mean=0.0,
        time_std=1.0,
        terminal_share=1.0,  # x is the noise
        shared_noise=1.0,
        known_noise_max=0.0,
    )
    rows = torch.zeros(2, 5, dtype=torch.long)
    loss(
        net, torch.zeros(2, 5, 3, 4, 4), rows.float(), torch.zeros(1, 1, 1), rows, torch.zeros(2, 5, 1, 4, 4),
        null_prompt=0, text_dropout=0.0, generator=chance(),
    )  # fmt: skip
    assert torch.equal(seen[0], seen[0][:, :1].expand_as(seen[0]))
    assert not torch.equal(seen[0][0], seen[0][1])
