"""Any films through every stage: with captions, without, with pictures among them, and plain videos."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from films import scenes, write_film
from moving import Moving
from PIL import Image
from tiny_recipe import plain, tiny

from longtake.cli import main
from longtake.conditions.text import SmallTextEncoder
from longtake.data.cartoon import CartoonWorld
from longtake.data.footage import Footage
from longtake.manifest import ModelError, read_manifest
from longtake.models.load import load_network
from longtake.recipes import Recipe, do_stage, run_all, stages_of, start_from_model
from longtake.recipes.run_record import read_record
from longtake.recipes.stages.autoencoder import AUTOENCODER
from longtake.recipes.stages.measures import MEASURES
from longtake.recipes.stages.package import PACKAGE
from longtake.recipes.stages.text import TEXT
from longtake.train.clip_cache import open_cache
from longtake.train.held_out import LEVELS, level_clips
from longtake.video import count_frames, encode_segment

MIXED = Moving((40, 1, 300, 7, 61, 1, 80), held=1)
STORYBOARD = """
video: {fps: 12, frames: 17}
scenes:
  - {id: a, at: 0, prompt: "A ball crosses the red field."}
  - {id: b, at: 9, prompt: "A zebra crosses the green field."}
"""


def many_clips() -> Recipe:
    return replace(tiny(), clips=replace(tiny().clips, count=40))


def no_evaluation(package: Path, folder: Path) -> dict[str, object]:
    raise AssertionError("films without ground truth are not evaluated")


def whole_run(out: Path, footage: Footage, recipe: Recipe | None = None) -> list[str]:
    told: list[str] = []
    card = run_all(
        recipe or tiny(), footage, out, "cpu", evaluate=no_evaluation, preset="dev", tell=told.append
    )
    assert card == out / "package" / "README.md"
    return told


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A whole run on films with captions, two of them pictures and one shorter than a clip."""
    out = tmp_path_factory.mktemp("films")
    told = whole_run(out, MIXED, many_clips())
    assert told[-1] == "stage 9 of 9, measures"
    return out


def test_the_stages_end_with_measures() -> None:
    assert stages_of(tiny(), MIXED)[-2:] == (PACKAGE, MEASURES)
    assert MEASURES not in stages_of(tiny(), CartoonWorld(5, 1))


def test_the_text_encoder_knows_the_words_of_the_captions(run: Path) -> None:
    known = load_network(SmallTextEncoder, run / "model" / "text").config.vocabulary
    assert known == [".", "a", "ball", "blue", "crosses", "field", "green", "red", "the"]
    assert read_manifest(run / "package").lexicon == {}


def test_the_cache_has_clips_of_every_length_that_the_films_have(run: Path) -> None:
    cache = open_cache(run / "latents")
    assert set(cache.frames) == {1, 7, 16}
    assert cache.referring.any()
    assert not cache.referring.all()
    empty = np.isnan(cache.numbers)
    assert not empty[:, 0].any()
    assert (cache.frames[cache.referring] == 16).all()


def test_the_measures_are_of_seen_and_of_unseen_films(run: Path) -> None:
    found = json.loads((run / "measures.json").read_text())
    assert found["data"] == MIXED.name
    assert found["films"] == {"train": 6, "validation": 1}
    for split in ("train", "validation"):
        assert 3 < found["psnr"][split] < 60
        levels = found["denoising"][split]
        short = {"keyframes", "leaves"}  # the unseen film has 80 frames: two levels draw it
        assert set(levels) == (short | {"gaps"} if split == "train" else short)
        assert all(one["loss"] > 0 and one["of_nothing"] > 0 for one in levels.values())


def test_the_card_tells_the_data_and_the_measures(run: Path) -> None:
    told = " ".join((run / "package" / "README.md").read_text().split())
    assert f"for the films of {MIXED.name}" in told
    assert f"6 training films of {MIXED.name}" in told
    assert "longtake train all --recipe tiny --data DATA --out runs/tiny" in told
    assert "| frames through the autoencoder | PSNR, dB |" in told
    assert "| denoising leaves | loss (of answering 0) |" in told
    assert "9 known words" in told
    assert "cartoon" not in told
    assert "Known failures" not in told


def test_a_finished_run_does_nothing_and_other_films_are_refused(run: Path) -> None:
    told = whole_run(run, MIXED, many_clips())
    assert all("finished" in line for line in told)
    done = read_record(run)
    assert done is not None
    assert done.data == MIXED.name
    with pytest.raises(ModelError, match=r"begun with other data, 'moving .*give another --out"):
        whole_run(run, Moving(), many_clips())


