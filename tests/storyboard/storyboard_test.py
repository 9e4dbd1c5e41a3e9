"""A storyboard says what its writer meant, or one line says what is wrong with it."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from longtake.plan import MAX_FRAMES, PlannedScene, Timeline
from longtake.storyboard import Storyboard, StoryboardError, load, parse, parse_when, timeline, with_frames

GOOD = """\
title: A day in the valley
video: {fps: 12, frames: 3376}
seed: 7
scenes:
  - {id: morning, at: 0, prompt: "Ollie the red fox walks in the meadow"}
  - {id: rain, at: 0:21, prompt: "it rains"}
  - id: no
    at: "1:30.5"
    prompt: >
      the fox sleeps
        in its den
edits: []
"""


def changed(old: str, new: str) -> str:
    assert GOOD.count(old) == 1
    return GOOD.replace(old, new)


def complaint(text: str) -> str:
    with pytest.raises(StoryboardError) as caught:
        parse(text)
    line = str(caught.value)
    assert "\n" not in line
    assert len(line) < 250
    return line


def test_a_storyboard_becomes_a_time_line() -> None:
    storyboard = parse(GOOD)
    assert (storyboard.title, storyboard.video.fps, storyboard.seed) == ("A day in the valley", 12, 7)
    assert timeline(storyboard) == Timeline(
        (
            PlannedScene("morning", 0, "Ollie the red fox walks in the meadow"),
            PlannedScene("rain", 252, "it rains"),
            PlannedScene("no", 1086, "the fox sleeps in its den"),
        ),
        3376,
    )
    assert Storyboard.model_validate_json(storyboard.model_dump_json()) == storyboard


@pytest.mark.parametrize(
    ("at", "fps", "frame"),
    [
        ("21", "12", 21),
        ('"21"', "12", 21),
        ("1:30", "12", 1080),
        ("0:00:21", "12", 252),
        ("0:02.04", "12", 24),
        ("0:02.05", "12", 25),
        ("0:02", "23.976", 48),
        ("1:02:03.5", "0.1", 372),
    ],
)
def test_times_fall_on_the_nearest_frame(at: str, fps: str, frame: int) -> None:
    storyboard = parse(changed("0:21", at).replace("fps: 12", f"fps: {fps}").replace('"1:30.5"', "3375"))
    assert timeline(storyboard).scenes[1].start == frame
    assert parse_when(storyboard, at.strip('"'), storyboard.frames) == frame


def test_a_duration_may_stand_for_frames() -> None:
    assert parse(changed("frames: 3376", "duration: 5:00")).frames == 3600
    assert parse(changed("frames: 3376", 'duration: "0:05:00.25"')).frames == 3603


def test_yaml_anchors_spare_repetition() -> None:
    text = changed('"it rains"', "&wet it rains").replace("title: A day in the valley\n", "")
    text = text.replace("the fox sleeps\n        in its den", "").replace("prompt: >\n      ", "prompt: *wet")
    assert timeline(parse(text)).prompt(3000) == "it rains"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("seed:", "sed:", "unknown key 'sed': did you mean 'seed'?"),
        ("frames:", "frame:", "'video': unknown key 'frame': did you mean 'frames'?"),
        ("prompt: >", "promt: >", "scene 'no': unknown key 'promt': did you mean 'prompt'?"),
        (
            "title:",
            "xyz:",
            "unknown key 'xyz': known are 'title', 'video', 'seed', 'scenes', 'images', 'edits'",
        ),
        ("seed: 7", "seed: -1", "'seed' must be at least 0"),
        ("seed: 7", "seed: soon", "'seed' must be a whole number"),
        ("seed: 7", "title: again", "line 3 of the YAML: the key 'title' stands twice: keep one"),
        ("0:21", "0", "scene 'rain' starts at frame 0, not after scene 'morning' (frame 0): give"),
        ("0:21", "3:00", "scene 'no' starts at frame 1086, not after scene 'rain' (frame 2160): give"),
        ("at: 0,", "at: 5,", "scene 'morning' is the first, but starts at 5: start it at 0"),
        ("1:30.5", "4:41.34", "scene 'no' starts at frame 3376, but the film ends with frame 3375"),
        ("1:30.5", "soon", "scene 'no': 'at' must be a frame number or a time such as '0:21'"),
        ("0:21", "-3", "scene 'rain': 'at' must be from 0 to 170859375"),
        ("0:21", "3.5", "scene 'rain': 'at' must be a frame number or a time"),
        ("0:21", "true", "scene 'rain': 'at' must be a frame number or a time"),
        ("0:21", "[]", "scene 'rain': 'at' must be a frame number or a time"),
        ("0:21", "9" * 5000, "scene 'rain': 'at' must be a frame number or a time"),
        ("1:30.5", "9" * 5000 + ":00", "scene 'no': 'at' must be a frame number or a time"),
        ("0:21", "9" * 12, "scene 'rain': 'at' must be from 0 to 170859375"),
        ('"it rains"', '" "', "scene 'rain': 'prompt' is empty: fill it in"),
        ('"it rains"', "", "scene 'rain': 'prompt' must be text: put it in quotes"),
        (', prompt: "it rains"', "", "scene 'rain': 'prompt' is missing"),
        ("id: rain", "id: morning", "scene id 'morning' is used twice: give each scene its own id"),
        ("id: rain", "id: 2", "scene number 2: 'id' must be text: put it in quotes"),
        ("id: rain", 'id: ""', "scene number 2: 'id' is empty: fill it in"),
        ("3376", "0", "'video': 'frames' must be at least 1"),
        ("3376", "170859377", "'video': 'frames' must be at most 170859376"),
        ("3376", "9" * 5000, "'video': 'frames' must be a whole number"),
        ("3376", "12.5", "'video': 'frames' must be a whole number"),
        ("3376", "many", "'video': 'frames' must be a whole number"),
        ("frames: 3376", "frames: 3376, duration: 5:00", "'video' needs either 'frames' or 'duration'"),
        (", frames: 3376", "", "'video' needs either 'frames' or 'duration'"),
        ("frames: 3376", "duration: 300", "'video': 'duration' must be a time above zero, such as '5:00'"),
        ("frames: 3376", "duration: 0:00", "'video': 'duration' must be a time above zero"),
        ("fps: 12", "fps: -12", "'video': 'fps' must be at least 0.01"),
        ("fps: 12", "fps: 0", "'video': 'fps' must be at least 0.01"),
        ("fps: 12", "fps: true", "'video': 'fps' must be a number"),
        ("fps: 12", "fps: .nan", "'video': 'fps' must be a number"),
        ("{fps: 12, frames: 3376}", "[12]", "'video': must be a mapping with the keys 'fps', 'frames'"),
        ("edits: []", "edits:", "'edits' must be a list"),
        (
            "edits: []",
            "edits: [{prompt: x}]",
            "edit number 1: needs the key 'edit', which is one of prompt, ",
        ),
        ("edits: []", "edits: [x]", "edit number 1: must be a mapping with the key 'edit'"),
        ("edits: []", "edits: [{edit: x}]", "edit number 1: 'edit' must be one of prompt, reroll, move, "),
        ("edits: []", "edits: [{edit: reroll}]", "edit number 1: 'scene' is missing"),
        (
            "edits: []",
            "edits: [{edit: reroll, scen: rain}]",
            "edit number 1: unknown key 'scen': did you mean",
        ),
        (
            "edits: []",
            "edits: [{edit: pin, at: -1, picture: a.png}]",
            "edit number 1: 'at' must be from 0 to",
        ),
        ("A day in the valley", "!!python/object/apply:os.system [ls]", "line 1 of the YAML: remove the tag"),
        ("A day in the valley", "!!int x", "line 1 of the YAML: remove the tag"),
        ("A day in the valley", "!mine x", "line 1 of the YAML: remove the tag"),
        ("A day in the valley", "[a", "line 2 of the YAML: "),
        ("A day in the valley", "*nobody", "line 1 of the YAML: found undefined alias 'nobody'"),
        ("title:", "[1]:", "line 1 of the YAML: a key must be a word"),
    ],
)
def test_one_line_names_the_place_and_the_remedy(old: str, new: str, message: str) -> None:
    assert complaint(changed(old, new)).startswith(message)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is no storyboard: it is empty"),
        ("- a\n", "is no storyboard: it is a single value or a list"),
        ("\x00\x01", "is no storyboard: it holds characters that are not text"),
        ("[" * 1500, "is no storyboard: it is nested too deeply"),
        ("a: 1\n---\nb: 1\n", "line 2 of the YAML"),
        ("video: {fps: 12, frames: 9}\nscenes: []\n", "'scenes' is empty"),
        ("video: {fps: 12, frames: 9}\nscenes: {}\n", "'scenes' must be a list"),
        (
            "video: {fps: 12, frames: 9}\nscenes: [1]\n",
            "scene number 1: must be a mapping with the keys 'id'",
        ),
        ("video: {fps: 12, frames: 9}\n", "'scenes' is missing"),
    ],
)
def test_what_is_no_storyboard(text: str, message: str) -> None:
    assert complaint(text).startswith(message)


@given(st.text(alphabet=st.sampled_from("abe: -\n[]{}&*!|>'\"#%@,?0129.~\t"), max_size=60))
def test_rubbish_gives_a_storyboard_error(text: str) -> None:
    with pytest.raises(StoryboardError):
        parse(text)


def test_files(tmp_path: Path) -> None:
    path = tmp_path / "film.yaml"
    path.write_text("\ufeff" + GOOD, encoding="utf-8")
    assert load(path) == parse(GOOD)
    cases = {
        bytes(range(255, 0, -1)): "is not a text in UTF-8",
        GOOD.encode("utf-16"): "is not a text in UTF-8",
        b"#" * 10_000_001: "more than 10,000,000 bytes",
        b"title: [": "YAML",
    }
    for content, message in cases.items():
        path.write_bytes(content)
        with pytest.raises(StoryboardError, match=message) as caught:
            load(path)
        assert str(caught.value).startswith(f"{path}: ")
    for wrong, message in (
        (tmp_path, "is a folder"),
        (tmp_path / "no", "no such file"),
        (path / "x", "read"),
    ):
        with pytest.raises(StoryboardError, match=message):
            load(wrong)


def test_the_first_frames_only() -> None:
    storyboard = parse(GOOD)
    short, note = with_frames(storyboard, 253)
    assert [scene.id for scene in short.scenes] == ["morning", "rain"]
    assert timeline(short) == timeline(storyboard).first(253)
    assert note == "1 of 3 scenes fall away, from 'no' on: they start after the first 253 frames"
    same, note = with_frames(parse(changed("frames: 3376", "duration: 5:00")), 2000)
    assert (same.frames, len(same.scenes), note) == (2000, 3, "")
    long, note = with_frames(storyboard, MAX_FRAMES)
    assert timeline(long).scene(MAX_FRAMES - 1).id == "no"
    assert note == "scene 'no' goes on: the storyboard has only 3376 of 170859376 frames"
    for wrong in (0, -1, MAX_FRAMES + 1):
        with pytest.raises(StoryboardError, match="1 to 170859376"):
            with_frames(storyboard, wrong)


@pytest.mark.parametrize("when", ["3376", "4:41.34", "-1", "noon", "1:2:3:4", ""])
def test_a_moment_outside_the_film(when: str) -> None:
    with pytest.raises(StoryboardError, match="frame"):
        parse_when(parse(GOOD), when, 3376)
