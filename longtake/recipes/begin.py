"""A run that begins where a finished model stands, instead of with random weights."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from longtake.conditions.text import SmallTextEncoder
from longtake.data.cartoon import CartoonWorld
from longtake.data.footage import Footage
from longtake.draw.load import text_encoder_in
from longtake.manifest import ModelError, read_manifest
from longtake.models.load import load_network, network_in
from longtake.models.unet import MaskTemporalUNet
from longtake.models.vae import TKLVAE
from longtake.recipes.recipe import Recipe
from longtake.train.spoken import captions_of, vocabulary_of
from longtake.world.captions import vocabulary

BEGUN = "begun"  # in `out/model`: the denoiser that the run's own begins as
_MEASURED = {"latents_mean", "latents_std"}  # settings that training finds out
_ADDED = {"drafted"}  # settings that add layers which change nothing at first


def begin_from(model: Path, recipe: Recipe, footage: Footage, out: Path) -> tuple[str, tuple[str, ...]]:
    """Put the networks of the model in the folder `model` into the run `out`.

    Autoencoder and text encoder are taken as they are, the denoiser's training starts from the model's. A
    text encoder that lacks words of the footage's captions is left: the run trains its own. What the run has
    of its own stays. A recipe without networks takes those of any model. Returns what the model is called,
    and the stages that need not run. Raises ModelError where the model's networks are not the recipe's, or
    where its denoiser is distilled: that one has guidance in it.
    """
    manifest = read_manifest(model)
    manifest.verify()
    if manifest.distilled:
        raise ModelError(
            f"{manifest.name} is distilled: begin from what it was distilled from, "
            f"{manifest.name}-undistilled in the package or `undistilled` in its run"
        )
    asked = (recipe.schedule, recipe.prediction)
    if (manifest.schedule, manifest.prediction) != asked:
        raise ModelError(
            f"{manifest.name} was trained with schedule and prediction {manifest.schedule}, "
            f"{manifest.prediction}, the recipe {recipe.name} has {', '.join(asked)}. Begin from a model of "
            "this recipe, or leave --from out"
        )
    if not recipe.denoiser:
        for part, name in (("vae", "vae"), ("text", "text"), ("unet", BEGUN)):
            found = text_encoder_in(model / part) if part == "text" else network_in(model / part)
            _put(found, out / "model" / name)
        return f"{manifest.name} {manifest.digest[:12]}", ("autoencoder", "text")
    wanted: list[tuple[str, str, Any, dict[str, Any]]] = [
        ("vae", "vae", TKLVAE, dict(recipe.autoencoder)),
        ("unet", BEGUN, MaskTemporalUNet, dict(recipe.denoiser)),
    ]
    networks: dict[str, Any] = {}
    text = text_encoder_in(model / "text")
    if "pretrained" in recipe.text:
        networks["text"] = text
    elif _understands(text.config.vocabulary, footage):
        own = {**recipe.text, "vocabulary": list(text.config.vocabulary)}
        wanted.append(("text", "text", SmallTextEncoder, own))
    for part, name, kind, arguments in wanted:
        made, wished = load_network(kind, model / part), kind(**arguments)
        unlike = _differences(wished.config, made.config)
        if unlike:
            raise ModelError(
                f"{manifest.name}'s {part} is not the one of the recipe {recipe.name}: {unlike}. Begin from "
                "a model of this recipe, or leave --from out"
            )
        lacks, _ = wished.load_state_dict(torch.nn.Module.to(made, torch.float32).state_dict(), strict=False)
        assert all(name.startswith("draft.") for name in lacks)
        wished.register_to_config(**{key: made.config.get(key) for key in _MEASURED & set(made.config)})
        networks[name] = wished
    for name, network in networks.items():
        _put(network, out / "model" / name)
    taken = ("autoencoder", "text") if "text" in networks else ("autoencoder",)
    return f"{manifest.name} {manifest.digest[:12]}", taken


def _understands(known: Sequence[str], footage: Footage) -> bool:
    """Whether a text encoder has all words of the footage's captions, and some only where these have some."""
    if isinstance(footage, CartoonWorld):
        said = vocabulary()
    else:
        said = vocabulary_of(captions_of(footage, footage.films("train")))
    return set(said) <= set(known) and bool(said) == bool(known)


def _differences(wanted: Any, found: Any) -> str:
    """The settings that differ, in words; "" where none does."""
    keys = [key for key in wanted if not key.startswith("_") and key not in _MEASURED]
    keys = [key for key in keys if key not in _ADDED or found.get(key)]
    told = [
        f"{key} is {found.get(key)}, not {wanted[key]}"
        for key in keys
        if _plain(found.get(key)) != _plain(wanted[key])
    ]
    return ", ".join(told)


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