def test_the_model_renders_and_names_unknown_words(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    board = tmp_path / "board.yaml"
    board.write_text(STORYBOARD)
    asked = ["render", str(board), "--model", str(run / "package"), "--store", str(tmp_path / "store")]
    assert main([*asked, "--out", str(tmp_path / "film.mp4"), "--workers", "1"]) == 0
    err = " ".join(capsys.readouterr().err.split())
    assert "does not know the word 'zebra'" in err
    assert "'ball'" not in err


def test_films_without_captions_make_a_model_that_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    silent = Moving((40, 61, 50), held=0, told=False)
    whole_run(tmp_path / "run", silent, plain())
    assert "has no captions" in capsys.readouterr().err
    assert not (tmp_path / "run" / "text" / "log.jsonl").exists()
    assert not open_cache(tmp_path / "run" / "latents").referring.any()
    card = (tmp_path / "run" / "package" / "README.md").read_text()
    assert "says nothing: there were no captions" in card
    assert "No film was held out" in card
    board = tmp_path / "board.yaml"
    board.write_text(STORYBOARD)
    asked = ["render", str(board), "--model", str(tmp_path / "run" / "package"), "--workers", "1"]
    assert main([*asked, "--store", str(tmp_path / "store"), "--out", str(tmp_path / "film.mp4")]) == 0
    err = " ".join(capsys.readouterr().err.split())
    assert "trained without captions: prompts do not change what it draws" in err
    assert "does not know" not in err


def test_a_model_of_films_is_where_others_begin(run: Path, tmp_path: Path) -> None:
    begun = run / "undistilled"
    _, taken = start_from_model(begun, tiny(), MIXED, tmp_path / "same")
    assert taken == (AUTOENCODER, TEXT)
    _, taken = start_from_model(begun, tiny(), Moving((20,), held=0, told=False), tmp_path / "silent")
    assert taken == (AUTOENCODER,)
    assert not (tmp_path / "silent" / "model" / "text").exists()
    _, taken = start_from_model(begun, tiny(), CartoonWorld(5, 1), tmp_path / "world")
    assert taken == (AUTOENCODER,), "it lacks the world's words"


@pytest.mark.parametrize("stage", ["autoencoder", "hd"])
def test_the_command_line_takes_a_folder_of_videos(stage: str, run: Path, tmp_path: Path) -> None:
    chance = np.random.default_rng(0)
    films = tmp_path / "films"
    for name in ("a", "b"):
        encode_segment(chance.integers(0, 256, (20, 64, 80, 3), np.uint8), films / f"{name}.mp4", 12)
    (tmp_path / "out" / "model").mkdir(parents=True)
    (tmp_path / "out" / "model" / "vae").symlink_to(run / "model" / "vae")
    out = tmp_path / "out" if stage == "hd" else tmp_path / "new"
    asked = ["train", stage, "--recipe", "tiny", "--data", str(films), "--out", str(out), "--device", "cpu"]
    assert main(asked) == 0
    assert (out / "model" / {"autoencoder": "vae"}.get(stage, stage) / "config.json").exists()


def test_from_a_folder_of_films_to_a_film(tmp_path: Path) -> None:
    pytest.importorskip("scenedetect", reason="pip install 'longtake[data]'")
    cue = "WEBVTT\n\n00:00.000 --> 00:04.000\nA square wanders.\n"
    for seed, name in enumerate(("a", "b", "c")):
        write_film(tmp_path / "films" / f"{name}.mp4", scenes(seed, (24, 20)))
        (tmp_path / "films" / f"{name}.vtt").write_text(cue)
    data, out = tmp_path / "set", tmp_path / "run"
    ingested = ["data", "ingest", tmp_path / "films", "--out", data, "--size", 64, "--workers", 1]
    trained = ["train", "all", "--recipe", "tiny", "--data", data, "--out", out, "--device", "cpu"]
    (tmp_path / "board.yaml").write_text(STORYBOARD)
    drawn = ["render", tmp_path / "board.yaml", "--model", out / "package", "--out", tmp_path / "film.mp4"]
    small = tmp_path / "small"
    assert main([*map(str, ingested[:4]), str(small), "--size", "16", "--workers", "1"]) == 0
    assert main([str(small if word == data else word) for word in trained]) == 3
    assert not (out / "model").exists(), "films that are too small for the HD decoder are told of at once"
    for words in (ingested, trained, [*drawn, "--workers", 1]):
        assert main([str(word) for word in words]) == 0
    assert load_network(SmallTextEncoder, out / "package" / "text").config.vocabulary == [
        ".",
        "a",
        "square",
        "wanders",
    ]
    assert count_frames(tmp_path / "film.mp4") == 17


@pytest.mark.parametrize(
    ("asked", "code", "told"),
    [
        (["probe", "--data", "films"], 2, "learns what is in the cartoon world"),
        (["all", "--data", "films", "--preset", "ci"], 2, "only goes with 'all' of the cartoon world"),
        (["text", "--data", "nowhere"], 3, "holds no videos"),
    ],
)
def test_what_does_not_go_together_is_told(
    asked: list[str],
    code: int,
    told: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "films").mkdir()
    Image.new("RGB", (16, 16)).save(tmp_path / "films" / "a.png")
    assert main(["train", *asked, "--recipe", "tiny", "--out", str(tmp_path)]) == code
    assert told in " ".join(capsys.readouterr().err.replace("│", " ").split())


def test_probes_of_films_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="leave --data out"):
        do_stage("probe", tiny(), MIXED, tmp_path, "cpu")


def test_the_measured_clips_are_those_of_each_level() -> None:
    footage = Moving((61, 1000, 5), held=0)
    spacing = {
        level: {clip.numbers[1] - clip.numbers[0] for clip in level_clips(footage, [0, 1, 2], level, 40)}
        for level in LEVELS
    }
    assert spacing["keyframes"] == {4.0, 66.0, 1.0}
    assert spacing["gaps"] == {15.0}
    assert spacing["leaves"] == {1.0}
    assert {clip.film for clip in level_clips(footage, [0, 1, 2], "gaps", 40)} == {1}
    assert list(level_clips(footage, [0], "gaps", 40)) == []
    torch.manual_seed(0)
    assert list(level_clips(footage, [0, 1], "leaves", 9)) == list(level_clips(footage, [0, 1], "leaves", 9))
