"""A film that can be asked for anything before it is drawn: what is missing is drawn when it is asked for."""

from __future__ import annotations

import io
import operator
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, NamedTuple, NoReturn, overload

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from longtake.draw.drawer import Drawer, LoadedDrawer
from longtake.errors import OptionError
from longtake.files import written_whole
from longtake.film.costs import seconds_of
from longtake.film.drawing import CLIPS_WORTH, Crew, DrawResult, draw, workers_for
from longtake.film.editing import changed_by, checked_edit
from longtake.film.executors import Event
from longtake.film.hls import PLAYLIST, Follower
from longtake.film.pictures import read_picture
from longtake.film.progress import OnProgress
from longtake.film.rendered import note_rendered, tell_if_changed
from longtake.film.segments import (
    LEAVES_PER_SEGMENT,
    Encoding,
    cut_segments,
    decode_segment,
    kept_or_encoded,
)
from longtake.film.writing import check_writable, clock, join, write_scenes
from longtake.plan import Job, Plan, SceneSeen
from longtake.store import Store
from longtake.storyboard import (
    Edit,
    Storyboard,
    StoryboardError,
    difference,
    edited,
    images,
    parse,
    timeline,
    to_yaml,
    with_edits,
)
from longtake.video import Codec, Pixels, contact_sheet, enlarge, reduce

_WATCHABLE = 256  # pixels per side to which smaller films are enlarged
_NEIGHBOURS = 16  # frames in a row of which a sheet of keyframes shows all
_SHEET = 256  # pixels towards which the shorter side of larger keyframes is reduced on their sheet


class Outlook(NamedTuple):
    """What drawing some frames of a film takes."""

    frames: int
    levels: list[int]  # clips that they need, per level, keyframes first
    clips: int  # of all levels
    missing: int  # of them, not in the store
    seconds: float | None  # that drawing these takes about; None: none was ever drawn here
    scenes: list[SceneSeen]  # of the whole film


class Keyframes(NamedTuple):
    """Frames of the first level."""

    numbers: list[int]  # film frames
    pictures: list[Pixels]  # uint8 [H, W, 3] each
    prompts: list[str]
    sheet: Pixels  # all of them, each with its time and prompt


@dataclass(frozen=True)
class RenderResult:
    """A film that was written."""

    path: Path
    frames: int
    clips: int  # that it needed
    drawn: int  # of them, now
    seconds: float
    playlist: Path | None = None  # of the stream beside it


