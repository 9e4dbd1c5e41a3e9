"""The card of a model: it tells what the run left, says what it did not leave, and invents nothing."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny_recipe
from tiny_sd import save_sd

from longtake.data.cartoon import CartoonWorld
from longtake.evaluate.measured import FilmResult, Measured, Row
from longtake.evaluate.score import Scale
from longtake.evaluate.table import Header, report_json
from longtake.manifest import ModelError
from longtake.recipes.card import write_card
from longtake.recipes.inflate import inflate
from longtake.recipes.recipe import Levels, Recipe
from longtake.recipes.run_record import FinishedStage, RunRecord, digest_of, write_record

WORLD = CartoonWorld(6000)
MACHINE = "a processor, 2 cores, no GPU, torch 2.13.0"


def tiny() -> Recipe:
    """The shared tiny recipe, with the numbers that the run below was made with, and no distillation."""
    base = tiny_recipe.undistilled()
    config = replace(base.autoencoder.training, steps=1300, batch=16)
    sampling = replace(base.sampling.keyframes, steps=8, text_guidance=3.0)
    gaps, leaves = replace(sampling, text_guidance=1.5), replace(sampling, steps=4, text_guidance=1.0)
    return replace(
        base,
        episodes=6000,
        autoencoder=replace(base.autoencoder, training=config),
        text=replace(base.text, training=config),
        clips=replace(base.clips, count=12_000),
        denoiser=replace(base.denoiser, training=config, sampling=Levels(sampling, sampling, sampling)),
        decoder=replace(base.decoder, training=replace(config, batch=1, steps=250)),
        sampling=Levels(sampling, gaps, leaves),
    )


def row(name: str, kind: str, **measures: tuple[float, float]) -> Row:
    """Two films, with one number of each measure for each."""
    films = [
        FilmResult(f"test-{n}", {measure: Measured(values[n]) for measure, values in measures.items()})
        for n in range(2)
    ]
    return Row(name, kind, tuple(films))


def report(unreliable: tuple[str, ...] = ()) -> dict[str, Any]:
    """Of a system that does as it is told, but forgets who is who, and is a little too still."""
    rows = [
        row("nuwa-xl", "system", scene_accuracy=(0.9, 1.0), identity_far=(0.2, 0.3), lag_ratio=(1.4, 1.6)),
        row("ground truth", "reference", scene_accuracy=(1.0, 1.0), identity_far=(0.0, 0.02),
            lag_ratio=(2.4, 2.6)),
        row("other script", "control", scene_accuracy=(0.0, 0.125), identity_far=(0.0, 0.01)),
    ]  # fmt: skip
    scales = {
        "scene_accuracy": Scale(better="high", truth=1.0, bad=0.0, limit=0.85),
        "identity_far": Scale(better="low", truth=0.01, bad=0.2, limit=0.04),
        "lag_ratio": Scale(better="same", truth=2.5, bad=1.0, limit=0.9),
        "tau": Scale(better="high", truth=1.0, bad=float("nan"), limit=float("nan"), blind="too short"),
    }
    facts = {"split": "test", "episodes": [6, 20], "frames": 1024, "limits": "fixed on validation episodes"}
    header = Header(facts=facts, unreliable=unreliable, not_computed={"FVD (i3d)": "no weights"})
    return json.loads(json.dumps(report_json(rows, header, scales)))  # type: ignore[no-any-return]


def write_log(folder: Path, *lines: dict[str, float], world: int | None = 2, torn: str = "") -> None:
    folder.mkdir()
    (folder / "log.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines) + torn)
    if world:
        checkpoint = folder / f"step-{lines[-1]['step']:08d}"
        checkpoint.mkdir()
        (checkpoint / "state.json").write_text(json.dumps({"world": world}))


@pytest.fixture
def out(tmp_path: Path, tiny_model: Path) -> Path:
    """A run with all that a card can tell, but for the decoder's log."""
    shutil.copytree(tiny_model, tmp_path / "package")
    write_log(
        tmp_path / "autoencoder", {"step": 650, "seconds": 610.0}, {"step": 1300, "seconds": 1176.3},
        torn='{"step": 13',
    )  # fmt: skip
    write_log(tmp_path / "text", {"step": 1300, "seconds": 50.2}, world=None)
    write_log(tmp_path / "denoiser", {"step": 1000, "seconds": 8100.0})  # fewer than the recipe has
    (tmp_path / "latents").mkdir()
    for first, count in ((0, 256), (256, 44)):
        np.savez(
            tmp_path / "latents" / f"clips-{first:08d}.npz",
            numbers=np.zeros((count, 16 + 2), np.int64),
            references=2,
        )
    finished = {
        stage: FinishedStage(at=f"2026-11-2{day}T10:00:00+00:00", seconds=540.0, machine=MACHINE)
        for day, stage in enumerate(("autoencoder", "latents", "denoiser"))
    }
    write_record(RunRecord(recipe=digest_of(tiny()), stages=finished), tmp_path)
    return tmp_path


