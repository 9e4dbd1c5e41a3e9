"""Who draws: this process alone, or a crew of processes of one thread each."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import signal
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from pathlib import Path

from longtake.executors.attempt import Draw, Ops, Reply, attempt
from longtake.executors.events import WorkerDied
from longtake.plan import Job
from longtake.store import Store

__all__ = ["Alone", "Crew"]

_THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")


class Alone:
    """This process: one clip at a time, drawn when it is asked for."""

    def __init__(self, store: Store, ops: Ops) -> None:
        self._store, self._ops = store, ops
        self._draw: Draw | None = None
        self._job: Job | None = None

    def free(self) -> bool:
        """Whether a clip can be started now."""
        return self._job is None

    def start(self, job: Job) -> None:
        """Take a clip on."""
        self._job = job

    def replies(self) -> list[tuple[Job, Reply]]:
        """Wait until something has ended, and tell what."""
        assert self._job is not None
        if self._draw is None:
            self._draw = self._ops()
        job, self._job = self._job, None
        return [(job, attempt(job, self._store, self._draw))]

    def close(self) -> None:
        """Nothing runs on."""


@dataclass
class _Worker:
    process: SpawnProcess
    line: Connection
    job: Job | None = None


class Crew:
    """Processes that start when there is work for them. Raises `WorkerDied` where one of them is killed."""

    def __init__(self, store: Store, ops: Ops, workers: int) -> None:
        self._store, self._size = store, workers
        self._ops = pickle.dumps(ops)
        self._workers: list[_Worker] = []

    def free(self) -> bool:
        """Whether a clip can be started now."""
        return sum(worker.job is not None for worker in self._workers) < self._size

    def start(self, job: Job) -> None:
        """Take a clip on."""
        worker = next((worker for worker in self._workers if worker.job is None), None) or self._hire()
        worker.job = job
        try:
            worker.line.send(job)
        except OSError:  # it died while it was idle
            raise _died(worker, job) from None

    def replies(self) -> list[tuple[Job, Reply]]:
        """Wait until something has ended, and tell what."""
        busy = [(worker, worker.job) for worker in self._workers if worker.job is not None]
        wait([end for worker, _ in busy for end in (worker.line, worker.process.sentinel)])
        ended = []
        for worker, job in busy:
            if worker.line.poll():
                try:
                    reply: Reply | Exception = worker.line.recv()
                except (EOFError, OSError):
                    raise _died(worker, job) from None
                if isinstance(reply, Exception):
                    raise reply  # the operations could not be set up: no clip is to blame
                worker.job = None
                ended.append((job, reply))
            elif not worker.process.is_alive():
                raise _died(worker, job)
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

    def _hire(self) -> _Worker:
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        args = (theirs, self._store.root, self._ops)
        process = context.Process(target=_work, args=args, name="longtake-draw", daemon=True)
        with _one_thread(), _deaf_to_ctrl_c():
            process.start()
        theirs.close()  # so that the end of one process is seen by the other
        self._workers.append(_Worker(process, ours))
        return self._workers[-1]


def _work(line: Connection, root: Path, ops: bytes) -> None:
    """A worker's life: draw what comes until the line is closed."""
    try:
        draw = pickle.loads(ops)()
        store = Store(root)
    except Exception as error:
        line.send(_portable(error))
        return
    with suppress(EOFError, OSError):  # the caller is gone
        while True:
            reply = attempt(line.recv(), store, draw)
            line.send(reply._replace(error=reply.error and _portable(reply.error)))


def _portable(error: Exception) -> Exception:
    """The exception as it can be sent, with its traceback as a note."""
    text = "".join(traceback.format_exception(error))
    try:
        error = pickle.loads(pickle.dumps(error))
    except Exception:
        error = RuntimeError(f"{type(error).__name__}: {error}")
    error.add_note(f"in a worker process:\n{text}")
    return error


def _died(worker: _Worker, job: Job | None) -> WorkerDied:
    worker.process.join(5)
    code = worker.process.exitcode
    how = f"was killed by signal {-code}" if code is not None and code < 0 else f"ended with code {code}"
    where = f" while it drew the clip {job.key} (level {job.level})" if job else ""
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
