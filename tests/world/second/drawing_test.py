"""The second edition: any frame at once, and ground truth that agrees with the picture."""

from __future__ import annotations

import colorsys
import random

import numpy as np
import pytest
from numpy.typing import NDArray

from longtake.world.edition import world
from longtake.world.episodes import episode_facts, episode_seeds, random_facts
from longtake.world.second.canvas import ROUND, Canvas, mix
from longtake.world.second.characters import draw_character
from longtake.world.second.drawing import CLOCK_PERIOD, draw
from longtake.world.second.motion import HEIGHT, pose
from longtake.world.second.places import GROUND, light_on_figures
from longtake.world.second.scenes import random_shot
from longtake.world.second.script import WEATHERS, shot_of
from longtake.world.second.shot import Actor, CaptionFacts
from longtake.world.vocabulary import ACTIONS, CHARACTERS, PLACES, TIMES

Picture = NDArray[np.uint8]
HIDDEN = random_facts(random.Random(0))
WORLD = world(2)
frame, frames, frame_truth, wide_frame = WORLD.frame, WORLD.frames, WORLD.frame_truth, WORLD.wide_frame
shots = WORLD.shots


def differ(a: Picture, b: Picture) -> NDArray[np.bool_]:
    return np.asarray((a != b).any(axis=-1))


def empty(place: str, time: str = "day", weather: str = "clear", close: bool = False) -> CaptionFacts:
    return CaptionFacts(
        place=place, time=time, weather=weather, pan=0, close=close, enters=False, leaves=False, cast=()
    )


# -- random access ------------------------------------------------------------------------------------------


def test_any_frame_is_the_same_alone_and_in_a_row() -> None:
    row = frames(4, list(range(200, 230)), 24)
    assert row.shape == (30, 24, 24, 3)
    assert row.dtype == np.uint8
    for k in random.Random(0).sample(range(30), 8):
        assert np.array_equal(frame(4, 200 + k, 24), row[k])
    assert not np.array_equal(frame(5, 200, 24), row[0])


