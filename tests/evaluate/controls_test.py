"""Every control streams a film that differs from the truth in what its name says, and in nothing else."""

from __future__ import annotations

import colorsys
from collections.abc import Callable
from functools import cache

import numpy as np
import pytest
from cartoon import CARTOON
from numpy.typing import NDArray

from longtake.data.footage import CLIP_FRAMES
from longtake.evaluate.catalogue import CATALOGUE
from longtake.evaluate.controls import CONTROLS, control_frames, controls_of, training_clips
from longtake.evaluate.damage import add_noise, blur, brighten, fade
from longtake.evaluate.script import LEAF, Script, script_of_episode, script_of_prompts
from longtake.world.episodes import episode_facts, episode_seeds, split_of

SIZE, SEED = 24, 5
EPISODE = episode_seeds("test", 1)[0]


def script_of(length: int) -> Script:
    """Six scenes, each under a sky of its own, three with one character, and cuts as far from leaf borders
    as they can be."""
    prompts = (
        (0, "Ollie takes a nap in the meadow in the morning."),
        (38, "The frog and the penguin jump at the beach at noon."),
        (68, "Bolt bounces a ball on the farm at night."),
        (83, "The elephant walks to the left in the desert at sunset."),
        (113, "The rabbit sleeps and the fox waves in the city in the morning in the rain."),
        (128, "The penguin walks right and the robot sleeps in the mountains at night in the rain."),
    )
    return script_of_prompts(CARTOON, prompts, length)


SCRIPT = script_of(150)
Film = NDArray[np.uint8]  # [N, SIZE, SIZE, 3]
Draws = Callable[[Script, int, int], Callable[[int], Film]]


@cache
def film(name: str, seed: int = SEED) -> Film:
    return np.stack(list(control_frames(name, SCRIPT, seed, SIZE)))


def truth() -> Film:
    return film("ground truth")


def changes(shown: Film) -> set[int]:
    """Frames that are not the frame before."""
    return set((1 + np.flatnonzero((shown[1:] != shown[:-1]).any(axis=(1, 2, 3)))).tolist())


def scenes_differ(a: Film, b: Film) -> NDArray[np.bool_]:
    """[S] which scenes are not the same in two films."""
    differ = (a != b).any(axis=(1, 2, 3))
    return np.array([differ[i:j].any() for i, j in zip(SCRIPT.starts, SCRIPT.ends, strict=True)])


# -- all controls ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", controls_of(CARTOON))
def test_a_control_streams_the_whole_film(name: str) -> None:
    short = script_of_episode(CARTOON, EPISODE, 18)
    frames = list(control_frames(name, short, SEED))
    assert {(picture.shape, picture.dtype.name) for picture in frames} == {((64, 64, 3), "uint8")}
    assert len(frames) == 18


@pytest.mark.parametrize("name", controls_of(CARTOON))
def test_a_control_hangs_on_script_seed_and_place_alone(name: str) -> None:
    control = CONTROLS[name].picture
    again = control(SCRIPT, SEED, SIZE)
    for number in (149, 3, 77):  # at random access as in a row
        assert np.array_equal(again(number), film(name)[number])
    other = control(SCRIPT, SEED + 1, SIZE)
    same = [np.array_equal(other(number), film(name)[number]) for number in (0, 40, 77, 149)]
    assert all(same) if name == "one cast" else not all(same)


@pytest.mark.parametrize("name", controls_of(CARTOON))
def test_any_script_will_do(name: str) -> None:
    for scenes in ([(0, "The sea at night.")], [(0, "A fox jumps."), (7, "A fox and a frog sleep.")]):
        assert len(list(control_frames(name, script_of_prompts(CARTOON, scenes, 17), SEED, 16))) == 17


def test_what_measures_must_catch_is_there() -> None:
    assert {name for measure in CATALOGUE.values() for name in measure.catches} <= set(CONTROLS)
    assert all(name == control.name and control.what_is_wrong for name, control in CONTROLS.items())


def test_an_unknown_name_is_refused() -> None:
    with pytest.raises(ValueError, match="there are: ground truth"):
        control_frames("frozn", SCRIPT, SEED)


