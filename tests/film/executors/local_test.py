"""Whatever happens to a run, the store holds whole clips only, and the same ones."""

from __future__ import annotations

import functools
import os
import signal
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from painting import ALL, each, film, kinds, ops, paint

import longtake
from longtake.film import Crew
from longtake.film.executors import (
    ClipCorrupt,
    Event,
    JobCached,
    JobDone,
    JobFailed,
    JobStarted,
    Loaders,
    TaskStarted,
    WorkerDied,
    local,
    run,
)
from longtake.plan import Job, Plan
from longtake.store import Store


def logged(log: Path) -> Any:
    """Painting that leaves a line per clip, from whatever process."""

    def draw(job: Job, inputs: list[NDArray[np.float16]]) -> NDArray[np.float32]:
        with log.open("a") as file:
            file.write(f"{os.getpid()} {job.key}\n")
        return paint(job, inputs)

    return each(draw)


def failing(what: str, start: int) -> Any:
    """Painting that comes to grief at the leaf from film frame `start`."""

    def draw(job: Job, inputs: list[NDArray[np.float16]]) -> NDArray[np.float32]:
        if job.start == start and job.level:
            match what:
                case "error":
                    raise LookupError("no paint left")
                case "killed":
                    os.kill(os.getpid(), signal.SIGKILL)
                case "nan":
                    return np.full((5, 1, 2, 2), np.nan, np.float32)
        return paint(job, inputs)

    return each(draw)


def broken() -> Any:
    raise ValueError("no such model: name another")


def render(
    plan: Plan,
    root: Path,
    draw: Any = ops,
    span: slice = ALL,
    workers: int = 1,
    **options: int,
) -> list[Event]:
    events: list[Event] = []
    run(plan, span, Store(root), Loaders(draw), events.append, start_workers=local(workers), **options)
    return events


def clips(plan: Plan, root: Path, span: slice = ALL) -> list[bytes]:
    return [Store(root).get(job.key).tobytes() for job in plan.missing((), span)]


def damage(root: Path, job: Job, place: int = -1) -> Path:
    """Flip a bit of a stored clip, in place: a file that shrinks under another process's map kills that."""
    path = root / job.key[:2] / f"{job.key[2:]}.safetensors"
    with path.open("r+b") as file:
        file.seek(place, os.SEEK_END)
        (byte,) = file.read(1)
        file.seek(place, os.SEEK_END)
        file.write(bytes([byte ^ 4]))
    return path


def test_a_run_draws_what_is_missing_in_the_plans_order(tmp_path: Path) -> None:
    plan = film()
    events = render(plan, tmp_path)
    jobs = list(plan.missing((), ALL))
    assert [event.job for event in events if isinstance(event, JobStarted)] == jobs
    assert [event.job for event in events if isinstance(event, JobDone)] == jobs
    assert kinds(events) == {"JobStarted": len(jobs), "JobDone": len(jobs)}
    again = render(plan, tmp_path, draw=broken)  # nothing to draw: the model is not even loaded
    assert [event.job for event in again if isinstance(event, JobCached)] == jobs
    assert kinds(again) == {"JobCached": len(jobs)}


def test_neighbours_share_their_ends_bit_for_bit(tmp_path: Path) -> None:
    plan, store = film(), Store(tmp_path)
    render(plan, tmp_path)
    leaves = [shown.leaf for shown in plan.shown(ALL)]
    for before, after in pairwise(leaves):
        assert np.array_equal(store.get(before.key)[-1], store.get(after.key)[0])
    for i in range(plan.length):
        leaf = plan.leaf(i)
        assert np.array_equal(store.frame(*plan.frame(i)), store.frame(leaf.key, i - leaf.start))


def test_a_span_draws_its_leaf_and_the_clips_above(tmp_path: Path) -> None:
    plan = film(3_376, clip_length=16)
    assert kinds(render(plan, tmp_path, span=slice(225, 226)))["JobDone"] == 3
    assert kinds(render(plan, tmp_path, span=slice(226, 227)))["JobDone"] == 0
    assert kinds(render(plan, tmp_path, span=slice(224, 225)))["JobDone"] == 2
    assert kinds(render(plan, tmp_path, span=slice(5, 5))) == {}


def test_the_keyframes_alone(tmp_path: Path) -> None:
    plan = film()
    events = render(plan, tmp_path, levels=1)
    assert [event.job for event in events if isinstance(event, JobDone)] == [plan.keyframes]


