"""VidRD's noise has unit variance, its frames come in reverse, and its guidance ends when it should."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from longtake.diffusion import SCHEDULES, ddim, past_of, reused_noise, sample_reusing, times

FLOW = SCHEDULES["flow"]
STEPS = [4, 3, 2, 1]


def normal(*shape: int, seed: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def denoise(x: Tensor, t: Tensor) -> Tensor:
    """Some network: what it gives depends on every frame and on the level."""
    return 0.5 * x + 0.3 * x.roll(1, dims=1) - 0.1 * t[:, :, None, None, None]


@pytest.mark.parametrize("recycled", [0.0, 1.0, 4.0])
def test_noise_has_unit_variance_in_every_frame(recycled: float) -> None:
    past, fresh = normal(8, 16, 60, 60, seed=0), normal(8, 16, 60, 60, seed=1)
    noise = reused_noise(past, fresh, 3, recycled)
    assert torch.equal(noise[:3], past[:3])
    assert noise.var(dim=(1, 2, 3)).tolist() == pytest.approx([1] * 8, abs=0.03)
    alike = (noise[3:] * past[3:]).mean().item()
    assert alike == pytest.approx(recycled / math.sqrt(1 + recycled**2), abs=0.01)  # 0.970 for 4


def test_what_is_handed_on_comes_in_reverse() -> None:
    noise, grid = normal(1, 6, 1, 2, 2, seed=0), times(8, 1.5)
    states = [noise]
    for i in range(8):
        states.append(ddim(denoise, states[-1], grid[i : i + 2], FLOW))
    video, handed = sample_reusing(denoise, noise, grid, FLOW, STEPS, None)
    assert torch.equal(video, ddim(denoise, noise, grid, FLOW)), "without a past it is the plain sampler"
    assert len(handed) == 6 + 3 + 2 + 1
    past = past_of(handed, STEPS)
    assert torch.equal(past.noise, noise[0].flip(0))
    for f, latents in enumerate(past.latents):
        assert len(latents) == STEPS[f] - 1
        assert all(torch.equal(one, states[i][0, 5 - f]) for i, one in enumerate(latents, start=1))


def test_the_second_clip_is_one_computed_by_hand() -> None:
    grid = times(8, 1.0)
    _, handed = sample_reusing(denoise, normal(1, 6, 1, 2, 2, seed=0), grid, FLOW, STEPS, None)
    past = past_of(handed, STEPS)
    noise = reused_noise(past.noise, normal(6, 1, 2, 2, seed=1), 4, 4.0)[None]
    video, _ = sample_reusing(denoise, noise, grid, FLOW, STEPS, past)
    x = noise
    for i in range(8):
        for f in range(4):
            if i < (4 - f) / 4 * 8 * 0.4:
                x = x.clone()
                x[0, f] = past.noise[f] if i == 0 else past.latents[f][i - 1]
        x0 = denoise(x, torch.full((1, 6), grid[i]))
        x = grid[i + 1] / grid[i] * (x - (1 - grid[i]) * x0) + (1 - grid[i + 1]) * x0
    assert torch.allclose(video, x, atol=1e-6)


def test_guidance_ends_with_its_last_step() -> None:
    grid = times(8, 1.0)
    noise = normal(1, 6, 1, 2, 2, seed=0)
    past = past_of(normal(6 + 6, 1, 2, 2, seed=2), STEPS)
    seen: list[Tensor] = []

    def watched(x: Tensor, t: Tensor) -> Tensor:
        seen.append(x[0])
        return denoise(x, t)

    sample_reusing(watched, noise, grid, FLOW, STEPS, past)
    for f, until in enumerate(STEPS):
        for i in range(1, 8):
            guided = i < until and torch.equal(seen[i][f], past.latents[f][i - 1])
            assert guided == (i < until)


def test_a_short_last_clip_takes_what_it_can() -> None:
    past = past_of(normal(6 + 6, 1, 2, 2, seed=2), STEPS)
    fresh = normal(2, 1, 2, 2, seed=1)
    noise = reused_noise(past.noise, fresh, 4, 4.0)
    assert torch.equal(noise, past.noise[:2])
    video, handed = sample_reusing(denoise, noise[None], times(8, 1.0), FLOW, STEPS, past)
    assert video.shape == (1, 2, 1, 2, 2)
    assert torch.isfinite(handed).all()
