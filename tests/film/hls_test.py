"""A stream shows the film's frames at the film's times, from the first segment on."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from longtake.film.hls import PLAYLIST, Broadcast
from longtake.video import Pixels, encode_segment

FPS = Fraction(24000, 1001)


def segment(path: Path, start: int, stop: int) -> Path:
    encode_segment((np.full((32, 48, 3), 3 * i, np.uint8) for i in range(start, stop)), path, FPS)
    return path


def shown(folder: Path) -> list[tuple[Fraction, Pixels]]:
    """Time and picture of every frame that a player gets."""
    with av.open(folder / PLAYLIST) as stream:
        return [
            (frame.pts * frame.time_base, frame.to_ndarray(format="rgb24"))
            for frame in stream.decode(video=0)
        ]


def test_it_can_be_played_from_the_first_segment_on(tmp_path: Path) -> None:
    stream, parts = tmp_path / "stream", [(0, 15), (15, 75), (75, 77)]
    broadcast = Broadcast(stream, FPS, 61)
    assert not (stream / PLAYLIST).exists(), "a player that comes too early finds nothing"
    for number, (start, stop) in enumerate(parts):
        broadcast.add(segment(tmp_path / f"{start}.mp4", start, stop))
        text = (stream / PLAYLIST).read_text()
        assert text.count("#EXTINF") == number + 1
        assert "#EXT-X-ENDLIST" not in text
        assert "#EXT-X-TARGETDURATION:3\n" in text, "it may not change"
        assert f"#EXTINF:{float((stop - start) / FPS):.6f}," in text
    broadcast.end()
    assert (stream / PLAYLIST).read_text().endswith("#EXT-X-ENDLIST\n")
    frames = shown(stream)
    assert [time for time, _ in frames] == [i / FPS for i in range(77)]
    for i, (_, picture) in enumerate(frames):
        assert abs(float(picture.mean()) - 3 * i) < 4
    assert not list(stream.glob("*.part"))


def test_a_new_broadcast_begins_anew(tmp_path: Path) -> None:
    stream, piece = tmp_path / "stream", segment(tmp_path / "a.mp4", 0, 9)
    for _ in range(2):
        old = Broadcast(stream, FPS, 61)
        old.add(piece)
    old.add(segment(tmp_path / "b.mp4", 9, 12))
    old.end()
    assert len(shown(stream)) == 12
    Broadcast(stream, FPS, 61)
    assert not list(stream.iterdir())


def test_what_is_no_segment_is_told(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_bytes(b"no video")
    with pytest.raises(ValueError, match=r"a\.mp4: not a video"):
        Broadcast(tmp_path / "stream", FPS, 61).add(tmp_path / "a.mp4")
