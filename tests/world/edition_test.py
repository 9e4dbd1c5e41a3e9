"""Editions of the cartoon world: what each must hold, and that whoever reads one reads the one it is told."""

from __future__ import annotations

import hashlib
import json
import pickle
import random
import shutil
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import other_edition
import pytest
from tiny_recipe import tiny

import longtake
from longtake.cli import main
from longtake.conditions.words import words
from longtake.data.cartoon import WORLD, CartoonWorld
from longtake.data.flintstones import FlintstonesShape
from longtake.errors import OptionError
from longtake.evaluate.api import EvaluateOptions, check_options
from longtake.evaluate.compare import compare_strategies
from longtake.evaluate.readings import oracle
from longtake.evaluate.report import scales_file, scales_for
from longtake.evaluate.script import script_of_episode, script_of_prompts
from longtake.evaluate.sources import WorldFilm
from longtake.manifest import ModelError, find_model, read_manifest, shipped_models
from longtake.recipes import RECIPES, do_stage, footage_of
from longtake.recipes.run_record import digest_of
from longtake.storyboard import load, timeline
from longtake.train.caption_facts import answers_of, facts_of_shot
from longtake.train.probe import frame_probe_batches
from longtake.world import edition
from longtake.world.edition import CURRENT, EDITIONS, World, world
from longtake.world.episodes import episode_facts
from longtake.world.facts import LANDMARK, LANDMARK_RANGE

EVERY = pytest.mark.parametrize("cartoon", [world(number) for number in EDITIONS], ids=str)
NUMBERS = range(0, 2000, 61)


