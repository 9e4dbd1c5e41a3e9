"""Work on this machine: by this process alone, or by several of one thread each."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass
from functools import partial
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from pathlib import Path

from longtake.film.executors.events import WorkerDied
from longtake.film.executors.run import StartWorkers
from longtake.film.executors.task import DrawClips, Loaders, Reply, Task, Worker, as_sent, portable
from longtake.machine import without_main
from longtake.store import Store, open_store

_STARTING = threading.Lock()  # starting a process changes what all threads share, for a moment
_THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")


def local(workers: int) -> StartWorkers:
    """So many processes of this machine; one is this process itself."""
    if workers < 1:
        raise ValueError(f"drawing needs at least one worker, not {workers}")
    return _Alone if workers == 1 else partial(_Processes, workers)


class _Alone:
    """This process: one task at a time, done when its reply is asked for."""

    def __init__(self, store: Store, loaders: Loaders) -> None:
        self._worker = Worker(store, loaders)
        self._task: Task | None = None

    def idle(self) -> int:
        """How many tasks can be started now."""
        return int(self._task is None)

    def start(self, task: Task) -> str:
        """Take a task on."""
        self._task = task
        return "this process"

    def replies(self) -> list[tuple[Task, list[Reply]]]:
        """Wait until something has ended, and tell what."""
        assert self._task is not None
        task, self._task = self._task, None
        if isinstance(task, DrawClips):
            self._worker.set_up()
        return [(task, self._worker.do(task))]

    def close(self) -> None:
        """Nothing runs on."""


@dataclass
class _WorkerProcess:
    process: SpawnProcess
    line: Connection
    task: Task | None = None


class _Processes:
    """Processes that start when there is work for them. Raises `WorkerDied` where one of them is killed."""

    def __init__(self, workers: int, store: Store, loaders: Loaders) -> None:
        self._store, self._size = store, workers
        self._loaders = pickle.dumps(loaders)
        self._workers: list[_WorkerProcess] = []

    def idle(self) -> int:
        """How many tasks can be started now."""
        return self._size - sum(worker.task is not None for worker in self._workers)

    def start(self, task: Task) -> str:
        """Take a task on."""
        if not self._workers:  # all at once: they load while the first clips, one after the other, are drawn
            self._workers = [self._started(isinstance(task, DrawClips)) for _ in range(self._size)]
        worker = next(worker for worker in self._workers if worker.task is None)
        worker.task = task
        try:
            worker.line.send(task)
        except OSError:  # it died while it was idle
            raise _died(worker, task) from None
        return f"worker {self._workers.index(worker) + 1}"

    def replies(self) -> list[tuple[Task, list[Reply]]]:
        """Wait until something has ended, and tell what."""
        busy = [(worker, worker.task) for worker in self._workers if worker.task is not None]
        wait([end for worker, _ in busy for end in (worker.line, worker.process.sentinel)])
        ended = []
        for worker, task in busy:
            if worker.line.poll():
                try:
                    replies: list[Reply] | Exception = worker.line.recv()
                except (EOFError, OSError):
                    raise _died(worker, task) from None
                if isinstance(replies, Exception):
                    raise replies  # what draws could not be loaded: no clip is to blame
                worker.task = None
                ended.append((task, replies))
            elif not worker.process.is_alive():
                raise _died(worker, task)
        return ended

    def close(self) -> None:
        """Stop at once: a clip that is not whole is not in the store."""
        for worker in self._workers:
            worker.process.terminate()
        for worker in self._workers:
            worker.process.join(5)
            worker.process.kill()
            worker.process.join()
            worker.line.close()
        self._store.sweep()

    def _started(self, draws: bool) -> _WorkerProcess:
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        args = (theirs, self._store.root, self._loaders, draws)
        process = context.Process(target=_work, args=args, name="longtake-draw", daemon=True)
        # Loaders that the main script itself defines can only be had by running it again.
        hidden = nullcontext() if b"__main__" in self._loaders else without_main()
        with _STARTING, _one_thread(), _deaf_to_ctrl_c(), hidden:
            process.start()
        theirs.close()  # so that the end of one process is seen by the other
        return _WorkerProcess(process, ours)


def _work(line: Connection, root: str | Path, loaders: bytes, draws: bool) -> None:
    """A worker's life: do what comes until the line is closed; one that `draws` loads what draws at once."""
    with suppress(EOFError, OSError):  # the caller is gone
        try:
            worker = Worker(open_store(root), pickle.loads(loaders))
            if draws:
                worker.set_up()
        except Exception as error:
            line.send(portable(error))
            return
        while True:
            line.send(as_sent(worker.do(line.recv())))


def _died(worker: _WorkerProcess, task: Task) -> WorkerDied:
    worker.process.join(5)
    code = worker.process.exitcode
    how = f"was killed by signal {-code}" if code is not None and code < 0 else f"ended with code {code}"
    where = " while it encoded a segment"
    if isinstance(task, DrawClips):
        job = task.jobs[0]
        where = f" while it drew the clip {job.key} (level {job.level})"
    return WorkerDied(
        f"a worker process {how}{where}. Every finished clip is stored: run again to go on, "
        "with fewer workers if memory ran out"
    )


@contextmanager
def _deaf_to_ctrl_c() -> Iterator[None]:
    """Processes that start in this block leave Ctrl-C, which reaches all of a terminal, to their caller.

    Blocked rather than ignored: it holds from their first moment, and for the caller it only waits.
    """
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    resource_tracker.ensure_running()  # else `start` does it, and unblocks
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def _one_thread() -> Iterator[None]:
    """Processes that start in this block compute with one thread: on few cores two of them are faster so."""
    before = {name: os.environ.get(name) for name in _THREADS}
    os.environ.update(dict.fromkeys(_THREADS, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
