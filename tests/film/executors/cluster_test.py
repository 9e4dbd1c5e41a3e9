"""Ray actors make the film that this process makes, whoever dies or is slow."""

from __future__ import annotations

import functools
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from painting import ALL, ENCODING, Decoder, each, film, kinds, ops, paint

from longtake.film.executors import Event, JobDone, JobFailed, Loaders, WorkerDied, cluster, local, run
from longtake.film.segments import write_film
from longtake.plan import Job, Plan
from longtake.store import Store

ray = pytest.importorskip("ray", reason="Ray is not installed: pip install 'longtake[ray]'")


@pytest.fixture(scope="module", autouse=True)
def _nodes() -> Iterator[None]:
    """A cluster of two cores, whose processes can import what the tests paint with."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level="error")
        yield
        ray.shutdown()


def make(plan: Plan, root: Path, draw: Any = ops, load: Any = Decoder, **options: Any) -> list[Event]:
    events: list[Event] = []
    start = cluster(2, None)
    run(
        plan,
        ALL,
        Store(root),
        Loaders(draw, load),
        events.append,
        start_workers=start,
        encoding=ENCODING,
        **options,
    )
    return events


def same(plan: Plan, root: Path, other: Path) -> bool:
    """Is it the film that this process makes alone?"""
    run(plan, ALL, Store(other), Loaders(ops), lambda event: None, start_workers=local(1))
    for store in (root, other):
        write_film(plan, Store(store), Decoder(), store / "film.mp4", ENCODING)
    clips = [
        [Store(store).get(job.key).tobytes() for job in plan.missing((), ALL)] for store in (root, other)
    ]
    return clips[0] == clips[1] and (root / "film.mp4").read_bytes() == (other / "film.mp4").read_bytes()


def troubled(flag: Path, what: str, start: int) -> Any:
    """Painting of the leaf from film frame `start` goes wrong the first time, or always."""

    def draw(job: Job, inputs: list[NDArray[np.float16]]) -> NDArray[np.float32]:
        if job.level == 2 and job.start == start and (what in ("error", "dies") or not flag.exists()):
            flag.touch()
            match what:
                case "killed" | "dies":
                    os.kill(os.getpid(), signal.SIGKILL)
                case "slow":
                    time.sleep(60)
                case "error":
                    raise LookupError("no paint left")
        return paint(job, inputs)

    return each(draw)


def test_actors_make_the_same_film(tmp_path: Path) -> None:
    plan = film(301, clip_length=16)
    events = make(plan, tmp_path / "a", batch=3)
    assert kinds(events)["JobDone"] == plan.jobs_total
    assert kinds(events)["SegmentDone"] == 6
    assert same(plan, tmp_path / "a", tmp_path / "b")
    assert kinds(make(plan, tmp_path / "a")) == {"JobCached": plan.jobs_total, "SegmentDone": 6}


@pytest.mark.parametrize("what", ["killed", "slow"])
def test_an_actor_that_dies_or_is_slow_holds_nothing_up(tmp_path: Path, what: str) -> None:
    plan, flag = film(301, clip_length=16), tmp_path / "flag"
    began = time.monotonic()
    events = make(plan, tmp_path / "a", draw=functools.partial(troubled, flag, what, 90))
    assert time.monotonic() - began < 50
    assert flag.exists()
    done = [event.job.key for event in events if isinstance(event, JobDone)]
    assert len(set(done)) == len(done) >= plan.jobs_total - 1  # one may have been drawn, and its actor died
    assert same(plan, tmp_path / "a", tmp_path / "b")


def test_a_failure_names_the_clip(tmp_path: Path) -> None:
    plan = film(301, clip_length=16)
    with pytest.raises(JobFailed, match="LookupError: no paint left") as caught:
        make(plan, tmp_path, draw=functools.partial(troubled, tmp_path / "flag", "error", 90))
    assert caught.value.job == plan.leaf(90)


def test_an_actor_that_always_dies_is_told(tmp_path: Path) -> None:
    plan = film(301, clip_length=16)
    with pytest.raises(WorkerDied, match=r"died again and again.*run again"):
        make(plan, tmp_path, draw=functools.partial(troubled, tmp_path / "flag", "dies", 90))
    assert make(plan, tmp_path)


def broken() -> Any:
    raise ValueError("no such model: name another")


def test_operations_that_cannot_be_set_up_keep_their_error(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="name another"):
        make(film(), tmp_path, draw=broken)


def test_what_ails_ray_is_not_told_in_stdout(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Reports in JSON go there."""
    plan, heard = film(61, clip_length=16), ["", ""]

    def hear(event: Event) -> None:
        deadline = time.monotonic() + 60 * isinstance(event, JobDone)
        while "little memory" not in "".join(heard) and time.monotonic() < deadline:
            worker = ray._private.worker.global_worker
            ray._private.utils.push_error_to_driver(worker, "trouble", "little memory")
            time.sleep(0.1)
            heard[:] = [one + more for one, more in zip(heard, capsys.readouterr(), strict=True)]

    run(plan, ALL, Store(tmp_path), Loaders(ops), hear, start_workers=cluster(1, None))
    print("report")
    assert "little memory" not in heard[0]
    assert "little memory" in heard[1]
    assert "report" in capsys.readouterr().out
