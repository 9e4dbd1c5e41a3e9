"""A run that begins where a finished model stands, instead of with random weights."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import torch

from longtake.conditioning.text import SmallTextEncoder
from longtake.data.captions import vocabulary
from longtake.manifest import ModelError, read_manifest
from longtake.models.load import load_network, network_in
from longtake.models.unet import MaskTemporalUNet
from longtake.models.vae import TKLVAE
from longtake.ops import text_encoder_in
from longtake.recipes.recipe import Recipe

__all__ = ["BEGUN", "TAKEN", "begin_from"]

TAKEN = ("autoencoder", "text")  # stages that need not run: their networks are the model's
BEGUN = "begun"  # in `out/model`: the denoiser that the run's own begins as
_MEASURED = {"latents_mean", "latents_std"}  # settings that training finds out
_ADDED = {"drafted"}  # settings that add layers which change nothing at first


def begin_from(model: Path, recipe: Recipe, out: Path) -> str:
    """Put the networks of the model in the folder `model` into the run `out`; returns what it is called.

    Autoencoder and text encoder are taken as they are, the denoiser's training starts from the model's. What
    the run has of its own stays. A recipe without networks takes those of any model. Raises ModelError where
    the model's networks are not the recipe's, or where its denoiser is distilled: that one has guidance in
    it.
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
        return f"{manifest.name} {manifest.digest[:12]}"
    wanted: tuple[tuple[str, str, Any, dict[str, Any]], ...] = (
        ("vae", "vae", TKLVAE, dict(recipe.autoencoder)),
        ("text", "text", SmallTextEncoder, {**recipe.text, "vocabulary": vocabulary()}),
        ("unet", BEGUN, MaskTemporalUNet, dict(recipe.denoiser)),
    )
    networks: dict[str, Any] = {}
    for part, name, kind, arguments in wanted:
        if part == "text" and "pretrained" in recipe.text:
            networks[name] = text_encoder_in(model / part)
            continue
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
    return f"{manifest.name} {manifest.digest[:12]}"


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
