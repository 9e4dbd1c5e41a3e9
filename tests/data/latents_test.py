"""The latent cache holds what was drawn, whole or not at all."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from longtake.data.clips import draw_clip
from longtake.data.latents import build_cache, open_cache

EPISODES = [3, 14]


def encode(clips: NDArray[np.uint8]) -> NDArray[np.float16]:
    """Mean colour of each quarter: [n, T, 16, 16, 3] -> [n, T, 3, 2, 2]."""
    quarters = clips.reshape(*clips.shape[:2], 2, 8, 2, 8, 3).mean(axis=(3, 5))
    return np.asarray(np.moveaxis(quarters / 128 - 1, -1, 2), np.float16)


def build(folder: Path, count: int, seed: int = 0) -> list[int]:
    return list(build_cache(folder, count, encode, EPISODES, 16, length=3, seed=seed))


def test_a_cache_holds_latents_numbers_and_captions(tmp_path: Path) -> None:
    assert build(tmp_path / "c", 10) == [8, 10]  # clips done, also of an uneven last part
    cache = open_cache([tmp_path / "c"])
    assert len(cache) == 10
    assert cache.latents.dtype == np.float16
    assert cache.latents.shape == (10, 3, 3, 2, 2)
    for k in (0, 7, 8, 9):
        clip = draw_clip(EPISODES, random.Random(f"0/{k}"), 3)
        assert cache.numbers[k].tolist() == list(clip.numbers)
        assert [cache.captions[row] for row in cache.prompts[k]] == clip.captions
        assert np.array_equal(cache.latents[k], encode(clip.pixels(16)[None])[0])
    assert len(set(cache.captions)) == len(cache.captions)


def test_a_finished_cache_stays_and_an_interrupted_one_is_begun_anew(tmp_path: Path) -> None:
    work = build_cache(tmp_path / "c", 10, encode, EPISODES, 16, length=3)
    assert next(work) == 8
    del work  # killed after the first part
    with pytest.raises(ValueError, match="stage 'latents'"):
        open_cache([tmp_path / "c"])
    assert build(tmp_path / "c", 10) == [8, 10]
    build(tmp_path / "whole", 10)
    again, whole = open_cache([tmp_path / "c"]), open_cache([tmp_path / "whole"])
    assert np.array_equal(again.latents, whole.latents)
    assert np.array_equal(again.numbers, whole.numbers)
    assert np.array_equal(again.prompts, whole.prompts)
    assert again.captions == whole.captions
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "c").iterdir()}
    assert build(tmp_path / "c", 10) == []
    assert before == {path: path.stat().st_mtime_ns for path in (tmp_path / "c").iterdir()}


def test_caches_of_several_processes_are_read_as_one(tmp_path: Path) -> None:
    folders = [tmp_path / "0", tmp_path / "1"]
    for seed, folder in enumerate(folders):
        build(folder, 4, seed)
    both = open_cache(folders)
    assert len(both) == 8
    parts = [open_cache([folder]) for folder in folders]
    assert np.array_equal(both.latents, np.concatenate([part.latents for part in parts]))
    told = [[part.captions[row] for row in rows] for part in parts for rows in part.prompts]
    assert [[both.captions[row] for row in rows] for rows in both.prompts] == told
    assert not np.array_equal(parts[0].numbers, parts[1].numbers)


def test_no_cache_is_told_with_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="stage 'latents'"):
        open_cache([])
    with pytest.raises(ValueError, match="stage 'latents'"):
        open_cache([tmp_path])
