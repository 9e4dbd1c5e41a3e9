"""`train all`: from a recipe to a model with its card, nothing of it twice."""

from __future__ import annotations

import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tiny_recipe import plain, tiny, undistilled
from whole_run import Calls

from longtake.cli import main
from longtake.data.cartoon import CartoonWorld
from longtake.manifest import ModelError, read_manifest
from longtake.recipes import RECIPES, Recipe, stages_of
from longtake.recipes.run_record import RunRecord, digest_of, read_record, write_record

STAGES = ("autoencoder", "text", "latents", "denoiser", "distillation", "decoder", "hd", "package")


@pytest.fixture
def again(tiny_run: Path, tmp_path: Path) -> Path:
    """A copy of a whole run."""
    return shutil.copytree(tiny_run, tmp_path / "again")


def files(out: Path) -> dict[str, tuple[int, bytes]]:
    """All but the card, by when they were written."""
    return {
        str(path.relative_to(out)): (path.stat().st_mtime_ns, path.read_bytes())
        for path in out.rglob("*")
        if path.is_file() and path.name != "README.md"
    }


def forget(out: Path, *stages: str) -> None:
    """As if these had not finished."""
    done = read_record(out)
    assert done is not None
    kept = {stage: finished for stage, finished in done.stages.items() if stage not in stages}
    write_record(replace(done, stages=kept), out)


def names(recipe: Recipe) -> tuple[str, ...]:
    return tuple(stage.name for stage in stages_of(recipe, CartoonWorld(5, 1)))


def test_the_stages_are_those_that_lead_to_a_model() -> None:
    assert names(tiny()) == STAGES
    assert names(undistilled()) == tuple(stage for stage in STAGES if stage != "distillation")
    assert names(plain()) == tuple(stage for stage in STAGES if stage not in ("distillation", "hd"))


def test_a_whole_run_is_recorded_and_has_a_card(tiny_run: Path) -> None:
    done = read_record(tiny_run)
    assert done is not None
    assert tuple(done.stages) == STAGES
    assert done.recipe == digest_of(tiny())
    for stage in stages_of(tiny(), CartoonWorld(5, 1)):
        assert (tiny_run / stage.leaves).exists()
    assert not (tiny_run / "probes").exists()
    told = (tiny_run / "package" / "README.md").read_text()
    assert "| distillation | 2 | 4 clips | 1 |" in told
    assert "longtake train all --recipe tiny --out runs/tiny --preset ci" in told
    read_manifest(tiny_run / "package").verify()  # the card is no part of what it checks


def test_what_is_finished_is_neither_run_nor_written_again(again: Path) -> None:
    # Without them an autoencoder that ran again would start from nothing, and undo the tuned decoder.
    for path in (again / "autoencoder").glob("step-*"):
        shutil.rmtree(path)
    before, call = files(again), Calls()
    (again / "package" / "README.md").unlink()
    assert call(again) == again / "package" / "README.md"
    assert call.ran == []
    assert call.evaluated == []
    assert files(again) == before
    assert (again / "package" / "README.md").exists()


def test_an_interrupted_run_goes_on_with_the_stage_that_was_cut_short(again: Path) -> None:
    forget(again, "decoder", "package")
    shutil.rmtree(again / "decoder")
    made, call = read_manifest(again / "package").files, Calls()
    call(again)
    assert call.ran == ["decoder", "package"]
    assert set(read_manifest(again / "package").files) == set(made)


def test_a_recipe_without_distillation_skips_it(again: Path) -> None:
    done = read_record(again)
    assert done is not None
    early = {stage: done.stages[stage] for stage in ("autoencoder", "text", "latents", "denoiser")}
    write_record(RunRecord(recipe=digest_of(undistilled()), stages=early), again)
    shutil.rmtree(again / "model" / "student")
    call = Calls()
    call(again, undistilled())
    assert call.ran == ["decoder", "hd", "package"]
    assert not (again / "model" / "student").exists()
    assert "istil" not in (again / "package" / "README.md").read_text()


