"""The cartoon world: any frame at once, and ground truth that agrees with the picture."""

from __future__ import annotations

import colorsys
import hashlib
import random
from itertools import combinations

import numpy as np
import pytest
from numpy.typing import NDArray

from longtake.world.episodes import episode_facts
from longtake.world.first import WORLD
from longtake.world.first.canvas import Canvas
from longtake.world.first.characters import Pose, draw_character, pose
from longtake.world.first.drawing import CLOCK_PERIOD
from longtake.world.first.places import GROUND, draw_place
from longtake.world.first.script import Shot, shot_at
from longtake.world.vocabulary import ACTIONS, CHARACTERS, PLACES, TIMES

Picture = NDArray[np.uint8]


def shots(seed: int, until: int = 3600) -> tuple[Shot, ...]:
    return WORLD.shots(seed, until)


def differ(a: Picture, b: Picture) -> NDArray[np.bool_]:
    return np.asarray((a != b).any(axis=-1))


def character(
    name: str, hue: float, at: Pose, x: float = 0.5, facing: int = 1
) -> tuple[Picture, list[float]]:
    canvas = Canvas(96)
    box = draw_character(canvas, name, hue, at, x, GROUND, facing)
    return canvas.pixels(), list(box)


def place(name: str, time: str = "day", layout: float = 0.5, clock: float = 0.5, pan: float = 0.0) -> Picture:
    canvas = Canvas(96)
    draw_place(canvas, name, time, False, layout, clock, pan)
    return canvas.pixels()


# -- random access ------------------------------------------------------------------------------------------


def test_any_frame_is_the_same_alone_and_in_a_row() -> None:
    row = WORLD.frames(4, list(range(200, 230)), 24)
    assert row.shape == (30, 24, 24, 3)
    assert row.dtype == np.uint8
    for k in random.Random(0).sample(range(30), 8):
        assert np.array_equal(WORLD.frame(4, 200 + k, 24), row[k])
    assert not np.array_equal(WORLD.frame(5, 200, 24), row[0])


