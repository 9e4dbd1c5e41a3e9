"""Work on many files, in several processes."""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from typing import TypeVar

from longtake.data.tables import DataSetError

Item = TypeVar("Item")
Result = TypeVar("Result")


def _end_with_parent() -> None:
    """Without this, the workers of a process that is killed would wait for work forever."""
    parent = multiprocessing.parent_process()
    assert parent is not None

    def wait() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=wait, daemon=True).start()


def spread(
    work: Callable[[Item], Result], items: Sequence[Item], workers: int
) -> Iterator[tuple[Item, Result]]:
    """Every item with its result, in the order in which they are finished; by this process if `workers` is 1.

    Raises DataSetError where a process dies.
    """
    workers = min(workers, len(items))
    if workers <= 1:
        for item in items:
            yield item, work(item)
        return
    # Not forked: libav may have threads here.
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, spawn, initializer=_end_with_parent) as pool:
        jobs: dict[Future[Result], Item] = {pool.submit(work, item): item for item in items}
        try:
            for job in as_completed(jobs):
                yield jobs[job], job.result()
        except BrokenProcessPool:
            told = "a process died, for want of memory or over a damaged film: run the same command again"
            raise DataSetError(f"{told}, with --workers 1 if that does not help") from None
        finally:
            pool.shutdown(cancel_futures=True)