def test_processes_draw_the_same_clips_each_once(tmp_path: Path) -> None:
    plan, log = film(), tmp_path / "log"
    render(plan, tmp_path / "one")
    events = render(plan, tmp_path / "two", draw=functools.partial(logged, log), workers=2)
    assert clips(plan, tmp_path / "one") == clips(plan, tmp_path / "two")
    assert kinds(events)["JobDone"] == plan.jobs_total
    lines = [line.split() for line in log.read_text().splitlines()]
    assert len(lines) == len({key for _, key in lines}) == plan.jobs_total
    assert len({pid for pid, _ in lines} - {str(os.getpid())}) == 2
    assert {event.worker for event in events if isinstance(event, TaskStarted)} == {"worker 1", "worker 2"}


def test_an_altered_parent_moves_its_children(tmp_path: Path) -> None:
    plan, store = film(), Store(tmp_path)
    render(plan, tmp_path)
    leaf = plan.leaf(30)
    before = store.get(leaf.key)
    source = leaf.inputs[1]
    parent = store.get(source.key).astype(np.float32)
    parent[source.index, 0, 0, 0] += 1
    for key in (source.key, leaf.key):
        store.drop(key)
    store.put(source.key, parent)
    render(plan, tmp_path)
    moved = (store.get(leaf.key) != before)[:, 0, 0, 0]
    assert list(moved) == [False] + [True] * (len(moved) - 1)


@pytest.mark.parametrize(("workers", "level"), [(1, 0), (1, 1), (1, 2), (2, 0)])
def test_a_damaged_clip_is_named_and_drawn_again(tmp_path: Path, workers: int, level: int) -> None:
    plan = film()
    render(plan, tmp_path)
    whole = clips(plan, tmp_path)
    job = next(job for job in plan.missing((), ALL) if job.level == level)
    path = damage(tmp_path, job)
    events = render(plan, tmp_path, workers=workers)
    (named,) = (event for event in events if isinstance(event, ClipCorrupt))
    assert (named.key, named.path) == (job.key, path)
    assert [event.job for event in events if isinstance(event, JobDone)] == [job]
    assert clips(plan, tmp_path) == whole


def spoiling(root: Path, parent: Job, kind: str) -> Any:
    """Painting of the first leaf damages or removes the clip above it."""
    flag = root / "spoilt"

    def draw(job: Job, inputs: list[NDArray[np.float16]]) -> NDArray[np.float32]:
        if job.level and job.start == 0 and not flag.exists():
            flag.touch()
            if kind == "damaged":
                damage(root, parent, place=-1)
                damage(root, parent, place=-1 - 2 * 18)  # one bit in each of the last two frames
            else:
                Store(root).drop(parent.key)
        return paint(job, inputs)

    return each(draw)


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("kind", ["damaged", "removed"])
def test_a_clip_that_is_lost_during_the_run_is_drawn_again(tmp_path: Path, workers: int, kind: str) -> None:
    plan = film(17, clip_length=5)
    assert plan.levels == [1, 4]
    render(plan, tmp_path / "whole")
    root = tmp_path / "spoilt"
    root.mkdir()
    draw = functools.partial(spoiling, root, plan.keyframes, kind)
    events = render(plan, root, draw=draw, workers=workers)
    assert kinds(events)["ClipCorrupt"] == (kind == "damaged")
    assert kinds(events)["JobDone"] == plan.jobs_total + 1
    assert clips(plan, root) == clips(plan, tmp_path / "whole")


@pytest.mark.parametrize(
    ("workers", "what", "message"),
    [
        (1, "error", "LookupError: no paint left"),
        (2, "error", "LookupError: no paint left"),
        (1, "nan", "not finite"),
    ],
)
def test_a_failure_names_the_clip(tmp_path: Path, workers: int, what: str, message: str) -> None:
    plan = film()
    leaf = plan.leaf(40)
    with pytest.raises(JobFailed, match=message) as caught:
        render(plan, tmp_path, draw=functools.partial(failing, what, leaf.start), workers=workers)
    assert caught.value.job == leaf
    assert f"{leaf.key} (level 2, from film frame 40)" in str(caught.value)
    assert isinstance(caught.value.__cause__, LookupError if what == "error" else ValueError)
    assert leaf.key not in Store(tmp_path)
    done = sum(job.key in Store(tmp_path) for job in plan.missing((), ALL))
    assert kinds(render(plan, tmp_path))["JobDone"] == plan.jobs_total - done
    assert done > 3


@pytest.mark.parametrize("workers", [1, 2])
def test_operations_that_cannot_be_set_up_keep_their_error(tmp_path: Path, workers: int) -> None:
    with pytest.raises(ValueError, match="name another"):
        render(film(), tmp_path, draw=broken, workers=workers)


