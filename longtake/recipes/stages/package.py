"""The finished model: weights, manifest and recipe in a folder."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

from longtake.data.footage import CLIP_FRAMES
from longtake.manifest import Manifest, write_manifest
from longtake.recipes.recipe import Recipe
from longtake.recipes.stages.autoencoder import AUTOENCODER, HD
from longtake.recipes.stages.denoiser import DENOISER, DISTILLATION
from longtake.recipes.stages.stage import Run, Stage, in_bfloat16
from longtake.recipes.stages.text import TEXT


def _package(run: Run) -> None:
    """The model, in `out/package`, which `--model` takes, and in `out/undistilled` what it was made from."""
    recipe = run.recipe
    if recipe.distillation.training is None:
        _pack(run, recipe, run.out / PACKAGE.leaves, DENOISER)
        return
    _pack(run, recipe, run.out / PACKAGE.leaves, DISTILLATION)
    before = replace(
        recipe,
        name=f"{recipe.name}-undistilled",
        distillation=replace(recipe.distillation, training=None),
        hd=replace(recipe.hd, training=None),
        sampling=recipe.denoiser.sampling,
    )
    _pack(run, before, run.out / "undistilled", DENOISER)


def _pack(run: Run, recipe: Recipe, folder: Path, drawing: Stage) -> None:
    """Weights in bfloat16 and the manifest, in `folder`; `drawing` left the network that draws clips."""
    hd = recipe.hd.training is not None
    stages = {"unet": drawing, "text": TEXT, "vae": AUTOENCODER, **({"hd": HD} if hd else {})}
    networks = {part: stage.network(run) for part, stage in stages.items()}
    for part, network in networks.items():
        in_bfloat16(network).save_pretrained(folder / part, safe_serialization=True)
    side = recipe.size // networks["vae"].factor
    manifest = Manifest(
        folder=folder,
        name=recipe.name,
        size=recipe.size,
        latents=(networks["vae"].config.latent_channels, side, side),
        clip_length=CLIP_FRAMES,
        schedule=recipe.denoiser.schedule,
        prediction=recipe.denoiser.prediction,
        keyframes=recipe.sampling.keyframes,
        gaps=recipe.sampling.gaps,
        leaves=recipe.sampling.leaves,
        decoder_precision=recipe.decoder.precision,
        files={},
        distilled=drawing is DISTILLATION,
        references=recipe.clips.references,
        drafts=bool(recipe.denoiser.network.get("drafted")),
        hd=recipe.size * recipe.hd.times if hd else 0,
        edition=recipe.edition,
        lexicon=run.footage.lexicon() if recipe.clips.references else {},
    )
    write_manifest(manifest)
    (folder / "recipe.json").write_text(json.dumps(recipe.flat(), indent=1) + "\n")


PACKAGE = Stage(name="package", run=_package, leaves="package", alone=True)
