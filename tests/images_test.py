"""Pictures of the user's in a storyboard: frames of the film that every clip around them knows."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import planned
import pytest
from PIL import Image

from longtake.cli import main
from longtake.film import open_film
from longtake.plan import EncodeSpec, Job, Plan, PlannedScene, Timeline
from longtake.storyboard import StoryboardError, difference, images, parse, timeline, with_frames

BOARD = """\
video: {fps: 12, frames: 61}
seed: 7
scenes:
  - {id: one, at: 0, prompt: a fox, image: red.png}
  - {id: two, at: 20, prompt: a frog, image: blue.png}
  - {id: three, at: 41, prompt: a fox}
images:
  - {at: "0:04", image: red.png}
"""
PICTURE = Job(EncodeSpec(pixels="abc", encoder="e"))
STRATEGIES = ("nuwa-xl", "lvdm", "vidrd", "videogen")


@pytest.fixture
def board(tmp_path: Path) -> Path:
    for name, colour in (("red.png", (200, 30, 30)), ("blue.png", (20, 40, 200))):
        Image.new("RGB", (32, 24), colour).save(tmp_path / name)
    (tmp_path / "board.yaml").write_text(BOARD)
    return tmp_path / "board.yaml"


def render(board: Path, model: Path, strategy: str, capsys: pytest.CaptureFixture[str]) -> Any:
    out = board.with_name("film.mp4")
    words = [
        "render",
        board,
        "--strategy",
        strategy,
        "--model",
        model,
        "--out",
        out,
        "--workers",
        1,
        "--json",
    ]
    assert main([str(word) for word in words]) == 0
    return json.loads(capsys.readouterr().out)


def latent(board: Path, model: Path, strategy: str, frame: int) -> np.ndarray:
    work = open_film(board, strategy=strategy, model=model)
    key, index = work.jobs.frame(frame)
    return work.store.frame(key, index)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_images_are_frames_of_the_film_and_change_what_is_around_them(
    board: Path, tiny_model: Path, strategy: str, capsys: pytest.CaptureFixture[str]
) -> None:
    first = render(board, tiny_model, strategy, capsys)
    assert (first["frames"], first["jobs_cached"]) == (61, 0)
    red, blue, beside = (latent(board, tiny_model, strategy, frame) for frame in (0, 20, 21))
    assert not np.array_equal(red, blue)
    assert np.array_equal(latent(board, tiny_model, strategy, 48), red)
    assert render(board, tiny_model, strategy, capsys)["jobs_run"] == 0
    Image.new("RGB", (32, 24), (30, 220, 40)).save(board.with_name("blue.png"))
    render(board, tiny_model, strategy, capsys)
    assert not np.array_equal(latent(board, tiny_model, strategy, 21), beside)


def plan_of(length: int, scene_frames: int) -> Plan:
    scenes = tuple(PlannedScene(f"s{k}", k, f"prompt {k}") for k in range(0, length, scene_frames))
    return planned.nuwa_xl(Timeline(scenes, length), references=2)


def test_an_image_on_the_grid_costs_its_encoding_alone() -> None:
    plain = plan_of(3376, 225)
    given = plain.with_pictures({450: PICTURE})
    assert given.levels == plain.levels == [1, 15, 225]
    assert given.count_missing(()) == sum(plain.levels) + 1
    known = given.keyframes.spec.known
    assert known == (2,)
    assert given.keyframes.inputs == ((PICTURE.key, 0),)


def test_an_image_off_the_grid_is_shown_on_every_level() -> None:
    given = plan_of(3376, 225).with_pictures({907: PICTURE})
    seeing = [job for job in given.missing((), slice(None)) if (PICTURE.key, 0) in job.inputs]
    assert [job.level for job in seeing] == [0, 1, 2]
    assert given.frame(907) == (PICTURE.key, 0)


def test_keyframes_are_shown_all_images_and_gaps_the_nearest() -> None:
    frames = {i: Job(EncodeSpec(pixels=str(i), encoder="e")) for i in range(10, 3370, 30)}
    assert len(frames) == 112
    few = dict(list(frames.items())[:40])
    given = plan_of(3376, 225).with_pictures(few)
    off = [i for i in few if i % 225]
    assert [one.time for one in given.keyframes.spec.references] == off
    assert {one.time for one in given.trees[0].clip(1, 2).spec.references} == {550 - 450, 580 - 450}
    many = plan_of(3376, 225).with_pictures(frames)
    times = [one.time for one in many.keyframes.spec.references]
    assert len(times) == 48
    assert times[0] < 100
    assert times[-1] > 3200


def test_a_frame_far_away_needs_no_image() -> None:
    given = plan_of(3376, 225).with_pictures({907: PICTURE, 3001: PICTURE})
    jobs = list(given.missing((), slice(0, 1)))
    assert len(jobs) == given.count_missing((), slice(0, 1))
    later = given.missing({job.key for job in jobs}, slice(None))
    assert PICTURE.key not in {job.key for job in later}, "one picture in two places is one job"


def test_the_first_frames_take_their_images_along() -> None:
    short, _ = with_frames(parse(BOARD), 30)
    assert images(short) == {0: "red.png", 20: "blue.png"}


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("image: blue.png", 'image: ""', "scene 'two': 'image' is empty"),
        ('at: "0:04"', "at: 61", "the image red.png is frame 61: the film's last one is 60"),
        ('at: "0:04"', "at: 20", "frame 20 has two images, blue.png and red.png: keep one"),
        ('at: "0:04", image', 'at: "0:04", picture', "image number 1: unknown key 'picture'"),
    ],
)
def test_mistakes_have_a_remedy(old: str, new: str, message: str) -> None:
    assert BOARD.count(old) == 1
    with pytest.raises(StoryboardError) as caught:
        parse(BOARD.replace(old, new))
    assert message in str(caught.value)


def test_a_picture_that_is_not_there_is_named(
    board: Path, tiny_model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    board.with_name("blue.png").unlink()
    assert main(["plan", str(board), "--model", str(tiny_model)]) == 3
    assert "blue.png is not there" in capsys.readouterr().err


def test_a_difference_keeps_images_or_is_refused() -> None:
    plain = BOARD.partition("images:")[0]
    old = parse(plain)
    plan = planned.nuwa_xl(timeline(old))
    shorter = plain.replace("  - {id: three, at: 41, prompt: a fox}\n", "").replace(
        "frames: 61", "frames: 41"
    )
    assert [edit.edit for edit in difference(old, plan, parse(shorter))] == ["remove"]
    for unlike in (plain.replace("red.png", "blue.png"), BOARD):
        with pytest.raises(StoryboardError, match="other images"):
            difference(old, plan, parse(unlike))
    both = parse(shorter + 'images: [{at: "0:02", image: red.png}]\n')
    had = parse(plain + 'images: [{at: "0:02", image: red.png}]\n')
    with pytest.raises(StoryboardError, match="come or go"):
        difference(had, plan, both)
