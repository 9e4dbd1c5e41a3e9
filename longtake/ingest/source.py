"""Any video that PyAV reads, as frames at their times, upright, in squares."""

from __future__ import annotations

import math
import mimetypes
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

import av
import numpy as np
from av.video.reformatter import Interpolation, VideoReformatter
from numpy.typing import NDArray

from longtake.data.cues import Cue
from longtake.video import Pixels

# Text, pictures and lists of other files, which libav opens as if they were videos.
_NO_FILMS = ("tty", "bin", "xbin", "adf", "idf", "image2", "lrc", "hls", "concat", "dash", "sdp")
_TEXT = ("mov_text", "subrip", "srt", "ass", "ssa", "webvtt", "text")  # codecs of subtitles that are text
_FINE = Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INT | Interpolation.BITEXACT
_SHRINK = Interpolation.LANCZOS | _FINE  # widened with the step, so that nothing aliases


class NoFilm(ValueError):
    """A file that is no film, or a damaged one. `reason` is one of a few words, the message says more."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What a film's file says of itself."""

    width: int  # as shown: turned upright, pixels made square
    height: int
    format: str  # container and codec, such as "webm vp8"
    rate: Fraction  # frames per second, on average
    promised: float  # seconds; 0 where the file does not say
    lead: Fraction  # s from the file's time 0 to the first picture
    notes: tuple[str, ...]  # what is unusual about it


class ShownPicture(NamedTuple):
    """A picture of the film, and when it is shown, in seconds from the first one on."""

    start: Fraction
    end: Fraction
    frame: av.VideoFrame


@contextmanager
def open_source(path: Path) -> Iterator[tuple[av.container.InputContainer, av.VideoStream]]:
    """The opened file and the video stream that players choose. Raises NoFilm."""
    with _damage(path):
        video = av.open(str(path))
    with video:
        kind = video.format.name
        if kind in _NO_FILMS or kind.endswith("_pipe"):
            raise NoFilm("no video", f"a picture, a text or a list of files ({kind})")
        stream = video.streams.best("video") if video.streams.video else None
        if stream is None or stream.disposition & av.stream.Disposition.attached_pic:
            raise NoFilm("no video", f"holds no pictures in motion ({kind})")
        if getattr(stream, "codec_context", None) is None:
            raise NoFilm("cannot be read", f"libav has no decoder for it ({kind})")
        assert isinstance(stream, av.VideoStream)
        yield video, stream


@contextmanager
def _damage(path: Path) -> Iterator[None]:
    """Errors of libav while a source is read. Those of what is written are another matter."""
    try:
        yield
    except av.error.FFmpegError as error:
        kind = mimetypes.guess_type(path.name)[0] or ""
        if kind and not kind.startswith("video/"):
            raise NoFilm("no video", f"by its name {kind}") from error
        raise NoFilm("cannot be read", f"not a video, or damaged: {error.strerror}") from error


def facts_of(video: av.container.InputContainer, stream: av.VideoStream, first: av.VideoFrame) -> Facts:
    """What is known when the first picture has been decoded."""
    width, height = _upright(first, stream)
    notes = []
    if len(video.streams.video) > 1:
        notes.append(f"{len(video.streams.video)} video streams, of which number {stream.index} was taken")
    if first.rotation:
        notes.append(f"turned by {first.rotation} degrees")
    if first.color_trc in (16, 18):  # PQ, HLG
        notes.append("HDR: its colours are not mapped")
    begin = Fraction(max(video.start_time or 0, 0), av.time_base)
    shown = _time(first, stream)
    return Facts(
        width=width,
        height=height,
        format=f"{video.format.name.split(',')[0]} {stream.codec_context.name}",
        rate=_rate(stream),
        promised=(video.duration or 0) / av.time_base,
        lead=max(shown - begin, Fraction(0)) if shown is not None else Fraction(0),
        notes=tuple(notes),
    )


def film_frames(
    video: av.container.InputContainer, stream: av.VideoStream, heard: list[Facts]
) -> Iterator[ShownPicture]:
    """All pictures with their times, which grow, whatever the file says. `heard` gets the facts first.

    Raises NoFilm where the decoder finds damage.
    """
    gap = 1 / _rate(stream)
    # A clock of whole milliseconds, as Matroska's, puts a frame up to half a tick too late: at k / fps it
    # would be missing. Where a tick is a frame, times are exact.
    tick = stream.time_base or gap
    slack = tick / 2 if 2 * tick < gap else Fraction(0)
    zero, start = Fraction(0), Fraction(0)
    held: av.VideoFrame | None = None
    for number, frame in enumerate(_decoded(video, stream)):
        if frame.is_corrupt:
            raise NoFilm("damaged", f"frame {number:,} is damaged")
        time = _time(frame, stream)
        if held is None:
            heard.append(facts_of(video, stream, frame))
            zero = time or zero
        else:
            then = start + gap if time is None else time - zero - slack
            then = then if then > start else start + gap  # a clock that stands still or jumps back
            yield ShownPicture(start, then, held)
            start = then
        held = frame
    if held is not None:
        yield ShownPicture(start, start + (held.duration * tick if held.duration else gap), held)


