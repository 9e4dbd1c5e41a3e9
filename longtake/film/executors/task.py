"""What one worker is given at a time, and doing it: inputs from the store, results into the store."""

from __future__ import annotations

import pickle
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from longtake.draw.drawer import Decode, Draw
from longtake.film.segments import Encoding, Segment, encode
from longtake.plan import Job
from longtake.store import CorruptClip, Store


@dataclass(frozen=True)
class DrawClips:
    """Draw these clips, together."""

    jobs: tuple[Job, ...]


@dataclass(frozen=True)
class EncodeSegment:
    """Decode and encode this segment of the film, whose leaves are in the store."""

    segment: Segment
    leaves: tuple[Job, ...]
    encoding: Encoding


Task = DrawClips | EncodeSegment


class Reply(NamedTuple):
    """How a clip or a segment ended."""

    kind: Literal["done", "cached", "lost", "failed"]  # lost: an input is not in the store or damaged
    seconds: float = 0  # of a worker's time, its own part where several were drawn together
    error: Exception | None = None  # of a failed one


@dataclass(frozen=True)
class Loaders:
    """How to get what draws and what decodes, in any process: picklable, each called once per worker."""

    draw: Callable[[], Draw]
    decode: Callable[[], Decode] | None = None  # needed for segments


class Worker:
    """Does tasks. What draws and what decodes is set up when it is first needed."""

    def __init__(self, store: Store, loaders: Loaders) -> None:
        self._store, self._loaders = store, loaders
        self._draw: Draw | None = None
        self._decode: Decode | None = None

    def set_up(self) -> None:
        """Get what draws now, so that what prevents it is not taken for a clip's fault."""
        if self._draw is None:
            self._draw = self._loaders.draw()

    def do(self, task: Task) -> list[Reply]:
        """One reply per clip, or one for the segment."""
        if isinstance(task, DrawClips):
            return self._draw_clips(task.jobs)
        return [self._encode(task)]

    def _draw_clips(self, jobs: Sequence[Job]) -> list[Reply]:
        """Draw clips, but those that have come into the store in the meantime."""
        replies, fresh = [Reply("cached")] * len(jobs), []
        for k, job in enumerate(jobs):
            if job.key not in self._store:
                try:
                    inputs = [self._store.frame(frame.key, frame.index) for frame in job.inputs]
                    fresh.append((k, job, inputs))
                except (CorruptClip, KeyError):
                    replies[k] = Reply("lost")
                except Exception as error:
                    replies[k] = Reply("failed", error=error)
        if not fresh:
            return replies
        began = time.perf_counter()
        try:
            self.set_up()
            assert self._draw is not None
            clips = self._draw([job for _, job, _ in fresh], [inputs for _, _, inputs in fresh])
            for (_, job, _), clip in zip(fresh, clips, strict=True):
                self._store.put(job.key, clip)
        except Exception as error:
            if len(fresh) > 1:  # which of them is it?
                for k, job, _ in fresh:
                    (replies[k],) = self._draw_clips([job])
                return replies
            replies[fresh[0][0]] = Reply("failed", error=error)
            return replies
        seconds = (time.perf_counter() - began) / len(fresh)
        for k, _, _ in fresh:
            replies[k] = Reply("done", seconds)
        return replies

    def _encode(self, task: EncodeSegment) -> Reply:
        began = time.perf_counter()
        try:
            if self._decode is None:
                assert self._loaders.decode is not None
                self._decode = self._loaders.decode()
            encode(task.segment, self._store, self._decode, task.encoding)
        except (CorruptClip, KeyError):
            return Reply("lost")
        except Exception as error:
            return Reply("failed", error=error)
        return Reply("done", time.perf_counter() - began)


def as_sent(replies: list[Reply]) -> list[Reply]:
    """Replies as they can be sent to another process."""
    return [reply._replace(error=reply.error and portable(reply.error)) for reply in replies]


def portable(error: Exception) -> Exception:
    """The exception as it can be sent, with its traceback as a note."""
    text = "".join(traceback.format_exception(error))
    try:
        error = pickle.loads(pickle.dumps(error))
    except Exception:
        error = RuntimeError(f"{type(error).__name__}: {error}")
    error.add_note(f"in a worker process:\n{text}")
    return error
