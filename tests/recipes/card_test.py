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
from safetensors import safe_open
from tiny_sd import save_sd

from longtake.data.cartoon import CartoonWorld
from longtake.evaluate.measured import FilmResult, Measured, Row
from longtake.evaluate.score import Scale
from longtake.evaluate.table import Header, markdown, report_json
from longtake.manifest import ModelError
from longtake.plan import LevelSampling
from longtake.recipes.card import write_card
from longtake.recipes.inflate import inflate
from longtake.recipes.recipe import Recipe
from longtake.recipes.run_record import FinishedStage, RunRecord, digest_of, write_record

WORLD = CartoonWorld(6000, 1)
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
        denoiser=replace(base.denoiser, training=config, sampling=LevelSampling(*[sampling] * 3)),
        decoder=replace(base.decoder, training=replace(config, batch=1, steps=250)),
        sampling=LevelSampling(sampling, gaps, leaves),
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


def write_log(folder: Path, *lines: dict[str, Any], world: int | None = 2, torn: str = "") -> None:
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
        tmp_path / "autoencoder",
        {"step": 600, "seconds": 560.0, "precision": "bf16"},
        {"step": 650, "seconds": 610.0, "precision": "bf16"},
        {"step": 1300, "seconds": 1176.3, "precision": "fp32"},
        torn='{"step": 13',
    )
    write_log(tmp_path / "text", {"step": 1300, "seconds": 50.2}, world=None)
    fewer = {"step": 1000, "seconds": 8100.0, "precision": "fp32"}  # than the recipe has
    write_log(tmp_path / "denoiser", fewer)
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


def card(out: Path, judged: dict[str, Any] | None = None, **changes: Any) -> str:
    path = write_card(replace(tiny(), **changes), WORLD, out, judged or report())
    assert path == out / "package" / "README.md"
    return path.read_text(encoding="utf-8")


def table(text: str, first: str) -> dict[str, list[str]]:
    """The cells of the table whose first column has this head, by the cell in that column."""
    lines = text.split(f"| {first} |")[1].split("\n\n")[0].splitlines()[2:]
    cells = [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines]
    return {line[0]: line[1:] for line in cells}


def words(text: str) -> str:
    """Without the ends of lines, which lie where they may."""
    return " ".join(text.split())


def test_it_counts_what_the_package_holds(out: Path) -> None:
    parts = table(card(out), "part")
    assert parts.keys() == {"`unet/`", "`vae/`", "`text/`", "`hd/`"}
    for name, (count, size, _) in parts.items():
        (weights,) = (out / "package" / name.strip("`")).glob("*.safetensors")
        held = weights.stat().st_size
        assert size == (f"{held / 1e6:.1f} MB" if held >= 1e5 else f"{held / 1e3:.1f} kB")
        with safe_open(weights, "pt") as tensors:
            numbers = sum(int(np.prod(tensors.get_slice(key).get_shape())) for key in tensors.keys())  # noqa: SIM118
        assert count == (f"{numbers / 1e6:.2f} M" if numbers >= 1e5 else f"{numbers:,}")
    assert "16x16x3 -> 4x4x2" in parts["`vae/`"][2]
    assert "9 known words" in parts["`text/`"][2]


@pytest.mark.filterwarnings("ignore")  # other people's libraries deprecate each other
def test_it_knows_a_pretrained_model(out: Path, tmp_path: Path) -> None:
    before = table(card(out), "part")
    shutil.rmtree(out / "package")
    inflate(str(save_sd(tmp_path / "pipeline")), out / "package", half=True)
    text = card(out)
    parts = table(text, "part")
    assert "hd" not in "".join(parts)
    assert "epsilon prediction" in parts["`unet/`"][2]
    assert "pretrained" in parts["`text/`"][2] not in before["`text/`"][2]
    assert "float16" in text
    assert "float32" not in text


def test_it_says_how_every_stage_went(out: Path) -> None:
    """A log that was cut off counts to its last whole line; what is not there is not recorded."""
    text = card(out)
    assert table(text, "stage") == {
        "autoencoder": ["1,300", "41,600 frames", "2", "bf16, fp32", "20 min"],
        "text": ["1,300", "20,800 captions per process", "not recorded", "not recorded", "50 s"],
        "latents": ["–", "12,000 clips encoded", "–", "–", "9 min (1)"],
        "denoiser": ["1,000 (recipe: 1,300)", "32,000 clips", "2", "fp32", "2 h 15 min"],
        "decoder": ["not recorded", "", "", "", ""],
        "hd": ["not recorded", "", "", "", ""],
    }
    for fact in ("2026-11-20", "2026-11-22", MACHINE, "6,000 training", "300 clips of 16", "2 more"):
        assert fact in words(text), fact


@pytest.mark.parametrize(("temporal", "seen"), [(True, "500 clips"), (False, "500 frames")])
def test_it_says_what_the_decoder_saw(out: Path, temporal: bool, seen: str) -> None:
    """One that does not look along time learns from frames."""
    write_log(out / "decoder", {"step": 250, "seconds": 60.0})
    part = tiny().autoencoder
    text = card(out, autoencoder=replace(part, network={**part.network, "temporal_decoder": temporal}))
    assert table(text, "stage")["decoder"][:2] == ["250", seen]