@pytest.mark.parametrize("size", [16, 17, 33, 64, 150])
def test_any_size(size: int) -> None:
    picture = WORLD.frame(2, 300, size)
    assert picture.shape == (size, size, 3)
    coarse = picture[: size // 8 * 8, : size // 8 * 8].reshape(8, size // 8, 8, size // 8, 3).mean((1, 3))
    reference = WORLD.frame(2, 300, 128).reshape(8, 16, 8, 16, 3).mean((1, 3))
    assert np.abs(coarse - reference).mean() < (10 if size % 8 == 0 else 25)


def test_a_picture_too_small_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 16"):
        WORLD.frame(0, 0, 15)


# Golden digests. To change what they hold is to change the world: every model trained on it, the one in the
# package too, then has to be trained again, and its figures measured again.
FRAMES = "71f65347edc7b604d9c04da32e75d90f81520b2953f3db1173663fb4e0a0636c"
TRUTHS = "a7ef94bf865e39ba585be6965bdf292d8cf8c14cc7a64ae1102e94764c3e45e4"


def test_the_world_has_not_changed() -> None:
    pictures, truths = hashlib.sha256(), hashlib.sha256()
    for seed in range(10):
        for number in (0, 411, 1822, 3375):
            pictures.update(WORLD.frame(seed, number, 64).tobytes())
            truth = WORLD.frame_truth(seed, number)
            truths.update(truth.caption.encode())
            truths.update(f"{truth.landmark:.9f} {truth.clock:.9f} {truth.actors[0].hue:.9f}".encode())
    assert truths.hexdigest() == TRUTHS
    assert pictures.hexdigest() == FRAMES


# -- ground truth -------------------------------------------------------------------------------------------


def test_the_truth_of_a_frame_is_that_of_its_shot_and_episode() -> None:
    for seed in range(4):
        hidden = episode_facts(seed)
        for shot in shots(seed, 1500):
            for number in (shot.start, (shot.start + shot.end) // 2, shot.end - 1):
                truth = WORLD.frame_truth(seed, number)
                assert truth.frame == number
                assert truth.shot == shot.start
                assert truth.cut == (number == shot.start and number > 0)
                told = (truth.caption, truth.place, truth.time, truth.weather, truth.pan)
                assert told == (shot.caption, shot.place, shot.time, shot.weather, shot.pan)
                assert truth.layout == hidden.layouts[shot.place]
                assert [(a.name, a.action) for a in truth.actors] == [(a.name, a.action) for a in shot.actors]
                assert all(a.hue == hidden.hues[a.name] for a in truth.actors)
                assert [a.x for a in truth.actors] == sorted(a.x for a in truth.actors)
                for a, actor in zip(truth.actors, shot.actors, strict=True):
                    assert a.direction == (actor.facing if a.action == "walk" else 0)
                    assert 0 <= a.phase < 1


def test_a_cut_changes_the_picture_more_than_a_step() -> None:
    for seed in range(6):
        for shot in shots(seed, 800)[1:]:
            row = WORLD.frames(seed, [shot.start - 2, shot.start - 1, shot.start], 16).astype(int)
            step, cut = (np.abs(b - a).mean() for a, b in ((row[0], row[1]), (row[1], row[2])))
            assert cut > step
            assert cut > 3


@pytest.mark.parametrize("name", CHARACTERS)
def test_the_box_holds_the_character_and_its_outfit(name: str) -> None:
    for action in ACTIONS:
        for since in (0, 5, 30):
            for x, facing in ((0.3, 1), (0.7, -1)):
                at = pose(action, since, 0.3)
                at = Pose(**{**vars(at), "ball": None})  # the ball is not in the box
                picture, box = character(name, 0.3, at, x, facing)
                rows, columns = np.nonzero(picture.any(axis=-1))
                shown = columns.min() / 96, rows.min() / 96, (columns.max() + 1) / 96, (rows.max() + 1) / 96
                assert shown == pytest.approx(np.clip(box, 0, 1), abs=0.025)
                recoloured, same = character(name, 0.8, at, x, facing)
                assert same == box
                assert differ(picture, recoloured).sum() > 60  # of the outfit


def test_the_outfit_shows_the_hue_inside_the_box() -> None:
    for seed in range(12):
        for shot in shots(seed, 700):
            truth, picture = (
                WORLD.frame_truth(seed, shot.start + 3),
                WORLD.frame(seed, shot.start + 3, 64).astype(int),
            )
            for actor in truth.actors:
                outfit = np.round(np.array(colorsys.hsv_to_rgb(actor.hue, 0.80, 0.92)) * 255)
                rows, columns = np.nonzero(np.abs(picture - outfit).max(axis=-1) < 12)
                left, top, right, bottom = (64 * edge for edge in actor.box)
                inside = (rows + 1 >= top) & (rows <= bottom) & (columns + 1 >= left) & (columns <= right)
                assert inside.sum() >= 20


@pytest.mark.parametrize("name", PLACES)
def test_the_landmark_stands_where_the_truth_says(name: str) -> None:
    columns = np.arange(96) / 96
    for layout, pan in ((0.05, 0.0), (0.05, 0.08), (0.9, -0.08)):
        x = 0.10 + 0.80 * layout + pan
        canvas = Canvas(96)
        assert draw_place(canvas, name, "day", False, layout, 0.5, pan) == pytest.approx(x)
        other = 0.5  # far from either
        changed = np.asarray(differ(canvas.pixels(), place(name, layout=other, pan=pan)).any(axis=0))
        near = (np.abs(columns - x) < 0.27) | (np.abs(columns - (0.10 + 0.80 * other + pan)) < 0.27)
        assert not changed[~near].any()
        assert changed[np.abs(columns - x) < 0.03].any()
    truth = next(
        WORLD.frame_truth(s, n) for s in range(9) for n in range(0, 3000, 50) if shot_at(s, n).place == name
    )
    assert truth.landmark == pytest.approx(0.10 + 0.80 * truth.layout + truth.camera)


def test_a_pan_moves_the_scenery_from_end_to_end() -> None:
    found = [(seed, shot) for seed in range(6) for shot in shots(seed, 2000) if shot.pan]
    for seed, shot in found[:10]:
        moved = WORLD.frame_truth(seed, shot.end - 1).landmark - WORLD.frame_truth(seed, shot.start).landmark
        assert moved * shot.pan < 0  # what the camera turns away from goes the other way
        assert abs(moved) == pytest.approx(0.16, abs=0.03)
    still = next(shot for shot in shots(0) if not shot.pan)
    assert WORLD.frame_truth(0, still.end - 1).landmark == WORLD.frame_truth(0, still.start).landmark


def test_the_clock_rises_and_is_seen() -> None:
    told = [WORLD.frame_truth(1, number).clock for number in range(0, CLOCK_PERIOD, 97)]
    assert told == sorted(told)
    assert told[0] == 0
    assert WORLD.frame_truth(1, CLOCK_PERIOD - 1).clock == 1
    assert WORLD.frame_truth(1, CLOCK_PERIOD).clock == 0
    assert (
        len({WORLD.frame_truth(1, number).clock for number in range(0, 3376, 211)}) == 16
    )  # keyframes differ
    for time in TIMES:
        for name in PLACES:
            changed = differ(place(name, time, clock=0.2), place(name, time, clock=0.9))
            columns = np.nonzero(changed[:24].any(axis=0))[0] / 96
            assert columns.min() == pytest.approx(0.08 + 0.84 * 0.2 - 0.065, abs=0.03)
            assert columns.max() == pytest.approx(0.08 + 0.84 * 0.9 + 0.065, abs=0.03)


def test_the_sun_of_a_frame_tells_the_clock() -> None:
    seen = 0
    for number in range(0, 4500, 30):
        truth = WORLD.frame_truth(8, number)
        if (truth.time, truth.weather) == ("day", "clear"):
            sky = WORLD.frame(8, number, 64)[:18].astype(int)
            columns = np.nonzero(np.abs(sky - (255, 230, 60)).max(axis=-1) < 10)[1]
            assert (columns.mean() + 0.5) / 64 == pytest.approx(0.08 + 0.84 * truth.clock, abs=0.03)
            seen += 1
    assert seen > 10


# -- what there is to see -----------------------------------------------------------------------------------


def test_characters_differ_in_shape_and_colour() -> None:
    for a, b in combinations(CHARACTERS, 2):
        (one, _), (other, _) = character(a, 0.3, Pose()), character(b, 0.3, Pose())
        assert differ(one, other).sum() > 200
        assert (one.any(axis=-1) != other.any(axis=-1)).sum() > 40  # silhouettes
        colours = [np.median(picture[picture.any(axis=-1)], axis=0) for picture in (one, other)]
        assert np.abs(colours[0] - colours[1]).max() > 15


def test_places_and_times_differ() -> None:
    for a, b in combinations(PLACES, 2):
        assert np.abs(place(a).astype(int) - place(b)).mean() > 8
    for early, late in combinations(TIMES, 2):
        for name in PLACES:
            assert np.abs(place(name, early).astype(int) - place(name, late)).mean() > 15


def test_a_character_at_rest_in_a_still_scene_is_byte_for_byte_still() -> None:
    stretches = 0
    for seed in range(12):
        for shot in shots(seed, 2000):
            calm = all(actor.action in ("sleep", "sit") for actor in shot.actors)
            start = -(-(shot.start + 22) // 20) * 20  # seated, and the clock has just moved
            if calm and not shot.pan and shot.weather == "clear" and start + 20 <= shot.end:
                row = WORLD.frames(seed, [start, start + 7, start + 19], 32)
                assert np.array_equal(row[0], row[1])
                assert np.array_equal(row[0], row[2])
                stretches += 1
    assert stretches > 12


def row_of(action: str, first: int, count: int) -> NDArray[np.float64]:
    """What poses show, one row per frame."""
    poses = [pose(action, since, 0.01 if action == "ball" else 0.0) for since in range(first, first + count)]
    return np.array([(p.lift, p.stride, p.arm_left, p.arm_right, p.seated, p.ball or 0.0) for p in poses])


def test_time_has_a_direction_where_a_ball_falls_or_someone_sits_down() -> None:
    """The sequence played backwards is not the sequence, whatever the shift; a wave's is."""
    apart = {}
    for action, period in (("ball", 40), ("wave", 12), ("jump", 20)):
        once = row_of(action, 0, period)
        assert np.allclose(once, row_of(action, period, period))
        backwards = once[::-1]
        apart[action] = min(np.abs(np.roll(backwards, k, axis=0) - once).max() for k in range(period))
    assert apart["ball"] > 0.3
    assert apart["wave"] < 1e-9
    assert apart["jump"] < 1e-9
    sitting = row_of("sit", 0, 60)[:, 4]
    assert (np.diff(sitting) >= 0).all()
    assert sitting[0] == 0
    assert sitting[-1] == 1
    windows = np.lib.stride_tricks.sliding_window_view(sitting, 16)
    for window in windows[np.ptp(windows, axis=1) > 0]:
        assert np.abs(windows - window[::-1]).max(axis=1).min() > 0.01


def test_pictures_of_a_ball_differ_from_their_reverse() -> None:
    row = np.stack([character("fox", 0.3, pose("ball", since, 0.0))[0] for since in range(40)])
    for shift in range(40):
        assert (np.roll(row[::-1], shift, axis=0) != row).any()


def test_actions_look_different() -> None:
    for a, b in combinations(ACTIONS, 2):
        rows = [
            np.stack([character("frog", 0.3, pose(x, k, 0.0))[0] for k in range(24, 36, 3)]) for x in (a, b)
        ]
        assert (rows[0] != rows[1]).any(axis=-1).sum(axis=(1, 2)).max() > 60
    with pytest.raises(ValueError, match="unknown action"):
        pose("fly", 0, 0.0)
