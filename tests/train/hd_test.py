"""The HD decoder learns from the world or from any videos, and gains on enlarging."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from longtake.data.cartoon import CartoonWorld
from longtake.data.film_draws import FilmDraws
from longtake.data.videos import Videos
from longtake.models.upsampler import HDDecoder
from longtake.models.vae import TKLVAE
from longtake.train.hd import HDLoss, hd_sheet, still_pairs
from longtake.train.loop import TrainConfig, train
from longtake.video import encode_segment


@pytest.fixture(scope="module")
def vae() -> TKLVAE:
    torch.manual_seed(0)
    made: TKLVAE = TKLVAE(
        latent_channels=4, encoder_channels=(8, 16), decoder_channels=(16, 8), decoder_blocks=1, heads=2
    )
    return made.eval().requires_grad_(False)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two videos, of other sizes than squares, and a file that is none."""
    chance = np.random.default_rng(0)
    for name, frames in (("a", 3), ("b", 5)):
        pictures = chance.integers(0, 256, (frames, 80, 96, 3), dtype=np.uint8)
        (tmp_path / name).mkdir()
        encode_segment(pictures, tmp_path / name / f"{name}.mp4", 12)
    (tmp_path / "notes.txt").write_text("no video")
    return tmp_path


def test_both_sizes_show_the_same_frame_and_batches_follow_from_the_step() -> None:
    pairs = still_pairs(CartoonWorld(0, 1).draws([1, 2]), 32, 2, 3, seed=5)
    small, large = pairs(4, 0, 1)
    assert (small.shape, large.shape) == ((3, 32, 32, 3), (3, 64, 64, 3))
    reduced = large.float().view(3, 32, 2, 32, 2, 3).mean(dim=(2, 4))
    assert (reduced - small).abs().mean() < 6
    assert torch.equal(pairs(4, 0, 1).large, large)
    assert not torch.equal(pairs(5, 0, 1).large, large)
    assert not torch.equal(pairs(4, 1, 2).large, large)


def test_any_videos_will_do(folder: Path) -> None:
    videos = Videos(folder)
    small, large = still_pairs(FilmDraws(videos, videos.films("train")), 16, 2, 3, seed=5)(0, 0, 1)
    assert (small.shape, large.shape) == ((3, 16, 16, 3), (3, 32, 32, 3))
    means = large.double().view(3, 16, 2, 16, 2, 3).mean(dim=(2, 4))
    assert (small - means).abs().mean() < 12  # the same frames; noise, made small in two ways


def test_training_gains_on_enlarging(vae: TKLVAE, tmp_path: Path) -> None:
    torch.manual_seed(0)
    decoder = HDDecoder.of(vae, 4, (8,))
    pairs = still_pairs(CartoonWorld(0, 1).draws([1]), 16, 4, 2)
    loss = HDLoss(vae=vae, noise=0.0)
    fixed = pairs(0, 0, 1)
    before, _ = loss(decoder, fixed, torch.Generator().manual_seed(0))
    config = TrainConfig(steps=15, batch=2, muon_lr=5e-3, adam_lr=5e-3, warmup=2)
    made = train(decoder, loss, lambda step, rank, world: fixed, config, tmp_path)
    after, told = loss(made, fixed, torch.Generator().manual_seed(0))
    assert after < 0.8 * before
    assert set(told) == {"psnr"}
    assert hd_sheet(made, vae, CartoonWorld(0, 1).draws([7]), 16).shape == (2 * 64, 3 * 64, 3)
