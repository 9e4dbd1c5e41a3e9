"""A film is watched once: what was seen is kept whole or not at all, whoever watched it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from pathlib import Path

import numpy as np
import pytest
from cartoon import CARTOON

from longtake.evaluate.probes import load_probes, watch
from longtake.evaluate.readings import Readings, Signals
from longtake.evaluate.script import script_of_episode
from longtake.evaluate.sources import PictureFolder, Source, VideoFile, WorldFilm
from longtake.evaluate.watching import Viewing, load_watched, watch_all
from longtake.video import Pixels, VideoError, encode_segment
from longtake.world.episodes import episode_seeds

SEED = episode_seeds("test", 1)[0]


def film(control: str = "ground truth", length: int = 20) -> WorldFilm:
    return WorldFilm(control, script_of_episode(CARTOON, SEED, length), SEED)


def tasks(folder: Path, probes: Path, *sources: Source) -> list[Viewing]:
    return [Viewing(source, folder, probes) for source in sources]


def times(wanted: list[Viewing]) -> list[int]:
    return [task.path.stat().st_mtime_ns for task in wanted]


@dataclass(frozen=True)
class Broken:
    """A film that breaks off."""

    key: str = "broken"

    def frames(self) -> Iterator[Pixels]:
        yield from film().frames()
        raise OSError("the disk is gone")


def test_what_was_watched_is_not_watched_again(tmp_path: Path, tiny_probes: Path) -> None:
    heard: list[tuple[int, int]] = []
    wanted = tasks(tmp_path, tiny_probes, film(), film("reversed"), film())
    watch_all(wanted, 1, lambda done, of: heard.append((done, of)))
    assert heard == [(1, 2), (2, 2)]  # the same film twice is one
    assert sorted(tmp_path.iterdir()) == sorted({task.path for task in wanted})
    before, heard = times(wanted), []
    watch_all(wanted, 1, lambda done, of: heard.append((done, of)))
    assert (times(wanted), heard) == (before, [])
    watch_all([*wanted, *tasks(tmp_path, tiny_probes, film("frozen"))], 1, lambda *it: heard.append(it))
    assert (times(wanted), heard) == (before, [(3, 3)])
    watch_all([], 4)


@dataclass(frozen=True)
class Counted:
    """A film that tells how often it was made."""

    made: list[int]
    key: str = "counted"

    def frames(self) -> Iterator[Pixels]:
        self.made.append(1)
        yield from film(length=40).frames()


def test_several_probes_see_a_film_that_is_made_once(tmp_path: Path, tiny_probes: Path) -> None:
    source = Counted([])
    both = [Viewing(source, tmp_path / "both", tiny_probes, seed=seed) for seed in (0, 1)]
    heard: list[tuple[int, int]] = []
    watch_all(both, 1, lambda *it: heard.append(it))
    assert (len(source.made), heard) == (1, [(2, 2)])
    for task in both:
        alone = replace(task, folder=tmp_path / "alone")
        watch_all([alone], 1)
        assert alone.path.read_bytes() == task.path.read_bytes()
    assert both[0].path.read_bytes() != both[1].path.read_bytes()


def test_what_was_seen_is_kept(tmp_path: Path, tiny_probes: Path) -> None:
    (task,) = tasks(tmp_path, tiny_probes, film(length=40))
    watch_all([task], 1)
    kept, seen = load_watched(task), watch(film(length=40).frames(), load_probes(tiny_probes))
    for field in fields(Readings):
        ours, theirs = getattr(kept.readings, field.name), getattr(seen.readings, field.name)
        assert ours.dtype == np.float32
        assert ours.shape == theirs.shape
        np.testing.assert_allclose(ours, theirs, rtol=1e-3, atol=1e-3)  # float16
    assert np.array_equal(kept.readings.clock, seen.readings.clock)  # whose steps are smaller than that
    for field in fields(Signals):
        assert np.array_equal(getattr(kept.signals, field.name), getattr(seen.signals, field.name))
    assert np.array_equal(kept.motion_features, seen.motion_features)


def test_other_films_and_other_probes_are_kept_apart(tmp_path: Path, tiny_probes: Path) -> None:
    base = Viewing(film(), tmp_path, tiny_probes)
    assert base.path == Viewing(film(), tmp_path, tiny_probes).path
    assert Viewing(film("reversed"), tmp_path, tiny_probes).path != base.path
    assert Viewing(film(), tmp_path, tiny_probes, seed=1).path != base.path
    assert Viewing(film(), tmp_path / "other", tiny_probes).path.name == base.path.name


def test_a_film_that_fails_leaves_nothing_and_others_stay(tmp_path: Path, tiny_probes: Path) -> None:
    good, broken, after = tasks(tmp_path, tiny_probes, film(), Broken(), film("frozen"))
    with pytest.raises(OSError, match="the disk is gone"):
        watch_all([good, broken, after], 1)
    assert list(tmp_path.iterdir()) == [good.path]
    after.path.mkdir()  # what was seen cannot be put into its place
    with pytest.raises(OSError, match="directory"):
        watch_all([after], 1)
    assert sorted(tmp_path.iterdir()) == sorted([good.path, after.path])
    empty = tmp_path / "pictures"
    empty.mkdir()
    (nothing,) = tasks(tmp_path / "seen", tiny_probes, PictureFolder(empty))
    with pytest.raises(ValueError, match="no frame"):
        watch_all([nothing], 1)
    assert not nothing.path.exists()


def test_an_interrupted_run_goes_on_where_it_was(tmp_path: Path, tiny_probes: Path) -> None:
    wanted = tasks(tmp_path, tiny_probes, film(), film("reversed"), film("frozen"))

    def interrupt(done: int, of: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        watch_all(wanted, 1, interrupt)
    assert [task.path.is_file() for task in wanted] == [True, False, False]
    before, heard = wanted[0].path.stat().st_mtime_ns, []
    watch_all(wanted, 1, lambda *it: heard.append(it))
    assert heard == [(2, 3), (3, 3)]
    assert wanted[0].path.stat().st_mtime_ns == before


def test_what_a_killed_process_left_is_not_taken_for_what_was_seen(tmp_path: Path, tiny_probes: Path) -> None:
    (task,) = tasks(tmp_path, tiny_probes, film())
    task.path.with_suffix(".12345.part").write_bytes(b"half a file")
    watch_all([task], 1)
    assert len(load_watched(task).readings.clock) == 20


@pytest.mark.slow  # new processes import torch
def test_two_workers_see_what_one_sees(tmp_path: Path, tiny_probes: Path) -> None:
    """Two processes: a film that fails stops the run, and the rest is whole."""
    path = tmp_path / "film.mp4"
    encode_segment(film().frames(), path, 12)
    sources = film(), VideoFile(path)
    one, two = (tasks(tmp_path / name, tiny_probes, *sources) for name in ("one", "two"))
    watch_all(one, 1)
    heard: list[tuple[int, int]] = []
    watch_all(two, 2, lambda *it: heard.append(it))
    assert heard == [(1, 2), (2, 2)]
    for a, b in zip(one, two, strict=True):
        assert a.path.name == b.path.name
        assert a.path.read_bytes() == b.path.read_bytes()
    path.write_bytes(path.read_bytes()[:300])
    with pytest.raises(VideoError, match=r"film\.mp4"):
        watch_all(tasks(tmp_path / "three", tiny_probes, VideoFile(path), film()), 2)
    assert all(file.suffix == ".npz" for file in (tmp_path / "three").glob("*"))