def _decoded(video: av.container.InputContainer, stream: av.VideoStream) -> Iterator[av.VideoFrame]:
    coming = video.decode(stream)
    while True:
        with _damage(Path(video.name)):
            frame = next(coming, None)
        if frame is None:
            return
        yield frame


def _time(frame: av.VideoFrame, stream: av.VideoStream) -> Fraction | None:
    return None if frame.pts is None or stream.time_base is None else frame.pts * stream.time_base


def _rate(stream: av.VideoStream) -> Fraction:
    return Fraction(stream.average_rate or stream.guessed_rate or 25)


def resampled(frames: Iterator[ShownPicture], fps: Fraction) -> Iterator[tuple[int, ShownPicture]]:
    """Frame k of the film at `fps` frames per second: the picture that is shown at time k / fps."""
    number = 0
    for shown in frames:
        while number / fps < shown.end:
            yield number, shown
            number += 1


class Painter:
    """Turns decoded pictures into squares of `size` pixels, uint8 `[size, size, 3]`, RGB.

    `aspect` "crop": the middle square of the picture; "pad": all of it, between black bars.
    """

    def __init__(self, stream: av.VideoStream, size: int, aspect: str) -> None:
        self._stream, self._size, self._aspect = stream, size, aspect
        self._scaler = VideoReformatter()  # keeps its tables from frame to frame

    def __call__(self, frame: av.VideoFrame) -> Pixels:
        """The square, antialiased (Lanczos), upright."""
        width, height = _upright(frame, self._stream)
        width, height = fit(width, height, self._size, self._aspect)
        quarter = frame.rotation // 90 % 4
        if quarter % 2:
            width, height = height, width
        small = self._scaler.reformat(
            frame, width=width, height=height, format="rgb24", interpolation=_SHRINK, threads=1
        )
        return _squared(np.rot90(small.to_ndarray(), quarter), self._size)


def fit(width: int, height: int, size: int, aspect: str) -> tuple[int, int]:
    """Width and height at which a picture fills a square of `size` ("crop") or fits into it ("pad")."""
    side = min(width, height) if aspect == "crop" else max(width, height)
    return max(1, round(width * size / side)), max(1, round(height * size / side))


def _squared(picture: NDArray[np.uint8], size: int) -> Pixels:
    """The middle of what is too large, black around what is too small."""
    height, width = picture.shape[:2]
    top, left = max(0, height - size) // 2, max(0, width - size) // 2
    picture = picture[top : top + size, left : left + size]
    if picture.shape[:2] == (size, size):
        return np.ascontiguousarray(picture)
    square = np.zeros((size, size, 3), np.uint8)
    top, left = (size - picture.shape[0]) // 2, (size - picture.shape[1]) // 2
    square[top : top + picture.shape[0], left : left + picture.shape[1]] = picture
    return square


def _upright(frame: av.VideoFrame, stream: av.VideoStream) -> tuple[int, int]:
    """Width and height as shown."""
    wide = frame.width * float(stream.sample_aspect_ratio or 1)
    width, height = max(1, math.floor(wide + 0.5)), frame.height
    return (height, width) if frame.rotation // 90 % 2 else (width, height)


def subtitles_inside(path: Path) -> list[tuple[str, list[Cue]]]:
    """The streams of text subtitles in the file: language, or "", and cues in the file's time."""
    with open_source(path) as (video, _):
        streams = [s for s in video.streams.subtitles if s.codec_context and s.codec_context.name in _TEXT]
        begin = Fraction(max(video.start_time or 0, 0), av.time_base)
        cues: dict[int, list[Cue]] = {stream.index: [] for stream in streams}
        with _damage(path):
            for packet in video.demux(*streams) if streams else ():
                if packet.pts is None or not packet.duration:
                    continue
                start = max(packet.pts * packet.time_base - begin, Fraction(0))
                end = start + packet.duration * packet.time_base
                texts = filter(None, map(_spoken, packet.decode()))
                cues[packet.stream.index] += [Cue(start, end, text) for text in texts]
        languages = [(stream.language or "", cues[stream.index]) for stream in streams]
    return [(language, sorted(spoken)) for language, spoken in languages if spoken]


def _spoken(subtitle: object) -> str:
    raw = getattr(subtitle, "dialogue", b"") or getattr(subtitle, "text", b"")
    text = raw.decode("utf-8", "replace").replace("\\N", " ").replace("\\n", " ").replace("\\h", " ")
    return " ".join(re.sub(r"\{[^}]*\}", "", text).split())
