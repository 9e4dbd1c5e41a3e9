"""A run that starts where a finished model stands, instead of with random weights."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch

from longtake.conditions.text import SmallTextEncoder
from longtake.data.footage import Footage
from longtake.draw.load import text_encoder_in
from longtake.manifest import Manifest, ModelError, read_manifest
from longtake.models.load import load_network, network_in
from longtake.models.unet import MaskTemporalUNet
from longtake.models.vae import TKLVAE
from longtake.recipes.recipe import Recipe
from longtake.recipes.stages.autoencoder import AUTOENCODER
from longtake.recipes.stages.denoiser import START
from longtake.recipes.stages.stage import Stage
from longtake.recipes.stages.text import TEXT
from longtake.train.captions import captions_in, vocabulary_of
from longtake.world.edition import world

_MEASURED = {"latents_mean", "latents_std"}  # settings that training finds out
_ADDED = {"drafted"}  # settings that add layers which change nothing at first


def start_from_model(
    model: Path, recipe: Recipe, footage: Footage, out: Path
) -> tuple[str, tuple[Stage, ...]]:
    """Put the networks of the model in the folder `model` into the run `out`.

    Autoencoder and text encoder are taken as they are, the denoiser's training starts from the model's. A
    text encoder that lacks words of the footage's captions is left: the run trains its own. What the run has
    of its own stays. A recipe without networks takes those of any model. Returns what the model is called,
    and the stages that need not run. Raises ModelError where the model's networks are not the recipe's, or
    where its denoiser is distilled: that one has guidance in it.
    """
    manifest = read_manifest(model)
    manifest.verify()
    _check(manifest, recipe)
    if recipe.denoiser.network:
        networks = _like_the_recipes(manifest, recipe, footage)
    else:
        networks = {
            AUTOENCODER.leaves: network_in(model / "vae"),
            TEXT.leaves: text_encoder_in(model / "text"),
            START: network_in(model / "unet"),
        }
    for place, network in networks.items():
        _put(network, out / place)
    taken = tuple(stage for stage in (AUTOENCODER, TEXT) if stage.leaves in networks)
    return f"{manifest.name} {manifest.digest[:12]}", taken


def _check(manifest: Manifest, recipe: Recipe) -> None:
    """Raises ModelError for a model of which a run of the recipe cannot start."""
    if manifest.distilled:
        raise ModelError(
            f"{manifest.name} is distilled: begin from what it was distilled from, "
            f"{manifest.name}-undistilled in the package or `undistilled` in its run"
        )
    wanted = (recipe.denoiser.schedule, recipe.denoiser.prediction)
    if (manifest.schedule, manifest.prediction) != wanted:
        raise ModelError(
            f"{manifest.name} was trained with schedule and prediction {manifest.schedule}, "
            f"{manifest.prediction}, the recipe {recipe.name} has {', '.join(wanted)}. Begin from a model of "
            "this recipe, or leave --from out"
        )


def _like_the_recipes(manifest: Manifest, recipe: Recipe, footage: Footage) -> dict[str, Any]:
    """The model's networks as the recipe's own, by their place in a run."""
    wanted: list[tuple[str, str, Callable[..., Any], dict[str, Any]]] = [
        ("vae", AUTOENCODER.leaves, TKLVAE, dict(recipe.autoencoder.network)),
        ("unet", START, MaskTemporalUNet, dict(recipe.denoiser.network)),
    ]
    networks: dict[str, Any] = {}
    text = text_encoder_in(manifest.folder / "text")
    if "pretrained" in recipe.text.network:
        networks[TEXT.leaves] = text
    elif _understands(text.config.vocabulary, recipe, footage):
        own = {**recipe.text.network, "vocabulary": list(text.config.vocabulary)}
        wanted.append(("text", TEXT.leaves, SmallTextEncoder, own))
    for part, place, kind, arguments in wanted:
        theirs, ours = load_network(kind, manifest.folder / part), kind(**arguments)
        unlike = _differences(ours.config, theirs.config)
        if unlike:
            raise ModelError(
                f"{manifest.name}'s {part} is not the one of the recipe {recipe.name}: {unlike}. Begin from "
                "a model of this recipe, or leave --from out"
            )
        weights = torch.nn.Module.to(theirs, torch.float32).state_dict()
        lacks, _ = ours.load_state_dict(weights, strict=False)
        assert all(name.startswith("draft.") for name in lacks)
        ours.register_to_config(**{key: theirs.config.get(key) for key in _MEASURED & set(theirs.config)})
        networks[place] = ours
    return networks


def _understands(known: Sequence[str], recipe: Recipe, footage: Footage) -> bool:
    """Whether a text encoder has all words of the footage's captions, and some only where these have some."""
    if footage.scripted:
        needed = world(recipe.edition).vocabulary()
    else:
        needed = vocabulary_of(captions_in(footage, footage.films("train")))
    return set(needed) <= set(known) and bool(needed) == bool(known)


def _differences(wanted: Any, present: Any) -> str:
    """The settings that differ, in words; "" where none does."""
    keys = [key for key in wanted if not key.startswith("_") and key not in _MEASURED]
    keys = [key for key in keys if key not in _ADDED or present.get(key)]
    return ", ".join(
        f"{key} is {present.get(key)}, not {wanted[key]}"
        for key in keys
        if _plain(present.get(key)) != _plain(wanted[key])
    )


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _put(network: Any, folder: Path) -> None:
    """Save `network` whole; the first of several processes to arrive stays, as does what is there already."""
    if folder.exists():
        return
    aside = folder.with_name(f".{folder.name}-{os.getpid()}")
    network.save_pretrained(aside, safe_serialization=True)
    try:
        aside.rename(folder)
    except OSError:  # another process was faster
        shutil.rmtree(aside)
