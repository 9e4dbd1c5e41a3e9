"""Writing a film that is drawn: the mp4, a sheet of its scenes, and whether that can be written at all."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path

from longtake.draw.drawer import Decode
from longtake.errors import OptionError
from longtake.film.drawing import DrawResult
from longtake.film.progress import OnProgress, Progress
from longtake.film.segments import Encoding, write_film
from longtake.plan import Plan, Timeline
from longtake.store import Store
from longtake.video import contact_sheet, read_frames, reduce, write_png


def clock(seconds: float | Fraction) -> str:
    """Seconds as m:ss or h:mm:ss."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def check_writable(path: Path, suffix: str, option: str) -> None:
    """Before anything is drawn: can the result be written there? Raises `OptionError`."""
    if path.suffix.lower() != suffix or path.is_dir():
        raise OptionError(f"{path}: name a file that ends in {suffix}", option)
    folder = next(parent for parent in path.absolute().parents if parent.exists())
    if not folder.is_dir() or not os.access(folder, os.W_OK):
        raise OptionError(f"{path}: {folder} is no folder that can be written to", option)


def join(
    plan: Plan,
    span: slice,
    store: Store,
    decode: Decode,
    path: Path,
    encoding: Encoding,
    metadata: Mapping[str, str],
    drawn: DrawResult,
    progress: OnProgress | None,
) -> int:
    """Write the film of segments that are in the store; the number of frames written."""
    written, began, total = 0, time.monotonic(), len(range(plan.length)[span])

    def tell(frames: int) -> None:
        nonlocal written
        written += frames
        seconds = time.monotonic() - began
        if progress is not None:
            progress(
                Progress(
                    event=None,
                    clips=drawn.clips,
                    clips_total=drawn.clips,
                    clips_drawn=drawn.drawn,
                    frames=written,
                    frames_total=total,
                    seconds=drawn.seconds + seconds,
                    seconds_left=None,
                    frames_per_second=written / seconds if seconds else 0.0,
                    doing={},
                )
            )

    return write_film(
        plan, store, decode, path, encoding, span=span, metadata=metadata, on_segment=tell
    ).frames


def write_scenes(line: Timeline, span: slice, film: Path, fps: Fraction, smaller: int, sheet: Path) -> None:
    """A picture of the film from the middle of every scene that it shows, with its prompt beside it.

    `film` shows the frames of `span`; its pictures are made `smaller` times smaller.
    """
    pictures, labels = [], []
    for scene, frames in zip(line.scenes, line.spans(), strict=True):
        shown = range(max(frames.start, span.start), min(frames.stop, span.stop))
        if shown:
            middle = shown[len(shown) // 2] - span.start
            pictures.append(reduce(next(read_frames(film, middle)), smaller))
            labels.append(f"{clock(frames.start / fps)} {scene.prompt}")
    write_png(contact_sheet(pictures, labels), sheet)
