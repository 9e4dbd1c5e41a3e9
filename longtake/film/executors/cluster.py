"""Work by Ray actors, on this machine or a cluster. The only file that imports ray, and only when it is used.

Actors hold the model and take tasks as their inputs appear. What they make goes into the store, under the key
of its recipe, so a task may be done twice and by anybody: an actor that dies is started again and its task
given out again, one that is slow has its task done by another one, nodes may join and leave. All nodes must
reach the store's folder.
"""

from __future__ import annotations

import os
import statistics
import sys
import time
from collections import Counter, deque
from contextlib import redirect_stdout
from functools import partial
from pathlib import Path
from typing import Any

from longtake.film.executors.events import WorkerDied
from longtake.film.executors.run import StartWorkers
from longtake.film.executors.task import DrawClips, Loaders, Reply, Task, Worker, as_sent, portable
from longtake.store import Store, open_store

_AGAIN = 5  # times that an actor is started again
_LOOK = 1.0  # s between looks at who is slow and who has joined
_SLOW = 4.0  # times the usual time after which a task is given to somebody else as well
_SOON = 5.0  # s that any task may take


def cluster(workers: int | None, address: str | None) -> StartWorkers:
    """Actors on the Ray cluster at `address`, or on one that is started here; None: one per core or GPU.

    Raises ModuleNotFoundError where ray is not installed, ConnectionError where no cluster answers.
    """
    return partial(_Actors, workers, address)


class _Actors:
    """Actors, as many as there are places for; tasks by the references of their replies."""

    def __init__(self, workers: int | None, address: str | None, store: Store, loaders: Loaders) -> None:
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
        import ray  # here: whoever does not use it need not have it

        self._ray, self._most = ray, workers
        self._began = not ray.is_initialized()
        if self._began:
            here = {} if address else {"num_cpus": workers, "include_dashboard": False}
            ray.init(address=address, log_to_driver=False, logging_level="error", **here)
        self._store, self._loaders = store, loaders
        self._place = store.root.absolute() if isinstance(store.root, Path) else store.root
        self._actors: list[Any] = []
        self._free: list[Any] = []
        self._open: dict[int, tuple[Task, float]] = {}  # number -> what is not done yet, and when it began
        self._work: dict[Any, tuple[Any, int]] = {}  # reference of replies -> actor, number of its task
        self._given = 0  # tasks
        self._took: deque[float] = deque(maxlen=100)  # s, of the last tasks that were done
        self._looked = 0.0
        self._join()
        # Ray tells in stdout what ails it, whatever else it was asked; reports go there.
        self._aside = redirect_stdout(sys.stderr)
        self._aside.__enter__()

    def idle(self) -> int:
        """How many tasks can be started now."""
        return len(self._free)

    def start(self, task: Task) -> str:
        """Take a task on."""
        self._given += 1
        self._open[self._given] = task, time.monotonic()
        return f"actor {self._actors.index(self._give(self._given)) + 1}"

    def replies(self) -> list[tuple[Task, list[Reply]]]:
        """Wait until something has ended, and tell what."""
        while True:
            done, _ = self._ray.wait(list(self._work), num_returns=1, timeout=_LOOK)
            if ended := [end for reference in done if (end := self._end(reference)) is not None]:
                return ended
            if self._join():
                return []
            self._help_the_slow()

    def close(self) -> None:
        """Stop at once: what is not whole is not in the store."""
        try:
            for actor in self._actors:
                self._ray.kill(actor)
            if self._began:
                self._ray.shutdown()
        finally:
            self._aside.__exit__(None, None, None)
        self._store.sweep()

    def _give(self, number: int) -> Any:
        """Let the next idle actor do a task; which one that is."""
        actor = self._free.pop(0)
        self._work[actor.do.remote(self._open[number][0])] = actor, number
        return actor

    def _end(self, reference: Any) -> tuple[Task, list[Reply]] | None:
        """A task and what came of it; None where somebody else has done it before."""
        actor, number = self._work.pop(reference)
        try:
            replies: list[Reply] | Exception = self._ray.get(reference)
        except self._ray.exceptions.RayActorError as error:
            message = "an actor died again and again. Every finished clip is stored: run again to go on"
            raise WorkerDied(f"{message} ({' '.join(str(error).split())[:200]})") from None
        if isinstance(replies, Exception):
            raise replies  # what draws could not be loaded: no clip is to blame
        self._free.append(actor)
        if number not in self._open:
            return None
        task, began = self._open.pop(number)
        self._took.append(time.monotonic() - began)
        return task, replies

    def _join(self) -> bool:
        """Start actors on nodes that have come; whether there were any."""
        if time.monotonic() - self._looked < _LOOK and self._actors:
            return False
        self._looked = time.monotonic()
        there = self._ray.cluster_resources()
        gpus = int(there.get("GPU", 0))
        places = gpus or int(there.get("CPU", 1))
        wanted = min(places, self._most or places)
        fresh = wanted - len(self._actors)
        for _ in range(fresh):
            actor = (
                self._ray.remote(_Actor)
                .options(num_cpus=1, num_gpus=1 if gpus else 0, max_restarts=_AGAIN, max_task_retries=_AGAIN)
                .remote(self._place, self._loaders)
            )
            self._actors.append(actor)
            self._free.append(actor)
        return fresh > 0

    def _help_the_slow(self) -> None:
        """Give the task that has taken longest to an idle actor too."""
        if not (self._free and self._took):
            return
        usual = max(_SOON, _SLOW * statistics.median(self._took))
        by = Counter(number for _, number in self._work.values())
        number = min((number for number in self._open if by[number] == 1), default=None)
        if number is not None and time.monotonic() - self._open[number][1] > usual:
            self._give(number)


class _Actor:
    """A worker of the cluster."""

    def __init__(self, root: Any, loaders: Loaders) -> None:
        self._root, self._loaders = root, loaders
        self._worker: Worker | None = None

    def do(self, task: Task) -> list[Reply] | Exception:
        """Do a task. An exception that comes back is no clip's fault."""
        if self._worker is None:
            try:
                worker = Worker(open_store(self._root), self._loaders)
                if isinstance(task, DrawClips):
                    worker.set_up()
                self._worker = worker
            except Exception as error:
                return portable(error)
        return as_sent(self._worker.do(task))
