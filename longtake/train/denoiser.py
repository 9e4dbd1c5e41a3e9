"""Training the Mask Temporal Diffusion network on cached latents."""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from rich.progress import track
from torch import Tensor

from longtake.conditions.text import SmallTextEncoder
from longtake.diffusion.loss import DiffusionLoss
from longtake.diffusion.masks import draw_masks
from longtake.files import written_whole
from longtake.given import Given
from longtake.machine import has_bf16
from longtake.models.latents import halved
from longtake.train.checkpoint import weights_digest
from longtake.train.clip_cache import ClipCache
from longtake.train.drafts import Drafts
from longtake.train.loop import step_seed
from longtake.train.processes import place

_CHUNK = 256  # captions encoded together
WIDE = 60  # median spacing in frames from which a clip counts as one of keyframes
_LEAF = 2  # median spacing in frames below which a clip counts as a leaf


class ClipBatch(NamedTuple):
    """A batch as the denoiser's loss takes it."""

    latents: Tensor  # [B, T, C, H, W], float16
    time: Tensor  # [B, T], film frames since the clip's start; references may lie before it
    text: Tensor  # [P, N, D], row 0 is the unconditional prompt
    prompt: Tensor  # [B, T], rows of text
    reference: Tensor  # [B, T], bool: frames from elsewhere in the film, as many in every clip

    def given(self, mask: Tensor) -> Given:
        """What a network is given, the clips' own latents being known where `mask[B, T, 1, H, W]` is 1."""
        return Given(
            time=self.time, text=self.text, prompt=self.prompt, known=self.latents.float(), mask=mask
        )


def given_of_clip(text: Tensor, numbers: Sequence[float], known: Tensor, mask: Tensor) -> Given:
    """One clip of film frames `numbers`, frame k under row k + 1 of `text`; the rest is as in `Given`."""
    time = torch.tensor([numbers], device=known.device).float()
    return Given(
        time=time - time[:, :1],
        text=text.to(known.device),
        prompt=torch.arange(1, len(numbers) + 1, device=known.device)[None],
        known=known,
        mask=mask,
    )


def encode_captions(captions: Sequence[str], encoder: SmallTextEncoder, keep: Path) -> Tensor:
    """Tokens `[1 + P, N, D]`, float16, of the unconditional prompt and all captions, encoded once.

    They stay in the folder `keep`, under a name that changes with the encoder and the captions.
    """
    contents = [list(captions), dict(encoder.config), weights_digest(encoder)]
    digest = hashlib.sha256(json.dumps(contents, default=str).encode()).hexdigest()
    path = keep / f"text-{digest[:16]}.npy"
    if not path.exists():
        starts = track(range(0, len(captions), _CHUNK), "captions", disable=place()[0] > 0)
        with torch.no_grad(), torch.autocast("cpu", torch.bfloat16, enabled=has_bf16("cpu")):
            null = encoder.encode([""]).half()
            parts = [encoder.encode(captions[start : start + _CHUNK]).half() for start in starts]
        tokens = torch.cat([null, *parts])  # autocast on a CPU refuses to join float16
        with written_whole(path) as aside, aside.open("wb") as file:
            np.save(file, tokens.numpy())
    return torch.from_numpy(np.load(path))