@pytest.mark.parametrize("size", [16, 17, 33, 64, 150])
def test_any_size(size: int) -> None:
    picture = frame(2, 300, size)
    assert picture.shape == (size, size, 3)
    coarse = picture[: size // 8 * 8, : size // 8 * 8].reshape(8, size // 8, 8, size // 8, 3).mean((1, 3))
    reference = frame(2, 300, 128).reshape(8, 16, 8, 16, 3).mean((1, 3))
    assert np.abs(coarse - reference).mean() < (11 if size % 8 == 0 else 25)


def test_between_two_frames_is_what_lies_between() -> None:
    shot = shots(7, 400)[0]
    now, half, then = (frame(7, shot.start + t, 64).astype(int) for t in (20, 20.5, 21))
    assert np.abs(half - now).mean() < np.abs(then - now).mean() + 0.3
    assert np.abs(half - now).max() > 0


def test_a_wide_frame_has_the_square_in_its_middle_and_all_once() -> None:
    for seed in episode_seeds("train", 6):
        for number in (30, 400, 900):
            wide, square = wide_frame(seed, number, 96, 128), frame(seed, number, 96)
            assert wide.shape == (96, 128, 3)
            off = wide[:, 24:-24].astype(int) - square[:, 8:-8]
            assert np.abs(off).max() <= 1  # rounding: what comes again is seen a round further left
    assert ROUND > 1440 / 1080 + 0.4  # the landmark is there once at most


def test_a_picture_too_small_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 16"):
        frame(0, 0, 15)


# -- ground truth -------------------------------------------------------------------------------------------


def test_the_truth_of_a_frame_is_that_of_its_shot_and_episode() -> None:
    for seed in range(4):
        hidden = episode_facts(seed)
        for shot in shots(seed, 1500):
            for number in (shot.start, (shot.start + shot.end) // 2, shot.end - 1):
                truth = frame_truth(seed, number)
                assert (truth.frame, truth.shot) == (number, shot.start)
                assert (truth.since, truth.until) == (number - shot.start, shot.end - number)
                assert truth.cut == (number == shot.start and number > 0)
                for fact in ("caption", "place", "time", "weather", "pan"):
                    assert getattr(truth, fact) == getattr(shot, fact)
                assert truth.zoom == (1.4 if shot.close else 1.0)  # type: ignore[attr-defined]
                assert truth.layout == hidden.layouts[shot.place]
                assert [(a.name, a.action) for a in truth.actors] == [(a.name, a.action) for a in shot.actors]
                assert all(a.hue == hidden.hues[a.name] and 0 <= a.phase < 1 for a in truth.actors)


def test_a_cut_changes_the_picture_more_than_a_step() -> None:
    for seed in range(6):
        for shot in shots(seed, 800)[1:]:
            row = frames(seed, [shot.start - 2, shot.start - 1, shot.start], 16).astype(int)
            step, cut = (np.abs(b - a).mean() for a, b in ((row[0], row[1]), (row[1], row[2])))
            assert cut > step
            assert cut > 3


@pytest.mark.parametrize("name", CHARACTERS)
def test_the_box_holds_the_character_and_its_outfit(name: str) -> None:
    for action in ACTIONS:
        for since in (0.0, 5.0, 30.0):
            for x, facing in ((0.3, 1), (0.7, -1)):
                at = pose(Actor(name=name, action=action, facing=facing, x=x, stride=0.12), since)
                # the ball is not in the box, nor is what rises from a sleeper
                at = type(at)(**{**vars(at), "ball": None, "round": None})
                pictures = []
                for hue in (0.3, 0.8):
                    canvas = Canvas(96)
                    box = draw_character(canvas, name, hue, at, x, GROUND, facing, ((255, 255, 255), 0.0))
                    pictures.append(canvas.pixels())
                rows, columns = np.nonzero(pictures[0].any(axis=-1))
                shown = columns.min() / 96, rows.min() / 96, (columns.max() + 1) / 96, (rows.max() + 1) / 96
                edges = (box.left, box.top, box.right, box.bottom)
                assert shown == pytest.approx(np.clip(edges, 0, 1), abs=0.035)  # the outline lies outside
                assert differ(*pictures).sum() > 60  # of the outfit


def test_the_outfit_shows_the_hue_inside_the_box() -> None:
    for seed in range(12):
        for shot in shots(seed, 700):
            number = shot.start + 3
            truth, picture = frame_truth(seed, number), frame(seed, number, 64).astype(int)
            light = light_on_figures(shot.time, shot.weather)
            for actor in truth.actors:
                if actor.box[0] < 0 or actor.box[2] > 1:
                    continue
                r, g, b = (round(255 * c) for c in colorsys.hsv_to_rgb(actor.hue, 0.80, 0.92))
                off = np.abs(picture - np.array(mix((r, g, b), *light))).max(axis=-1)
                rows, columns = np.nonzero(off < 12)
                left, top, right, bottom = (64 * edge for edge in actor.box)
                inside = (rows + 1 >= top) & (rows <= bottom) & (columns + 1 >= left) & (columns <= right)
                assert inside.sum() >= 12


@pytest.mark.parametrize("close", [False, True])
@pytest.mark.parametrize("place", PLACES)
def test_the_landmark_stands_where_the_truth_says(place: str, close: bool) -> None:
    """Two layouts differ near where the landmark is in either, as far as it and what goes with it reach."""
    zoom = 1.4 if close else 1.0
    shot = shot_of(empty(place, close=close), 0, 300)
    shot = type(shot)(**{**vars(shot), "close": close})
    for layout in (0.1, 0.5, 0.9):
        hidden = type(HIDDEN)(**{**vars(HIDDEN), "layouts": dict.fromkeys(PLACES, layout)})
        picture, truth = draw(shot, hidden, 0, 96)
        assert truth.landmark == pytest.approx(0.10 + 0.80 * layout)
        seen = 0.5 + zoom * (truth.landmark - 0.5)
        away = type(HIDDEN)(**{**vars(HIDDEN), "layouts": dict.fromkeys(PLACES, (layout + 0.45) % 1)})
        changed = differ(picture, draw(shot, away, 0, 96)[0])
        column = min(95, max(0, int(96 * seen)))
        assert changed[:, max(0, column - 3) : column + 4].any()


def test_the_scenery_comes_again_after_a_round() -> None:
    walker = ("fox", "walk", 1)
    stage = CaptionFacts(place="farm", time="day", weather="clear", pan=0, cast=(walker,))
    shot = shot_of(stage, 0, 400)
    cameras = np.array([draw(shot, HIDDEN, t, 16)[1].camera for t in range(400)])
    assert (np.diff(cameras) <= 0).all()
    marks = np.array([draw(shot, HIDDEN, t, 16)[1].landmark for t in range(400)])
    assert marks.min() >= -0.5
    assert marks.max() < 1.5
    moved = (np.diff(marks) + 1) % ROUND - 1
    assert np.allclose(moved, np.diff(cameras), atol=1e-9)


def test_the_sun_goes_on_and_never_in_steps() -> None:
    told = [frame_truth(1, number).clock for number in range(0, CLOCK_PERIOD, 97)]
    assert told == sorted(told)
    assert told[0] == 0
    assert told[-1] < 1
    steps = np.diff([frame_truth(1, number).clock for number in range(100, 200)])
    assert np.allclose(steps, 1 / CLOCK_PERIOD)


@pytest.mark.parametrize("weather", WEATHERS)
@pytest.mark.parametrize("time", TIMES)
def test_every_hour_and_weather_looks_different(time: str, weather: str) -> None:
    looks = {
        (hour, kind): draw(shot_of(empty("meadow", hour, kind), 0, 300), HIDDEN, 9, 32)[0].astype(int)
        for hour in TIMES
        for kind in WEATHERS
    }
    here = looks.pop((time, weather))
    assert min(np.abs(here - other).mean() for other in looks.values()) > 4


def test_what_is_drawn_of_a_scene_depends_on_its_clock_alone_but_for_the_sun() -> None:
    rng = random.Random(3)
    for _ in range(12):
        shot = random_shot(rng, 0, 200)
        later = type(shot)(**{**vars(shot), "start": CLOCK_PERIOD * 3, "end": CLOCK_PERIOD * 3 + 200})
        since = rng.randrange(200)
        assert np.array_equal(
            draw(shot, HIDDEN, since, 48)[0], draw(later, HIDDEN, CLOCK_PERIOD * 3 + since, 48)[0]
        )


def test_contacts_and_balls_are_where_the_truth_says() -> None:
    for seed in range(8):
        for shot in shots(seed, 900):
            truth = frame_truth(seed, (shot.start + shot.end) // 2)
            for actor in truth.actors:
                assert (actor.ball is not None) == (actor.action == "ball")
                if actor.ball is not None:
                    picture = frame(seed, truth.frame, 128).astype(int)
                    column, row = (int(128 * part) for part in actor.ball)
                    red = picture[max(0, row - 8) : row + 9, max(0, column - 8) : column + 9]
                    assert ((red[..., 0] > red[..., 1] + 40) & (red[..., 0] > red[..., 2] + 30)).sum() > 25
                if actor.action == "walk" and actor.busy:
                    assert any(actor.contacts)
                    lowest = min(above for _, above in actor.pose.feet)
                    assert lowest == 0
                    assert HEIGHT < 1
