"""A run that begins with a finished model's networks."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from tiny_recipe import tiny
from torch import Tensor

from longtake.cli import main
from longtake.data.cartoon import CartoonWorld
from longtake.manifest import ModelError, read_manifest
from longtake.recipes import RECIPES, Recipe, do_stage, run_all, start_from_model
from longtake.recipes.run_record import read_record
from longtake.recipes.stages.autoencoder import AUTOENCODER
from longtake.recipes.stages.text import TEXT

WORLD = CartoonWorld(tiny().episodes, 1)
NETWORKS = {"vae": "vae", "text": "text", "unet": "begun"}  # part of a model -> its place in a run


def with_denoiser(**changes: Any) -> Recipe:
    """The tiny recipe with another denoiser."""
    return replace(tiny(), denoiser=replace(tiny().denoiser, **changes))


def still() -> Recipe:
    """The tiny recipe with a denoiser that learns nothing, so that one sees what it began with."""
    return with_denoiser(training=replace(tiny().denoiser.training, muon_lr=0.0, adam_lr=0.0))


@pytest.fixture(scope="module", autouse=True)
def _recipes() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(RECIPES, "still", still)
        yield


@pytest.fixture
def model(tiny_run: Path) -> Path:
    """A finished model of the tiny recipe, from before its distillation (which lies beside it)."""
    return tiny_run / "undistilled"


def weights(folder: Path) -> dict[str, Tensor]:
    return load_file(folder / "diffusion_pytorch_model.safetensors")


def same(ours: dict[str, Tensor], theirs: dict[str, Tensor]) -> bool:
    return ours.keys() == theirs.keys() and all(torch.equal(ours[k], theirs[k].float()) for k in ours)


def test_the_networks_of_a_model_are_those_that_the_run_has(model: Path, tmp_path: Path) -> None:
    told, taken = start_from_model(model, tiny(), WORLD, tmp_path)
    assert told == f"tiny-undistilled {read_manifest(model).digest[:12]}"
    assert taken == (AUTOENCODER, TEXT)
    for part, name in NETWORKS.items():
        made = weights(tmp_path / "model" / name)
        assert {w.dtype for w in made.values()} == {torch.float32}
        assert same(made, weights(model / part))
    assert not list((tmp_path / "model").glob(".*"))


def test_the_denoiser_goes_on_from_the_models(model: Path, tmp_path: Path) -> None:
    asked = ["--recipe", "still", "--out", str(tmp_path), "--device", "cpu"]
    assert main(["train", "latents", *asked, "--from", str(model)]) == 0
    assert main(["train", "denoiser", *asked]) == 0
    assert same(weights(tmp_path / "model" / "unet"), weights(model / "unet"))


def test_what_the_run_has_of_its_own_stays(model: Path, tmp_path: Path) -> None:
    do_stage("text", replace(tiny(), seed=1), WORLD, tmp_path, "cpu")
    own = weights(tmp_path / "model" / "text")
    start_from_model(model, tiny(), WORLD, tmp_path)
    assert same(weights(tmp_path / "model" / "text"), own)
    assert not same(own, weights(model / "text"))


def test_a_whole_run_leaves_out_what_it_was_given_and_records_whose_it_is(
    model: Path, tmp_path: Path
) -> None:
    told: list[str] = []

    def evaluate(package: Path, folder: Path) -> dict[str, object]:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_all(
            tiny(), WORLD, tmp_path, "cpu", evaluate=evaluate, preset="ci", tell=told.append, start_from=model
        )
    assert told[0].startswith("stage 1 of 8, autoencoder: finished")
    assert told[1].startswith("stage 2 of 8, text: finished")
    assert told[2] == "stage 3 of 8, latents"
    assert not (tmp_path / "autoencoder").exists()
    done = read_record(tmp_path)
    assert done is not None
    assert done.stages["text"].machine == f"taken from tiny-undistilled {read_manifest(model).digest[:12]}"


def test_another_recipes_model_is_refused_and_the_difference_named(model: Path, tmp_path: Path) -> None:
    wider = with_denoiser(network={**tiny().denoiser.network, "channels": [16, 32]})
    with pytest.raises(ModelError, match=r"channels is \[16, 16\], not \[16, 32\].*leave --from out"):
        start_from_model(model, wider, WORLD, tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_model_that_predicts_something_else_is_refused(model: Path, tmp_path: Path) -> None:
    with pytest.raises(
        ModelError, match=r"prediction flow, flow, the recipe tiny has flow, v\..*leave --from"
    ):
        start_from_model(model, with_denoiser(prediction="v"), WORLD, tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_distilled_model_is_refused(model: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"tiny is distilled: begin from .* tiny-undistilled"):
        start_from_model(model.parent / "package", tiny(), WORLD, tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_damaged_model_is_refused(model: Path, tmp_path: Path) -> None:
    broken = shutil.copytree(model, tmp_path / "broken")
    (broken / "vae" / "config.json").write_text("{}")
    with pytest.raises(ModelError, match="damaged"):
        start_from_model(broken, tiny(), WORLD, tmp_path / "run")
    assert not (tmp_path / "run").exists()
