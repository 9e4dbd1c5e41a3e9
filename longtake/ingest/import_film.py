"""One film into a data set: read once, resampled, cut into shots, written whole or not at all."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from fractions import Fraction
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.video.reformatter import Interpolation, VideoReformatter
from numpy.typing import NDArray

from longtake.data.access import GROUP, frames_of
from longtake.files import file_digest, written_whole
from longtake.ingest.near_duplicates import Thumbnails, thumbnail
from longtake.ingest.shots import LOOK, Cut, CutFinder, shots_of
from longtake.ingest.source import (
    Facts,
    NoFilm,
    Painter,
    ShownPicture,
    film_frames,
    open_source,
    resampled,
    subtitles_inside,
)
from longtake.video import Codec, Pixels, contact_sheet, encode_segment, reduce, write_png

_VERSION = 1  # raise it when the same file gives another film
# Chroma at full size: at 128 pixels 4:2:0 costs 5 dB (docs/data.md).
_CODEC, _PIXELS = Codec(crf=12, group=GROUP), "yuv444p"
_SHEET_PICTURE, _SHEET_MOST = 128, 400  # of a contact sheet: pixels per side, shots
_SHORT = 0.9  # of the promised length, below which a film is called cut off


@dataclass(frozen=True, kw_only=True)
class FilmSettings:
    """How every film of the data set is made."""

    fps: Fraction
    size: int
    aspect: str
    cut: float

    @property
    def digest(self) -> str:
        """Of all that decides what a file becomes."""
        # Written as it was when this was called a recipe: data sets know their films by it.
        ours = f"Recipe(fps={self.fps!r}, size={self.size!r}, aspect={self.aspect!r}, cut={self.cut!r})"
        text = f"({_VERSION!r}, {ours}, {_CODEC!r}, {_PIXELS!r})"
        return hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True, kw_only=True)
class ImportedFilm:
    """What is known of a film that was imported."""

    film: str
    sha256: str  # of the source
    recipe: str  # digest of its settings
    width: int
    height: int
    format: str
    rate: str
    lead: str  # s, see Facts
    frames: int  # of the data set
    cuts: tuple[tuple[float, str], ...]  # s, and cut or fade
    shots: tuple[tuple[int, int], ...]  # frames
    inside: tuple[tuple[str, tuple[tuple[str, str, str], ...]], ...]  # of subtitles: language, cues
    pictures: str  # sha256 of the mp4
    notes: tuple[str, ...]


def film_id(path: Path, sha256: str) -> str:
    """A name that can be read, and is another one for other bytes."""
    words = re.sub(r"[^A-Za-z0-9]+", "_", path.stem).strip("_")[:40]
    return f"{words or 'film'}-{sha256[:8]}"


def imported_film(folder: Path, film: str, settings: FilmSettings) -> ImportedFilm | None:
    """What an earlier run imported, where all of it is there and made so."""
    try:
        facts = json.loads((folder / "films" / f"{film}.json").read_text(encoding="utf-8"))
        known = ImportedFilm(**{name: _tuples(value) for name, value in facts.items()})
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return known if known.recipe == settings.digest else None


def _tuples(value: Any) -> Any:
    return tuple(map(_tuples, value)) if isinstance(value, list) else value


def read_thumbnails(folder: Path, film: str) -> Thumbnails:
    """The small pictures of a film, see `near_duplicates`."""
    thumbnails: Thumbnails = np.load(folder / "films" / f"{film}.npy", allow_pickle=False)
    return thumbnails


def import_film(path: Path, sha256: str, folder: Path, settings: FilmSettings) -> ImportedFilm:
    """Make the film of a file: `films/ID.mp4`, `ID.npy`, the sheet, and last `ID.json`. Raises NoFilm.

    Memory does not grow with the film: its pictures pass by one at a time.
    """
    film = film_id(path, sha256)
    out = folder / "films" / f"{film}.mp4"
    heard: list[Facts] = []
    with open_source(path) as (video, stream):
        paint = Painter(stream, settings.size, settings.aspect)
        passing = _Passing(film_frames(video, stream, heard), paint, settings, heard)
        try:
            first = next(squares := passing.squares(), None)
            if first is None:
                raise NoFilm("no video", "holds no picture that can be decoded")
            encode_segment(chain([first], squares), out, settings.fps, _CODEC, _PIXELS)
            if passing.pictures < 2:
                raise NoFilm("no video", "a single picture")
        except BaseException:
            out.unlink(missing_ok=True)
            raise
    facts = heard[0]
    cuts = passing.cuts()
    shots = shots_of(cuts, passing.frames, settings.fps)
    _write_thumbnails(folder, film, passing.small)
    _write_sheet(folder, film, shots, settings.fps)
    imported = ImportedFilm(
        film=film,
        sha256=sha256,
        recipe=settings.digest,
        width=facts.width,
        height=facts.height,
        format=facts.format,
        rate=str(facts.rate),
        lead=str(facts.lead),
        frames=passing.frames,
        cuts=tuple((round(cut.time, 4), cut.kind) for cut in cuts),
        shots=tuple((shot.start, shot.stop) for shot in shots),
        inside=tuple(
            (language, tuple((str(cue.start), str(cue.end), cue.text) for cue in cues))
            for language, cues in subtitles_inside(path)
        ),
        pictures=file_digest(out),
        notes=(*facts.notes, *_cut_off(facts, passing.end)),
    )
    with written_whole(folder / "films" / f"{film}.json") as aside:
        aside.write_text(json.dumps(asdict(imported)) + "\n", encoding="utf-8")
    return imported


def _cut_off(facts: Facts, end: float) -> list[str]:
    if facts.promised and end < _SHORT * facts.promised:
        return [f"ends at {end:.1f} s of {facts.promised:.1f} s"]
    return []


class _Passing:
    """The pictures of a film as they pass: what is seen of all of them, and the squares that are kept."""

    def __init__(
        self, frames: Iterator[ShownPicture], paint: Painter, settings: FilmSettings, heard: list[Facts]
    ) -> None:
        self._frames, self._paint, self._settings, self._heard = frames, paint, settings, heard
        self._shrink = VideoReformatter()
        self._finder: CutFinder | None = None  # made when the rate is known
        self.small: list[NDArray[np.uint8]] = []  # one for every second
        self.pictures = self.frames = 0  # of the source, of the data set
        self.end = 0.0  # s

    def squares(self) -> Iterator[Pixels]:
        """The frames of the data set."""
        last, square = None, None
        for _, shown in resampled(self._watched(), self._settings.fps):
            if square is None or shown.frame is not last:
                last, square = shown.frame, self._paint(shown.frame)
            self.frames += 1
            yield square

    def cuts(self) -> list[Cut]:
        """What was found, after the last picture."""
        assert self._finder is not None
        return self._finder.finish()

    def _watched(self) -> Iterator[ShownPicture]:
        for shown in self._frames:
            look = self._look(shown.frame)
            if self._finder is None:
                self._finder = CutFinder(self._heard[0].rate, self._settings.cut)
            self._finder.see(float(shown.start), look)
            while len(self.small) + 0.5 < shown.end:  # the pictures in the middle of every second
                self.small.append(thumbnail(look))
            self.pictures, self.end = self.pictures + 1, float(shown.end)
            yield shown

    def _look(self, frame: av.VideoFrame) -> NDArray[np.uint8]:
        scale = LOOK / max(frame.width, frame.height)
        width, height = (max(16, round(side * scale)) for side in (frame.width, frame.height))
        small = self._shrink.reformat(
            frame, width=width, height=height, format="bgr24", interpolation=Interpolation.AREA, threads=1
        )
        return small.to_ndarray().astype(np.uint8, copy=False)


def _write_thumbnails(folder: Path, film: str, small: list[NDArray[np.uint8]]) -> None:
    rows = np.stack(small) if small else np.zeros((0, 144), np.uint8)
    with written_whole(folder / "films" / f"{film}.npy") as aside, aside.open("wb") as file:
        np.save(file, rows, allow_pickle=False)


def _write_sheet(folder: Path, film: str, shots: list[range], fps: Fraction) -> None:
    """The middle picture of every shot, or of shots spread over a film that has very many."""
    chosen = np.unique(np.linspace(0, len(shots) - 1, min(len(shots), _SHEET_MOST)).round().astype(int))
    picture = partial(frames_of, folder / "films" / f"{film}.mp4", fps=fps)
    pictures, labels = [], []
    for number in chosen.tolist():
        shot = shots[number]
        (middle,) = picture([(shot.start + shot.stop) // 2])
        pictures.append(reduce(middle, max(1, len(middle) // _SHEET_PICTURE)))
        seconds = float(shot.start / fps)
        labels.append(f"shot {number} frames {shot.start:,} to {shot.stop - 1:,} from {seconds:.1f} s on")
    write_png(contact_sheet(pictures, labels), folder / "sheets" / f"{film}.png")
