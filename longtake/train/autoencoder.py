"""Training T-KLVAE: the frame-wise autoencoder on stills, then the decoder for latents that were drawn."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from longtake.data.footage import Draws, draw_stills
from longtake.models.pixels import to_model, to_pixels
from longtake.models.vae import TKLVAE
from longtake.train.loop import step_seed

FrameBatches = Callable[[int, int, int], Tensor]


def still_batches(draws: Draws, size: int, batch: int, seed: int = 0, turned: float = 0.0) -> FrameBatches:
    """Batches of single frames, uint8 `[batch, 1, size, size, 3]`.

    A share `turned` of them is turned by a quarter, a half or three, every second of these mirrored as well:
    what stands in training must not look strange to the autoencoder where it lies.
    """

    def batches(step: int, rank: int, world: int) -> Tensor:
        chance = random.Random(step_seed(seed, step, rank))
        stills = draw_stills(draws, chance, batch, size)
        for still in stills:
            if chance.random() < turned:
                still[:] = np.rot90(still, chance.randrange(1, 4))[:, :: chance.choice((1, -1))].copy()
        return torch.from_numpy(stills)[:, None]

    return batches


def clip_batches(draws: Draws, size: int, batch: int, length: int, seed: int = 0) -> FrameBatches:
    """Batches of clips, mostly of neighbouring frames: uint8 `[batch, length, size, size, 3]`.

    A clip of a shorter film stands still at its end.
    """

    def batches(step: int, rank: int, world: int) -> Tensor:
        chance = random.Random(step_seed(seed, step, rank))
        clips = [draws.clip(chance, length, mix=(0.8, 0.1, 0.05, 0, 0, 0.05)) for _ in range(batch)]
        pixels = [clip.pixels(size) for clip in clips]
        whole = [np.concatenate([part, *[part[-1:]] * (length - len(part))]) for part in pixels]
        return torch.from_numpy(np.stack(whole))

    return batches


def distance(drawn: Tensor, true: Tensor) -> Tensor:
    """Of pictures in [-1, 1]: L1, squares, and L1 of the steps between pixels, which keeps edges sharp.

    Squares weigh most: a small thing that is missing (a ball, a hand) is a few large errors.
    """
    error = drawn - true
    edges = error.diff(dim=-1).abs().mean() + error.diff(dim=-2).abs().mean()
    return 0.5 * error.abs().mean() + 4 * error.square().mean() + 0.5 * edges


def psnr(drawn: Tensor, true: Tensor) -> Tensor:
    """Peak signal-to-noise ratio in dB of values in [-1, 1]."""
    return 10 * torch.log10(4 / (drawn.float() - true).square().mean())


def spoil(latents: Tensor, most: float, generator: torch.Generator) -> Tensor:
    """Normalised latents `[B, T, C, h, w]` with noise, of a deviation from 0 to `most` in each clip."""
    noise = torch.randn(latents.shape, generator=generator, device=latents.device)
    level = most * torch.rand(len(latents), generator=generator, device=latents.device)
    return latents + level[:, None, None, None, None] * noise


@dataclass(frozen=True, kw_only=True)
class StillLoss:
    """Reconstruction of single frames through noisy latents, and a small pull of these to the normal law."""

    kl_weight: float  # per latent number; 2e-3 makes the latents' noise about a tenth of their spread

    def __call__(
        self, model: TKLVAE, batch: Tensor, generator: torch.Generator
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """`batch` uint8 `[B, 1, H, W, 3]` -> loss and PSNR, KL, share of noise."""
        video = to_model(batch)
        b, t, _, height, width = video.shape
        shape = (b, t, model.config.latent_channels, height // model.factor, width // model.factor)
        noise = torch.randn(shape, generator=generator, device=video.device)
        decoded, posterior = model(video, noise, framewise=True)
        kl = posterior.kl()
        spread = posterior.mean.detach().std(dim=(0, 1, 3, 4))
        share = (posterior.logvar.detach().exp().mean(dim=(0, 1, 3, 4)).sqrt() / spread).mean()
        return distance(decoded, video) + self.kl_weight * kl, {
            "psnr": psnr(decoded, video).detach(),
            "kl": kl,
            "noise": share,
        }


@dataclass(frozen=True, kw_only=True)
class DecoderLoss:
    """Reconstruction of clips with the encoder frozen, as leaves are decoded: alone, from noisy latents.

    Every clip is cut in two leaves that share a frame; what they make of it must agree.
    """

    noise: float  # standard deviation, of normalised latents

    def __call__(
        self, model: TKLVAE, batch: Tensor, generator: torch.Generator
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """`batch` uint8 `[B, 2 T - 1, H, W, 3]` -> loss, PSNR and the disagreement on the shared frame."""
        video = to_model(batch)
        latents = model.encode_latents(video)
        noise = torch.randn(latents.shape, generator=generator, device=latents.device)
        latents, middle = model.denormalise(latents + self.noise * noise), video.shape[1] // 2
        first, second = model.decode(latents[:, : middle + 1]), model.decode(latents[:, middle:])
        disagree = (first[:, -1] - second[:, 0]).abs().mean()
        decoded, true = (
            torch.cat([first, second], 1),
            torch.cat([video[:, : middle + 1], video[:, middle:]], 1),
        )
        values = {"psnr": psnr(decoded, true).detach(), "disagree": disagree.detach()}
        return distance(decoded, true) + 0.5 * disagree, values


@dataclass(frozen=True, kw_only=True)
class NoisyStillLoss:
    """Reconstruction of single frames with the encoder frozen, from latents as inexact as drawn ones are."""

    noise: float  # standard deviation at most, of normalised latents; of each frame from 0 to this

    def __call__(
        self, model: TKLVAE, batch: Tensor, generator: torch.Generator
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """`batch` uint8 `[B, 1, H, W, 3]` -> loss and PSNR."""
        video = to_model(batch)
        latents = model.encode_latents(video)
        spoilt = model.denormalise(spoil(latents, self.noise, generator))
        decoded = model.decode(spoilt, framewise=True)
        return distance(decoded, video), {"psnr": psnr(decoded, video).detach()}


@torch.no_grad()
def latent_statistics(
    model: TKLVAE, draws: Draws, size: int, count: int = 1024
) -> tuple[list[float], list[float]]:
    """Mean and standard deviation per latent channel over `count` frames."""
    frames = draw_stills(draws, random.Random(1), count, size)
    means = [
        model.encode(to_model(part)[:, None].to(model.device), framewise=True).mean
        for part in np.array_split(frames, max(1, count // 64))
    ]
    latents = torch.cat(means)
    return latents.mean(dim=(0, 1, 3, 4)).tolist(), latents.std(dim=(0, 1, 3, 4)).tolist()


@torch.no_grad()
def reconstruction_sheet(model: TKLVAE, draws: Draws, size: int, count: int = 16) -> np.ndarray:
    """Frames above what the autoencoder makes of them: uint8 picture."""
    frames = draw_stills(draws, random.Random(5), count, size)
    decoded = to_pixels(model(to_model(frames)[:, None].to(model.device), framewise=True)[0][:, 0])
    rows = [
        np.concatenate(list(part), axis=1)
        for half in np.split(np.arange(count), 2)
        for part in (frames[half], decoded[half])
    ]
    return np.concatenate(rows, axis=0)
