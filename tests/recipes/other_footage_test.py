"""The cartoon in another shape, and the tar files of a data set, are learnt from as what they stand for."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest
from cartoon import CARTOON
from films import scenes, write_film
from tiny_recipe import plain, tiny
from whole_run import Calls

from longtake.cli import main
from longtake.conditions.text import SmallTextEncoder
from longtake.data.cartoon import CartoonWorld
from longtake.data.filmset import open_films
from longtake.data.flintstones import FlintstonesShape
from longtake.data.sources import open_footage
from longtake.manifest import read_manifest
from longtake.models.load import load_network
from longtake.recipes import stages_of, start_from_model
from longtake.recipes.stages.autoencoder import AUTOENCODER
from longtake.recipes.stages.text import TEXT
from longtake.train.clip_cache import open_cache


def test_the_cartoon_in_another_shape_becomes_a_model_as_the_cartoon_does(
    tiny_run: Path, tmp_path: Path
) -> None:
    footage, recipe, out = FlintstonesShape(1), plain(), tmp_path / "run"
    assert stages_of(recipe, footage) == stages_of(recipe, CartoonWorld(5, 1))
    call = Calls(footage)
    card = call(out, recipe)
    assert card is not None
    assert call.evaluated == [out / "package"]
    assert known_words(out) == known_words(tiny_run), "captions are read for the world's facts"
    assert read_manifest(out / "package").lexicon == CARTOON.lexicon()
    told = " ".join(card.read_text().split())
    assert "132 training episodes of the cartoon world in the shape of FlintstonesHD" in told
    assert "longtake train all --recipe tiny --data DATA" in told
    _, taken = start_from_model(tiny_run / "undistilled", tiny(), footage, tmp_path / "begun")
    assert taken == (AUTOENCODER, TEXT)


def known_words(run: Path) -> list[str]:
    words: list[str] = load_network(SmallTextEncoder, run / "model" / "text").config.vocabulary
    return words


def test_tar_files_of_a_data_set_are_trained_on(tmp_path: Path) -> None:
    pytest.importorskip("scenedetect", reason="pip install 'longtake[data]'")
    cue = "WEBVTT\n\n00:00.000 --> 00:04.000\nA square wanders.\n"
    for seed, name in enumerate(("a", "b", "c")):
        write_film(tmp_path / "films" / f"{name}.mp4", scenes(seed, (24, 20)))
        (tmp_path / "films" / f"{name}.vtt").write_text(cue)
    data, tars, out = tmp_path / "set", tmp_path / "tars", tmp_path / "run"
    exported = ["data", "export", data, "--out", tars, "--pictures", "png"]
    trained = ["--recipe", "tiny", "--data", tars / "*.tar", "--out", out, "--device", "cpu"]
    commands = [
        ["data", "ingest", tmp_path / "films", "--out", data, "--size", 16, "--workers", 1],
        exported,
        [*exported, "--split", "validation"],
        *(["train", stage, *trained] for stage in ("text", "autoencoder", "latents")),
    ]
    for words in commands:
        assert main([str(word) for word in words]) == 0
    assert known_words(out) == [".", "a", "square", "wanders"]
    assert set(open_cache(out / "latents").captions) <= {"", "A square wanders."}
    both = [open_footage(data, 1), open_footage(tars, 1)]
    assert open_films(data).films("validation"), "one film is held out"
    for split in ("train", "validation"):
        lengths = [[one.length(film) for film in one.films(split)] for one in both]
        assert lengths[0] == lengths[1]
    for k in range(5):
        drawn = [one.draws(one.films("train")).clip(random.Random(k)) for one in both]
        assert drawn[0].numbers == drawn[1].numbers
        assert drawn[0].captions == drawn[1].captions
        assert np.array_equal(*[clip.pixels(16) for clip in drawn])


def test_frames_that_are_missing_are_told_of_before_anything_is_trained(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "train-00000.tar").write_bytes(b"no tar file")
    asked = [
        "train",
        "all",
        "--recipe",
        "tiny",
        "--data",
        str(tmp_path / "*.tar"),
        "--out",
        str(tmp_path / "x"),
    ]
    assert main(asked) == 3
    assert "write it again with `longtake data export`" in " ".join(capsys.readouterr().err.split())
    assert not (tmp_path / "x").exists()
