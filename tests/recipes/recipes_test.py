"""A recipe's stages, one after the other, make a model's folder that draws clips."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file
from short_numbers import ShortNumbers
from tiny_recipe import plain, tiny
from tiny_sd import save_t5

from longtake.data.cartoon import CartoonWorld
from longtake.data.sources import open_footage
from longtake.draw.decode import ClipDecoder
from longtake.draw.load import load_text_encoder
from longtake.draw.network import ClipSampler
from longtake.evaluate.gates import GATES
from longtake.evaluate.probes import load_probes
from longtake.manifest import read_manifest
from longtake.models.unet import MaskTemporalUNet
from longtake.models.upsampler import HDDecoder
from longtake.models.vae import TKLVAE
from longtake.plan import Plan, PlannedScene, Timeline
from longtake.recipes import RECIPES, Recipe, do_stage, stages_of
from longtake.recipes.run_record import this_machine
from longtake.recipes.stages.clips import clip_lengths
from longtake.recipes.stages.denoiser import denoising_loss
from longtake.recipes.stages.package import PACKAGE
from longtake.strategies import NuwaXL
from longtake.train.clip_cache import open_cache
from longtake.video import encode_segment

WORLD = CartoonWorld(5, 1)
OWN = sorted(
    name for name, recipe in RECIPES.items() if recipe().denoiser.network
)  # with networks of their own


@pytest.mark.parametrize("name", OWN)
def test_the_parts_of_every_recipe_fit_each_other(name: str) -> None:
    recipe = RECIPES[name]()
    assert recipe.name == name
    autoencoder, denoiser, hd = recipe.autoencoder.network, recipe.denoiser.network, recipe.hd
    with torch.device("meta"):
        vae, unet = TKLVAE(**autoencoder), MaskTemporalUNet(**denoiser)
    assert denoiser["latent_channels"] == autoencoder["latent_channels"]
    assert denoiser["text_channels"] == recipe.text.network["width"]
    if hd.training is not None:
        channels = autoencoder["decoder_channels"]
        with torch.device("meta"):
            decoder = HDDecoder(
                channels=channels, factor=vae.factor, times=hd.times, fine_channels=hd.channels
            )
        assert decoder.factor == vae.factor * hd.times
    side = recipe.size // vae.factor
    assert side * vae.factor == recipe.size
    assert side % 2 ** (len(unet.config.channels) - 1) == 0
    assert (recipe.distillation.training is None) == (recipe.distillation.substeps == 0)
    assert recipe.clips.count >= recipe.denoiser.training.batch
    assert bool(recipe.clips.references) == bool(recipe.clips.reference_steps)


def with_network(recipe: Recipe, **changes: Any) -> Recipe:
    """With another autoencoder."""
    part = recipe.autoencoder
    return replace(recipe, autoencoder=replace(part, network={**part.network, **changes}))


def test_a_decoder_that_does_not_look_along_time_learns_from_stills(tmp_path: Path) -> None:
    recipe = with_network(tiny(), temporal_decoder=False)
    do_stage("autoencoder", recipe, WORLD, tmp_path, "cpu")
    file = tmp_path / "model" / "vae" / "diffusion_pytorch_model.safetensors"
    before = load_file(file)
    do_stage("decoder", recipe, WORLD, tmp_path, "cpu")
    after = load_file(file)
    assert not any(".temporal." in name for name in after)
    for part, stays in {"encoder": True, "decoder": False}.items():
        names = [name for name in after if name.startswith(part) and name.endswith("weight")]
        assert all(torch.equal(before[name], after[name]) for name in names) == stays


def film(folder: Path, length: int) -> Plan:
    manifest = read_manifest(folder)
    line = Timeline((PlannedScene("a", 0, "The fox jumps."), PlannedScene("b", 9, "A robot sleeps.")), length)
    return Plan.of(NuwaXL(manifest, seed=1), line)


def test_the_model_draws_a_film_of_two_levels(tiny_run: Path) -> None:
    folder = tiny_run / "package"
    plan, draw = film(folder, 61), ClipSampler(folder, device="cpu")
    clips: dict[str, NDArray[np.float16]] = {}
    for job in (plan.keyframes, plan.leaf(0)):
        (drawn,) = draw([job], [[clips[frame.key][frame.index] for frame in job.inputs]])
        assert drawn.shape == (job.spec.frames, 3, 4, 4)
        assert np.isfinite(drawn).all()
        clips[job.key] = drawn.astype(np.float16)
    keyframes, leaf = clips.values()
    assert np.array_equal(leaf[0], keyframes[0])
    assert not np.array_equal(leaf[1], leaf[0])
    pixels = ClipDecoder(folder, device="cpu")(leaf)
    assert pixels.shape == (16, 16, 16, 3)
    assert pixels.dtype == np.uint8


def test_the_package_says_what_it_is(tiny_run: Path) -> None:
    manifest = read_manifest(tiny_run / "package")
    manifest.verify()
    assert (manifest.name, manifest.size, manifest.latents) == ("tiny", 16, (3, 4, 4))
    assert manifest.leaves == tiny().sampling.leaves
    assert manifest.edition == tiny().edition == 1
    told = json.loads((tiny_run / "package" / "recipe.json").read_text())
    assert told["denoiser"] == tiny().denoiser.network
    assert told["stills"]["steps"] == 2
    for path in (tiny_run / "package").rglob("*.json"):
        assert str(tiny_run) not in path.read_text()


def test_a_package_tells_the_edition_of_its_recipe(tiny_run: Path, tmp_path: Path) -> None:
    again = shutil.copytree(tiny_run, tmp_path / "again")
    do_stage("package", replace(tiny(), edition=2), WORLD, again, "cpu")
    for folder in ("package", "undistilled"):
        assert read_manifest(again / folder).edition == 2
        assert json.loads((again / folder / "recipe.json").read_text())["edition"] == 2


def test_what_a_model_was_distilled_from_is_a_model_beside_it(tiny_run: Path) -> None:
    manifest, made = read_manifest(tiny_run / "undistilled"), read_manifest(tiny_run / "package")
    manifest.verify()
    assert manifest.name == "tiny-undistilled"
    assert (manifest.keyframes, manifest.gaps, manifest.leaves) == tiny().denoiser.sampling
    weights = "unet/diffusion_pytorch_model.safetensors"
    assert (made.hd, manifest.hd) == (64, 0), "only the finished model has an HD decoder"
    differ = {name for name in manifest.files if made.files[name] != manifest.files[name]}
    assert weights in differ
    assert not any(name.startswith(("vae/", "text/")) for name in differ)


def test_every_training_stage_leaves_a_log_and_two_leave_sheets(tiny_run: Path) -> None:
    trained = {"autoencoder": 2, "text": 2, "denoiser": 2, "distillation": 2, "decoder": 1}
    for stage, steps in trained.items():
        lines = (tiny_run / stage / "log.jsonl").read_text().splitlines()
        assert json.loads(lines[-1])["step"] == steps
    for stage in ("autoencoder", "denoiser"):
        assert (tiny_run / stage / "sheets" / "step-00000002.png").exists()


def test_the_probe_stage_leaves_probes_and_how_they_do(tmp_path: Path) -> None:
    do_stage("probe", tiny(), WORLD, tmp_path, "cpu")
    assert len(load_probes(tmp_path / "probes", seed=3).sha256) == 64
    gates = json.loads((tmp_path / "probes" / "gates.json").read_text())["3"]
    assert {gate.name for gate in GATES} <= set(gates)


@pytest.mark.parametrize("has", [False, True])
def test_stages_compute_in_bfloat16_where_the_device_has_it(
    has: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Weights that ship are saved in it everywhere."""
    monkeypatch.setattr("longtake.machine._cpu_has_bf16", lambda: has)
    for stage in stages_of(tiny(), WORLD):
        with ShortNumbers() as seen:
            do_stage(stage.name, tiny(), WORLD, tmp_path, "cpu")
        if stage is PACKAGE:
            assert seen.operations <= {"_to_copy", "detach"}
        else:
            assert ("bmm" in seen.operations) == bool(seen.operations) == has, stage.name
    assert ("float32" in this_machine("cpu")) != has


