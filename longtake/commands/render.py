"""The film, and what can be had before paying for all of it: its plan, its keyframes, any one frame."""

from __future__ import annotations

import hashlib
import os
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Any

import typer

from longtake.commands.draw import draw, resumable
from longtake.commands.progress import Bar
from longtake.commands.selection import Selection, Work, clock, note, parse_span
from longtake.film.executors import Event, Order, SegmentDone
from longtake.film.hls import PLAYLIST, Broadcast
from longtake.film.segments import Encoding, Segment, decode_frame, encode, kept, write_film
from longtake.plan import SceneSeen
from longtake.storyboard import StoryboardError, parse, parse_when
from longtake.video import contact_sheet, enlarge, read_frames, reduce, write_png

Report = dict[str, Any]

_NEIGHBOURS = 16  # frames in a row of which a sheet shows all
_SHEET = 256  # pixels towards which the shorter side of larger keyframes is reduced on their sheet


def render(
    selection: Selection,
    *,
    out: Path,
    span: str | None,
    executor: str,
    address: str | None,
    workers: int | None,
    order: Order,
    follow: Path | None,
    sheet: Path | None,
    size: int | None,
    fps: float | None,
    upscale: int | None,
) -> tuple[Report, str]:
    """Draw what is missing and write the film; what there is to say as JSON and as a sentence."""
    _check_out(out, ".mp4", "--out")
    if sheet is not None:
        _check_out(sheet, ".png", "--sheet")
    work = selection.open()
    if size is not None:
        work, upscale = work.sized(size)
    frames = parse_span(span, work.plan.length)
    if fps is not None:
        work = work.at(fps)
        frames = work.span_of(frames)
    encoding = work.encoding(upscale)
    following = None if follow is None else _Following(work, encoding, follow)
    _tell_if_changed(work, selection, frames)
    with resumable(_go_on(work)):
        drawn = draw(
            work,
            frames,
            executor=executor,
            address=address,
            workers=workers,
            order=order,
            encoding=encoding,
            listen=following,
        )
        if following is not None:
            following.end()
        written = _join(work, frames, out, encoding, selection)
        work.store.write_note(_record(selection), selection.text)
        if sheet is not None:
            _write_scenes(work, frames, out, work.pixels * encoding.codec.upscale, sheet)
    numbers = drawn.report()
    report = {"film": str(out), "frames": written, "jobs_total": drawn.total, **numbers}
    if follow is not None:
        report["playlist"] = str(follow / PLAYLIST)
    told = (
        f"{out}: {written:,} frames ({clock(written / work.fps)} at {float(work.fps):g} fps); "
        f"{drawn.run:,} of {drawn.total:,} clips drawn, {numbers['jobs_cached']:,} from the store; "
        f"{numbers['seconds']:.1f} s"
    )
    return report, told


def _tell_if_changed(work: Work, selection: Selection, span: slice) -> None:
    """Where the scenes are others than at the last render: what that costs, and what costs less."""
    told = work.store.read_note(_record(selection))
    if told is None or not isinstance(work.store.root, Path):
        return
    with suppress(StoryboardError):  # of another version
        old, new = (parse(text) for text in (told, selection.text))
        if (old.scenes, old.video, old.seed) != (new.scenes, new.video, new.seed):
            missing = work.plan.count_missing(work.store, span)
            before = work.store.root / _record(selection)
            note(
                f"its scenes have changed since it was last rendered: planned afresh, {missing:,} clips have "
                f"to be drawn. To draw only what the change touches: longtake edit {before} --to "
                f"{selection.storyboard} --out edited.yaml"
            )


def _record(selection: Selection) -> str:
    """Where the store keeps the storyboard as it was last rendered."""
    place = hashlib.sha256(str(selection.storyboard.absolute()).encode()).hexdigest()
    return f"rendered/{place[:16]}.yaml"


class _Following:
    """Hears of segments, in any order, and broadcasts them in the film's."""

    def __init__(self, work: Work, encoding: Encoding, folder: Path) -> None:
        self._work, self._encoding = work, encoding
        self._broadcast = Broadcast(folder, work.fps, work.artist.longest)
        self._next, self._ahead = 0, dict[int, Segment]()

    def __call__(self, event: Event) -> None:
        """Take an event in."""
        if isinstance(event, SegmentDone):
            self._ahead[event.number] = event.segment
        while (segment := self._ahead.pop(self._next, None)) is not None:
            path = kept(segment, self._work.store, self._encoding)
            self._broadcast.add(path or encode(segment, self._work.store, self._work.decode, self._encoding))
            self._next += 1

    def end(self) -> None:
        """The film is whole."""
        self._broadcast.end()


def plan(selection: Selection, *, span: str | None) -> tuple[Report, str]:
    """What a render would draw for the span; the scenes are the whole film's."""
    work = selection.open()
    film, frames = work.plan, parse_span(span, work.plan.length)
    levels, missing = film.levels_of(frames), film.count_missing(work.store, frames)
    scenes = film.scenes()
    report = {
        "frames": len(range(film.length)[frames]),
        "jobs_total": sum(levels),
        "jobs_missing": missing,
        "levels": levels,
        "scenes": [scene._asdict() for scene in scenes],
    }
    shown = "" if span is None else f"frames {frames.start:,} to {frames.stop - 1:,}: "
    lines = [
        work.board.title or selection.storyboard.name,
        f"{film.length:,} frames, {clock(film.length / work.fps)} at {float(work.fps):g} fps",
        f"{shown}{sum(levels):,} clips ({' + '.join(f'{n:,}' for n in levels)}), {missing:,} of them to draw",
        "",
        *_table(scenes, work),
    ]
    return report, "\n".join(lines)