def card(out: Path, told: dict[str, Any] | None = None, preset: str = "dev") -> str:
    path = write_card(tiny(), WORLD, out, told or report(), preset)
    assert path == out / "package" / "README.md"
    return path.read_text(encoding="utf-8")


def test_it_tells_what_the_model_is(out: Path) -> None:
    told = card(out)
    assert told.startswith("# tiny\n")
    assert "at 16x16 pixels" in told
    assert "T-KLVAE, 16x16x3 -> 4x4x2" in told
    assert "words and 2 registers, 9 known words" in told
    assert "levels of 16 and 32 channels, v prediction" in told
    weights = out / "package" / "text" / "diffusion_pytorch_model.safetensors"
    assert f"{weights.stat().st_size / 1e3:.1f} kB" in told
    assert "Weights are float32" in told


@pytest.mark.filterwarnings("ignore")  # other people's libraries deprecate each other
def test_it_tells_of_a_pretrained_model(out: Path, tmp_path: Path) -> None:
    shutil.rmtree(out / "package")
    inflate(str(save_sd(tmp_path / "pipeline")), out / "package", half=True)
    told = card(out)
    assert "levels of 32 and 64 channels, epsilon prediction" in told
    assert "CLIPTextModel, pretrained" in told
    assert "Weights are float16 safetensors" in " ".join(told.split())


def test_it_tells_how_every_stage_went(out: Path) -> None:
    told = card(out)
    assert "| autoencoder | 1,300 | 41,600 frames | 2 | 20 min |" in told
    assert "| text | 1,300 | 20,800 captions per process | not recorded | 50 s |" in told
    assert "| latents | – | 12,000 clips encoded | – | 9 min (1) |" in told
    assert "| denoiser | 1,000 (recipe: 1,300) | 32,000 clips | 2 | 2 h 15 min |" in told
    assert "| decoder | not recorded |" in told
    assert "distil" not in told
    assert "Stages finished 2026-11-20 to 2026-11-22" in told
    assert f"- {MACHINE}: autoencoder, latents, denoiser" in told
    assert "6,000 training episodes" in told
    assert "300 clips of 16 of their frames, each beside 2 more" in " ".join(told.split())


def test_the_distillation_is_told_where_there_is_one(out: Path) -> None:
    distillation = replace(tiny().distillation, training=tiny().decoder.training, substeps=3)
    recipe = replace(tiny(), distillation=distillation)
    told = write_card(recipe, WORLD, out, report()).read_text()
    assert "| distillation | not recorded |" in told
    assert "stands for 3 guided ones" in " ".join(told.split())
    assert "| keyframes, before distillation | ddim | 8 | 1.5 | 3 | 1 |" in told


