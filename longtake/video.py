"""Frames in and out of files: H.264 segments joined into an mp4, pictures, contact sheets, short animations.

A frame is uint8 `[H, W, 3]` RGB. Files appear whole or not at all, missing folders are made, and
equal input gives equal bytes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from itertools import chain, pairwise
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.video.reformatter import ColorPrimaries, ColorRange, Colorspace, ColorTrc, Interpolation
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from longtake.files import written_whole

ENCODER = f"PyAV {av.__version__}"  # another one may make other bytes of the same frames

Pixels = NDArray[np.uint8]

_BITEXACT = {"fflags": "+bitexact"}  # no library versions and no dates in the file
_EXACT_RGB = (
    Interpolation.BICUBIC | Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INT | Interpolation.BITEXACT
)


class VideoError(ValueError):
    """A file is not the video it should be, or frames do not fit together; the message names the remedy."""


@dataclass(frozen=True, kw_only=True)
class Codec:
    """Settings of the H.264 encoder (libx264, BT.709)."""

    crf: int = 18  # constant rate factor, 0 to 51: lower is better and larger
    preset: str = "veryfast"  # x264's name for how long it searches
    upscale: int = 1  # whole factor by which frames are enlarged, so that small films can be watched
    smooth: bool = False  # enlarge by bicubic interpolation; otherwise every pixel becomes a square
    group: int = 30  # at most so many frames from one to which a player can jump to the next


def encode_segment(
    frames: Iterable[Pixels],
    path: str | Path,
    fps: int | Fraction,
    codec: Codec | None = None,
    pixels: str = "yuv420p",  # or "yuv444p": colours at full size, which few players and no browser show
) -> int:
    """Encode frames of one size as a closed segment, an mp4 of its own, and return how many there were.

    It starts with a picture that refers to nothing, and has its own encoder with one thread, so that its
    bytes depend on the frames and settings only. Odd widths and heights grow by a repeated line: 4:2:0 needs
    even ones. Raises `VideoError` where there are no frames or their sizes differ.
    """
    codec, count = codec or Codec(), 0
    source = iter(frames)
    first = next(source, None)
    if first is None:
        raise VideoError(f"{path}: a segment needs at least one frame")
    options = {**_BITEXACT, "movflags": "+faststart"}  # the index first: a file cut off anywhere shows it
    with written_whole(path) as aside, av.open(_plain_path(aside), "w", format="mp4", options=options) as out:
        stream = out.add_stream("libx264", rate=fps, options=_x264_options(codec))
        context = stream.codec_context
        height, width = enlarge(_even(first), codec.upscale).shape[:2]
        context.width, context.height, context.pix_fmt = width, height, pixels
        context.time_base = 1 / Fraction(fps)
        context.colorspace, context.color_range = Colorspace.ITU709, ColorRange.MPEG
        context.color_primaries, context.color_trc = ColorPrimaries.BT709, ColorTrc.BT709
        for count, picture in enumerate(chain([first], source), start=1):
            if picture.shape != first.shape:
                raise VideoError(
                    f"{path}: frame {count - 1} is {picture.shape}, the first one is {first.shape}"
                )
            frame = av.VideoFrame.from_ndarray(enlarge(_even(picture), codec.upscale, smooth=codec.smooth))
            frame = frame.reformat(
                format=pixels,
                dst_colorspace=Colorspace.ITU709,
                dst_color_range=ColorRange.MPEG,
                interpolation=_EXACT_RGB,
                threads=1,  # by default a pool of threads is started for every frame
            )
            frame.pts, frame.time_base = count - 1, context.time_base
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    return count


def join_segments(
    paths: Iterable[str | Path],
    out: str | Path,
    fps: int | Fraction,
    metadata: Mapping[str, str] | None = None,
) -> int:
    """Copy the packets of segments, in order, into one mp4 that starts playing at once; return its frames.

    Nothing is decoded; frame `i` of the whole is shown at exactly `i / fps` seconds. `metadata` may have any
    keys, `read_metadata` gives them back. Raises `VideoError` for a segment that is cut off, unreadable, or
    of another size or codec than the first.
    """
    options = {**_BITEXACT, "movflags": "+faststart+use_metadata_tags"}
    tick, count, settings = 1 / Fraction(fps), 0, None
    with written_whole(out) as aside, av.open(_plain_path(aside), "w", format="mp4", options=options) as film:
        film.metadata.update(metadata or {})
        for path in paths:
            with open_video(path) as segment:
                source = segment.streams.video[0]
                if settings is None:
                    settings = source.codec_context.extradata
                    target = film.add_stream_from_template(source)
                    target.time_base = tick
                elif source.codec_context.extradata != settings:
                    raise VideoError(f"{path}: encoded with another size or codec than the first segment")
                count = copy_packets(segment, path, film, target, tick, count)
        if settings is None:
            raise VideoError(f"{out}: there are no segments to join")
    return count


def copy_packets(
    segment: av.container.InputContainer,
    path: str | Path,  # of the segment, for messages
    out: av.container.OutputContainer,
    target: Any,  # the stream of `out`
    tick: Fraction,  # s, from one frame to the next
    count: int,
) -> int:
    """Copy the packets of a segment after `count` frames that are there; how many there are then."""
    for packet in _packets(segment, path):
        packet.stream, packet.time_base = target, tick
        packet.pts = packet.dts = count  # no B-frames: packets come in the order of showing
        packet.duration = 1
        out.mux_one(packet)
        count += 1
    return count


def read_frames(path: str | Path, start: int = 0) -> Iterator[Pixels]:
    """Decode the frames of a video from number `start` on, one at a time."""
    with open_video(path) as video:
        stream = video.streams.video[0]
        assert stream.time_base is not None
        when = Fraction(start) / (stream.average_rate or 1)
        if start:
            video.seek(int(when / stream.time_base) + (stream.start_time or 0), stream=stream)
        for frame in video.decode(stream):
            assert frame.pts is not None
            shown = (frame.pts - (stream.start_time or 0)) * stream.time_base
            if round(shown * (stream.average_rate or 1)) >= start:
                rgb = frame.reformat(format="rgb24", interpolation=_EXACT_RGB, threads=1)
                yield rgb.to_ndarray().astype(np.uint8, copy=False)


def count_frames(path: str | Path) -> int:
    """The number of frames that can be decoded, whatever the file's header says."""
    with open_video(path) as video:
        return sum(1 for _ in video.decode(video=0))


