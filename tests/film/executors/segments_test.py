"""Segments are made beside the clips, by the same hands: as soon as their leaves are there, and once."""

from __future__ import annotations

import functools
import os
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from painting import ALL, ENCODING, Decoder, each, film, kinds, ops, paint

from longtake.film.executors import (
    Event,
    JobDone,
    JobFailed,
    JobStarted,
    Loaders,
    SegmentDone,
    WorkerDied,
    local,
    run,
)
from longtake.film.segments import WrittenFilm, count_lacking, write_film
from longtake.plan import Job, Plan
from longtake.store import Store


class Dies(Decoder):
    """Its process is killed at the first leaf."""

    def __call__(self, latents: NDArray[np.float16]) -> NDArray[np.uint8]:
        os.kill(os.getpid(), signal.SIGKILL)
        raise AssertionError


class Fails(Decoder):
    """It cannot decode."""

    def __call__(self, latents: NDArray[np.float16]) -> NDArray[np.uint8]:
        raise LookupError("no colours left")


def make(
    plan: Plan, root: Path, load: Any = Decoder, draw: Any = ops, workers: int = 1, **options: Any
) -> list[Event]:
    events: list[Event] = []
    run(
        plan,
        ALL,
        Store(root),
        Loaders(draw, load),
        events.append,
        start_workers=local(workers),
        encoding=ENCODING,
        **options,
    )
    return events


def joined(plan: Plan, root: Path, out: Path) -> WrittenFilm:
    return write_film(plan, Store(root), Decoder(), out, ENCODING)


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("batch", [1, 3])
def test_the_same_film_by_any_number_of_hands(tmp_path: Path, workers: int, batch: int) -> None:
    plan = film(301, clip_length=16)
    events = make(plan, tmp_path / "a", workers=workers, batch=batch)
    done = [event for event in events if isinstance(event, SegmentDone)]
    assert sorted(event.number for event in done) == list(range(6))
    assert sum(len(event.segment) for event in done) == 301
    assert kinds(events)["JobDone"] == plan.jobs_total
    assert count_lacking(plan, ALL, Store(tmp_path / "a"), ENCODING, 99) == 0
    assert joined(plan, tmp_path / "a", tmp_path / "a.mp4").encoded == 0
    run(plan, ALL, Store(tmp_path / "b"), Loaders(ops), lambda event: None, start_workers=local(1))
    assert joined(plan, tmp_path / "b", tmp_path / "b.mp4").encoded == 6
    assert (tmp_path / "a.mp4").read_bytes() == (tmp_path / "b.mp4").read_bytes()


def test_what_is_there_is_not_made_again(tmp_path: Path) -> None:
    plan = film(301, clip_length=16)
    make(plan, tmp_path)
    stored = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.mp4")}
    again = make(plan, tmp_path, load=Fails)
    assert all(event.seconds == 0 for event in again if isinstance(event, SegmentDone))
    assert kinds(again) == {"JobCached": plan.jobs_total, "SegmentDone": 6}
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.mp4")} == stored


@pytest.mark.parametrize("batch", [1, 3])
def test_the_first_picture_is_there_after_one_way_down(tmp_path: Path, batch: int) -> None:
    plan = film(3376, clip_length=16)
    started: list[int] = []
    for event in make(plan, tmp_path, batch=batch):
        if isinstance(event, JobDone) and event.job == plan.leaf(0):
            break
        if isinstance(event, JobStarted):
            started.append(event.job.level)
    assert started == [0, 1, 2]


def test_segments_leave_in_film_order_long_before_the_last_clip(tmp_path: Path) -> None:
    plan = film(1024, clip_length=16)
    events = make(plan, tmp_path)
    order = [event.number for event in events if isinstance(event, SegmentDone)]
    assert order == sorted(order)
    first = next(k for k, event in enumerate(events) if isinstance(event, SegmentDone))
    drawn = sum(isinstance(event, JobDone) for event in events[:first])
    assert drawn == 3  # keyframes, a gap, a leaf