def _table(scenes: list[SceneSeen], work: Work) -> list[str]:
    wide = max(5, *(len(scene.id) for scene in scenes))
    lines = [f"{'scene':<{wide}}  {'at':>8}  {'frame':>11}  {'frames':>11}  first seen on level"]
    for scene in scenes:
        at = clock(scene.start / work.fps)
        level = f"{scene.level}{' (keyframes)' if scene.level == 0 else ''}"
        lines.append(f"{scene.id:<{wide}}  {at:>8}  {scene.start:>11,}  {scene.frames:>11,}  {level}")
    return lines


def keys(selection: Selection, *, out: Path) -> tuple[Report, str]:
    """Draw the keyframes alone and put them on a sheet, each with its prompt."""
    _check_out(out, ".png", "--out")
    work = selection.open()
    numbers = _spread(list(work.plan.keyframe_numbers()))
    with resumable(_go_on(work)):
        drawn = draw(work, slice(None), levels=1)
        decoded = lru_cache(maxsize=1)(lambda key: work.decode(work.store.get(key)))
        smaller = max(1, min(work.artist.size) // _SHEET)
        found = (decoded(latent.key)[latent.index] for latent in map(work.plan.frame, numbers))
        pictures = [reduce(picture, smaller) for picture in found]
    labels = [f"{clock(i / work.fps)} {work.plan.timeline.prompt(i)}" for i in numbers]
    write_png(contact_sheet(pictures, labels), out)
    report = {"sheet": str(out), "frames": numbers, **drawn.report()}
    return report, f"{out}: {len(numbers)} keyframes, from the first to frame {numbers[-1]:,}"


def _spread(numbers: list[int]) -> list[int]:
    """Of a long row of neighbours, as a scene that is one clip of a back end has, only a few."""
    rows: list[list[int]] = []
    for i in numbers:
        if rows and i == rows[-1][-1] + 1:
            rows[-1].append(i)
        else:
            rows.append([i])
    return [row[k] for row in rows for k in range(0, len(row), -(-len(row) // _NEIGHBOURS))]


def peek(selection: Selection, when: str, *, out: Path, size: int | None) -> tuple[Report, str]:
    """Draw as little as shows one frame, and write it as the encoder would get it."""
    _check_out(out, ".png", "--out")
    work, times = selection.open(), 1
    if size is not None:
        work, times = work.sized(size)
    i = parse_when(work.board, when, work.plan.length)
    with resumable(_go_on(work)):
        drawn = draw(work, slice(i, i + 1))
        write_png(enlarge(decode_frame(work.plan, work.store, work.decode, i), times, smooth=True), out)
    told = f"{out}: frame {i:,} ({clock(i / work.fps)}), {drawn.run} of {drawn.total} clips drawn"
    return {"frame": i, **drawn.report()}, told


def _join(work: Work, span: slice, out: Path, encoding: Encoding, selection: Selection) -> int:
    """Write the film of segments that are in the store; the number of frames written."""
    total, done = len(range(work.plan.length)[span]), 0
    metadata = {
        "title": work.board.title,
        "storyboard": selection.text,
        "seed": str(work.board.seed),
        "model": f"{work.artist.name} {work.artist.digest}",
    }
    with Bar() as bar:

        def show(frames: int) -> None:
            nonlocal done
            done += frames
            bar.show(done, total, f"writing {done:,} of {total:,} frames")

        film = write_film(
            work.plan, work.store, work.decode, out, encoding, span=span, metadata=metadata, on_segment=show
        )
    return film.frames


def _write_scenes(work: Work, span: slice, film: Path, size: int, sheet: Path) -> None:
    """A picture of the film from the middle of every scene that it shows, with its prompt beside it."""
    pictures, labels = [], []
    for scene, frames in zip(work.plan.timeline.scenes, work.plan.timeline.spans(), strict=True):
        shown = range(max(frames.start, span.start), min(frames.stop, span.stop))
        if shown:
            middle = shown[len(shown) // 2] - span.start
            pictures.append(reduce(next(read_frames(film, middle)), size // min(work.artist.size)))
            labels.append(f"{clock(frames.start / work.fps)} {scene.prompt}")
    write_png(contact_sheet(pictures, labels), sheet)


def _go_on(work: Work) -> str:
    return f"{work.store.root} keeps every finished clip; run the same command again to go on"


def _check_out(path: Path, suffix: str, option: str) -> None:
    """Before anything is drawn: can the result be written there?"""
    if path.suffix.lower() != suffix or path.is_dir():
        raise typer.BadParameter(f"{path}: name a file that ends in {suffix}", param_hint=option)
    folder = next(parent for parent in path.absolute().parents if parent.exists())
    if not folder.is_dir() or not os.access(folder, os.W_OK):
        raise typer.BadParameter(f"{path}: {folder} is no folder that can be written to", param_hint=option)