def test_stages_that_are_done_change_nothing(tiny_run: Path, tmp_path: Path) -> None:
    again = shutil.copytree(tiny_run, tmp_path / "again")
    for stage in stages_of(tiny(), WORLD):
        do_stage(stage.name, tiny(), WORLD, again, "cpu")
    assert read_manifest(again / "package").files == read_manifest(tiny_run / "package").files


def killed_while_writing(folder: Path) -> None:
    (shard,) = folder.iterdir()
    shard.rename(f"{shard}.ab12.part").write_bytes(b"half a file")


def made_for_fewer_clips(folder: Path) -> None:
    (shard,) = folder.iterdir()
    with np.load(shard) as part:
        arrays = {name: part[name][:4] if part[name].ndim > 1 else part[name] for name in part.files}
    np.savez(shard, **arrays)


def vanish(folder: Path) -> None:
    shutil.rmtree(folder)


@pytest.mark.parametrize("harm", [killed_while_writing, made_for_fewer_clips, vanish])
def test_interrupted_latents_are_refused_and_completed(
    tiny_run: Path, tmp_path: Path, harm: Callable[[Path], None]
) -> None:
    # The decoder, which is trained last, is no part of what encodes.
    again = shutil.copytree(tiny_run, tmp_path / "again")
    harm(again / "latents")
    with pytest.raises(ValueError, match="stage 'latents'"):
        do_stage("denoiser", tiny(), WORLD, again, "cpu")
    do_stage("latents", tiny(), WORLD, again, "cpu")
    made, whole = open_cache(again / "latents"), open_cache(tiny_run / "latents")
    assert len(made) == 9
    assert made.references == 1
    assert made.captions == whole.captions
    assert np.array_equal(made.numbers, whole.numbers)
    assert np.array_equal(made.latents, whole.latents)


