"""A network that has learnt four clips by heart fills in their middles better than a guess from the ends.

A model that only blends its end frames, or hears none of them, passes every test of shapes; it fails here.
Takes half a minute of one core:

    python -m pytest -m slow tests/train/overfit_test.py
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from cartoon import CARTOON
from torch import Tensor

from longtake.diffusion import Denoiser, DiffusionLoss, ddim, flow, pin, times
from longtake.diffusion.condition import enter
from longtake.given import Given
from longtake.models.unet import MaskTemporalUNet
from longtake.train.denoiser import ClipBatch, MaskedClipLoss
from longtake.train.loop import TrainConfig, train
from longtake.world.episodes import episode_seeds

pytestmark = pytest.mark.slow
CLIPS, FRAMES, STRIDE, STEPS = 4, 8, 3, 300


class Learnt(NamedTuple):
    """A network and the clips that it knows by heart."""

    denoiser: Denoiser
    clips: Tensor  # B T C H W, about zero mean and unit variance
    given: Given  # both ends known


def moving() -> Tensor:
    """The liveliest clips of a hundred episodes: uint8 `[B, T, 32, 32, 3]`."""
    numbers = range(20, 20 + STRIDE * FRAMES, STRIDE)
    within = [
        seed for seed in episode_seeds("train", 100) if CARTOON.shot_at(seed, numbers[0]).end > numbers[-1]
    ]
    clips = [torch.from_numpy(CARTOON.frames(seed, list(numbers), 32)) for seed in within]
    clips.sort(key=lambda clip: float(clip.float().diff(dim=0).abs().mean()))
    return torch.stack(clips[-CLIPS:])


def latents_of(video: Tensor) -> Tensor:
    """Patches of 8x8 pixels on their 8 principal axes: `[B, T, 32, 32, 3]` -> `[B, T, 8, 4, 4]`."""
    patches = video.float().unfold(2, 8, 8).unfold(3, 8, 8).flatten(4) / 255  # B T 4 4 192
    flat = patches.flatten(0, 3)
    flat = flat - flat.mean(0)
    axes = torch.linalg.svd(flat, full_matrices=False).Vh[:8]
    found: Tensor = (flat @ axes.T).view(*patches.shape[:4], 8).movedim(-1, 2)
    return found / found.std()


@pytest.fixture(scope="module")
def learnt(tmp_path_factory: pytest.TempPathFactory) -> Learnt:
    torch.manual_seed(0)
    clips = latents_of(moving())
    time = (STRIDE * torch.arange(FRAMES)).float().expand(CLIPS, FRAMES)
    prompt, reference = torch.zeros(2, CLIPS, FRAMES, dtype=torch.long)
    batch = ClipBatch(clips, time, torch.zeros(1, 2, 8), prompt, reference.bool())
    loss = MaskedClipLoss(
        diffusion=DiffusionLoss(
            schedule=flow,
            prediction="flow",
            time_mean=0.3,
            time_std=1.1,
            terminal_share=0.05,
            known_noise_max=0.1,
        ),
        text_dropout=0.0,
        narrow={"ends": 1.0},
    )
    net: Any = MaskTemporalUNet(
        latent_channels=8,
        text_channels=8,
        channels=(32, 64),
        middle=1,
        head=32,
        embedding=64,
        known_channels=16,
    )
    config = TrainConfig(
        steps=STEPS, batch=CLIPS, muon_lr=1e-2, adam_lr=5e-3, warmup=20, ema=0.99, save_every=STEPS
    )
    folder = tmp_path_factory.mktemp("overfit")
    net = train(net, loss, lambda step, rank, world: batch, config, folder)
    mask = torch.zeros(CLIPS, FRAMES, 1, 4, 4)
    mask[:, [0, -1]] = 1
    return Learnt(Denoiser(net, flow, "flow"), clips, batch.given(mask))


@torch.no_grad()
def draw(learnt: Learnt, known: Tensor, seed: int = 0) -> Tensor:
    noise = torch.randn(known.shape, generator=torch.Generator().manual_seed(seed))
    given = replace(learnt.given, known=known)
    return ddim(pin(learnt.denoiser.denoise, given, noise, flow), noise, times(8, 1.5), flow)


def error(made: Tensor, true: Tensor) -> Tensor:
    """Mean square of the frames between the ends, per clip."""
    return (made - true)[:, 1:-1].square().mean(dim=(1, 2, 3, 4))


def test_the_middle_is_closer_to_the_truth_than_blends_and_copies_of_the_ends(learnt: Learnt) -> None:
    clips = learnt.clips
    share = torch.linspace(0, 1, FRAMES).view(1, -1, 1, 1, 1)
    blend = (1 - share) * clips[:, :1] + share * clips[:, -1:]
    nearer = torch.where(share < 0.5, clips[:, :1], clips[:, -1:])
    assert (error(blend, clips) > 0.02).all()  # there is motion
    for seed in range(2):
        made = draw(learnt, clips, seed)
        assert torch.equal(made[:, [0, -1]], clips[:, [0, -1]])
        assert (error(made, clips) < 0.5 * error(blend, clips)).all()
        assert (error(made, clips) < 0.5 * error(nearer, clips)).all()


def test_known_frames_come_out_as_they_went_in_before_they_are_copied(learnt: Learnt) -> None:
    """They enter at noise level 0, where a network that predicts the flow has no say in x0."""
    generator = torch.Generator().manual_seed(0)
    noise = torch.randn(learnt.clips.shape, generator=generator)
    t = torch.full((CLIPS, FRAMES), 0.6)
    x = 0.4 * learnt.clips + 0.6 * noise
    x, t = enter(x, t, learnt.given, noise, torch.zeros_like(t), flow)
    with torch.no_grad():
        x0 = learnt.denoiser.denoise(x, t, learnt.given)
    assert (x0 - learnt.clips)[:, [0, -1]].square().mean() < 1e-3


@pytest.mark.parametrize("end", [0, -1])
def test_another_end_frame_moves_the_frames_between_and_another_unknown_frame_none(
    learnt: Learnt, end: int
) -> None:
    made = draw(learnt, learnt.clips)
    other = learnt.clips.clone()
    other[:, end] = learnt.clips.roll(1, 0)[:, end]  # of another clip
    moved = (draw(learnt, other) - made)[:, 1:-1].square().mean(dim=(0, 2, 3, 4))
    assert (moved > 0.002).all()
    assert moved[end] > 0.04
    unknown = learnt.clips.clone()
    unknown[:, 3] += 1
    assert np.array_equal(draw(learnt, unknown).numpy(), made.numpy())