def test_a_stage_that_was_taken_over_is_not_said_to_be_lost(out: Path, tmp_path: Path) -> None:
    run = shutil.copytree(out, tmp_path / "run")
    shutil.rmtree(run / "text")
    taken = FinishedStage(at="2026-11-20T10:00:00+00:00", seconds=0.0, machine="taken from another")
    write_record(RunRecord(recipe=digest_of(tiny()), stages={"text": taken}), run)
    told = card(run)
    assert "| text | not trained in this run |" in told
    assert "- taken from another: text" in told


@pytest.mark.parametrize(("preset", "asked"), [("dev", ""), ("ci", " --preset ci")])
def test_it_has_the_command_that_makes_the_model(out: Path, preset: str, asked: str) -> None:
    command = (
        "OMP_NUM_THREADS=1 torchrun --nproc-per-node 2 -m longtake train all --recipe tiny --out runs/tiny"
    )
    assert f"$ {command}{asked}\n" in card(out, preset=preset)


def test_it_tells_how_each_level_is_sampled(out: Path) -> None:
    told = card(out)
    assert "| keyframes | ddim | 8 | 1.5 | 3 | 1 |" in told
    assert "| leaves | ddim | 4 | 1.5 | 1 | 1 |" in told


def test_measures_stand_beside_ground_truth_and_their_control(out: Path) -> None:
    told = card(out)
    assert "2 films of the test split, 1,024 frames each" in told
    right = "| scenes right | share of frames, mean over scenes | 0.950 [0.900, 1.00] | at least 0.850 "
    assert right + "| 1.00 [1.00, 1.00] | other script: 0.062 |" in told
    same = "| lag ratio | D(8) / D(1) | **1.50 [1.40, 1.60]** | 2.50 ± 0.900 | 2.50 [2.40, 2.60] | – |"
    assert same in told
    assert "Controls that were run: other script." in told
    assert "**2 of 3 measures that have a limit are beyond it.**" in told
    assert "FVD (i3d): no weights" in told
    assert "not be relied on" not in told


def test_measures_beyond_their_limit_are_known_failures_the_worst_first(out: Path) -> None:
    failures = card(out).split("## Known failures")[1]
    first, second = (line for line in failures.splitlines() if line.startswith("- "))
    assert first.startswith("- **identity** (hue circle, 500 frames apart or more): 0.250 [0.200, 0.300]; ")
    assert first.endswith("limit at most 0.040, ground truth 0.010 [0.000, 0.020].")
    assert second.startswith("- **lag ratio**")


def test_no_failure_is_said(out: Path) -> None:
    told = report()
    for one in told["rows"][0]["measures"].values():
        one["verdict"] = "ok"
    assert "No measure of this evaluation is beyond its limit." in card(out, told)


def test_doubts_about_the_numbers_are_told(out: Path) -> None:
    doubt = "the probes' counts on ground truth is 0.9000, the gate at least 0.95"
    assert f"should not be relied on:\n- {doubt}\n" in card(out, report(unreliable=(doubt,)))


def test_notes_are_put_in_as_they_stand(out: Path) -> None:
    assert "## Notes" not in card(out)
    (out / "notes.md").write_text("- *Rain* is thin.\n\nThe ball | is pale: ö\n", encoding="utf-8")
    assert card(out).endswith("- *Rain* is thin.\n\nThe ball | is pale: ö\n")


def test_what_is_not_there_is_said_not_guessed(out: Path) -> None:
    for part in ("autoencoder", "text", "denoiser", "latents"):
        shutil.rmtree(out / part)
    (out / "done.json").unlink()
    told = card(out)
    assert "Machine and dates were not recorded" in told
    assert "| autoencoder | not recorded |" in told
    assert "| latents | – | 12,000 clips encoded | – | not recorded |" in told
    assert "12,000 clips in the recipe" in told
    assert "$ longtake train all --recipe tiny --out runs/tiny\n" in told


def test_there_is_no_card_without_a_package(out: Path) -> None:
    shutil.rmtree(out / "package")
    with pytest.raises(ModelError, match="no model's manifest"):
        write_card(tiny(), WORLD, out, report())