def test_latents_are_about_normal(tiny_run: Path) -> None:
    latents = open_cache(tiny_run / "latents").latents.astype(np.float32)
    assert np.abs(latents.mean(axis=(0, 1, 3, 4))).max() < 1
    assert 0.4 < latents.std(axis=(0, 1, 3, 4)).min() < latents.std(axis=(0, 1, 3, 4)).max() < 1.6


@pytest.mark.parametrize(
    ("stage", "first"),
    [
        ("latents", "autoencoder"),
        ("denoiser", "text"),
        ("distillation", "text"),
        ("package", "distillation"),
    ],
)
def test_a_stage_out_of_order_names_the_one_to_run_first(stage: str, first: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=f"longtake train {first}"):
        do_stage(stage, tiny(), WORLD, tmp_path, "cpu")


def test_an_unknown_stage_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no stage 'x': use one of autoencoder"):
        do_stage("x", tiny(), WORLD, tmp_path, "cpu")


@pytest.mark.parametrize("name", sorted(RECIPES))
def test_clip_lengths_are_shares_and_the_frequent_ones_are_compiled(name: str) -> None:
    recipe = RECIPES[name]()
    lengths = clip_lengths(recipe.clips)
    assert sum(lengths.values()) == pytest.approx(1)
    assert min(lengths.values()) > 0
    assert max(lengths) == 16 + recipe.clips.references
    compiled = denoising_loss(recipe.denoiser).compiled_lengths
    assert {length for length in lengths if length in compiled} == {16, 16 + recipe.clips.references}


def test_the_hd_decoder_learns_from_videos(tiny_run: Path, tmp_path: Path) -> None:
    films = tmp_path / "films"
    films.mkdir()
    pictures = np.random.default_rng(0).integers(0, 256, (4, 64, 80, 3), dtype=np.uint8)
    encode_segment(pictures, films / "film.mp4", 12)
    shutil.copytree(tiny_run / "model" / "vae", tmp_path / "model" / "vae")
    do_stage("hd", tiny(), open_footage(films, 1), tmp_path, "cpu")
    assert (tmp_path / "model" / "hd" / "config.json").exists()


@pytest.mark.filterwarnings("ignore")  # other people's libraries deprecate each other
def test_a_recipes_text_encoder_may_be_a_pretrained_one(tiny_run: Path, tmp_path: Path) -> None:
    save_t5(tmp_path / "t5")
    text = {"pretrained": str(tmp_path / "t5"), "tokens": 12}
    recipe = replace(plain(), text=replace(plain().text, network=text))
    shutil.copytree(tiny_run / "model" / "vae", tmp_path / "run" / "model" / "vae")
    shutil.copytree(tiny_run / "latents", tmp_path / "run" / "latents")
    for stage in ("text", "denoiser", "package"):
        do_stage(stage, recipe, WORLD, tmp_path / "run", "cpu")
    encoder = load_text_encoder(read_manifest(tmp_path / "run" / "package"))
    assert encoder.encode(["fox", ""]).shape == (2, 12, 16)
    part = recipe.denoiser
    other = replace(recipe, denoiser=replace(part, network={**part.network, "text_channels": 24}))
    with pytest.raises(ValueError, match="have 16 channels, the recipe's denoiser takes 24"):
        do_stage("text", other, WORLD, tmp_path / "other", "cpu")