def test_a_killed_worker_loses_nothing(tmp_path: Path) -> None:
    plan = film()
    with pytest.raises(WorkerDied, match=r"killed by signal 9.*run again"):
        render(plan, tmp_path, draw=functools.partial(failing, "killed", plan.leaf(40).start), workers=2)
    assert not list((tmp_path / "tmp").iterdir())
    render(plan, tmp_path, workers=2)
    render(plan, tmp_path / "other")
    assert clips(plan, tmp_path) == clips(plan, tmp_path / "other")


RENDERER = f"""
import sys, time
sys.path[:0] = [{str(Path(__file__).parents[2])!r}, {str(Path(longtake.__file__).parents[1])!r}]
import painting as here
from longtake.film.executors import TaskStarted, Loaders, local, run
from longtake.store import Store

def slow():
    def draw(job, inputs):
        time.sleep(float(sys.argv[3]) if job.level else 0)
        return here.paint(job, inputs)
    return here.each(draw)

if __name__ == "__main__":
    def tell(event):
        if not isinstance(event, TaskStarted):
            print(event, flush=True)

    run(here.film(), here.ALL, Store(sys.argv[1]), Loaders(slow), tell, start_workers=local(int(sys.argv[2])))
"""


def start(root: Path, workers: int, seconds: float) -> subprocess.Popen[str]:
    script = root.parent / "renderer.py"
    script.write_text(RENDERER)
    return subprocess.Popen(
        [sys.executable, str(script), str(root), str(workers), str(seconds)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,  # so that a signal may go to all its processes, as Ctrl-C does
    )


@pytest.mark.parametrize(("workers", "how"), [(1, signal.SIGINT), (2, signal.SIGINT), (2, signal.SIGKILL)])
def test_a_stopped_run_leaves_whole_clips_and_goes_on(
    tmp_path: Path, workers: int, how: signal.Signals
) -> None:
    plan, root = film(), tmp_path / "store"
    with start(root, workers, 60) as process:
        assert process.stdout is not None
        lines = [process.stdout.readline().split("(")[0] for _ in range(2 + workers)]
        assert lines == ["JobStarted", "JobDone"] + ["JobStarted"] * workers
        os.killpg(process.pid, how)
        _, errors = process.communicate(timeout=30)
    # The caller's own, none of a worker; where it hits while an error is dealt with, that is shown with it.
    assert errors.count("KeyboardInterrupt\n") == (how == signal.SIGINT), errors
    store = Store(root)
    assert [job for job in plan.missing((), ALL) if job.key in store] == [plan.keyframes]
    assert not list((root / "tmp").iterdir())
    assert kinds(render(plan, root))["JobDone"] == plan.jobs_total - 1
    render(plan, tmp_path / "other")
    assert clips(plan, root) == clips(plan, tmp_path / "other")


def test_two_renders_of_one_store_are_safe(tmp_path: Path) -> None:
    plan, root = film(), tmp_path / "store"
    with start(root, 1, 0.002) as one, start(root, 1, 0.002) as two:
        for process in (one, two):
            _, errors = process.communicate(timeout=30)
            assert process.returncode == 0, errors
    render(plan, tmp_path / "other")
    assert clips(plan, root) == clips(plan, tmp_path / "other")


def test_at_least_one_worker(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="at least one"):
        render(film(), tmp_path, workers=0)


SCRIPT = """
import painting as here
from longtake.film.executors import Loaders, local, run
from longtake.store import Store

run(here.film(), here.ALL, Store({store!r}), Loaders(here.ops), lambda event: None, start_workers=local(2))
print("once")
"""


def test_a_script_without_a_guard_draws_once(tmp_path: Path) -> None:
    """Spawned processes run the main script again, unless they are kept from it: theirs would spawn more."""
    script = tmp_path / "script.py"
    script.write_text(SCRIPT.format(store=str(tmp_path / "store")))
    paths = [str(Path(__file__).parents[2]), str(Path(longtake.__file__).parents[1])]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}
    done = subprocess.run(
        [sys.executable, str(script)], env=environment, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, "once\n"), done.stderr


def test_workers_need_no_strategy_of_the_main_script(tiny_model: Path, tmp_path: Path) -> None:
    """A drawer is sent to them without: the class may be one that only the script has."""
    import pickle

    from longtake.film import open_film
    from longtake.strategies import Strategy

    class Mine(Strategy):
        def strides(self, length: int) -> list[int]:
            return [15, 3, 1]

    board = tmp_path / "board.yaml"
    board.write_text("video: {fps: 12, frames: 46}\nscenes:\n  - {id: a, at: 0, prompt: fox}\n")
    one = open_film(board, model=tiny_model, strategy=Mine)
    assert b"Mine" not in pickle.dumps((one.drawer.load, one.drawer.load_decoder))
    two = open_film(board, model=tiny_model, strategy=Mine, store=tmp_path / "two")
    two.draw(crew=Crew(workers=2))
    assert np.array_equal(one.latents(), two.latents())