def test_a_changed_recipe_is_refused_and_the_remedy_named(again: Path) -> None:
    before = files(again)
    part = tiny().denoiser
    changed = replace(tiny(), denoiser=replace(part, training=replace(part.training, adam_lr=2e-2)))
    with pytest.raises(ModelError, match=r"another --out.*remove .*done\.json"):
        Calls()(again, changed)
    assert files(again) == before


def test_a_recipe_is_the_folders_from_the_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("longtake.recipes.train_all.do_stage", fails)
    with pytest.raises(KeyboardInterrupt):
        Calls()(tmp_path)
    assert read_record(tmp_path) == RunRecord(recipe=digest_of(tiny()))
    with pytest.raises(ModelError, match="another recipe"):
        Calls()(tmp_path, undistilled())


@pytest.mark.parametrize("change", ["preset", "package", "report"])
def test_another_preset_or_package_or_a_lost_report_is_evaluated_anew(again: Path, change: str) -> None:
    if change == "package":
        manifest = again / "package" / "manifest.json"
        manifest.write_text(manifest.read_text() + "\n")
    elif change == "report":
        (again / "evaluation" / "report.json").unlink()
    call = Calls()
    call(again, preset="dev" if change == "preset" else "ci")
    assert (call.ran, call.evaluated) == ([], [again / "package"])


class Interrupted(Calls):
    """Its evaluation never ends."""

    def evaluate(self, package: Path, folder: Path) -> dict[str, Any]:
        super().evaluate(package, folder)
        raise KeyboardInterrupt


def test_an_evaluation_that_was_interrupted_is_run_again(again: Path) -> None:
    call = Calls()
    with pytest.raises(KeyboardInterrupt):
        Interrupted()(again, preset="dev")
    call(again, preset="dev")
    assert call.evaluated == [again / "package"]


def test_the_command_line_writes_the_card_of_a_finished_run(
    again: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(RECIPES, "tiny", tiny)
    (again / "notes.md").write_text("Rain is thin.")
    asked = ["train", "all", "--recipe", "tiny", "--out", str(again), "--device", "cpu", "--preset", "ci"]
    assert main(asked) == 0
    told = capsys.readouterr()
    assert told.out == f"{again / 'package' / 'README.md'}: the model's card\n"
    assert "stage 8 of 8, package: finished" in told.err
    assert "Rain is thin." in (again / "package" / "README.md").read_text()


def test_only_all_has_a_preset(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    asked = ["train", "text", "--recipe", "toon-64", "--out", str(tmp_path), "--preset", "ci"]
    assert main(asked) == 2
    assert "only goes with 'all'" in " ".join(capsys.readouterr().err.split())


SCRIPT = """
import sys
sys.path.insert(0, {folder!r})
from pathlib import Path
import whole_run as t
from longtake.train.processes import place
out, call = Path(sys.argv[1]), t.Calls()
card = call(out)
(out / f"rank-{{place()[0]}}").write_text(f"{{len(call.evaluated)}} {{len(call.told)}} {{card is not None}}")
"""


@pytest.mark.slow
def test_of_two_processes_the_first_evaluates_and_writes(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(SCRIPT.format(folder=str(Path(__file__).parents[1])))
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    for evaluated in (1, 0):
        subprocess.run([*torchrun, str(script), str(tmp_path / "run")], check=True)
        assert (
            tmp_path / "run" / "rank-0"
        ).read_text() == f"{evaluated} 9 True"  # lines: the stages, the evaluation
        assert (tmp_path / "run" / "rank-1").read_text() == "0 0 False"
    told = (tmp_path / "run" / "package" / "README.md").read_text()
    assert "| denoiser | 2 | 8 clips | 2 |" in told
    assert "torchrun --nproc-per-node 2 -m longtake train all" in told
