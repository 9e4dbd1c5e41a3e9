"""Cues are read from all kinds of files, and become frames."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from longtake.data.cues import Cue, CueError, in_frames, read_cues

WANTED = [Cue(Fraction(1, 2), Fraction(2), "A fox, in the rain"), Cue(Fraction(5, 2), Fraction(3), "Night")]
VTT = """WEBVTT
Author: nobody

NOTE a remark

1
00:00.500 --> 00:02.000 line:80%
<v Anna>A <b>fox</b>,
in the rain</v>

00:02.500 --> 00:03.000
Night
"""
SRT = """1
00:00:00,500 --> 00:00:02,000
A <i>fox</i>,
in {\\i1}the rain

2
00:00:02,500 --> 00:00:03,000
Night

3
00:00:04,000 --> 00:00:04,000
no time
"""
JSON = """[{"start": 2.5, "end": 3, "text": "Night"},
{"start": 0.5, "end": 2, "text": " A fox,\\n in the  rain"}, {"start": 5, "end": 6, "text": ""}]"""


@pytest.mark.parametrize(
    ("name", "text"), [("a.vtt", VTT), ("a.srt", SRT), ("a.json", JSON), ("A.JSON", JSON)]
)
def test_cues_are_read_without_markup_in_order(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_bytes(b"\xef\xbb\xbf" + text.encode())
    assert read_cues(tmp_path / name) == WANTED


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.json", b'{"start": 1}', "is no list of cues: write"),
        ("a.json", b'[{"start": "x", "end": 1, "text": ""}]', "is no list of cues"),
        ("a.json", b'[{"start": 1e999, "end": 1, "text": "a"}]', "is no list of cues"),
        ("a.json", b"[]", "holds no cue"),
        ("a.srt", "1\n00:00:00,500 --> 00:00:02,000\ncaf\u00e9\n".encode("latin-1"), "not written in UTF-8"),
        ("a.vtt", b"WEBVTT\n", "holds no cue"),
    ],
)
def test_other_files_are_refused(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(CueError, match=message):
        read_cues(tmp_path / name)
    with pytest.raises(CueError, match="no such file"):
        read_cues(tmp_path / "none.vtt")


@given(
    start=st.fractions(0, 1000, max_denominator=1000),
    length=st.fractions(Fraction(1, 1000), 100, max_denominator=1000),
    fps=st.sampled_from([Fraction(12), Fraction(24000, 1001), Fraction(25, 2)]),
)
def test_a_cue_covers_the_frames_at_whose_times_it_is_there(
    start: Fraction, length: Fraction, fps: Fraction
) -> None:
    frames = in_frames(Cue(start, start + length, "x"), fps)
    assert len(frames) >= 1
    first = int(start * fps)
    around = range(max(0, first - 3), int((start + length) * fps) + 4)
    shown = [k for k in around if start <= k / fps < start + length]
    assert list(frames) == (shown or [first])
