"""From a pretrained pipeline's folder to a model, a film, and training; the pipeline is small and random."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from tiny_recipe import tiny
from tiny_sd import save_sd

from longtake.cli import main
from longtake.draw.decode import ClipDecoder
from longtake.draw.network import ClipSampler
from longtake.manifest import ModelError, read_manifest
from longtake.models.inflated import InflatedUNet
from longtake.models.load import network_in
from longtake.plan import Plan, PlannedScene, Timeline
from longtake.recipes import RECIPES, Recipe
from longtake.recipes.inflate import SAMPLING, inflate, schedule_of
from longtake.strategies import LevelSampling, NuwaXL
from longtake.video import read_frames

pytest.importorskip("transformers", reason="transformers is not installed: pip install 'longtake[pipelines]'")
pytestmark = pytest.mark.filterwarnings("ignore")  # other people's libraries deprecate each other

STORYBOARD = """
title: Two
video: {fps: 8, frames: 20}
seed: 3
scenes:
  - {id: a, at: 0, prompt: "a fox named Zyxw in the meadow"}
  - {id: b, at: 9, prompt: "a frog in the rain, LONG umbrellas"}
""".replace("LONG", "x" * 60)


@pytest.fixture(scope="module")
def sd(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_sd(tmp_path_factory.mktemp("pipeline"))


@pytest.fixture(scope="module")
def model(sd: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("models") / "tiny"
    assert main(["inflate", str(sd), "--out", str(out)]) == 0
    return out


def test_the_model_says_what_it_is(model: Path, sd: Path, capsys: pytest.CaptureFixture[str]) -> None:
    manifest = read_manifest(model)
    manifest.verify()
    assert (manifest.name, manifest.size, manifest.latents) == ("sd", 16, (4, 8, 8))
    assert (manifest.schedule, manifest.prediction) == ("sd", "epsilon")
    there = {path.relative_to(model).as_posix() for path in model.rglob("*") if path.is_file()}
    assert there == {"manifest.json", *manifest.files}
    assert not [path for path in there if not path.endswith((".json", ".safetensors"))]
    assert not list(model.parent.glob(".*"))
    again = model.parent / "again"
    assert main(["inflate", str(sd), "--out", str(again), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    whole = sum(p.numel() for part in ("unet", "vae") for p in network_in(model / part).parameters())
    assert told["pretrained"] + told["added"] == whole
    assert told["size"] == 16
    assert main(["inflate", str(sd), "--out", str(again)]) == 3
    assert "is there already: give another --out" in capsys.readouterr().err


def test_half_the_disk_is_the_same_model_rounded(model: Path, sd: Path, tmp_path: Path) -> None:
    made = inflate(str(sd), tmp_path / "half", size=32, half=True, temporal_decoder=False).manifest
    assert (made.size, made.latents) == (32, (4, 16, 16))
    name = "unet/diffusion_pytorch_model.safetensors"
    stored, whole = load_file(tmp_path / "half" / name), load_file(model / name)
    pretrained = [key for key in whole if key.startswith("image.")]
    assert all(torch.equal(stored[key], whole[key].half()) for key in pretrained)
    short = [ClipSampler(folder, device="cpu").tokens(["a fox"]) for folder in (tmp_path / "half", model)]
    torch.testing.assert_close(*short, rtol=0, atol=5e-3)
    assert not network_in(tmp_path / "half" / "vae").temporal_parameters()


def test_a_storyboard_becomes_a_film_and_a_second_render_draws_nothing(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    board = tmp_path / "two.yaml"
    board.write_text(STORYBOARD)
    film = tmp_path / "two.mp4"
    command = ["render", str(board), "--model", str(model), "--steps", "2", "--out", str(film), "--json"]
    assert main(command) == 0
    first = capsys.readouterr()
    told = json.loads(first.out)
    assert (told["frames"], told["jobs_run"]) == (20, told["jobs_total"])
    assert "does not know the word" not in first.err  # CLIP reads any
    assert first.err.count("is too long, the model does not read 'umbrellas'") == 1
    assert len(list(read_frames(film))) == 20
    assert main(command) == 0
    assert json.loads(capsys.readouterr().out)["jobs_run"] == 0


def test_before_training_a_frame_is_the_image_that_the_pipeline_draws(model: Path, sd: Path) -> None:
    from diffusers import DDIMScheduler, StableDiffusionPipeline

    sampling = replace(SAMPLING, sampler="ddim", steps=3)
    line = Timeline((PlannedScene("a", 0, "a fox"),), 3)
    levels = LevelSampling(keyframes=sampling, gaps=sampling, leaves=sampling)
    plan = Plan.of(NuwaXL(read_manifest(model), levels, seed=1), line)
    (job,) = plan.missing((), slice(None))
    drawer = ClipSampler(model, device="cpu")
    (latents,) = drawer([job], [[]])
    pipeline = StableDiffusionPipeline.from_pretrained(sd, low_cpu_mem_usage=False, safety_checker=None)
    pipeline.set_progress_bar_config(disable=True)
    pipeline.scheduler = DDIMScheduler.from_config(
        pipeline.scheduler.config, timestep_spacing="trailing", clip_sample=False, set_alpha_to_one=True
    )
    noise = drawer._noise(job.spec.seed, (len(latents), 4, 8, 8))
    with torch.no_grad():
        images = pipeline(
            ["a fox"] * len(latents),
            num_inference_steps=3,
            guidance_scale=7.5,
            latents=noise,
            output_type="np",
        ).images
    ours = ClipDecoder(model, device="cpu")(latents.astype(np.float16))
    assert np.abs(ours / 255 - images).max() < 0.02  # float16 latents, and pixels in 256 steps


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"beta_schedule": "linear"}, r"beta_schedule is 'linear', not 'scaled_linear'"),
        ({"beta_end": 0.02}, "beta_end is 0.02, not 0.012"),
        ({"rescale_betas_zero_snr": True}, "rescale_betas_zero_snr is True, not False"),
        ({"prediction_type": "flow"}, "predicts 'flow'"),
    ],
)
def test_other_noise_is_refused(changes: dict[str, Any], reason: str, sd: Path) -> None:
    told = json.loads((sd / "scheduler" / "scheduler_config.json").read_text())
    assert schedule_of(told) == ("sd", "epsilon")
    assert schedule_of({**told, "prediction_type": "v_prediction"}) == ("sd", "v")
    with pytest.raises(ValueError, match=reason):
        schedule_of({**told, **changes})


def test_what_cannot_be_inflated_is_refused_and_leaves_nothing(sd: Path, tmp_path: Path) -> None:
    out = tmp_path / "model"

    def refused(source: str | Path, reason: str, **options: Any) -> None:
        with pytest.raises(ModelError, match=reason):
            inflate(str(source), out, **options)
        assert not out.exists()
        assert not list(tmp_path.glob(".*"))

    refused(tmp_path, "holds no diffusers pipeline")
    refused("nobody/no-such-model", r"scheduler: .*give one, or --allow-download")
    refused(sd, "17 pixels per side: give --size a multiple of 4", size=17)
    inpainting = save_sd(tmp_path / "inpainting", in_channels=9)
    refused(inpainting, "unet: .*9 channels in and 4 out")
    other = save_sd(tmp_path / "other", cross_attention_dim=24)
    refused(other, "text_encoder: its tokens have 16 channels, the U-Net takes 24")
    pickled = shutil.copytree(sd, tmp_path / "pickled")
    (pickled / "unet" / "diffusion_pytorch_model.safetensors").rename(pickled / "unet" / "weights.bin")
    refused(pickled, "unet: .*no file named .*safetensors.* saved by diffusers as safetensors, is needed")


def inflated() -> Recipe:
    """The tiny recipe, going on from a model."""
    base = RECIPES["sd-512"]()
    denoiser, decoder = (
        replace(part.training, muon_lr=0.1, adam_lr=0.1) for part in (tiny().denoiser, tiny().decoder)
    )
    return replace(
        base,
        name="inflated",
        size=16,
        episodes=5,
        clips=replace(base.clips, count=9),
        denoiser=replace(base.denoiser, training=denoiser),
        decoder=replace(base.decoder, training=decoder),
        sampling=base.sampling._replace(keyframes=replace(SAMPLING, steps=2)),
    )


@pytest.fixture
def _recipe() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(RECIPES, "inflated", inflated)
        yield


@pytest.mark.usefixtures("_recipe")
def test_training_goes_on_from_it_and_changes_only_what_was_added(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = ["--recipe", "inflated", "--out", str(tmp_path), "--device", "cpu"]
    assert main(["train", "autoencoder", *run]) == 1
    assert "goes on with the autoencoder of a model: begin with one, --from MODEL" in capsys.readouterr().err
    assert main(["train", "latents", *run, "--from", str(model)]) == 0
    for stage in ("denoiser", "decoder", "package"):
        assert main(["train", stage, *run]) == 0
    package = tmp_path / "package"
    assert read_manifest(package).latents == (4, 8, 8)
    for part in ("unet", "vae"):
        name = f"{part}/diffusion_pytorch_model.safetensors"
        before, after = load_file(model / name), load_file(package / name)
        changed = {key for key in before if not torch.equal(after[key], before[key].bfloat16())}
        assert changed
        assert all(key.startswith("added.") for key in changed)
    net = network_in(package / "unet")
    assert isinstance(net, InflatedUNet)
    texts = [ClipSampler(folder, device="cpu").tokens(["fox"]) for folder in (model, package)]
    torch.testing.assert_close(*texts, rtol=0, atol=0.05)  # the package's weights are bfloat16
