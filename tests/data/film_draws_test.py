"""Which frames training clips take from films that end."""

from __future__ import annotations

import random
from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
from moving import Moving

from longtake.data.cartoon import CartoonWorld, WorldDraws
from longtake.data.film_draws import FilmDraws
from longtake.data.footage import Excerpt, draw_stills, films_to_show

LONG = Moving((3000,), held=0)


def draws(*lengths: int) -> FilmDraws:
    footage = Moving(lengths, held=0)
    return FilmDraws(footage, footage.films("train"))


def steps(clip: Excerpt) -> list[float]:
    return [b - a for a, b in pairwise(clip.numbers)]


@pytest.mark.parametrize("frames", [1, 2, 5, 15, 16, 17, 40, 61, 1394, 40_000])
@pytest.mark.parametrize("length", [2, 16, 31])
def test_clips_are_frames_of_their_film_in_order(frames: int, length: int) -> None:
    drawn = draws(frames)
    for k in range(200):
        clip = drawn.clip(random.Random(k), length)
        assert len(clip.numbers) == min(length, frames)
        assert clip.numbers[0] >= 0
        assert clip.numbers[-1] <= frames - 1
        assert all(n == int(n) for n in clip.numbers)
        assert min(steps(clip), default=1) >= 1
        assert clip == drawn.clip(random.Random(k), length)


def test_keyframes_come_from_all_over_a_film_and_leaves_from_anywhere() -> None:
    clips = [draws(3000).clip(random.Random(k)) for k in range(600)]
    spacing = np.array([np.mean(steps(clip)) for clip in clips])
    assert spacing.min() == 1
    assert spacing.max() > 195  # (3000 - 1) / 15 is 199.9
    assert 0.08 < np.mean(spacing > 190) < 0.3
    assert 0.15 < np.mean((spacing > 60) & (spacing <= 190)) < 0.45
    assert 0.1 < np.mean((spacing > 8) & (spacing < 19)) < 0.35
    assert 0.2 < np.mean(spacing == 1) < 0.5
    uneven = [clip for clip in clips if max(steps(clip)) > 1.5 * min(steps(clip)) > 3]
    assert 0.08 < len(uneven) / len(clips) < 0.3
    starts = [clip.numbers[0] for clip in clips if clip.numbers[-1] - clip.numbers[0] == 15]
    assert min(starts) < 300
    assert max(starts) > 2600


def test_short_films_have_all_the_spacing_that_they_have_room_for() -> None:
    spacing = Counter(round(np.mean(steps(draws(61).clip(random.Random(k))))) for k in range(300))
    assert set(spacing) <= {1, 2, 3, 4}
    assert spacing[4] > 90  # keyframes of a film of 61 frames, planned with ends 15 gaps apart
    assert spacing[1] > 60


def test_films_are_drawn_as_often_as_they_are_long_and_pictures_as_often_as_a_clip() -> None:
    drawn = draws(1, 16, 160)
    films = Counter(drawn.clip(random.Random(k)).film for k in range(1000))
    assert 40 < films[0] < 140
    assert 40 < films[1] < 140
    stills = Counter(drawn.still(random.Random(k)).film for k in range(1000))
    assert 40 < stills[0] < 140
    assert draw_stills(drawn, random.Random(0), 5, 16).shape == (5, 16, 16, 3)


def test_references_lie_elsewhere_and_share_a_caption() -> None:
    drawn, found = FilmDraws(LONG, [0]), 0
    for k in range(200):
        clip = drawn.clip(random.Random(k))
        numbers = drawn.references(clip, random.Random(k), 2)
        assert numbers == drawn.references(clip, random.Random(k), 2)
        assert len(numbers) in (0, 2)
        found += bool(numbers)
        assert all(not clip.numbers[0] <= number <= clip.numbers[-1] for number in numbers)
        assert set(LONG.captions(0, numbers)) <= set(clip.captions)
        assert len(set(numbers)) == len(numbers)
    assert found > 120
    whole = Excerpt(footage=LONG, film=0, numbers=(0.0, 2999.0))
    assert drawn.references(whole, random.Random(0), 2) == ()  # nothing is left outside


def test_without_captions_there_are_no_references() -> None:
    silent = Moving((300,), held=0, told=False)
    drawn = FilmDraws(silent, [0])
    assert all(not drawn.references(drawn.clip(random.Random(k)), random.Random(k), 1) for k in range(50))


def test_how_is_drawn_depends_on_whether_films_end() -> None:
    assert isinstance(CartoonWorld(3, 1).draws([0]), WorldDraws)
    assert isinstance(LONG.draws([0]), FilmDraws)
    with pytest.raises(ValueError, match="no films to draw from"):
        LONG.draws([])


def test_training_films_are_looked_at_where_none_is_held_out() -> None:
    assert list(films_to_show(Moving(held=1), 5)) == [3]
    assert list(films_to_show(Moving(held=0), 2)) == [0, 1]