def cached_batches(
    cache: ClipCache,
    text: Tensor,
    batch: int,
    *,
    seed: int = 0,
    prompts: int | None = None,
    lengths: Mapping[int, float] | None = None,
    device: str | torch.device = "cpu",
) -> Callable[[int, int, int], ClipBatch]:
    """Batches from a cache, as a function of step and rank: every clip once per epoch, in a shuffled order.

    What is left of an epoch and too little for a batch is skipped. A batch has clips of one length. Clips of
    films that are shorter than T have steps of their own, as many as their share of the cache; so have single
    pictures, which are clips of one frame.

    Args:
        text: of the cache's captions, by `encode_captions`.
        batch: clips of one process.
        prompts: rows of `text` in a batch, padded with the unconditional prompt, so that shapes stay the same
            (torch.compile); None: as many as there are.
        lengths: shares of clip lengths in the steps of whole clips; shorter ones are stretches of them, and
            the longest one there can be has the clip's references among its frames. Left out is a length of
            which there are fewer clips than a batch. None: whole clips.
        device: where all latents and texts are kept, and the batches are put together.
    """
    whole = cache.latents.shape[1] - cache.references
    latents, text = torch.from_numpy(cache.latents).to(device), text.to(device)
    pools = _pools(cache, batch, lengths or {whole: 1.0})
    shares = np.array([pool.share for pool in pools])

    def batches(step: int, rank: int, world: int) -> ClipBatch:
        chance = np.random.default_rng(step_seed(seed, step, 0) & 0xFFFFFFFF)  # one length for all processes
        pool = pools[chance.choice(len(pools), p=shares / sum(shares))]
        length = pool.length
        rows = pool.clips[_shuffled_rows(len(pool.clips), batch, step * world + rank, seed)]
        if length > whole:
            columns = np.argsort(cache.numbers[rows], axis=1)
        else:
            start = int(chance.integers(pool.frames - length + 1))
            columns = np.tile(np.arange(start, start + length), (batch, 1))
        chosen = rows[:, None], columns
        first = np.min(np.where(columns < whole, cache.numbers[chosen], np.inf), axis=1)
        distinct, prompt = np.unique(cache.prompts[chosen], return_inverse=True)
        needed = np.concatenate([[0], distinct + 1])
        if prompts is not None:
            needed = np.concatenate([needed, np.zeros(prompts - len(needed), needed.dtype)])
        return ClipBatch(
            latents[torch.from_numpy(rows)[:, None], torch.from_numpy(columns)],
            torch.from_numpy(cache.numbers[chosen] - first[:, None]).float(),
            text[torch.from_numpy(needed.astype(np.int64)).to(device)].float(),
            torch.from_numpy(prompt.reshape(batch, length).astype(np.int64)) + 1,
            torch.from_numpy(columns >= whole),
        )

    return batches


class _Pool(NamedTuple):
    """Clips that make batches of one length."""

    length: int  # frames of a clip in the batch, references counted
    frames: int  # that each of the clips has at least, references not counted
    clips: np.ndarray  # places in the cache
    share: float  # of the steps


def _pools(cache: ClipCache, batch: int, lengths: Mapping[int, float]) -> list[_Pool]:
    """What batches are made of; raises ValueError where a batch is larger than the cache."""
    whole, frames = cache.latents.shape[1] - cache.references, cache.frames
    pools, waiting = [], np.flatnonzero(frames == whole)
    if len(waiting) >= batch:
        for length, share in lengths.items():
            clips = np.flatnonzero(cache.referring) if length > whole else waiting
            if len(clips) >= batch:
                pools.append(_Pool(length, whole, clips, share * len(waiting) / len(cache)))
        waiting = waiting[:0]
    for length in range(whole - 1, 0, -1):  # too few clips of a length are cut to the next one
        waiting = np.sort(np.concatenate([waiting, np.flatnonzero(frames == length)]))
        if len(waiting) >= batch:
            pools.append(_Pool(length, length, waiting, len(waiting) / len(cache)))
            waiting = waiting[:0]
    if pools and len(waiting):
        pools.append(_Pool(1, 1, np.resize(waiting, batch), len(waiting) / len(cache)))
    if not pools:
        raise ValueError(f"a cache of {len(cache)} clips is too small for batches of {batch}")
    return pools


def wide_from(cache: ClipCache) -> float:
    """The median spacing in frames from which a clip of this cache counts as one of keyframes.

    That is `WIDE`, or half of the widest spacing where the films are too short for that.
    """
    own = cache.numbers[:, : cache.numbers.shape[1] - cache.references]
    spacings = np.diff(own[cache.frames > 1], axis=1)
    widest = np.nanmedian(spacings, axis=1).max() if len(spacings) else 0.0
    return min(WIDE, max(_LEAF, widest / 2))