def test_ground_truth_is_the_episode() -> None:
    shown = CONTROLS["ground truth"].picture(script_of_episode(CARTOON, EPISODE, 400), EPISODE, SIZE)
    for number in (0, 100, 399):
        assert np.array_equal(shown(number), CARTOON.frame(EPISODE, number, SIZE))


# -- the right pictures at the wrong time ----------------------------------------------------------------


def test_reversed_is_the_truth_from_the_end() -> None:
    assert np.array_equal(film("reversed")[::-1], truth())


def test_shuffled_films_hold_every_frame_once() -> None:
    def as_set(shown: Film) -> list[bytes]:
        return sorted(picture.tobytes() for picture in shown)

    assert as_set(film("shuffled")) == as_set(truth())
    windows = [slice(at, at + 16) for at in range(0, 150, 16)]
    assert all(as_set(film("shuffled in 16")[window]) == as_set(truth()[window]) for window in windows)
    assert not any(as_set(film("shuffled")[window]) == as_set(truth()[window]) for window in windows)
    assert not np.array_equal(film("shuffled in 16"), truth())


def test_frozen_films_stand_still() -> None:
    assert not changes(film("frozen"))
    assert changes(film("frozen per scene")) == set(SCRIPT.cuts.tolist())
    assert np.array_equal(film("frozen per scene")[SCRIPT.starts], truth()[SCRIPT.starts])


# -- other scenes ----------------------------------------------------------------------------------------