def test_keyframes_first(tmp_path: Path) -> None:
    plan = film(1024, clip_length=16)
    events = make(plan, tmp_path, order="keyframes-first")
    levels = [event.job.level for event in events if isinstance(event, JobDone)]
    assert levels == sorted(levels)
    assert len(levels) == plan.jobs_total
    make(plan, tmp_path / "other")
    joined(plan, tmp_path, tmp_path / "a.mp4")
    joined(plan, tmp_path / "other", tmp_path / "b.mp4")
    assert (tmp_path / "a.mp4").read_bytes() == (tmp_path / "b.mp4").read_bytes()
    half = [job.key for job in plan.missing((), ALL)][::2]
    for key in half:
        Store(tmp_path).drop(key)
    again = make(plan, tmp_path, order="keyframes-first")
    assert {event.job.key for event in again if isinstance(event, JobDone)} == set(half)


def test_clips_that_are_alike_are_drawn_together(tmp_path: Path) -> None:
    plan, sizes = film(1024, clip_length=16), []

    def draw(jobs: list[Job], inputs: list[list[NDArray[np.float16]]]) -> Any:
        sizes.append(len(jobs))
        assert len({job.spec.frames for job in jobs}) == 1
        return each(paint)(jobs, inputs)

    make(plan, tmp_path, draw=lambda: draw, batch=4)
    assert sizes[:3] == [1, 1, 1], "the way to the first picture"
    assert max(sizes) == 4
    assert sum(sizes) == plan.jobs_total
    assert len(sizes) < plan.jobs_total / 2


def test_one_bad_clip_of_several_is_named_and_the_others_are_kept(tmp_path: Path) -> None:
    plan = film(1024, clip_length=16)
    bad = plan.leaf(60)

    def draw(job: Job, inputs: list[NDArray[np.float16]]) -> NDArray[np.float32]:
        if job == bad:
            raise LookupError("no paint left")
        return paint(job, inputs)

    with pytest.raises(JobFailed, match="no paint left") as caught:
        make(plan, tmp_path, draw=lambda: each(draw), batch=4)
    assert caught.value.job == bad
    store = Store(tmp_path)
    assert plan.leaf(45).key in store, "one that was drawn with it"
    assert bad.key not in store


@pytest.mark.parametrize("workers", [1, 2])
def test_a_leaf_that_is_lost_before_its_segment_is_drawn_again(tmp_path: Path, workers: int) -> None:
    plan = film(301, clip_length=16)
    run(plan, ALL, Store(tmp_path), Loaders(ops), lambda event: None, start_workers=local(1))
    path = next(tmp_path.rglob(f"{plan.leaf(200).key[2:]}.safetensors"))
    flag = tmp_path / "flag"
    events = make(plan, tmp_path, load=functools.partial(Spoils, path, flag), workers=workers)
    assert flag.exists()
    assert [event.job for event in events if isinstance(event, JobDone)] == [plan.leaf(200)]
    assert kinds(events)["ClipCorrupt"] == 1
    assert kinds(events)["SegmentDone"] == 6


class Spoils(Decoder):
    """Damages a clip when it decodes for the first time."""

    def __init__(self, path: Path, flag: Path) -> None:
        self._path, self._flag = path, flag

    def __call__(self, latents: NDArray[np.float16]) -> NDArray[np.uint8]:
        if not self._flag.exists():
            self._flag.touch()
            data = bytearray(self._path.read_bytes())
            data[-1] ^= 4
            self._path.write_bytes(data)
        return super().__call__(latents)


@pytest.mark.parametrize("workers", [1, 2])
def test_a_segment_that_cannot_be_made_is_told(tmp_path: Path, workers: int) -> None:
    with pytest.raises(JobFailed, match="no colours left"):
        make(film(61, clip_length=16), tmp_path, load=Fails, workers=workers)
    assert not list(tmp_path.glob("tmp/*"))


def test_a_worker_that_is_killed_while_it_encodes_is_told(tmp_path: Path) -> None:
    plan = film(301, clip_length=16)
    with pytest.raises(WorkerDied, match=r"killed by signal 9 while it encoded.*run again"):
        make(plan, tmp_path, load=Dies, workers=2)
    assert not list(tmp_path.glob("tmp/*"))
    make(plan, tmp_path, workers=2)
    assert joined(plan, tmp_path, tmp_path / "a.mp4").frames == 301