def _shuffled_rows(count: int, batch: int, number: int, seed: int) -> np.ndarray:
    """Clips of the `number`-th batch: a new shuffle per epoch, batches never span two epochs."""
    epoch, place = divmod(number, count // batch)
    order = np.random.default_rng([seed, epoch]).permutation(count)
    return np.sort(order[place * batch : (place + 1) * batch])


@dataclass(frozen=True, kw_only=True)
class MaskedClipLoss:
    """The diffusion loss under a mix of mask regimes that depends on how far a clip's frames are apart."""

    diffusion: DiffusionLoss
    text_dropout: float  # share of clips that lose their prompts
    compiled_lengths: Container[int] = (16, 18)  # frames; clip lengths for which a compiled net is used
    weights: tuple[float, float, float] = (1.0, 1.0, 1.0)  # of keyframes, gaps, leaves
    small: float = 0.0  # share of batches at half the latents' size: the first stage of a cascade
    drafts: Drafts | None = None  # what clips are shown of themselves; for a network that takes drafts
    wide_from: float = WIDE  # median spacing of keyframes, in frames
    known_references: float = 0.85  # share of clips whose references are known; else they are drawn as well
    wide: Mapping[str, float] = field(  # regimes of keyframes
        default_factory=lambda: {
            "none": 0.72,
            "ends": 0.04,
            "first_k": 0.10,
            "frames": 0.06,
            "stretch": 0.06,
            "rectangles": 0.02,
        }
    )
    narrow: Mapping[str, float] = field(  # regimes of gaps
        default_factory=lambda: {
            "none": 0.12,
            "ends": 0.60,
            "first_k": 0.16,
            "frames": 0.06,
            "stretch": 0.04,
            "rectangles": 0.02,
        }
    )

    def __call__(
        self, net: Any, batch: ClipBatch, generator: torch.Generator
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Loss of a batch; the metrics tell it per quarter of the noise level."""
        # Not drawn from the generator: on an accelerator one would wait for the number.
        if random.Random(generator.initial_seed()).random() < self.small:
            batch = batch._replace(latents=halved(batch.latents.float()))
        length = batch.latents.shape[1]
        if length not in self.compiled_lengths:  # other shapes would be compiled anew: they run as they are
            net = getattr(net, "_orig_mod", net)
        mask = known_cells(batch, self.wide, self.narrow, self.known_references, generator, self.wide_from)
        latents, given = batch.latents.float(), batch.given(mask)
        if self.drafts is not None:
            given = self.drafts(latents, given, batch.reference, self.diffusion.schedule, generator)
        return self.diffusion(
            net,
            latents,
            given,
            generator=generator,
            text_dropout=self.text_dropout,
            weight=batch.latents.new_tensor(self.weights, dtype=torch.float32)[kinds(batch, self.wide_from)],
        )


def kinds(batch: ClipBatch, wide_from: float = WIDE) -> Tensor:
    """0, 1, 2 `[B]` for clips of keyframes, gaps, leaves, by median spacing; a single frame is a leaf."""
    steps = batch.time.diff(dim=1) if batch.time.shape[1] > 1 else torch.zeros_like(batch.time)
    spacing = steps.median(dim=1).values
    return (spacing < wide_from).long() + (spacing < _LEAF).long()


def known_cells(
    batch: ClipBatch,
    wide: Mapping[str, float],
    narrow: Mapping[str, float],
    known_references: float,
    generator: torch.Generator,
    wide_from: float = WIDE,
) -> Tensor:
    """Masks `[B, T, 1, H, W]`, 1 = known: regimes by the clips' spacing, references in a share of clips."""
    clips, length, _, height, width = batch.latents.shape
    own = length - int(batch.reference[0].sum())  # frames of the clip itself
    mixes = [wide if kind == 0 else narrow for kind in kinds(batch, wide_from).tolist()]
    drawn = draw_masks(mixes, own, height, width, generator)
    if own == length:
        return drawn
    chance = torch.rand(clips, generator=generator, device=generator.device)
    mask = (chance < known_references).float()[:, None, None, None, None].repeat(1, length, 1, height, width)
    mask[~batch.reference] = drawn.flatten(0, 1)
    return mask
