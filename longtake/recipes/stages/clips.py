"""The clips that the denoiser learns from: drawn from the films, encoded once, kept; and batches of them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from rich.progress import Progress

from longtake.conditions.text import SmallTextEncoder
from longtake.data.footage import CLIP_FRAMES
from longtake.machine import has_bf16
from longtake.models.pixels import to_model
from longtake.models.vae import TKLVAE
from longtake.recipes.recipe import ClipsPart
from longtake.recipes.stages.autoencoder import AUTOENCODER
from longtake.recipes.stages.stage import Run, Stage
from longtake.recipes.stages.text import TEXT
from longtake.train.checkpoint import weights_digest
from longtake.train.clip_cache import build_cache, open_cache
from longtake.train.denoiser import ClipBatch, cached_batches, encode_captions, wide_from
from longtake.train.feed import spare_cores
from longtake.train.loop import TrainConfig
from longtake.train.processes import own_device, place


def _encode_clips(run: Run) -> None:
    recipe, (rank, world) = run.recipe, place()
    vae: TKLVAE = AUTOENCODER.network(run, run.device)
    kind = torch.device(run.device).type

    @torch.no_grad()
    def encode(clips: np.ndarray) -> np.ndarray:
        with torch.autocast(kind, torch.bfloat16, enabled=has_bf16(kind)):
            mean = vae.encode(to_model(clips).to(run.device), framewise=True).mean
        return vae.normalise(mean).half().cpu().numpy()

    done = build_cache(
        run.out / CLIPS.leaves,
        recipe.clips.count,
        encode,
        run.footage.draws(run.footage.films("train")),
        recipe.size,
        references=recipe.clips.references,
        seed=recipe.seed,
        maker=weights_digest(vae.encoder),
        footage=run.footage.name,
        share=(rank, world),
        workers=spare_cores(run.device, world),
    )
    with Progress(disable=rank > 0) as progress:
        task = progress.add_task(CLIPS.name, total=-(-recipe.clips.count // world))
        for clips in done:
            progress.update(task, completed=clips)


def batches_of_clips(
    run: Run, training: TrainConfig, seed: int, encoder: SmallTextEncoder
) -> tuple[Callable[[int, int, int], ClipBatch], float]:
    """Batches of the run's clips, of one shape for a compiled network; the spacing of keyframes."""
    part, cache = run.recipe.clips, open_cache(run.out / CLIPS.leaves)
    if len(cache) < part.count:
        raise ValueError(
            f"{len(cache)} of {part.count} clips are in {run.out}: run the stage '{CLIPS.name}' again"
        )
    batches = cached_batches(
        cache,
        encode_captions(cache.captions, encoder, run.out / TEXT.name),
        training.batch,
        seed=seed,
        prompts=training.batch * (CLIP_FRAMES + part.references) + 1 if training.compile else None,
        lengths=clip_lengths(part),
        device=own_device(run.device),
    )
    return batches, wide_from(cache)


def clip_lengths(part: ClipsPart) -> dict[int, float]:
    """Frames of a training clip -> share of the steps that draw so many, references counted in."""
    short = dict.fromkeys(range(4, 15), part.short_steps / 11) if part.short_steps else {}
    longer = {CLIP_FRAMES + part.references: part.reference_steps} if part.references else {}
    return {CLIP_FRAMES: 1 - part.short_steps - part.reference_steps, **short, **longer}


CLIPS = Stage(name="latents", run=_encode_clips, leaves="latents")
