"""Which frames training clips take."""

from __future__ import annotations

import random
from itertools import pairwise

import numpy as np
import pytest
from cartoon import CARTOON

from longtake.data.cartoon import CartoonWorld
from longtake.data.footage import Excerpt, draw_stills

EPISODES = [3, 14, 15]
WORLD = CartoonWorld(0, 1).draws(EPISODES)


def steps(clip: Excerpt) -> list[float]:
    return [b - a for a, b in pairwise(clip.numbers)]


def drawn(mix: tuple[float, ...], count: int = 200, length: int = 16) -> list[Excerpt]:
    return [WORLD.clip(random.Random(k), length, mix) for k in range(count)]


def test_a_clip_is_a_function_of_its_chance() -> None:
    for k in range(50):
        clip = WORLD.clip(random.Random(k))
        assert clip == WORLD.clip(random.Random(k))
        assert len(clip.numbers) == 16
        assert clip.numbers[0] >= 0
        assert min(steps(clip)) >= 0.5
        assert all((2 * n).is_integer() for n in clip.numbers)
        assert clip.film in EPISODES
    assert len({WORLD.clip(random.Random(k)) for k in range(50)}) == 50


def test_strides() -> None:
    assert all(set(steps(clip)) == {1} for clip in drawn((1, 0, 0, 0)))
    assert all(set(steps(clip)) == {0.5} for clip in drawn((0, 0, 0, 0, 1)))
    assert any(set(steps(clip)) == {3} for clip in drawn((0, 0, 0, 1)))
    for mix, stride in (((0.0, 1.0), 15), ((0.0, 0.0, 1.0), 225)):
        clips = drawn(mix)
        exact = [clip for clip in clips if set(steps(clip)) == {stride}]
        assert 0.25 < len(exact) / len(clips) < 0.55
        means = [np.mean(steps(clip)) / stride for clip in clips]
        assert 0.5 < min(means) < 0.8
        assert 1.05 < max(means) < 1.45
        uneven = [clip for clip in clips if max(steps(clip)) > 1.5 * min(steps(clip))]
        assert 0.15 < len(uneven) / len(clips) < 0.35
    any_stride = [np.mean(steps(clip)) for clip in drawn((0, 0, 0, 0, 0, 1))]
    assert min(any_stride) < 4
    assert max(any_stride) > 1000


def test_the_default_mix_has_all_levels_of_a_film() -> None:
    even = [steps(WORLD.clip(random.Random(k))) for k in range(400)]
    shares = [sum(set(found) == {stride} for found in even) / 400 for stride in (1, 15, 225, 3, 0.5)]
    assert min(shares) > 0.04


@pytest.mark.parametrize("length", [1, 2, 31])
def test_any_length(length: int) -> None:
    assert {len(clip.numbers) for clip in drawn((0.25, 0.25, 0.25, 0.25), 20, length)} == {length}


def test_captions_and_pixels_are_those_of_the_frames() -> None:
    clip = WORLD.clip(random.Random(2), 4)
    assert clip.captions == [CARTOON.shot_at(clip.film, int(n)).caption for n in clip.numbers]
    pixels = clip.pixels(16)
    assert pixels.shape == (4, 16, 16, 3)
    assert pixels.dtype == np.uint8
    for picture, number in zip(pixels, clip.numbers, strict=True):
        assert np.array_equal(picture, CARTOON.frame(clip.film, number, 16))


def references(clip: Excerpt, k: int, count: int = 3) -> tuple[float, ...]:
    return WORLD.references(clip, random.Random(k), count)


def test_references_are_a_function_of_their_chance() -> None:
    clip = WORLD.clip(random.Random(5))
    assert references(clip, 1) == references(clip, 1)
    assert len({references(clip, k) for k in range(20)}) == 20
    assert references(clip, 1, 0) == ()


def test_references_are_distinct_frames_outside_of_the_clip() -> None:
    for k, clip in enumerate(drawn((0.25, 0.28, 0.35, 0.12), 60)):
        found = references(clip, k, 4)
        assert len(set(found)) == 4
        for number in found:
            assert number >= 0
            assert not clip.numbers[0] <= number <= clip.numbers[-1]


def test_a_clip_at_the_film_s_start_has_references_behind_it() -> None:
    clip = Excerpt(footage=CartoonWorld(1, 1), film=3, numbers=tuple(range(16)))
    assert min(references(clip, 0, 4)) > 15


def test_nearly_all_references_show_a_place_or_a_character_of_the_clip() -> None:
    akin = 0
    clips = drawn((0.25, 0.28, 0.35, 0.12), 100)
    for k, clip in enumerate(clips):
        own = [CARTOON.shot_at(clip.film, number) for number in clip.numbers]
        places = {shot.place for shot in own}
        names = {actor.name for shot in own for actor in shot.actors}
        for number in references(clip, k, 2):
            shot = CARTOON.shot_at(clip.film, number)
            akin += shot.place in places or any(actor.name in names for actor in shot.actors)
    assert akin / (2 * len(clips)) > 0.95


def test_stills() -> None:
    stills = draw_stills(WORLD, random.Random(1), 5, 16)
    assert stills.shape == (5, 16, 16, 3)
    assert np.array_equal(stills, draw_stills(WORLD, random.Random(1), 5, 16))
    assert len(np.unique(stills, axis=0)) == 5
