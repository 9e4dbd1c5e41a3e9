"""The autoencoder, and what makes its decoder better once there is no more to encode."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from longtake.data.footage import films_to_show
from longtake.models.upsampler import HDDecoder
from longtake.models.vae import TKLVAE
from longtake.recipes.recipe import Recipe
from longtake.recipes.stages.stage import Run, Stage, check_own, let_train
from longtake.train.autoencoder import (
    DecoderLoss,
    NoisyStillLoss,
    StillLoss,
    clip_batches,
    latent_statistics,
    reconstruction_sheet,
    still_batches,
)
from longtake.train.hd import HDLoss, hd_sheet, still_pairs
from longtake.train.loop import train

_SHOWN = 64  # films that sheets are of
_PAIR = 31  # frames of two leaves that share one


def _train_autoencoder(run: Run) -> None:
    recipe, part = run.recipe, run.recipe.autoencoder
    check_own(recipe, "autoencoder", part.network)
    films = run.footage.films("train")
    batches = still_batches(
        run.footage.draws(films), recipe.size, part.training.batch, recipe.seed, part.turned
    )
    loss = StillLoss(kl_weight=part.kl_weight)
    network = train(
        TKLVAE(**part.network),
        loss,
        batches,
        part.training,
        run.out / AUTOENCODER.name,
        _sheet(run),
        **run.where,
    )
    network.set_statistics(*latent_statistics(network, run.footage.draws(films[:400]), recipe.size))
    AUTOENCODER.save(run, network)


def _train_decoder(run: Run) -> None:
    recipe, part = run.recipe, run.recipe.decoder
    network: TKLVAE = AUTOENCODER.network(run, run.device)
    let_train(network, network.decoder, recipe)
    if not any(parameter.requires_grad for parameter in network.parameters()):
        return  # inflating added nothing to it: it stays as it is
    draws, batch = run.footage.draws(run.footage.films("train")), part.training.batch
    loss: DecoderLoss | NoisyStillLoss
    if network.config.temporal_decoder:
        loss = DecoderLoss(noise=part.latent_noise)
        batches = clip_batches(draws, recipe.size, batch, _PAIR, recipe.seed)
    else:
        loss = NoisyStillLoss(noise=part.latent_noise)
        seed = recipe.seed + 1  # others than the encoder's
        batches = still_batches(draws, recipe.size, batch, seed, recipe.autoencoder.turned)
    folder = run.out / DECODER.name
    DECODER.save(run, train(network, loss, batches, part.training, folder, _sheet(run), **run.where))


def _decoder_examples(recipe: Recipe) -> str:
    """One that looks along time, as it does unless told otherwise, learns from clips."""
    return "clips" if recipe.autoencoder.network.get("temporal_decoder", True) else "frames"


def _train_hd(run: Run) -> None:
    """The decoder with finer levels behind it."""
    recipe, part = run.recipe, run.recipe.hd
    if part.training is None:
        raise ValueError(f"the recipe {recipe.name} has no HD decoder: leave this stage out")
    vae: TKLVAE = AUTOENCODER.network(run, run.device)
    network = HDDecoder.of(vae, part.times, part.channels)
    draws = run.footage.draws(run.footage.films("train"))
    shown = run.footage.draws(films_to_show(run.footage, _SHOWN))
    pairs = still_pairs(draws, recipe.size, part.times, part.training.batch, recipe.seed + 2)
    loss = HDLoss(vae=vae, noise=recipe.decoder.latent_noise)

    def sheet(network: HDDecoder, step: int) -> np.ndarray:
        return hd_sheet(network, vae, shown, recipe.size)

    HD.save(run, train(network, loss, pairs, part.training, run.out / HD.name, sheet, **run.where))


def _sheet(run: Run) -> Callable[[TKLVAE, int], np.ndarray]:
    shown = run.footage.draws(films_to_show(run.footage, _SHOWN))

    def sheet(network: TKLVAE, step: int) -> np.ndarray:
        return reconstruction_sheet(network, shown, run.recipe.size)

    return sheet


AUTOENCODER = Stage(
    name="autoencoder",
    run=_train_autoencoder,
    leaves="model/vae",
    training=lambda recipe: recipe.autoencoder.training,
    examples=lambda recipe: "frames",
)
DECODER = Stage(
    name="decoder",
    run=_train_decoder,
    leaves="model/vae",
    training=lambda recipe: recipe.decoder.training,
    examples=_decoder_examples,
)
HD = Stage(
    name="hd",
    run=_train_hd,
    leaves="model/hd",
    needed=lambda recipe, footage: recipe.hd.training is not None,
    training=lambda recipe: recipe.hd.training,
    examples=lambda recipe: "frames",
)
