"""The latent cache holds what was drawn, whichever processes drew it and however often they were stopped."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from longtake.data.cartoon import CartoonWorld
from longtake.train.clip_cache import ClipCache, build_cache, open_cache

WORLD = CartoonWorld(0, 1).draws([3, 14])
LENGTH, REFERENCES = 3, 2
SHARD = 4


def encode(clips: NDArray[np.uint8]) -> NDArray[np.float16]:
    """Mean colour of each quarter: [n, T, 16, 16, 3] -> [n, T, 3, 2, 2]."""
    quarters = clips.reshape(*clips.shape[:2], 2, 8, 2, 8, 3).mean(axis=(3, 5))
    return np.asarray(np.moveaxis(quarters / 128 - 1, -1, 2), np.float16)


def build(
    folder: Path, count: int, *, seed: int = 0, references: int = REFERENCES, share: tuple[int, int] = (0, 1)
) -> list[int]:
    done = build_cache(
        folder,
        count,
        encode,
        WORLD,
        16,
        length=LENGTH,
        references=references,
        seed=seed,
        shard=SHARD,
        share=share,
    )
    return list(done)


def same(one: ClipCache, other: ClipCache) -> bool:
    return (
        np.array_equal(one.latents, other.latents)
        and np.array_equal(one.numbers, other.numbers)
        and np.array_equal(one.prompts, other.prompts)
        and one.captions == other.captions
        and one.references == other.references
    )


def times(folder: Path) -> dict[str, int]:
    """When each file was last written."""
    return {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten clips in three shards, made at one go."""
    folder = tmp_path_factory.mktemp("whole")
    assert build(folder, 10) == [4, 8, 10]  # clips done, also of an uneven last part
    return folder


def test_a_cache_holds_clips_and_their_references_behind_them(whole: Path) -> None:
    cache = open_cache(whole)
    assert len(cache) == 10
    assert cache.references == REFERENCES
    assert cache.latents.dtype == np.float16
    assert cache.latents.shape == (10, LENGTH + REFERENCES, 3, 2, 2)
    for k in (0, 3, 4, 9):
        chance = random.Random(f"0/{k}")
        clip = WORLD.clip(chance, LENGTH)
        numbers = clip.numbers + WORLD.references(clip, chance, REFERENCES)
        assert tuple(cache.numbers[k]) == numbers
        drawn = replace(clip, numbers=numbers)
        assert [cache.captions[row] for row in cache.prompts[k]] == drawn.captions
        assert np.array_equal(cache.latents[k], encode(drawn.pixels(16)[None])[0])
    assert len(set(cache.captions)) == len(cache.captions)  # also of different shards


def test_references_leave_the_clips_as_they_are(whole: Path, tmp_path: Path) -> None:
    build(tmp_path, 5, references=0)
    alone = open_cache(tmp_path)
    assert alone.references == 0
    assert np.array_equal(alone.numbers, open_cache(whole).numbers[:5, :LENGTH])


def test_an_interrupted_cache_is_completed(whole: Path, tmp_path: Path) -> None:
    work = build_cache(tmp_path, 10, encode, WORLD, 16, length=LENGTH, references=REFERENCES, shard=SHARD)
    assert [next(work), next(work)] == [4, 8]
    del work  # killed after the second part was encoded, before it was written
    assert list(times(tmp_path)) == ["clips-00000000.npz"]
    before = times(tmp_path)
    assert build(tmp_path, 10) == [4, 8, 10]
    assert before.items() <= times(tmp_path).items()
    assert same(open_cache(tmp_path), open_cache(whole))


def test_shards_may_be_missing_anywhere_and_half_written_ones_do_not_count(
    whole: Path, tmp_path: Path
) -> None:
    build(tmp_path, 10)
    (tmp_path / "clips-00000000.npz").unlink()
    middle = tmp_path / "clips-00000004.npz"
    middle.rename(f"{middle}.ab12.part")  # what `written_whole` leaves of a killed process
    assert len(open_cache(tmp_path)) == 2
    build(tmp_path, 10)
    assert same(open_cache(tmp_path), open_cache(whole))


def test_a_finished_cache_is_not_touched(whole: Path) -> None:
    before = times(whole)
    for count in (10, 7, 3):
        assert build(whole, count)[-1] == count
    assert times(whole) == before


def test_a_larger_count_only_adds(whole: Path, tmp_path: Path) -> None:
    build(tmp_path, 6)
    small, before = open_cache(tmp_path), times(tmp_path)
    build(tmp_path, 10)
    large = open_cache(tmp_path)
    assert same(large, open_cache(whole))
    assert np.array_equal(large.latents[:6], small.latents)
    # The second shard was not full: it is the only one that is written anew.
    assert times(tmp_path)["clips-00000000.npz"] == before["clips-00000000.npz"]


def test_processes_share_the_work(whole: Path, tmp_path: Path) -> None:
    assert build(tmp_path, 10, share=(1, 2)) == [4]
    assert list(times(tmp_path)) == ["clips-00000004.npz"]
    assert build(tmp_path, 10, share=(0, 2)) == [4, 6]
    assert same(open_cache(tmp_path), open_cache(whole))
    assert build(tmp_path, 3, share=(1, 2)) == []  # no shard is left for the second one


def test_another_seed_draws_other_clips(whole: Path, tmp_path: Path) -> None:
    build(tmp_path, 4, seed=1)
    assert not np.array_equal(open_cache(tmp_path).numbers, open_cache(whole).numbers[:4])


def test_no_cache_is_told_with_the_remedy(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(ValueError, match="run the stage 'latents' first"):
            open_cache(folder)


@pytest.mark.parametrize("length", [LENGTH, LENGTH + 1])
def test_clips_of_several_kinds_are_told_with_the_remedy(length: int, tmp_path: Path) -> None:
    # The longer clip with fewer references has as many frames in all: only their roles differ.
    build(tmp_path, 4)
    list(build_cache(tmp_path, 8, encode, WORLD, 16, length=length, references=1, shard=SHARD))
    with pytest.raises(ValueError, match="remove it and run the stage 'latents' again"):
        open_cache(tmp_path)


def test_pictures_drawn_by_workers_are_the_same(tmp_path: Path) -> None:
    done = list(build_cache(tmp_path / "w", 10, encode, WORLD, 16, length=3, references=2, workers=2))
    assert done[-1] == 10
    build(tmp_path / "alone", 10)
    one, other = open_cache(tmp_path / "w"), open_cache(tmp_path / "alone")
    assert np.array_equal(one.latents, other.latents)
    assert one.captions == other.captions