def test_permuted_scenes_are_all_there_and_none_in_its_place() -> None:
    shown, want = (f[:, SIZE // 3, 0].tolist() for f in (film("scenes permuted"), truth()))  # a bit of sky
    cuts = [0, *SCRIPT.cuts.tolist(), 150]
    assert all(shown[at] != want[at] for at in cuts[:-1])
    assert sorted(shown[at] for at in cuts[:-1]) == sorted(want[at] for at in cuts[:-1])


def test_the_other_script_is_always_another() -> None:
    assert scenes_differ(film("other script"), truth()).all()
    assert scenes_differ(film("other script"), film("other script", SEED + 1)).all()


@pytest.mark.parametrize("seed", range(4))
def test_half_of_the_scenes_have_a_figure_too_many(seed: int) -> None:
    shown = CONTROLS["doubled figure"].picture(SCRIPT, seed, SIZE)
    hidden, crowded = episode_facts(seed), 0
    for start in SCRIPT.starts.tolist():
        wrong = (shown(start) != SCRIPT.picture(start, hidden, SIZE)).any(axis=-1)
        crowded += bool(wrong.any())
        if wrong.any():
            assert 0.02 < wrong.mean() < 0.25  # of the picture: as much as a character takes
            assert not wrong[: SIZE // 4].any()  # it stands on the ground
    assert crowded == 3


@pytest.mark.parametrize("seed", range(4))
def test_the_figure_too_many_is_a_copy(seed: int) -> None:
    script = script_of_prompts(CARTOON, [(0, "The penguin waves in the snow.")], 20)
    hidden = episode_facts(seed)
    r, g, b = colorsys.hsv_to_rgb(hidden.hues["penguin"], 0.80, 0.92)
    alone, both = script.picture(5, hidden, 64), CONTROLS["doubled figure"].picture(script, seed, 64)(5)
    one, two = (
        np.isclose(shown, [255 * r, 255 * g, 255 * b], atol=1).all(-1).sum() for shown in (alone, both)
    )
    assert two == pytest.approx(2 * one, rel=0.1)  # pixels in the colour of its outfit


# -- a film that does not remember -----------------------------------------------------------------------


def test_scenes_are_forgotten_as_a_whole() -> None:
    assert scenes_differ(film("forgets per scene"), truth()).all()
    assert changes(film("forgets per scene")) == changes(truth())


@pytest.mark.parametrize("name", ["clips glued", "seams only"])
def test_seams_are_at_every_leaf_border(name: str) -> None:
    size = np.abs(np.diff(film(name).astype(int), axis=0, prepend=0)).mean(axis=(1, 2, 3))
    seams = range(LEAF, 150, LEAF)
    for seam in seams:
        beside = [n for n in range(seam - 7, seam + 8) if n not in {seam, *SCRIPT.cuts}]
        assert size[seam] > np.median(size[beside])
        assert name == "seams only" or size[seam] > size[beside].max()
    asleep = changes(film(name)) & set(range(1, 38))  # it moves where it is glued, and with the clock
    assert asleep <= {15, 30} | changes(truth()) if name == "seams only" else asleep >= {15, 30}


def test_glued_clips_share_nothing_and_seams_alone_keep_the_scenery() -> None:
    sky = np.s_[:, : SIZE // 4]
    assert np.array_equal(film("seams only")[sky], truth()[sky])
    assert not np.array_equal(film("clips glued")[sky], truth()[sky])


def test_hues_drift_to_their_opposite_and_nothing_else_does() -> None:
    shown, want = film("hue drift").astype(int), truth().astype(int)
    assert np.array_equal(shown[0], want[0])
    wrong = np.abs(shown - want)
    assert (wrong.max(axis=(1, 2, 3))[-20:] > 80).all()
    assert (wrong > 0).any(axis=-1).mean(axis=(1, 2)).max() < 0.15  # of the picture: outfits
    assert (np.abs(np.diff(shown[:38], axis=0)) <= 12).all()  # a sleeper's outfit turns slowly


# -- poor pictures ---------------------------------------------------------------------------------------


def test_blur_spreads_a_point_as_its_gaussian_and_keeps_the_light() -> None:
    point = np.zeros((21, 21, 3), dtype=np.uint8)
    point[10, 10] = 255
    y, x = np.mgrid[-10:11, -10:11]
    bell = np.exp(-(x**2 + y**2) / 2 / 1.2**2)
    assert np.abs(blur(point, 1.2)[..., 0] - 255 * bell / bell.sum()).max() <= 0.51
    flat = np.full((16, 16, 3), 77, dtype=np.uint8)
    assert np.array_equal(blur(flat, 3.0), flat)  # at the edge too
    assert np.array_equal(blur(truth()[0], 0.0), truth()[0])
    assert np.allclose(film("blur").mean(axis=(1, 2)), truth().mean(axis=(1, 2)), atol=1)


def test_noise_is_normal_and_fresh() -> None:
    noise = film("noise").astype(float) - truth()
    inside = (truth() > 60) & (truth() < 195)  # four deviations from being clipped
    assert noise[inside].std() == pytest.approx(15, abs=0.1)
    assert abs(noise[inside].mean()) < 0.1
    again = inside[1:] & inside[:-1]
    assert abs(np.corrcoef(noise[1:][again], noise[:-1][again])[0, 1]) < 0.02
    white = np.full((32, 32, 3), 255, dtype=np.uint8)
    assert add_noise(white, 15.0, np.random.default_rng(0)).min() > 150  # clipped, not wrapped


def test_flicker_is_one_factor_per_frame() -> None:
    light = film("flicker").mean(axis=(1, 2, 3)) / truth().mean(axis=(1, 2, 3))
    assert light.std() == pytest.approx(0.06, rel=0.2)
    assert light.mean() == pytest.approx(1, abs=0.02)
    assert np.array_equal(brighten(truth()[0], 1.0), truth()[0])
    assert (brighten(np.full((16, 16, 3), 100, dtype=np.uint8), 1.5) == 150).all()


def test_fading_takes_colour_and_contrast() -> None:
    picture = truth()[40]
    assert np.array_equal(fade(picture, 1.0, 1.0), picture)
    assert np.ptp(fade(picture, 0.0, 1.0), axis=-1).max() == 0
    assert (fade(picture, 1.0, 0.0) == 128).all()
    assert np.abs(fade(picture, 1.0, 0.5) - (64 + picture / 2)).max() <= 0.5


def test_drifts_grow_from_clip_to_clip() -> None:
    shown, want = film("drifts"), truth()
    assert np.array_equal(shown[:LEAF], want[:LEAF])
    for measure, loss in ((saturation, 0.6), (contrast, 0.45), (edges, 0.6)):
        left = measure(shown) / measure(want)
        assert left[0] == 1
        assert left[-LEAF:].mean() < 1 - loss
        assert np.corrcoef(left, np.arange(150))[0, 1] < -0.8


def test_seven_in_ten_characters_are_gone_in_the_end() -> None:
    script = script_of_prompts(CARTOON, [(0, "The fox waves in the snow at noon.")], 1500)
    there = {0: 0, 1499: 0}
    for seed in range(60):
        picture = CONTROLS["drifts"].picture(script, seed, SIZE)
        for number in there:
            middle = picture(number)[int(0.72 * SIZE) : int(0.9 * SIZE), SIZE // 3 : 2 * SIZE // 3]
            there[number] += bool(np.ptp(middle, axis=-1).max() > 16)  # nothing else has a colour there
    assert there[0] == 60
    assert 8 <= there[1499] <= 28  # 18 and three deviations


def saturation(frames: Film) -> NDArray[np.float64]:
    return np.ptp(frames, axis=-1).mean(axis=(1, 2))


def contrast(frames: Film) -> NDArray[np.float64]:
    return frames.mean(axis=-1).std(axis=(1, 2))


def edges(frames: Film) -> NDArray[np.float64]:
    return np.abs(np.diff(frames.astype(int), axis=2)).mean(axis=(1, 2, 3))


# -- nothing new -----------------------------------------------------------------------------------------


def test_one_cast_plays_in_all_films() -> None:
    assert np.array_equal(film("one cast"), film("one cast", SEED + 1))
    assert scenes_differ(film("one cast"), truth()).all()


def test_training_clips_are_clips_of_training_episodes() -> None:
    assert {split_of(episode) for episode, _ in training_clips()} == {"train"}
    shown = film("training clips")
    assert changes(shown) >= set(range(CLIP_FRAMES, 150, CLIP_FRAMES))  # every clip is another
    starts = (start for start in training_clips() if np.array_equal(CARTOON.frame(*start, SIZE), shown[0]))
    episode, first = next(starts)
    assert np.array_equal(
        shown[:CLIP_FRAMES], [CARTOON.frame(episode, first + k, SIZE) for k in range(CLIP_FRAMES)]
    )


# -- damages that no control names -----------------------------------------------------------------------


def test_a_hue_jumps_once(unnamed_damages: dict[str, Draws]) -> None:
    shown = unnamed_damages["hue jump"](SCRIPT, SEED, SIZE)
    assert np.array_equal(shown(74), truth()[74])
    assert 0 < (shown(75) != truth()[75]).any(axis=-1).mean() < 0.15


def test_a_segment_is_looped(unnamed_damages: dict[str, Draws]) -> None:
    script = script_of(300)
    shown, right = (
        draws(script, SEED, SIZE)
        for draws in (unnamed_damages["looped segment"], CONTROLS["ground truth"].picture)
    )
    assert all(np.array_equal(shown(n), right(n)) for n in (99, 152, 200))
    assert all(np.array_equal(shown(n), right(n - 53)) for n in (153, 160, 199))


def test_seams_are_coarse(unnamed_damages: dict[str, Draws]) -> None:
    script = script_of(600)
    shown, right = (
        draws(script, SEED, SIZE)
        for draws in (unnamed_damages["coarse seams only"], CONTROLS["ground truth"].picture)
    )
    jump = [np.abs(shown(n).astype(int) - shown(n - 1)).mean() for n in (224, 225, 226, 240, 450)]
    rest = [np.abs(right(n).astype(int) - right(n - 1)).mean() for n in (224, 225, 226, 240, 450)]
    assert np.argsort(jump)[-2:].tolist() in ([1, 4], [4, 1])
    assert min(jump[1], jump[4]) > 1.5 * max(rest)


def test_the_clock_runs_back_and_nothing_else(unnamed_damages: dict[str, Draws]) -> None:
    shown = unnamed_damages["clock runs back"](script_of(2000), SEED, SIZE)
    right = CONTROLS["ground truth"].picture(script_of(2000), SEED, SIZE)
    assert np.array_equal(shown(999), right(999))
    for number in (1600, 1999):
        wrong = (shown(number) != right(number)).any(axis=-1)
        assert wrong[: SIZE // 3].any()
        assert not wrong[SIZE // 3 :].any()