@pytest.fixture
def other(monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """An edition that longtake does not have, known for as long as a test lasts."""
    monkeypatch.setitem(edition._HOMES, other_edition.NUMBER, "other_edition")
    yield world(other_edition.NUMBER)
    world.cache_clear()


def test_an_edition_that_is_not_there_is_told_with_those_that_are() -> None:
    assert max(EDITIONS) == CURRENT
    for number in (0, -1, CURRENT + 1):
        with pytest.raises(OptionError, match=f"no edition {number} of the cartoon world: name one of 1"):
            world(number)


def test_the_first_edition_draws_what_was_drawn_before_there_were_editions() -> None:
    drawn, first = hashlib.sha256(), world(1)
    for seed in range(4):
        drawn.update(first.frames(seed, [0, 100.5, 906, 3375], 64).tobytes())
        drawn.update(repr((first.shots(seed, 3600), first.frame_truth(seed, 3375))).encode())
    assert drawn.hexdigest()[:16] == "2a1c88b66dc7f027"
    film = WorldFilm("ground truth", script_of_episode(first, 3, 300), 5)
    assert film.key.startswith("c3431398d0ce994a")


# -- what every edition must hold ----------------------------------------------------------------------------


@EVERY
def test_an_edition_is_found_by_its_number_in_any_process(cartoon: World) -> None:
    assert world(cartoon.edition) is cartoon
    assert pickle.loads(pickle.dumps(cartoon)) == cartoon


@EVERY
def test_shots_speak_the_words_of_the_edition(cartoon: World) -> None:
    known = set(cartoon.vocabulary())
    assert cartoon.lexicon().keys() == {*cartoon.characters, *cartoon.places}
    for seed in range(8):
        for shot in cartoon.shots(seed, 3000):
            assert (shot.place in cartoon.places, shot.time in cartoon.times) == (True, True)
            assert shot.weather in cartoon.weathers
            assert all(a.name in cartoon.characters and a.action in cartoon.actions for a in shot.actors)
            assert set(words(shot.caption)) <= known
            said = cartoon.read_caption(shot.caption)
            assert (said.place, said.time, said.weather, said.pan) == (
                shot.place, shot.time, shot.weather, shot.pan)  # fmt: skip
            assert [name for name, _, _ in said.cast] == [actor.name for actor in shot.actors]


@EVERY
def test_what_measures_turn_back_stands_where_they_look_for_it(cartoon: World) -> None:
    for number in NUMBERS:
        truth, shot = cartoon.frame_truth(3, number), cartoon.shot_at(3, number)
        assert truth.camera == cartoon.camera(shot, number)
        off = truth.landmark - (LANDMARK + LANDMARK_RANGE * truth.layout + truth.camera)
        assert off - (cartoon.round or 0) * round(off / (cartoon.round or 1)) == pytest.approx(0, abs=1e-9)
        assert 0 <= truth.clock <= 1
        assert truth.clock == cartoon.frame_truth(3, number + cartoon.clock_period).clock


@EVERY
def test_a_prompt_is_staged_as_the_shot_that_it_asks_for(cartoon: World) -> None:
    told = "Ollie the orange fox walks to the left and Luna naps at the beach at night in the rain."
    said = cartoon.read_caption(told)
    shot = cartoon.shot_of(said, 40, 90, told)
    assert (shot.start, shot.end, shot.caption) == (40, 90, told)
    assert (shot.place, shot.time, shot.weather) == ("beach", "night", "rain")
    assert [(a.name, a.action) for a in shot.actors] == [("fox", "walk"), ("rabbit", "sleep")]
    assert shot == cartoon.shot_of(said, 40, 90, told)
    truth = cartoon.draw(shot, episode_facts(1), 60, 16)[1]
    assert truth.actors[0].direction == -1
    longer = cartoon.stage(replace(shot, end=200), 0)
    assert (longer.end, longer.cast) == (200, shot.cast)


@EVERY
def test_todays_storyboards_are_staged_as_they_read(cartoon: World) -> None:
    """Prompts that people wrote for the first edition say the same in every one."""
    for board in (Path(longtake.__file__).parents[1] / "examples").glob("*.yaml"):
        scenes = timeline(load(board)).scenes
        assert scenes
        for scene in scenes:
            said, before = cartoon.read_caption(scene.prompt), world(1).read_caption(scene.prompt)
            for fact in ("place", "time", "weather", "pan", "cast"):
                assert getattr(said, fact) == getattr(before, fact), scene.prompt
            assert said.cast
            assert said.place
            assert said.time
            shot = cartoon.shot_of(said, scene.start, scene.start + 90, scene.prompt)
            assert shot.cast == tuple((name, doing, side or 1) for name, doing, side in said.cast)
            truth = cartoon.draw(shot, episode_facts(1), scene.start + 40, 16)[1]
            assert [(a.name, a.action) for a in truth.actors] == [(n, doing) for n, doing, _ in said.cast]
            assert (truth.place, truth.time, truth.weather) == (
                said.place,
                said.time,
                said.weather or "clear",
            )


@EVERY
def test_scenes_of_no_script_can_be_drawn(cartoon: World) -> None:
    chance, moves = random.Random(2), np.random.default_rng(2)
    for _ in range(20):
        shot = cartoon.random_shot(chance, 100, 50)
        assert (shot.start, shot.end) == (100, 150)
        moved = cartoon.moved(shot, moves)
        assert moved.cast == shot.cast
        assert bool(shot.actors) == (moved != shot)
        for actor in shot.actors[:1]:
            names = [one.name for one in cartoon.doubled(shot, actor).actors]
            assert Counter(names) == Counter([actor.name, *(one.name for one in shot.actors)])
        for one in (shot, moved):
            picture, _ = cartoon.draw(one, episode_facts(1), 110, 32)
            assert (picture.shape, picture.dtype) == ((32, 32, 3), np.uint8)
    assert cartoon.wide_frame(3, 100, 30, 40).shape == (30, 40, 3)


# -- who reads one ------------------------------------------------------------------------------------------


def test_scripts_and_what_is_read_in_them_are_of_the_edition_that_is_told(other: World) -> None:
    mine, first = (script_of_episode(one, 3, 200) for one in (other, world(1)))
    assert other.weathers[mine.wanted.weather[0]] == mine.shots[0].weather == first.shots[0].weather
    assert oracle(mine, episode_facts(3)).weather.shape == (200, 4)
    films = [WorldFilm("ground truth", script, 3) for script in (mine, first)]
    prompts = [WorldFilm("blur", script_of_prompts(one, [(0, "A fox.")], 9), 3) for one in (other, world(1))]
    assert len({film.key for film in (*films, *prompts)}) == 4
    batch = frame_probe_batches(other, 30, seed=0)(0, 0, 1)
    assert set(batch.weather.tolist()) == {other.weathers.index("rain"), other.weathers.index("clear")}
    assert answers_of(other)[-2] == 4
    assert all(
        fact < count
        for fact, count in zip(facts_of_shot(other, mine.shots[0]), answers_of(other), strict=True)
    )


def test_footage_is_called_by_its_edition(other: World) -> None:
    assert CartoonWorld(1, 1).name == WORLD
    assert CartoonWorld(1, other.edition).name == "cartoon world, edition 99"
    assert FlintstonesShape(1).name == "cartoon world in the shape of FlintstonesHD"
    assert FlintstonesShape(other.edition).name == "cartoon world, edition 99 in the shape of FlintstonesHD"
    recipe = replace(tiny(), edition=other.edition)
    assert footage_of(recipe, None) == CartoonWorld(5, other.edition)
    assert footage_of(recipe, Path("flintstones-shape")) == FlintstonesShape(other.edition)
    assert CartoonWorld(1, other.edition).captions(3, [7])[0].startswith("Behold: ")


def test_recipes_are_of_the_first_edition_unless_they_say_so() -> None:
    assert RECIPES["toon-128-2"]().edition == 2
    for made in (made for name, made in RECIPES.items() if name != "toon-128-2"):
        assert made().edition == 1
        assert "edition" not in made().flat()
        later = replace(made(), edition=2)
        assert later.flat()["edition"] == 2
        assert digest_of(later) != digest_of(made())


def test_a_text_encoder_learns_the_words_of_its_edition(other: World, tmp_path: Path) -> None:
    recipe = replace(tiny(), edition=other.edition)
    do_stage("text", recipe, footage_of(recipe, None), tmp_path, "cpu")
    config = json.loads((tmp_path / "model" / "text" / "config.json").read_text())
    assert config["vocabulary"] == other.vocabulary()


def of_edition(model: Path, number: int, folder: Path) -> Path:
    """A copy of the model that says it learnt this edition."""
    copy = shutil.copytree(model, folder / f"edition-{number}")
    told = json.loads((copy / "manifest.json").read_text())
    (copy / "manifest.json").write_text(json.dumps({**told, "edition": number}))
    return copy


def test_a_model_is_of_the_first_edition_unless_it_says_so(tiny_model: Path, tmp_path: Path) -> None:
    for name in shipped_models():
        assert "edition" not in json.loads((find_model(name) / "manifest.json").read_text())
        assert read_manifest(find_model(name)).edition == 1
    later = read_manifest(of_edition(tiny_model, 2, tmp_path))
    assert later.edition == 2
    assert later.digest == read_manifest(tiny_model).digest


def test_a_model_is_evaluated_in_the_edition_that_it_learnt(
    tiny_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model, out = of_edition(tiny_model, 7, tmp_path), tmp_path / "report"
    with pytest.raises(OptionError, match="no edition 7"):
        compare_strategies(["nuwa-xl"], model, EvaluateOptions(out=out))
    board, film = tmp_path / "board.yaml", tmp_path / "film.mp4"
    board.write_text("title: one\nvideo: {fps: 12, frames: 16}\nscenes: [{id: a, at: 0, prompt: A fox.}]\n")
    film.write_bytes(b"")
    shown = ["evaluate", str(film), "--storyboard", str(board), "--out", str(out)]
    for asked, number in ((["--model", str(model)], 7), (["--edition", "8"], 8)):
        assert main([*shown, *asked]) == 2
        assert f"no edition {number}" in " ".join(capsys.readouterr().err.split())
    both = ["evaluate", "--strategies", "nuwa-xl", "--edition", "1", "--out", str(out)]
    assert main(both) == 2
    assert "the edition that it learnt" in " ".join(capsys.readouterr().err.split())
    assert main(["evaluate", str(film), "--real", str(film), "--edition", "1", "--out", str(out)]) == 2
    assert "only goes with --storyboard" in " ".join(capsys.readouterr().err.split())
    assert main(["data", "world", "--episode", "7", "--edition", "8"]) == 2
    assert "no edition 8" in " ".join(capsys.readouterr().err.split())
    assert not out.exists()


def test_an_edition_without_limits_or_probes_is_refused_before_anything_is_watched(
    other: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = EvaluateOptions(out=tmp_path)
    with pytest.raises(OptionError, match=r"no limits for edition 99 .* --edition 99 --fix"):
        check_options(options, other)
    monkeypatch.setattr("longtake.evaluate.report.scales_file", lambda edition: scales_file(1))
    assert scales_for(99, 256)[0] == 256
    with pytest.raises(ModelError, match=r"no probes of edition 99 .* `longtake train probe`"):
        check_options(options, other)
    firsts = replace(options, probes=options.probes_for(1))
    with pytest.raises(ModelError, match="tell 2 weathers apart, edition 99 of the cartoon world has 4"):
        check_options(firsts, other)
    check_options(firsts, world(1))