def test_a_distillation_is_told_of_where_there_is_one(out: Path) -> None:
    assert "distil" not in card(out)
    text = card(out, distillation=replace(tiny().distillation, training=tiny().decoder.training, substeps=3))
    assert table(text, "stage")["distillation"][0] == "not recorded"
    assert "3 guided ones" in words(text)
    assert table(text, "level")["keyframes, before distillation"] == ["ddim", "8", "1.5", "3", "1"]


def test_a_stage_that_was_taken_over_is_not_said_to_be_lost(out: Path, tmp_path: Path) -> None:
    run = shutil.copytree(out, tmp_path / "run")
    shutil.rmtree(run / "text")
    taken = FinishedStage(at="2026-11-20T10:00:00+00:00", seconds=0.0, machine="taken from another")
    write_record(RunRecord(recipe=digest_of(tiny()), stages={"text": taken}), run)
    text = card(run)
    assert table(text, "stage")["text"][0] == "not trained in this run"
    assert "- taken from another: text" in text


@pytest.mark.parametrize(("preset", "option"), [("dev", ""), ("ci", " --preset ci")])
def test_it_has_the_command_that_makes_the_model(out: Path, preset: str, option: str) -> None:
    text = write_card(tiny(), WORLD, out, report(), preset).read_text()
    command = (
        "OMP_NUM_THREADS=1 torchrun --nproc-per-node 2 -m longtake train all --recipe tiny --out runs/tiny"
    )
    assert f"$ {command}{option}\n" in text
    assert digest_of(tiny())[:16] in text


def test_it_says_how_each_level_is_sampled(out: Path) -> None:
    assert table(card(out), "level") == {
        "keyframes": ["ddim", "8", "1.5", "3", "1"],
        "gaps": ["ddim", "8", "1.5", "1.5", "1"],
        "leaves": ["ddim", "4", "1.5", "1", "1"],
    }


def test_measures_stand_beside_ground_truth_and_their_control_as_in_the_report(out: Path) -> None:
    text = card(out)
    judged = {}
    for group in ("Prompt", "Identity", "Motion"):
        judged |= table(text.split(f"### {group}")[1], "measure")
    assert judged == {
        "scenes right": ["share of frames, mean over scenes", "0.950 [0.900, 1.00]", "at least 0.850",
                         "1.00 [1.00, 1.00]", "other script: 0.062"],
        "identity": ["hue circle, 500 frames apart or more", "**0.250 [0.200, 0.300]**", "at most 0.040",
                     "0.010 [0.000, 0.020]", "–"],
        "lag ratio": ["D(8) / D(1)", "**1.50 [1.40, 1.60]**", "2.50 ± 0.900", "2.50 [2.40, 2.60]", "–"],
    }  # fmt: skip
    for fact in ("2 films of the test split, 1,024 frames", "2 of 3 measures", "FVD (i3d): no weights"):
        assert fact in words(text), fact
    rows = [row("ours", "system", scene_accuracy=(0.9, 1.0), lag_ratio=(1.4, 1.6))]
    page = markdown(rows, {}, Header(facts={}))
    for cell in ("0.950 [0.900, 1.00]", "1.50 [1.40, 1.60]"):
        assert cell in page


def test_measures_beyond_their_limit_are_known_failures_the_worst_first(out: Path) -> None:
    failures = card(out).split("## Known failures")[1]
    first, second = (line for line in failures.splitlines() if line.startswith("- "))
    for fact in ("identity", "0.250 [0.200, 0.300]", "at most 0.040", "ground truth 0.010 [0.000, 0.020]"):
        assert fact in first, fact
    assert second.startswith("- **lag ratio**")
    fine = report()
    for one in fine["rows"][0]["measures"].values():
        one["verdict"] = "ok"
    none = card(out, fine).split("## Known failures")[1]
    assert "- " not in none
    assert none.strip()


def test_doubts_about_the_numbers_are_told(out: Path) -> None:
    doubt = "the probes' counts on ground truth is 0.9000, the gate at least 0.95"
    assert f"\n- {doubt}\n" in card(out, report(unreliable=(doubt,)))


def test_notes_are_put_in_as_they_stand(out: Path) -> None:
    assert "## Notes" not in card(out)
    (out / "notes.md").write_text("- *Rain* is thin.\n\nThe ball | is pale: ö\n", encoding="utf-8")
    assert card(out).endswith("- *Rain* is thin.\n\nThe ball | is pale: ö\n")


def test_what_is_not_there_is_said_not_guessed(out: Path) -> None:
    for part in ("autoencoder", "text", "denoiser", "latents"):
        shutil.rmtree(out / part)
    (out / "done.json").unlink()
    text = card(out)
    stages = table(text, "stage")
    assert [stages[name][0] for name in ("autoencoder", "text", "denoiser")] == ["not recorded"] * 3
    assert stages["latents"][-1] == "not recorded"
    assert MACHINE not in text
    assert "$ longtake train all --recipe tiny --out runs/tiny\n" in text


def test_there_is_no_card_without_a_package(out: Path) -> None:
    shutil.rmtree(out / "package")
    with pytest.raises(ModelError, match="no model's manifest"):
        write_card(tiny(), WORLD, out, report())
