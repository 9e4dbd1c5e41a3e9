"""Training the Mask Temporal Diffusion network on cached latents."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from longtake.conditioning.text import PromptEncoder
from longtake.data.latents import ClipCache
from longtake.diffusion.loss import DiffusionLoss
from longtake.diffusion.masks import draw_masks
from longtake.train.loop import step_seed

__all__ = ["ClipBatch", "MaskedClipLoss", "cached_batches"]

_WIDE = 60  # mean spacing in frames from which a clip counts as one of keyframes


class ClipBatch(NamedTuple):
    """A batch as the denoiser's loss takes it."""

    latents: Tensor  # [B, T, C, H, W], float16
    time: Tensor  # [B, T], film frames since the clip's start
    text: Tensor  # [P, N, D], row 0 is the unconditional prompt
    prompt: Tensor  # [B, T], rows of text


def cached_batches(
    cache: ClipCache,
    encoder: PromptEncoder,
    batch: int,
    *,
    seed: int = 0,
    prompts: int | None = None,
    lengths: Mapping[int, float] | None = None,
) -> Callable[[int, int, int], ClipBatch]:
    """Batches from a cache, as a function of step and rank: every clip once per epoch, in a shuffled order.

    What is left of an epoch and too little for a batch is skipped.

    Args:
        batch: clips of one process.
        prompts: rows of `text`, padded with the unconditional prompt, so that shapes stay the same
            (torch.compile); None: as many as there are.
        lengths: shares of clip lengths T in steps; shorter clips are stretches of the cached ones.
            None: whole clips.
    """
    with torch.no_grad():
        null = encoder.encode([""])
    whole = cache.latents.shape[1]
    choices, shares = zip(*(lengths or {whole: 1.0}).items(), strict=True)

    @torch.no_grad()
    def batches(step: int, rank: int, world: int) -> ClipBatch:
        rows = _shuffled_rows(len(cache), batch, step * world + rank, seed)
        chance = np.random.default_rng(step_seed(seed, step, 0) & 0xFFFFFFFF)  # one length for all processes
        length = int(chance.choice(choices, p=np.array(shares) / sum(shares)))
        start = int(chance.integers(whole - length + 1))
        part = slice(start, start + length)
        numbers = cache.numbers[rows][:, part]
        distinct, prompt = np.unique(cache.prompts[rows][:, part], return_inverse=True)
        text = torch.cat([null, encoder.encode([cache.captions[k] for k in distinct])])
        if prompts is not None:
            text = torch.cat([text, null.expand(prompts - len(text), -1, -1)])
        return ClipBatch(
            torch.from_numpy(cache.latents[rows][:, part]),
            torch.from_numpy(numbers - numbers[:, :1]).float(),
            text,
            torch.from_numpy(prompt.reshape(batch, length).astype(np.int64)) + 1,
        )

    return batches


def _shuffled_rows(count: int, batch: int, number: int, seed: int) -> np.ndarray:
    """Clips of the `number`-th batch: a new shuffle per epoch, batches never span two epochs."""
    if count < batch:
        raise ValueError(f"a cache of {count} clips is too small for batches of {batch}")
    epoch, place = divmod(number, count // batch)
    order = np.random.default_rng([seed, epoch]).permutation(count)
    return np.sort(order[place * batch : (place + 1) * batch])


@dataclass(frozen=True, kw_only=True)
class MaskedClipLoss:
    """The diffusion loss under a mix of mask regimes that depends on how far a clip's frames are apart."""

    diffusion: DiffusionLoss
    text_dropout: float  # share of clips that lose their prompts
    compiled_length: int = 16  # frames; the one clip length for which a compiled network is used
    wide: Mapping[str, float] = field(  # regimes of keyframes
        default_factory=lambda: {
            "none": 0.75,
            "ends": 0.05,
            "first_k": 0.10,
            "frames": 0.08,
            "rectangles": 0.02,
        }
    )
    narrow: Mapping[str, float] = field(  # regimes of gaps
        default_factory=lambda: {
            "none": 0.08,
            "ends": 0.66,
            "first_k": 0.11,
            "frames": 0.12,
            "rectangles": 0.03,
        }
    )

    def __call__(
        self, net: Any, batch: ClipBatch, generator: torch.Generator
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Loss of a batch; the metrics tell it per quarter of the noise level."""
        _, length, _, height, width = batch.latents.shape
        if length != self.compiled_length:  # other shapes would be compiled anew: they run as they are
            net = getattr(net, "_orig_mod", net)
        spacing = (batch.time[:, -1] / max(1, length - 1)).tolist()
        mixes = [self.wide if s >= _WIDE else self.narrow for s in spacing]
        mask = draw_masks(mixes, length, height, width, generator)
        return self.diffusion(
            net,
            batch.latents.float(),
            batch.time,
            batch.text,
            batch.prompt,
            mask,
            null_prompt=0,
            text_dropout=self.text_dropout,
            generator=generator,
        )
