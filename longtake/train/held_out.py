"""What a model of any films learnt: how well frames come back, how well it denoises clips of each level."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

from longtake.conditions.text import PromptEncoder
from longtake.data.footage import CLIP_FRAMES, Draws, Excerpt, Footage, draw_stills
from longtake.diffusion.loss import DiffusionLoss
from longtake.given import Given
from longtake.models.pixels import to_model
from longtake.models.vae import TKLVAE
from longtake.train.autoencoder import psnr
from longtake.train.denoiser import given_of_clip

LEVELS = ("keyframes", "gaps", "leaves")
_GAP = 15  # frames between those of a gap, in a film that needs three levels
_DRAWN = 4  # noise levels for every clip
_STILLS = 64  # frames that are encoded and decoded
_AT_ONCE = 16  # of them


@torch.no_grad()
def reconstruction(vae: TKLVAE, draws: Draws, size: int) -> float:
    """PSNR in dB of 64 frames that were encoded and decoded one by one."""
    frames = to_model(draw_stills(draws, random.Random(2), _STILLS, size))[:, None]
    decoded = [
        vae.decode_latents(vae.encode_latents(part.to(vae.device))).cpu()
        for part in torch.split(frames, _AT_ONCE)
    ]
    return float(psnr(torch.cat(decoded), frames))


def level_clips(footage: Footage, films: Sequence[int], level: str, count: int) -> Iterator[Excerpt]:
    """At most `count` clips as films of these lengths have them at a level (see `LEVELS`).

    Keyframes span their film; gaps have 15 frames from one to the next, in films that are longer than two
    levels reach; the frames of leaves are neighbours, in films that have more than one level.
    """
    chance = random.Random(3)
    room = {film: (footage.length(film) - 1) / (CLIP_FRAMES - 1) for film in films}
    least = {"keyframes": 0.0, "gaps": float(_GAP), "leaves": 1.0}[level]
    fitting = [film for film in films if room[film] > least or level == "keyframes"]
    for film in chance.choices(fitting, k=count) if fitting else ():
        frames = min(CLIP_FRAMES, footage.length(film))
        spacing = {"keyframes": max(1.0, room[film]), "gaps": float(_GAP), "leaves": 1.0}[level]
        last = int(spacing * (frames - 1))
        first = chance.randint(0, footage.length(film) - 1 - last)
        numbers = tuple(float(first + int(spacing * k)) for k in range(frames))
        yield Excerpt(footage=footage, film=film, numbers=numbers)


@torch.no_grad()
def denoising(
    net: Any,
    vae: TKLVAE,
    encoder: PromptEncoder,
    diffusion: DiffusionLoss,
    clips: Sequence[Excerpt],
    size: int,
    ends: bool,  # whether the first and the last frame are known
) -> tuple[float, float]:
    """The training loss of clips under their captions, and that of a network which always answers 0."""
    losses = []
    for number, clip in enumerate(clips):
        latents = vae.encode_latents(to_model(clip.pixels(size))[None].to(vae.device))
        mask = torch.zeros_like(latents[:, :, :1])
        if ends and len(clip.numbers) > 2:
            mask[:, [0, -1]] = 1
        once = given_of_clip(encoder.encode(["", *clip.captions]), clip.numbers, latents, mask)
        several = torch.zeros(_DRAWN, dtype=torch.long, device=latents.device)  # the one clip again and again
        pair = []
        for each in (net, _nothing):
            same = torch.Generator(latents.device).manual_seed(number)
            loss, _ = diffusion(each, latents[several], once.rows(several), generator=same)
            pair.append(float(loss))
        losses.append(pair)
    ours, nothing = torch.tensor(losses).mean(dim=0).tolist()
    return ours, nothing


def _nothing(x: Tensor, t: Tensor, given: Given) -> Tensor:
    return torch.zeros_like(x)