@dataclass(frozen=True, kw_only=True, repr=False, eq=False)
class Film:
    """A storyboard, who draws it, and the store that keeps what was drawn. Make one with `longtake.open`.

    A film never changes: an edit is another film, which shares all clips that the edit does not touch. It may
    be asked by several threads, which take turns clip by clip. Frames count from 0, as they are shown.
    """

    storyboard: Storyboard
    drawer: Drawer
    store: Store
    folder: Path  # that the paths of its pictures start from
    path: Path | None = None  # of the storyboard's file
    text: str = ""  # of the storyboard's file, or as it would be written; `edit` does not change it
    times: int = 1  # frames that are shown for each of the storyboard's
    enlarged: int | None = None  # how many times frames are enlarged; None: only in files, to be watched
    edited: bool = False  # since it was opened
    changed: range | None = None  # frames that the last edits draw anew, from the first to the last of them
    _saved: set[str] = field(default_factory=set)  # texts that films of this storyboard have written
    base: Plan = field(init=False)  # from frame of the storyboard to clip, edits done
    loaded: LoadedDrawer = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "base", self._planned())
        object.__setattr__(self, "loaded", LoadedDrawer(self.drawer, self.store))

    # What it is

    def __len__(self) -> int:
        return self.jobs.length

    def __repr__(self) -> str:
        clock = f"{self.seconds:.1f} s at {float(self.fps):g} fps"
        return f"<Film {self.title!r}: {len(self):,} frames, {clock}, drawn by {self.drawer.name}>"

    @cached_property
    def jobs(self) -> Plan:
        """From film frame to the clip that shows it, lazily."""
        return self.base if self.times == 1 else self.drawer.at_multiple(self.base, self.times)

    @property
    def title(self) -> str:
        return self.storyboard.title or (self.path.name if self.path else "")

    @property
    def fps(self) -> Fraction:
        """Frames per second, as a fraction that fits a file's time base."""
        least = Fraction(1, 1_000_000)
        own = Fraction(str(self.storyboard.video.fps)).limit_denominator(1_000_000)
        return self.times * max(least, own)

    @property
    def seconds(self) -> float:
        return float(len(self) / self.fps)

    def prompt(self, i: int) -> str:
        """The prompt of frame `i`."""
        return self.jobs.timeline.prompt(self._checked(i))

    def plan(self, start: int = 0, stop: int | None = None) -> Outlook:
        """What drawing the frames from `start` to below `stop` takes. Nothing is drawn."""
        span = self._span(start, stop)
        levels = self.jobs.levels_of(span)
        missing = self.jobs.count_missing(self.store, span)
        return Outlook(
            len(range(len(self))[span]),
            levels,
            sum(levels),
            missing,
            self._price(span, missing),
            self.jobs.scenes(),
        )

    # What is seen

    @overload
    def __getitem__(self, at: int) -> Pixels: ...
    @overload
    def __getitem__(self, at: slice) -> NDArray[np.uint8]: ...
    def __getitem__(self, at: int | slice) -> NDArray[np.uint8]:
        """A frame, uint8 `[H, W, 3]`, or several, `[T, H, W, 3]`; counted from the end below 0."""
        if isinstance(at, slice):
            numbers = range(len(self))[at]
            if numbers.step == 1:
                return self.frames(numbers.start, max(numbers.start, numbers.stop))
            picked = [self[i] for i in numbers]
            return np.stack(picked) if picked else self.frames(0, 0)
        at = operator.index(at)  # of whatever integer, as lists take it
        i = at + len(self) if at < 0 else at
        if not 0 <= i < len(self):
            raise IndexError(f"frame {at} is not in the film of {len(self):,} frames")
        frame: Pixels = self.frames(i, i + 1)[0]
        return frame

    def frames(
        self, start: int = 0, stop: int | None = None, *, progress: OnProgress | None = None
    ) -> NDArray[np.uint8]:
        """Frames from `start` to below `stop`, uint8 `[T, H, W, 3]`, as the encoder gets them.

        Clips that they need and the store lacks are drawn. Raises `ValueError` for a span that is not in the
        film, `JobFailed` and `WorkerDied` where drawing fails; what was drawn before is stored.
        """
        span = self._span(start, stop)
        if span.start == span.stop:
            width, height = (side * (self.enlarged or 1) for side in self.drawer.shown_size)
            return np.empty((0, height, width, 3), np.uint8)
        self.draw(span.start, span.stop, progress=progress)
        decoded = [
            enlarge(frame, self.enlarged or 1, smooth=True)
            for segment in cut_segments(self.jobs, span)
            for frame in decode_segment(segment, self.store, self.loaded.decode)
        ]
        return np.stack(decoded)

    def latents(self, start: int = 0, stop: int | None = None) -> NDArray[Any]:
        """What frames are decoded from, float16 `[T, C, h, w]`; of a pretrained pipeline pixels.

        Drawn where missing; raises as `frames` does.
        """
        span = self._span(start, stop)
        if span.start == span.stop:
            raise ValueError(f"there are no frames from {start} to below {stop}: give start below stop")
        self.draw(span.start, span.stop)
        shown = self.jobs.shown(span)
        return np.concatenate([self.store.get(one.leaf.key)[list(one.indices)] for one in shown])

    def keys(self, *, progress: OnProgress | None = None) -> Keyframes:
        """The keyframes, drawn where missing, and nothing else."""
        numbers = _spread(list(self.jobs.keyframe_numbers()))
        self.draw(levels=1, progress=progress)
        decoded = lru_cache(maxsize=1)(lambda key: self.loaded.decode(self.store.get(key)))
        latents = map(self.jobs.frame, numbers)
        pictures: list[Pixels] = [decoded(latent.key)[latent.index].copy() for latent in latents]
        prompts = [self.jobs.timeline.prompt(i) for i in numbers]
        labels = [f"{clock(i / self.fps)} {prompt}" for i, prompt in zip(numbers, prompts, strict=True)]
        smaller = max(1, min(self.drawer.size) // _SHEET)
        sheet = contact_sheet([reduce(picture, smaller) for picture in pictures], labels)
        return Keyframes(numbers, pictures, prompts, sheet)

    def _repr_png_(self) -> bytes:
        """Notebooks show the keyframes."""
        data = io.BytesIO()
        Image.fromarray(self.keys().sheet).save(data, "png")
        return data.getvalue()

    # What is made

    def draw(
        self,
        start: int = 0,
        stop: int | None = None,
        *,
        crew: Crew | None = None,
        levels: int | None = None,
        progress: OnProgress | None = None,
    ) -> DrawResult:
        """Draw what frames need and the store lacks; `levels` keeps to so many levels (1: the keyframes).

        Raises as `frames` does.
        """
        if levels is not None and levels < 1:
            raise ValueError(f"levels is {levels}: give 1 (the keyframes) or more")
        return self._draw(self._span(start, stop), crew or Crew(), levels=levels, progress=progress)

    def render(
        self,
        path: str | Path,
        start: int = 0,
        stop: int | None = None,
        *,
        crew: Crew | None = None,
        sheet: str | Path | None = None,
        follow: str | Path | None = None,
        progress: OnProgress | None = None,
    ) -> RenderResult:
        """Draw what is missing of the frames from `start` to below `stop`, and write them as an mp4.

        Interrupted at any moment, the next call goes on. `sheet`: also write a picture of every scene beside
        its prompt, a PNG. `follow`: a folder for an HLS stream that can be played while the film is made.
        Raises `OptionError` where nothing can be written there, and as `frames` does.
        """
        began, path = time.monotonic(), Path(path)
        check_writable(path, ".mp4", "out")
        if sheet is not None:
            check_writable(Path(sheet), ".png", "sheet")
        span, encoding = self._span(start, stop), self.encoding
        if span.start == span.stop:
            raise ValueError(f"there are no frames from {start} to below {stop}: give start below stop")
        if follow is not None and Path(follow).is_file():
            raise OptionError(f"{follow}: is a file: name a folder", "follow")
        following = None
        if follow is not None:
            longest = LEAVES_PER_SEGMENT * self.drawer.clip_length
            following = Follower(self.store, self.loaded.decode, encoding, Path(follow), longest)
        if self.path is not None and self.times == 1:
            tell_if_changed(self.store, self.path, self._written, self.jobs, span)
        drawn = self._draw(span, crew or Crew(), encoding=encoding, progress=progress, listen=following)
        if following is not None:
            following.end()
        metadata = {
            "title": self.storyboard.title,
            "storyboard": self._written,
            "seed": str(self.storyboard.seed),
            "model": f"{self.drawer.name} {self.drawer.digest}",
        }
        frames = join(
            self.jobs, span, self.store, self.loaded.decode, path, encoding, metadata, drawn, progress
        )
        if self.path is not None:
            note_rendered(self.store, self.path, self._written)
        if sheet is not None:
            smaller = encoding.codec.upscale * min(self.drawer.shown_size) // min(self.drawer.size)
            write_scenes(self.jobs.timeline, span, path, self.fps, smaller, Path(sheet))
        playlist = None if follow is None else Path(follow) / PLAYLIST
        return RenderResult(path, frames, drawn.clips, drawn.drawn, time.monotonic() - began, playlist)

    @cached_property
    def segments(self) -> list[range]:
        """The frames of every piece that the film is encoded in."""
        pieces, start = [], 0
        for segment in cut_segments(self.jobs):
            pieces.append(range(start, start + len(segment)))
            start += len(segment)
        return pieces

    def segment(self, n: int, *, progress: OnProgress | None = None) -> Path:
        """The `n`-th piece of the film, a closed mp4 in the store: drawn and encoded where missing."""
        frames = self.segments[operator.index(n)]
        (segment,) = cut_segments(self.jobs, slice(frames.start, frames.stop))
        self.draw(frames.start, frames.stop, progress=progress)
        return kept_or_encoded(segment, self.store, self.loaded.decode, self.encoding)

    # What may be another film

    def edit(self, edit: Edit | str, /, **changes: Any) -> Film:
        """The film after one more edit: `film.edit("prompt", scene="rain", prompt="It snows")`.

        Edits are `prompt` (scene, prompt), `reroll` (scene), `move` (scene, at), `insert` (scene, at, frames,
        prompt), `append` (scene, frames, prompt), `remove` (scene) and `pin` (at, picture), as in the file.
        Their frames are the storyboard's, also at a multiple of its rate. Nothing is drawn. Raises
        `OptionError` for no edit, `StoryboardError` where it cannot be done.
        """
        return self._with_edits([checked_edit(edit, changes)])

    def at(self, fps: float) -> Film:
        """The film at so many frames per second: those between its frames are drawn from these.

        Raises `OptionError` for no multiple of the storyboard's rate, or where the model cannot draw them.
        """
        own = self.fps / self.times
        try:
            times = Fraction(str(fps)) / own
        except ValueError:
            times = Fraction(0)
        if times < 1 or times.denominator != 1:
            raise OptionError(f"{fps}: give a multiple of {float(own):g}", "fps")
        self.drawer.at_multiple(self.base, int(times))
        return self._with(times=int(times), changed=None)

    def edit_towards(self, wanted: Storyboard) -> Film:
        """The film after the edits that lead to the scenes of `wanted`. Raises `StoryboardError`."""
        return self._with_edits(difference(self.storyboard, self.base, wanted))

    def undo(self) -> Film:
        """The film without its last edit. Raises `StoryboardError` where it has none."""
        if not self.storyboard.edits:
            raise StoryboardError(f"{self.path or self.title}: has no edits: there is nothing to take back")
        return self._of(self.storyboard.edits[:-1], None)

    def save(self, path: str | Path | None = None) -> Path:
        """Write the storyboard with its edits, to its own file where no other is named; comments stay.

        Raises `StoryboardError` where its own file was changed since, or says another film, as this one was
        opened with other `frames` or another `seed`; `ValueError` where it has no file of its own.
        """
        where = self.path if path is None else Path(path)
        if where is None:
            raise ValueError("the storyboard has no file: name one")
        if self.path is not None and where.resolve() == self.path.resolve():
            if not self._is_as_written:
                raise StoryboardError(
                    f"{where}: is another film: this one has other frames or another seed. Save it elsewhere"
                )
            if where.exists() and where.read_text(encoding="utf-8-sig") not in {self.text, *self._saved}:
                raise StoryboardError(f"{where}: was changed since it was opened: open it anew, then edit")
        text = with_edits(self.text, self.storyboard.edits) if self._is_as_written else self._written
        with written_whole(where) as aside:
            aside.write_text(text, encoding="utf-8")
        self._saved.add(text)
        return where

    @cached_property
    def _is_as_written(self) -> bool:
        """Whether the storyboard's text says the same, but for edits."""
        return parse(self.text).model_copy(update={"edits": []}) == self.storyboard.model_copy(
            update={"edits": []}
        )

    # How

    @property
    def encoding(self) -> Encoding:
        """How its leaves become a file."""
        upscale = self.enlarged or max(1, _WATCHABLE // min(self.drawer.shown_size))
        codec = Codec(upscale=upscale, smooth=True)
        return Encoding(decoder=self.drawer.decoder, fps=self.fps, codec=codec)

    def picture(self, path: str) -> Job:
        """The job that gives the picture at `path`, from the storyboard's folder on."""
        return self.drawer.picture(read_picture(self.folder / path, self.drawer.size))

    def _planned(self) -> Plan:
        board = self.storyboard
        try:
            plan = self.drawer.plan(timeline(board), board.seed, board.video.fps)
        except ValueError as error:
            if type(error) is not ValueError:  # our own kinds say themselves what it is about
                raise
            raise OptionError(str(error)) from None
        given = {frame: self.picture(path) for frame, path in images(board).items()}
        return edited(board, plan.with_pictures(given) if given else plan, self.picture)

    def _with_edits(self, edits: list[Edit]) -> Film:
        changed = changed_by(self.storyboard, self.base, edits, self.picture)
        return self._of([*self.storyboard.edits, *edits], changed)

    def _of(self, edits: list[Edit], changed: range | None) -> Film:
        board = self.storyboard.model_copy(update={"edits": edits})
        shown = changed and range(self.times * changed.start, self.times * (changed.stop - 1) + 1)
        return self._with(storyboard=board, edited=True, changed=shown)

    @cached_property
    def _written(self) -> str:
        """The storyboard's text, with the edits that were made since it was opened."""
        if not self.edited:
            return self.text
        try:
            if self._is_as_written:
                return with_edits(self.text, self.storyboard.edits)
        except StoryboardError:  # written in a way that no list can be put into
            pass
        return to_yaml(self.storyboard)

    def _with(self, **changes: Any) -> Film:
        film = replace(self, **changes)
        object.__setattr__(film, "loaded", self.loaded)  # the same drawer: nothing is loaded again
        return film

    def _draw(
        self,
        span: slice,
        crew: Crew,
        *,
        levels: int | None = None,
        encoding: Encoding | None = None,
        progress: OnProgress | None = None,
        listen: Callable[[Event], None] | None = None,
    ) -> DrawResult:
        return draw(
            self.jobs,
            span,
            self.store,
            self.drawer,
            self.loaded,
            crew,
            levels=levels,
            encoding=encoding,
            progress=progress,
            listen=listen,
        )

    def _price(self, span: slice, missing: int) -> float | None:
        """Seconds that drawing what is missing takes about, by as many processes as make sense."""
        alone = seconds_of(self.store, self.drawer.digest, self.jobs, span, missing)
        workers = 1 if self.drawer.one_process else workers_for(missing // CLIPS_WORTH)
        return None if alone is None else alone / workers

    def _checked(self, i: int) -> int:
        if not 0 <= i < len(self):
            raise ValueError(f"frame {i} is not in the film: give 0 to {len(self) - 1}")
        return i

    def __reduce__(self) -> NoReturn:
        raise TypeError("a Film can be neither copied nor sent to another process: open it there")

    def _span(self, start: int, stop: int | None) -> slice:
        start, end = operator.index(start), len(self) if stop is None else operator.index(stop)
        if not 0 <= start <= end <= len(self):
            raise ValueError(f"frames {start} to {end} are not in the film: it has {len(self):,}")
        return slice(start, end)


def _spread(numbers: list[int]) -> list[int]:
    """Of a long row of neighbours, as a scene that is one clip of a pipeline has, only a few."""
    rows: list[list[int]] = []
    for i in numbers:
        if rows and i == rows[-1][-1] + 1:
            rows[-1].append(i)
        else:
            rows.append([i])
    return [row[k] for row in rows for k in range(0, len(row), -(-len(row) // _NEIGHBOURS))]
