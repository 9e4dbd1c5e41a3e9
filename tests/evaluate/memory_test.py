"""Copies of training clips are found, all of them; ground truth of other episodes is as near as it was."""

from __future__ import annotations

import numpy as np
import pytest
from cartoon import CARTOON
from numpy.typing import NDArray
from seen_films import signals_of

from longtake.evaluate.memory import clip_rows, memorised, nearest, too_near, training_index
from longtake.world.episodes import episode_seeds

Rows = NDArray[np.float32]


def test_rows_hold_every_fourth_frame_of_a_clip() -> None:
    numbers = np.arange(35, dtype=np.uint8)[:, None, None, None].repeat(8, 1).repeat(8, 2).repeat(3, 3)
    rows = clip_rows(numbers)
    assert rows.shape == (2, 768)
    np.testing.assert_allclose(rows[1].reshape(4, 192)[:, 0] * 255, [18, 22, 26, 30], rtol=1e-6)
    assert clip_rows(numbers[:15]).shape == (0, 768)


@pytest.mark.parametrize("count", [0, 1, 300])
def test_the_nearest_is_the_nearest(count: int) -> None:
    chance = np.random.default_rng(0)
    rows, index = (chance.random((n, 768), dtype=np.float32) for n in (count, 40))
    every = np.sqrt(np.square(rows[:, None] - index).mean(axis=2))
    np.testing.assert_allclose(nearest(rows, index), every.min(axis=1), rtol=1e-5)


def test_the_limit_is_a_quantile_of_ground_truth() -> None:
    truth = np.repeat(np.arange(101, dtype=np.float32)[:, None] / 100, 768, axis=1)
    index = np.zeros((1, 768), dtype=np.float32)
    assert too_near(truth, index) == pytest.approx(0.01)
    assert too_near(truth, index, share=0.5) == pytest.approx(0.5)


def test_an_index_is_made_of_an_episodes_first_frames() -> None:
    seed = episode_seeds("train", 1)[0]
    index = training_index(CARTOON, [seed], 3)
    for row, start in zip(index, (0, 70 * 16, 140 * 16), strict=True):
        clip = clip_rows(signals_of(CARTOON.frames(seed, list(range(start, start + 16)))).thumbnails)
        np.testing.assert_array_equal(clip[0], row)
    for clips in (0, 211):
        with pytest.raises(ValueError, match="1 to 210"):
            training_index(CARTOON, [seed], clips)


def test_copies_of_training_clips_are_found_and_truth_is_not() -> None:
    train, known, fresh = (episode_seeds(split, 6) for split in ("train", "validation", "test"))
    index = training_index(CARTOON, train, 14)
    limit = too_near(training_index(CARTOON, known, 14), index)
    copies = [CARTOON.frames(train[3], list(range(start, start + 16))) for start in (0, 240, 1680)]
    copied = memorised(signals_of(np.concatenate(copies)).thumbnails, index, limit)
    assert copied.value == 1
    assert len(copied.units) == 3
    assert np.mean(nearest(training_index(CARTOON, fresh, 14), index) < limit) < 0.06


def test_a_film_shorter_than_a_clip_is_not_measured() -> None:
    nothing = memorised(np.zeros((15, 8, 8, 3), dtype=np.uint8), np.zeros((1, 768), dtype=np.float32), 0.1)
    assert np.isnan(nothing.value)
    assert "16 frames" in nothing.note
