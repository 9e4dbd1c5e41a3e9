"""The cartoon in FlintstonesHD's shape: its numbers, and a wider picture around the same square."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest
from cartoon import CARTOON

from longtake.data.cartoon import CartoonWorld
from longtake.data.flintstones import FlintstonesShape
from longtake.data.footage import Footage
from longtake.data.sources import open_footage
from longtake.world.episodes import split_of
from longtake.world.first.canvas import Canvas
from longtake.world.vocabulary import SPLITS

SHAPE: Footage = FlintstonesShape(1)


def test_it_has_the_papers_numbers() -> None:
    films = [(split, film) for split in SPLITS for film in SHAPE.films(split)]
    assert len(films) == 166
    assert len({film for _, film in films}) == 166
    lengths = [SHAPE.length(film) for _, film in films]
    assert sum(lengths) == 166 * 38_000
    assert len(set(lengths)) > 100
    assert min(lengths) >= 30_400
    assert max(lengths) <= 45_600
    assert all(split_of(film) == split for split, film in films)


def test_any_frame_has_a_picture_and_a_caption() -> None:
    film = SHAPE.films("validation")[3]
    last = SHAPE.length(film) - 1
    assert np.array_equal(SHAPE.frames(film, [last], 32)[0], CARTOON.frame(film, last, 32))
    assert all(SHAPE.captions(film, [0, last // 2, last]))
    large = FlintstonesShape(1).pictures(film, [last])
    assert large.shape == (1, 1080, 1440, 3)


def test_training_opens_it_by_name_unless_a_folder_is_called_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    footage = open_footage(Path("flintstones-shape"), 1)
    assert footage == SHAPE
    Path("flintstones-shape").mkdir()
    with pytest.raises(ValueError, match="flintstones-shape"):
        open_footage(Path("flintstones-shape"), 1)


def test_it_is_the_cartoon_world() -> None:
    assert SHAPE.scripted
    assert SHAPE.lexicon() == CartoonWorld(1, 1).lexicon()


def test_draws_have_every_spacing_and_half_frames_and_stay_inside_the_episodes() -> None:
    draws, spans, starts, referring = SHAPE.draws(SHAPE.films("train")), set[float](), list[float](), 0
    for k in range(300):
        chance = random.Random(k)
        clip = draws.clip(chance)
        references = draws.references(clip, chance, 2)
        last = SHAPE.length(clip.film) - 1
        for number in (*clip.numbers, *references, *draws.still(chance).numbers):
            assert number >= 0
        assert max(clip.numbers, default=0) <= last
        assert max(references, default=0) <= last
        assert not any(clip.numbers[0] <= number <= clip.numbers[-1] for number in references)
        spans.add(clip.numbers[-1] - clip.numbers[0])
        starts.append(clip.numbers[0])
        shots = {CARTOON.shot_at(clip.film, int(number)).place for number in clip.numbers}
        names = {actor.name for n in clip.numbers for actor in CARTOON.shot_at(clip.film, int(n)).actors}
        for reference in references:
            shot = CARTOON.shot_at(clip.film, int(reference))
            assert shot.place in shots or names & {actor.name for actor in shot.actors}
        referring += bool(references)
    assert min(spans) == 7.5, "half frames"
    assert 15 in spans
    assert max(spans) > 30_000, "keyframes of a whole episode"
    assert max(starts) > 25_000
    assert referring > 250


def test_what_it_does_not_have_is_refused() -> None:
    film = SHAPE.films("test")[0]
    for read in (lambda n: SHAPE.frames(film, [n], 16), lambda n: SHAPE.captions(film, [n])):
        with pytest.raises(ValueError, match="has frames 0 to"):
            read(SHAPE.length(film))
    with pytest.raises(ValueError, match="there is no episode"):
        SHAPE.length(10**9)
    with pytest.raises(ValueError, match="multiple of 6"):
        FlintstonesShape(1).pictures(film, [0], 1000)
    with pytest.raises(ValueError, match="wider by an even number"):
        Canvas(32, 33)


@pytest.mark.parametrize("size", [48, 96])
def test_the_middle_of_a_wide_frame_is_the_square(size: int) -> None:
    """But for the smoothing of what crosses the square's edges. The square's own bits: world_test.py."""
    for seed in range(8):
        for number in (0, 411, 1822, 3375):
            square = CARTOON.frame(seed, number, size).astype(int)
            wide = CARTOON.wide_frame(seed, number, size, size * 4 // 3)
            assert wide.shape == (size, size * 4 // 3, 3)
            middle = wide[:, size // 6 : size // 6 + size].astype(int)
            assert np.array_equal(middle[:, 2:-2], square[:, 2:-2])
            assert np.abs(middle - square).max() <= 32
            assert (middle != square).any(axis=2).sum() <= 12


def test_scenery_goes_on_beside_the_square() -> None:
    """At both sides there is no blank strip: every row of sky, ground and rain reaches the edge."""
    for seed in range(6):
        for number in (0, 1000, 2500):
            wide = CARTOON.wide_frame(seed, number, 96, 128)
            assert wide[:, [0, -1]].max(axis=2).min() > 0
