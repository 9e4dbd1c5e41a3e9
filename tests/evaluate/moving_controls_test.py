"""Films of the second edition that move wrongly in one way each: where they should, and only there."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Callable
from functools import cache
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from cartoon import CARTOON
from numpy.typing import NDArray
from PIL import Image

from longtake.errors import OptionError
from longtake.evaluate import api
from longtake.evaluate.api import TRUTH, chosen_controls, evaluate
from longtake.evaluate.catalogue import CATALOGUE
from longtake.evaluate.controls import CONTROLS, control_frames, controls_of
from longtake.evaluate.moving_controls import MOVING_CONTROLS
from longtake.evaluate.rows import Episode
from longtake.evaluate.script import LEAF, Script, script_of_episode, script_of_prompts
from longtake.evaluate.sources import WorldFilm
from longtake.storyboard import parse
from longtake.world.edition import world
from longtake.world.episodes import episode_facts, episode_seeds
from longtake.world.second.drawing import draw
from longtake.world.second.motion import BALL_RADIUS
from longtake.world.second.shot import Shot

SECOND = world(2)
SIZE, SEED, LENGTH = 24, 5, 190
NAMES = [name for name, _, _ in MOVING_CONTROLS]
WALK, JUMP, BALL, SLEEP = range(4)  # scenes
SCRIPT = script_of_prompts(
    SECOND,
    [
        (0, "Ollie the fox walks to the right in the meadow in the morning."),
        (83, "Pip the frog jumps at the beach at noon."),
        (128, "Luna the rabbit plays with a ball on the farm at night."),
        (176, "Ella the elephant sleeps in the desert at sunset."),
    ],
    LENGTH,
)
Film = NDArray[np.uint8]  # [N, SIZE, SIZE, 3]


@cache
def film(name: str, seed: int = SEED) -> Film:
    return np.stack(list(control_frames(name, SCRIPT, seed, SIZE)))


def wrong(name: str, seed: int = SEED) -> NDArray[np.bool_]:
    """[N] the frames that are not those of ground truth."""
    return (film(name, seed) != film(TRUTH, seed)).any(axis=(1, 2, 3))


def since(number: int) -> int:
    """Frames since the scene began."""
    return number - SCRIPT.shot(number).start


def frames_where(holds: Callable[[int, int], bool]) -> NDArray[np.bool_]:
    """[N] of (scene, frames since it began)."""
    scene = SCRIPT.wanted.scene
    return np.array([holds(int(scene[n]), since(n)) for n in range(LENGTH)])


# -- all of them -----------------------------------------------------------------------------------------


def test_each_is_listed_once_and_says_what_is_wrong() -> None:
    assert max(Counter(NAMES).values()) == 1
    assert [name for name, control in CONTROLS.items() if control.clocked] == NAMES
    assert len({control.what_is_wrong for control in CONTROLS.values()}) == len(CONTROLS)
    for name, what, made in MOVING_CONTROLS:
        assert CONTROLS[name].picture is made
        assert what.endswith(".")


@pytest.mark.parametrize("name", NAMES)
def test_a_film_hangs_on_script_seed_and_place_alone(name: str) -> None:
    control = CONTROLS[name].picture
    again, other = control(SCRIPT, SEED, SIZE), control(SCRIPT, SEED + 1, SIZE)
    for number in (189, 3, 121, 60):  # at random access as in a row
        assert np.array_equal(again(number), film(name)[number])
    assert not all(np.array_equal(other(n), film(name)[n]) for n in (0, 100, 150))
    assert wrong(name).any() or wrong(name, SEED + 1).any()


@pytest.mark.parametrize("name", NAMES)
def test_any_script_will_do(name: str) -> None:
    short = script_of_episode(SECOND, episode_seeds("test", 1)[0], 18)
    nobody = script_of_prompts(SECOND, [(0, "The sea at night."), (9, "A fox and a frog walk left.")], 18)
    for script in (short, nobody):
        frames = list(control_frames(name, script, SEED, 16))
        assert {(picture.shape, picture.dtype.name) for picture in frames} == {((16, 16, 3), "uint8")}
        assert len(frames) == 18


# -- each of them ----------------------------------------------------------------------------------------


def test_standing_walkers_get_no_further_and_move_their_legs() -> None:
    late = frames_where(lambda scene, t: scene == WALK and t > 45)
    assert not wrong("standing walkers")[~late].any()
    assert wrong("standing walkers")[late].mean() > 0.95
    stood, gone = (film(name)[50:83].astype(int) for name in ("standing walkers", TRUTH))
    assert (np.diff(stood[:, -SIZE // 3 :], axis=0) != 0).any(axis=(1, 2, 3)).mean() > 0.9  # legs
    beside = [np.abs(np.diff(each[:, :, :5], axis=0)).mean() for each in (stood, gone)]
    assert beside[0] < 0.2 * beside[1]  # of the scenery only what the wind moves


def test_walkers_stand_before_moving_scenery() -> None:
    name = "standing, scenery moves"
    assert np.array_equal(wrong(name), frames_where(lambda scene, t: scene == WALK))
    right, shown = film(TRUTH)[60:83].astype(int), film(name)[60:83].astype(int)
    assert np.array_equal(shown[:, :, :5], right[:, :, :5])
    assert (np.diff(shown[:, :, :5], axis=0) != 0).any(axis=(1, 2, 3)).all()


def test_sliders_are_in_one_pose() -> None:
    assert np.array_equal(wrong("sliding"), frames_where(lambda scene, t: scene == WALK and t > 3))


def test_everybody_is_slower_by_a_quarter() -> None:
    """What is seen after four frames is what should be after three."""
    assert not wrong("tempo changed")[SCRIPT.starts].any()
    for scene in (WALK, JUMP, BALL):
        assert wrong("tempo changed")[SCRIPT.wanted.scene == scene].mean() > 0.7
    hidden = episode_facts(SEED)
    slow, right = CONTROLS["tempo changed"].picture(SCRIPT, SEED, 48), SCRIPT.picture
    shot = SCRIPT.shots[JUMP]
    for later in (8, 20, 32):
        after, due = slow(shot.start + later), right(shot.start + 3 * later // 4, hidden, 48)
        unchanged = right(shot.start + later, hidden, 48)
        body = np.s_[12:46, 16:32]
        off = [np.abs(after.astype(int) - other)[body].mean() for other in (due, unchanged)]
        assert off[0] < 0.5 * off[1]


def test_a_scene_is_mirrored_as_a_whole_or_not_at_all() -> None:
    counts = []
    for seed in range(SEED, SEED + 4):
        flipped = [
            bool(wrong("mirrored half", seed)[SCRIPT.wanted.scene == scene].any()) for scene in range(4)
        ]
        for n in range(0, LENGTH, 7):
            right = film(TRUTH, seed)[n]
            wanted = right[:, ::-1] if flipped[SCRIPT.wanted.scene[n]] else right
            assert np.array_equal(film("mirrored half", seed)[n], wanted)
        counts.append(sum(flipped))
    assert len(set(counts)) > 1
    assert 4 < sum(counts) < 12


def test_the_picture_rises_over_every_scene() -> None:
    ends = SCRIPT.ends.tolist()
    for n in range(LENGTH):
        scene = int(SCRIPT.wanted.scene[n])
        up = round(0.14 * SIZE * since(n) / (ends[scene] - int(SCRIPT.starts[scene])))
        shown, right = film("rising")[n], film(TRUTH)[n]
        assert np.array_equal(shown[: SIZE - up], right[up:])
        assert (shown[SIZE - up :] == right[-1]).all()
    assert not wrong("rising")[SCRIPT.starts].any()
    assert wrong("rising")[SCRIPT.ends - 1].all()


def test_for_a_moment_somebody_else_is_there_the_same_one_for_all_of_it() -> None:
    name = "replaced for moments"
    assert np.array_equal(wrong(name), frames_where(lambda scene, t: t % 40 >= 35))
    first, hidden = SCRIPT.shots[JUMP].start + 35, episode_facts(SEED)
    assert first // 40 != (first + 4) // 40  # a moment that the film's own stretches of 40 would cut
    shot = SCRIPT.shots[JUMP]
    assert isinstance(shot, Shot)
    (frog,) = shot.actors
    doubles = [
        who
        for who in SECOND.characters
        if all(
            np.array_equal(
                draw(type(shot)(**{**vars(shot), "actors": (type(frog)(**{**vars(frog), "name": who}),)}),
                     hidden, n, SIZE)[0],
                film(name)[n],
            )
            for n in range(first, first + 5)
        )
    ]  # fmt: skip
    assert len(doubles) == 1
    assert doubles != ["frog"]


def test_the_middle_third_is_compressed() -> None:
    inside = np.array([LENGTH / 3 <= n < 2 * LENGTH / 3 for n in range(LENGTH)])
    assert np.array_equal(wrong("compressed part"), inside)
    held = io.BytesIO()
    Image.fromarray(film(TRUTH)[90]).save(held, "JPEG", quality=8)
    assert np.array_equal(film("compressed part")[90], np.asarray(Image.open(held).convert("RGB")))


def test_frames_fade_from_one_right_one_to_the_next() -> None:
    right, shown = film(TRUTH).astype(float), film("cross-faded")
    for start, end in zip(SCRIPT.starts.tolist(), SCRIPT.ends.tolist(), strict=True):
        known = sorted({start, end - 1, *(n for n in range(start, end) if n % LEAF == 0)})
        assert not wrong("cross-faded")[known].any()
        for low, high in pairwise(known):
            for n in range(low + 1, high):
                share = (n - low) / (high - low)
                mixed = (1 - share) * right[low] + share * right[high]
                assert np.abs(shown[n] - mixed).max() <= 0.5
    assert wrong("cross-faded").mean() > 0.7


def test_balls_come_and_go() -> None:
    gone = frames_where(lambda scene, t: scene == BALL and t % 15 >= 9)
    assert np.array_equal(wrong("ball blinks"), gone)
    n = int(np.flatnonzero(gone)[0])
    (rabbit,) = draw(SCRIPT.shots[BALL], episode_facts(SEED), n, SIZE)[1].actors
    assert rabbit.ball is not None
    rows, columns = np.nonzero((film("ball blinks")[n] != film(TRUTH)[n]).any(axis=-1))
    assert np.abs((columns + 0.5) / SIZE - rabbit.ball[0]).max() < BALL_RADIUS
    assert ((rows + 0.5) / SIZE).min() > rabbit.ball[1] - BALL_RADIUS


def test_a_second_sun_hangs_in_the_sky_of_half_of_the_scenes() -> None:
    counts = []
    for seed in range(SEED, SEED + 4):
        scenes = [wrong("two suns", seed)[SCRIPT.wanted.scene == scene] for scene in range(4)]
        assert all(each.all() or not each.any() for each in scenes)
        counts.append(sum(bool(each.any()) for each in scenes))
        differs = (film("two suns", seed) != film(TRUTH, seed)).any(axis=(0, 2, 3))
        assert not differs[int(0.35 * SIZE) :].any()
    assert 4 < sum(counts) < 12


def test_a_second_landmark_stands_beside_the_first_in_half_of_the_scenes() -> None:
    """Only where it is in the picture is it a fault."""
    columns, seen = (np.arange(48) + 0.5) / 48, 0
    for seed in range(SEED, SEED + 4):
        hidden, shows = episode_facts(seed), CONTROLS["two landmarks"].picture(SCRIPT, seed, 48)
        for shot in SCRIPT.shots:
            n = shot.start + 10
            right, truth = draw(shot, hidden, n, 48)
            differs = (shows(n) != right).any(axis=(0, 2))
            (first,) = truth.landmarks
            assert not differs[np.abs(columns - first - 0.4) > 0.3].any() or first > 1.3
            seen += bool(differs.any())
            if differs.any() and 0.1 < first + 0.4 < 0.9:
                assert differs[np.abs(columns - first - 0.4) < 0.05].any()
    assert 3 <= seen <= 10


# -- other editions --------------------------------------------------------------------------------------


def test_the_first_edition_has_none_of_them() -> None:
    first = script_of_episode(CARTOON, 3, 20)
    for name in NAMES:
        with pytest.raises(ValueError, match=f"edition 1 has no control '{name}'; there are: ground truth"):
            control_frames(name, first, SEED)


def lines_of(script: Script, controls: str) -> list[str]:
    references = {"a": WorldFilm(TRUTH, script, SEED + 1)}
    lines = api._known_lines([Episode("a", script, None)], [SEED], references, chosen_controls(controls))
    return [line.name for line in lines]


def test_all_are_those_that_the_edition_has() -> None:
    first = script_of_episode(CARTOON, 3, 20)
    assert lines_of(SCRIPT, "all") == list(CONTROLS)
    assert lines_of(first, "all") == controls_of(CARTOON)
    assert lines_of(first, "none") == [TRUTH]
    assert lines_of(SCRIPT, "sliding, blur") == [TRUTH, "sliding", "blur"]


def test_a_control_of_another_edition_is_refused_before_anything_is_watched(
    tiny_probes: Path, tmp_path: Path
) -> None:
    board = parse("title: a\nvideo: {fps: 12, frames: 9}\nscenes: [{id: a, at: 0, prompt: A fox waves.}]\n")
    shown = np.zeros((9, 64, 64, 3), dtype=np.uint8)
    with pytest.raises(OptionError, match="edition 1 of the cartoon world has no control 'sliding'"):
        evaluate(shown, storyboard=board, out=tmp_path / "out", controls=["blur", "sliding"], edition=1,
                 probes=tiny_probes)  # fmt: skip
    assert not (tmp_path / "out").exists()


def test_measures_of_motion_catch_them() -> None:
    caught = {name for measure in CATALOGUE.values() if measure.clocked for name in measure.catches}
    assert caught <= {*NAMES}
