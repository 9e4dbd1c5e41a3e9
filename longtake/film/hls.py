"""A film that is watched while it is made: HTTP Live Streaming (RFC 8216) with fragments of mp4."""

from __future__ import annotations

import io
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av

from longtake.draw.drawer import Decode
from longtake.files import written_whole
from longtake.film.executors import Event, SegmentDone
from longtake.film.segments import Encoding, Segment, kept_or_encoded
from longtake.store import Store
from longtake.video import copy_packets, open_video

PLAYLIST = "index.m3u8"
_INIT = "init.mp4"
_OPTIONS = {
    "movflags": "+empty_moov+default_base_moof+frag_custom+frag_discont",  # one fragment per segment
    "avoid_negative_ts": "disabled",  # times are the film's, not the segment's
    "use_editlist": "0",
    "fflags": "+bitexact",
}


class Broadcast:
    """A folder with a playlist that grows with every segment; a player may open it from the first one on.

    What another broadcast has left in the folder is removed. All files appear whole.
    """

    def __init__(self, folder: Path, fps: Fraction, longest: int) -> None:
        """`longest`: frames that a segment has at most."""
        self._folder, self._fps, self._longest = folder, fps, longest
        self._frames = 0
        self._parts: list[tuple[str, int]] = []  # name, frames
        folder.mkdir(parents=True, exist_ok=True)
        for old in (folder / PLAYLIST, folder / _INIT, *folder.glob("part-*.m4s")):
            old.unlink(missing_ok=True)

    def add(self, segment: Path) -> None:
        """Show the frames of the next segment of the film. Raises `VideoError` where it is none."""
        fragment = io.BytesIO()
        with open_video(segment) as video, av.open(fragment, "w", format="mp4", options=_OPTIONS) as out:
            target = out.add_stream_from_template(video.streams.video[0])
            target.time_base = 1 / self._fps
            after = copy_packets(video, segment, out, target, 1 / self._fps, self._frames)
        boxes = _boxes(fragment.getvalue())
        name = f"part-{len(self._parts):06}.m4s"
        if not self._parts:
            self._write(_INIT, b"".join(box for kind, box in boxes if kind in (b"ftyp", b"moov")))
        self._write(name, b"".join(box for kind, box in boxes if kind in (b"moof", b"mdat")))
        self._parts.append((name, after - self._frames))
        self._frames = after
        self._list(ended=False)

    def end(self) -> None:
        """Tell players that this was all."""
        self._list(ended=True)

    def _list(self, ended: bool) -> None:
        lines = [
            "#EXTM3U",
            "#EXT-X-VERSION:7",
            f"#EXT-X-TARGETDURATION:{-(-self._longest // self._fps)}",  # of all to come: it may not change
            "#EXT-X-PLAYLIST-TYPE:EVENT",  # it only grows: a player may go back to the start
            "#EXT-X-INDEPENDENT-SEGMENTS",
            f'#EXT-X-MAP:URI="{_INIT}"',
        ]
        for name, frames in self._parts:
            lines += [f"#EXTINF:{float(frames / self._fps):.6f},", name]
        lines += ["#EXT-X-ENDLIST"] if ended else []
        self._write(PLAYLIST, "\n".join([*lines, ""]).encode())

    def _write(self, name: str, data: bytes) -> None:
        with written_whole(self._folder / name) as aside:
            aside.write_bytes(data)


class Follower:
    """Hears of segments, in any order, and broadcasts them in the film's."""

    def __init__(self, store: Store, decode: Decode, encoding: Encoding, folder: Path, longest: int) -> None:
        """`longest`: frames of a segment at most."""
        self._store, self._decode, self._encoding = store, decode, encoding
        self._broadcast = Broadcast(folder, Fraction(encoding.fps), longest)
        self._next, self._ahead = 0, dict[int, Segment]()

    def __call__(self, event: Event) -> None:
        """Take an event in."""
        if isinstance(event, SegmentDone):
            self._ahead[event.number] = event.segment
        while (segment := self._ahead.pop(self._next, None)) is not None:
            path = kept_or_encoded(segment, self._store, self._decode, self._encoding)
            self._broadcast.add(path)
            self._next += 1

    def end(self) -> None:
        """The film is whole."""
        self._broadcast.end()


def _boxes(data: bytes) -> Sequence[tuple[bytes, bytes]]:
    """The boxes of an mp4 (ISO/IEC 14496-12, section 4.2): kind and all bytes of each."""
    boxes, at = [], 0
    while at < len(data):
        size = int.from_bytes(data[at : at + 4], "big")
        assert size >= 8
        boxes.append((data[at + 4 : at + 8], data[at : at + size]))
        at += size
    return boxes
