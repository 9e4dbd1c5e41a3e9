"""The denoiser, which draws clips, and the one of fewer steps that is made of it."""

from __future__ import annotations

import copy

import numpy as np

from longtake.conditions.text import SmallTextEncoder
from longtake.data.footage import films_to_show
from longtake.diffusion import SCHEDULES, DiffusionLoss
from longtake.models.load import network_in
from longtake.models.unet import MaskTemporalUNet
from longtake.recipes.recipe import DenoiserPart
from longtake.recipes.stages.autoencoder import AUTOENCODER
from longtake.recipes.stages.clips import batches_of_clips
from longtake.recipes.stages.stage import Run, Stage, check_own, let_train
from longtake.recipes.stages.text import TEXT
from longtake.train.denoiser import WIDE, MaskedClipLoss
from longtake.train.distil import DistilLoss
from longtake.train.drafts import Drafts
from longtake.train.loop import train
from longtake.train.samples import keyframe_sheet

START = "model/begun"  # in a run's folder: the denoiser of another model that its own starts as


def _train_denoiser(run: Run) -> None:
    recipe, part = run.recipe, run.recipe.denoiser
    encoder: SmallTextEncoder = TEXT.network(run)
    batches, wide = batches_of_clips(run, part.training, recipe.seed, encoder)
    vae = AUTOENCODER.network(run)
    if (run.out / START).exists():
        network = network_in(run.out / START).requires_grad_(False)
    else:
        check_own(recipe, "denoiser", part.network)
        network = MaskTemporalUNet(**part.network)
    let_train(network, network, recipe)

    def sheet(drawing: MaskTemporalUNet, step: int) -> np.ndarray:
        how, films = (SCHEDULES[part.schedule], part.prediction), films_to_show(run.footage, 2)
        return keyframe_sheet(drawing, vae, encoder, *how, run.footage, films, recipe.size)

    loss, folder = denoising_loss(part, wide), run.out / DENOISER.name
    DENOISER.save(run, train(network, loss, batches, part.training, folder, sheet, run.device))


def _distil(run: Run) -> None:
    """The denoiser becomes a student of it: fewer steps, no guidance."""
    recipe, part, denoiser = run.recipe, run.recipe.distillation, run.recipe.denoiser
    if part.training is None:
        raise ValueError(f"the recipe {recipe.name} has no distillation: leave this stage out")
    # Other batches than those of the first steps of the denoiser.
    batches, wide = batches_of_clips(run, part.training, recipe.seed + 1, TEXT.network(run))
    teacher: MaskTemporalUNet = DENOISER.network(run, run.device)
    loss = DistilLoss(
        teacher=teacher,
        schedule=SCHEDULES[denoiser.schedule],
        prediction=denoiser.prediction,
        substeps=part.substeps,
        guided=denoiser.sampling,
        aimed=part.aimed,
        wide_from=wide,
    )
    student, folder = copy.deepcopy(teacher).requires_grad_(True), run.out / DISTILLATION.name
    DISTILLATION.save(run, train(student, loss, batches, part.training, folder, device=run.device))


def denoising_loss(part: DenoiserPart, wide: float = WIDE) -> MaskedClipLoss:
    """What the denoiser is trained on; clips count as keyframes from a spacing of `wide` frames on."""
    diffusion = DiffusionLoss(
        schedule=SCHEDULES[part.schedule],
        prediction=part.prediction,
        time_mean=part.time_mean,
        time_std=part.time_std,
        terminal_share=0.02,
        known_noise_max=part.known_noise,
    )
    drafts = Drafts(coarse=part.drafts.coarse, between=part.drafts.between, noise=part.drafts.noise)
    return MaskedClipLoss(
        diffusion=diffusion,
        text_dropout=part.text_dropout,
        weights=part.weights,
        small=part.small,
        drafts=drafts if part.network.get("drafted") else None,
        wide_from=wide,
    )


DENOISER = Stage(
    name="denoiser",
    run=_train_denoiser,
    leaves="model/unet",
    training=lambda recipe: recipe.denoiser.training,
    examples=lambda recipe: "clips",
)
DISTILLATION = Stage(
    name="distillation",
    run=_distil,
    leaves="model/student",
    needed=lambda recipe, footage: recipe.distillation.training is not None,
    training=lambda recipe: recipe.distillation.training,
    examples=lambda recipe: "clips",
)