def read_metadata(path: str | Path) -> dict[str, str]:
    """The texts that the file carries beside the film, as `join_segments` wrote them."""
    with open_video(path) as video:
        return dict(video.metadata)


def enlarge(frame: Pixels, factor: int, *, smooth: bool = False) -> Pixels:
    """The frame `factor` times as wide and high: pixels as squares, or `smooth` by bicubic interpolation."""
    if factor == 1:
        return frame
    if smooth:
        size = (frame.shape[1] * factor, frame.shape[0] * factor)
        return np.asarray(Image.fromarray(frame).resize(size, Image.Resampling.BICUBIC))
    return frame.repeat(factor, axis=0).repeat(factor, axis=1)


def reduce(frame: Pixels, factor: int) -> Pixels:
    """The frame at the `factor`-th part of its size, by means over squares; what is left over is cut off."""
    height, width = (side // factor for side in frame.shape[:2])
    squares = frame[: height * factor, : width * factor].reshape(height, factor, width, factor, 3)
    smaller: Pixels = squares.mean(axis=(1, 3)).round().astype(np.uint8)
    return smaller


def write_png(frame: Pixels, path: str | Path) -> None:
    """Write one frame without loss."""
    with written_whole(path) as aside:
        Image.fromarray(frame).save(aside, format="PNG")


def write_animation(
    frames: Iterable[Pixels], path: str | Path, fps: int | Fraction, upscale: int = 1
) -> None:
    """Write a short endless animation, GIF or WebP by the suffix of `path`; all frames are held in memory.

    GIF counts time in hundredths of a second: a frame may stay 10 ms longer, the whole keeps its length.
    """
    kind = Path(path).suffix.lower().removeprefix(".")
    if kind not in {"gif", "webp"}:
        raise VideoError(f"{path}: an animation is a .gif or a .webp file")
    images = [Image.fromarray(enlarge(frame, upscale)) for frame in frames]
    if not images:
        raise VideoError(f"{path}: an animation needs at least one frame")
    unit = 10 if kind == "gif" else 1  # ms
    ends = [unit * round(Fraction(1000 * i, unit) / Fraction(fps)) for i in range(len(images) + 1)]
    durations = [end - start for start, end in pairwise(ends)]
    style: dict[str, Any] = {"optimize": True} if kind == "gif" else {"quality": 80, "method": 4}
    with written_whole(path) as aside:
        images[0].save(
            aside, format=kind, save_all=True, append_images=images[1:], duration=durations, loop=0, **style
        )


def contact_sheet(frames: Iterable[Pixels], labels: Iterable[str], columns: int = 4) -> Pixels:
    """Pictures in rows, each with its label wrapped beside it; text without room ends in an ellipsis."""
    cells = [_cell(frame, label) for frame, label in zip(frames, labels, strict=True)]
    if not cells:
        raise VideoError("a contact sheet needs at least one picture")
    return tiled(cells, columns)


def tiled(pictures: Sequence[Pixels], columns: int) -> Pixels:
    """Pictures of one size, at least one, in rows edge to edge; the last row is filled up with paper."""
    cells = list(pictures)
    while len(cells) % columns and len(cells) > columns:
        cells.append(np.full_like(cells[0], _PAPER))
    rows = [np.concatenate(cells[i : i + columns], axis=1) for i in range(0, len(cells), columns)]
    return np.concatenate(rows, axis=0)


_PAPER, _INK, _MARGIN, _FONT_SIZE = 250, 20, 6, 13  # grey levels and pixels of a contact sheet
_SHEET_PICTURE = 128  # smaller pictures are enlarged towards this height


def _cell(frame: Pixels, label: str) -> Pixels:
    picture = enlarge(frame, max(1, _SHEET_PICTURE // frame.shape[0]))
    height, width = picture.shape[:2]
    room = max(width, _SHEET_PICTURE * 5 // 4)
    cell = Image.new("RGB", (width + room + 3 * _MARGIN, height + 2 * _MARGIN), (_PAPER,) * 3)
    cell.paste(Image.fromarray(picture), (_MARGIN, _MARGIN))
    font = ImageFont.load_default(_FONT_SIZE)
    line_height = _FONT_SIZE + 3
    for row, line in enumerate(_wrap(label, font, room, max(1, height // line_height))):
        place = (width + 2 * _MARGIN, _MARGIN + row * line_height)
        ImageDraw.Draw(cell).text(place, line, fill=(_INK,) * 3, font=font)
    return np.asarray(cell)


def _wrap(text: str, font: Any, width: int, most: int) -> Sequence[str]:
    """The text in at most `most` lines that are at most `width` pixels wide, words longer than a line cut."""
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".lstrip()
        if lines[-1] and font.getlength(longer) > width:
            lines.append(word)
        else:
            lines[-1] = longer
    cut = [*lines[: most - 1], " ".join(lines[most - 1 :])]
    return [line if font.getlength(line) <= width else _shorten(line, font, width) for line in cut]


def _shorten(line: str, font: Any, width: int) -> str:
    while line and font.getlength(line + "…") > width:
        line = line[:-1]
    return line.rstrip() + "…"


def _x264_options(codec: Codec) -> dict[str, str]:
    return {
        "crf": str(codec.crf),
        "preset": codec.preset,
        "g": str(codec.group),
        "bf": "0",  # no B-frames: packets need no reordering, so a join is a matter of adding up
        "sc_threshold": "0",  # pictures a player can jump to come at a fixed distance
        "threads": "1",  # with more, the bytes depend on how many
        "mbtree": "0",  # gives pictures of a few macroblocks other bytes now and then (docs/log.md)
        "flags": "+cgop+bitexact",
    }


def _even(frame: Pixels) -> Pixels:
    height, width = frame.shape[:2]
    return np.pad(frame, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")


def _plain_path(path: str | Path) -> str:
    """A path that libav takes for no address: `take:1.mp4` would be one of the protocol `take`."""
    return str(Path(path).absolute())


@contextmanager
def open_video(path: str | Path) -> Iterator[av.container.InputContainer]:
    """The opened video; libav's errors, there and inside the block, name the file."""
    try:
        with av.open(_plain_path(path)) as video:
            if not video.streams.video:
                raise VideoError(f"{path}: holds no video")
            yield video
    except FileNotFoundError:
        raise VideoError(f"{path}: there is no such file") from None
    except av.error.FFmpegError as error:
        raise VideoError(
            f"{path}: not a video, or cut off ({error.strerror}); delete it, make it anew"
        ) from error


def _packets(segment: av.container.InputContainer, path: str | Path) -> Iterator[av.Packet[Any]]:
    """The packets of a segment; raises `VideoError` where fewer come than its header promises."""
    seen, promised = 0, segment.streams.video[0].frames
    for packet in segment.demux(video=0):
        if packet.size and not packet.is_corrupt:
            seen += 1
            yield packet
    if seen != promised:
        raise VideoError(f"{path}: cut off after {seen} of {promised} frames; delete it, make it anew")
