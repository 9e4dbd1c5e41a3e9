"""Training of T-KLVAE: batches are functions of the step, and losses are zero where nothing is wrong."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from longtake.data.cartoon import CartoonWorld
from longtake.models.pixels import to_model, to_pixels
from longtake.models.vae import TKLVAE, Posterior
from longtake.train.autoencoder import (
    DecoderLoss,
    FrameBatches,
    NoisyStillLoss,
    StillLoss,
    clip_batches,
    latent_statistics,
    psnr,
    reconstruction_sheet,
    still_batches,
)
from longtake.train.loop import TrainConfig, train
from longtake.world.episodes import episode_seeds

WORLD = CartoonWorld(0, 1).draws(episode_seeds("train", 20))


def tiny() -> TKLVAE:
    torch.manual_seed(0)
    sizes: dict[str, Any] = {"encoder_channels": (8, 12), "decoder_channels": (12, 8), "decoder_blocks": 1}
    net: TKLVAE = TKLVAE(latent_channels=3, heads=2, **sizes)
    return net


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def config(steps: int) -> TrainConfig:
    return TrainConfig(steps=steps, batch=4, muon_lr=1e-2, adam_lr=1e-2, warmup=2, ema=0.5)


class Lossless:
    """An autoencoder whose latents are the pixels themselves, drawn without noise."""

    factor = 1
    config = SimpleNamespace(latent_channels=3)

    def __call__(self, video: Tensor, noise: Tensor, framewise: bool) -> tuple[Tensor, Posterior]:
        assert noise.shape == video.shape
        return video, Posterior(video, torch.full_like(video, -4.0))

    def encode_latents(self, video: Tensor) -> Tensor:
        return video / 2

    def denormalise(self, latents: Tensor) -> Tensor:
        return latents * 2

    def decode(self, latents: Tensor, framewise: bool = False) -> Tensor:
        return latents


def test_psnr() -> None:
    assert psnr(torch.full((5,), 0.2), torch.zeros(5)).item() == pytest.approx(20)  # 10 log10(2^2 / 0.2^2)


@pytest.mark.parametrize(
    ("batches", "frames"),
    [(still_batches(WORLD, 16, 3), 1), (clip_batches(WORLD, 16, 3, 5), 5)],
    ids=["stills", "clips"],
)
def test_batches_are_functions_of_step_and_rank(batches: FrameBatches, frames: int) -> None:
    first = batches(0, 0, 1)
    assert first.shape == (3, frames, 16, 16, 3)
    assert first.dtype == torch.uint8
    assert torch.equal(batches(0, 0, 1), first)
    for step, rank in ((1, 0), (0, 1)):
        assert not torch.equal(batches(step, rank, 2), first)


def test_a_share_of_the_stills_is_turned() -> None:
    upright = still_batches(WORLD, 16, 400)(0, 0, 1)[:, 0]
    made = still_batches(WORLD, 16, 400, turned=0.25)(0, 0, 1)[:, 0]
    kept = (made == upright).flatten(1).all(1)
    assert 270 <= kept.sum() <= 330
    ways = [torch.rot90(x, k, (1, 2)) for k in (1, 2, 3) for x in (upright, upright.flip(2))]
    equal = torch.stack([(made == way).flatten(1).all(1) for way in ways])
    assert torch.equal(equal.any(0), ~kept)
    assert equal.any(1).all()  # each way comes


def test_the_loss_of_a_lossless_net_is_its_divergence_alone() -> None:
    batch = still_batches(WORLD, 16, 2)(0, 0, 1)
    loss, told = StillLoss(kl_weight=0.5)(Lossless(), batch, generator())  # type: ignore[arg-type]
    kl = Posterior(to_model(batch), torch.tensor(-4.0)).kl()
    torch.testing.assert_close(loss, 0.5 * kl)
    torch.testing.assert_close(told["kl"], kl)
    assert told["psnr"] == torch.inf
    noise = torch.exp(torch.tensor(-2.0)) / to_model(batch).std(dim=(0, 1, 3, 4))
    torch.testing.assert_close(told["noise"], noise.mean())


def test_the_loss_of_a_lossless_decoder_is_what_the_noise_does() -> None:
    batch = clip_batches(WORLD, 16, 1, 5)(0, 0, 1)
    net: Any = Lossless()
    loss, told = DecoderLoss(noise=0.0)(net, batch, generator())
    assert loss == told["disagree"] == 0
    noisy = [DecoderLoss(noise=noise)(net, batch, generator())[0] for noise in (0.01, 0.1)]
    assert 0 < noisy[0] < noisy[1]


def test_the_loss_of_stills_grows_with_the_noise_on_their_latents() -> None:
    batch = still_batches(WORLD, 16, 4)(0, 0, 1)
    net: Any = Lossless()
    losses = [NoisyStillLoss(noise=noise)(net, batch, generator())[0] for noise in (0.0, 0.01, 0.1)]
    assert losses[0] == 0 < losses[1] < losses[2]


def test_the_leaves_of_a_clip_meet_in_its_middle() -> None:
    """A decoder that looks at neighbours does not agree on the shared frame, and is told so."""
    net, batch = tiny(), clip_batches(WORLD, 16, 1, 5)(0, 0, 1)
    loss = DecoderLoss(noise=0.0)
    assert loss(net, batch, generator())[1]["disagree"] == 0  # temporal layers do nothing yet
    with torch.no_grad():
        for p in net.temporal_parameters():
            p.add_(0.2 * torch.randn(p.shape, generator=generator(1)))
    assert loss(net, batch, generator())[1]["disagree"] > 0.01


def test_a_few_steps_make_stills_better(tmp_path: Path) -> None:
    net, loss, batches = tiny(), StillLoss(kl_weight=1e-4), still_batches(WORLD, 16, 4)
    fixed = still_batches(WORLD, 16, 8, seed=1)(0, 0, 1)
    before = loss(net, fixed, generator())[0]
    trained = train(net, loss, batches, config(15), tmp_path)
    assert loss(trained, fixed, generator())[0] < 0.8 * before


@pytest.mark.parametrize(
    ("loss", "batches", "fixed"),
    [
        (DecoderLoss(noise=0.1), clip_batches(WORLD, 16, 1, 5), clip_batches(WORLD, 16, 2, 5, seed=1)),
        (NoisyStillLoss(noise=0.1), still_batches(WORLD, 16, 8), still_batches(WORLD, 16, 9, seed=1)),
    ],
    ids=["clips", "stills"],
)
def test_a_few_steps_make_the_decoder_better_and_leave_the_encoder(
    tmp_path: Path, loss: DecoderLoss | NoisyStillLoss, batches: FrameBatches, fixed: FrameBatches
) -> None:
    net = tiny()
    net.encoder.requires_grad_(False)
    encoder = {name: p.clone() for name, p in net.encoder.named_parameters()}
    before = loss(net, fixed(0, 0, 1), generator())[0]
    trained = train(net, loss, batches, config(8), tmp_path)
    assert loss(trained, fixed(0, 0, 1), generator())[0] < 0.9 * before
    for name, p in trained.encoder.named_parameters():
        assert torch.equal(p, encoder[name])


def test_statistics_make_latents_normal() -> None:
    net = tiny()
    mean, std = latent_statistics(net, WORLD, 16, count=70)  # in two parts
    again = latent_statistics(net, WORLD, 16, count=70)
    assert (mean, std) == again
    net.set_statistics(mean, std)
    frames = still_batches(CartoonWorld(0, 1).draws(episode_seeds("train", 50)), 16, 200)(0, 0, 1)
    latents = net.encode_latents(to_model(frames))
    assert latents.mean(dim=(0, 1, 3, 4)).abs().max() < 0.2
    assert (latents.std(dim=(0, 1, 3, 4)) - 1).abs().max() < 0.2


def test_a_sheet_shows_frames_above_what_is_made_of_them() -> None:
    net = tiny().eval()
    sheet = reconstruction_sheet(net, WORLD, 16, count=4)
    assert sheet.shape == (4 * 16, 2 * 16, 3)
    assert sheet.dtype == np.uint8
    true, made = sheet[:16, 16:32], sheet[16:32, 16:32]
    with torch.no_grad():
        expected = to_pixels(net(to_model(true)[None, None], framewise=True)[0][0, 0])
    assert np.abs(made.astype(int) - expected).max() <= 1
