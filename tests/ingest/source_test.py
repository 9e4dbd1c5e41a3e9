"""Any video becomes frames at their times, upright, in squares; what is none is refused with the reason."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from films import number_in, numbered, write_film
from PIL import Image

from longtake.ingest.source import (
    Facts,
    NoFilm,
    Painter,
    film_frames,
    fit,
    open_source,
    resampled,
    subtitles_inside,
)
from longtake.video import Pixels


def squares(
    path: Path, fps: Fraction | int, size: int = 48, aspect: str = "crop"
) -> tuple[list[Pixels], Facts]:
    heard: list[Facts] = []
    with open_source(path) as (video, stream):
        paint = Painter(stream, size, aspect)
        found = [
            paint(shown.frame) for _, shown in resampled(film_frames(video, stream, heard), Fraction(fps))
        ]
    return found, heard[0]


KINDS = [
    ("a.mp4", "libx264", "yuv420p", 25),
    ("a.webm", "libvpx", "yuv420p", 30),
    ("a.webm", "libvpx-vp9", "yuv420p", Fraction(30000, 1001)),
    ("a.mkv", "libx265", "yuv420p", 24),
    ("a.mp4", "libsvtav1", "yuv420p", 24),
    ("a.gif", "gif", "rgb8", 10),
    ("a.avi", "mpeg4", "yuv420p", 15),
    ("a.mov", "mjpeg", "yuvj420p", 12),
    ("a.mkv", "ffv1", "yuv444p", 12),
]


@pytest.mark.parametrize(("name", "codec", "pixels", "rate"), KINDS)
@pytest.mark.parametrize("fps", [12, Fraction(24000, 1001)])
def test_frame_k_is_what_is_shown_at_its_time(
    tmp_path: Path, name: str, codec: str, pixels: str, rate: Fraction | int, fps: Fraction | int
) -> None:
    path = write_film(tmp_path / name, numbered(40, 98, 66), rate, codec, pixels=pixels)
    found, facts = squares(path, fps)
    tick = {".webm": Fraction(1, 1000), ".mkv": Fraction(1, 1000), ".gif": Fraction(1, 100)}.get(
        path.suffix, 0
    )
    assert len(found) == pytest.approx(40 / Fraction(rate) * fps, abs=1)
    for k, frame in enumerate(found):
        exact = k / Fraction(fps) * rate
        # Of a frame that begins within a tick after k / fps, the file does not tell that it begins later.
        assert number_in(frame) in {int(exact), int(exact + tick * rate)}
    assert (facts.width, facts.height) == (98, 66)
    assert float(facts.rate) == pytest.approx(float(rate), rel=0.01)


def test_uneven_times_are_obeyed(tmp_path: Path) -> None:
    times = [Fraction(ms, 1000) for ms in (0, 20, 500, 510, 520, 1700, 1733, 3000)]
    path = write_film(tmp_path / "a.mkv", numbered(8), times=times)
    found, _ = squares(path, 10)
    shown = [max(k for k, time in enumerate(times) if time <= Fraction(n, 10)) for n in range(len(found))]
    assert [number_in(frame) for frame in found] == shown
    assert len(found) >= 31  # the last frame begins at 3.0 s


@pytest.mark.parametrize("aspect", ["crop", "pad"])
@pytest.mark.parametrize(("width", "height"), [(96, 48), (48, 96), (50, 50)])
def test_a_picture_becomes_a_square(tmp_path: Path, width: int, height: int, aspect: str) -> None:
    middle = np.zeros((height, width, 3), np.uint8)
    side = min(width, height)
    top, left = (height - side) // 2, (width - side) // 2
    middle[...] = (200, 30, 30)
    middle[top : top + side, left : left + side] = (30, 30, 200)
    path = write_film(tmp_path / "a.mkv", [middle] * 3, codec="ffv1", pixels="yuv444p")
    (frame, *_), _ = squares(path, 12, 48, aspect)
    assert frame.shape == (48, 48, 3)
    if aspect == "crop" or width == height:
        assert np.abs(frame.astype(int) - (30, 30, 200)).max() < 12
        return
    bars = frame[[0, 10, -1]] if width > height else frame[:, [0, 10, -1]]
    assert bars.max() == 0
    across = frame[24] if width > height else frame[:, 24]
    assert np.abs(across[[0, 5, -1]].astype(int) - (200, 30, 30)).max() < 12
    assert np.abs(across[24].astype(int) - (30, 30, 200)).max() < 12


def test_pixels_that_are_no_squares_are_widened(tmp_path: Path) -> None:
    path = write_film(tmp_path / "a.mp4", numbered(4, 48, 96), aspect=Fraction(2))
    found, facts = squares(path, 12)
    assert (facts.width, facts.height) == (96, 96)
    assert fit(96, 96, 48, "crop") == (48, 48)
    assert len(found) == 4


def test_shrinking_does_not_alias(tmp_path: Path) -> None:
    stripes = np.zeros((480, 480, 3), np.uint8)
    stripes[:, ::2] = 255
    path = write_film(tmp_path / "a.mkv", [stripes] * 3, codec="ffv1", pixels="yuv444p")
    (frame, *_), _ = squares(path, 12, 64)
    inside = frame[4:-4, 4:-4].astype(int)
    assert np.ptp(inside) <= 6  # every pixel is the mean of seven or eight stripes
    assert abs(inside.mean() - 127.5) < 4
    nearest = np.asarray(Image.fromarray(stripes).resize((64, 64), Image.Resampling.NEAREST))
    assert np.ptp(nearest) == 255  # what aliasing would be


# Of ISO 14496-12, 8.3.2: p' = a p + c q + x, q' = b p + d q + y; p counts to the right, q down.
TURNS = {90: (0, 1, -1, 0), 180: (-1, 0, 0, -1), 270: (0, -1, 1, 0)}


@pytest.mark.parametrize("clockwise", TURNS)
def test_a_phone_held_upright_is_shown_upright(tmp_path: Path, clockwise: int) -> None:
    corners = np.full((48, 96, 3), 60, np.uint8)
    corners[:24, :24] = (220, 40, 40)  # red at the top left of what the sensor saw
    path = write_film(tmp_path / "a.mp4", [corners] * 3)
    data = bytearray(path.read_bytes())
    at = data.index(b"tkhd") + 4 + 4 + 20 + 16  # version and flags; times, id, length; layer, volume
    a, b, c, d = (value * 65536 for value in TURNS[clockwise])
    matrix = (a, b, 0, c, d, 0, 0, 0, 1 << 30)
    data[at : at + 36] = b"".join(value.to_bytes(4, "big", signed=True) for value in matrix)
    path.write_bytes(data)
    (frame, *_), facts = squares(path, 12, 48, "pad")
    assert (facts.width, facts.height) == ((48, 96) if clockwise != 180 else (96, 48))
    turned = np.rot90(corners, -clockwise // 90)
    wanted = np.zeros((48, 48, 3), np.uint8)
    small = Image.fromarray(turned).resize((24, 48) if clockwise != 180 else (48, 24), Image.Resampling.BOX)
    top, left = (48 - small.height) // 2, (48 - small.width) // 2
    wanted[top : top + small.height, left : left + small.width] = small
    assert np.abs(frame.astype(int) - wanted).mean() < 8
    assert facts.notes == (f"turned by {-clockwise if clockwise < 180 else 360 - clockwise} degrees",) or (
        clockwise == 180
    )


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("a.txt", b"hello\n" * 50, "no video"),
        ("a.nfo", b"hello\n" * 50, "no video"),
        ("a.mp4", b"junk" * 999, "cannot be read"),
        ("a.pdf", b"%PDF-1.4 junk", "no video"),
        ("a", b"\x00\x01\x02" * 99, "cannot be read"),
    ],
)
def test_what_is_no_film_is_refused_with_the_reason(
    tmp_path: Path, name: str, content: bytes, reason: str
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(NoFilm) as refused, open_source(path):
        pass
    assert refused.value.reason == reason


def test_pictures_and_sounds_are_no_films(tmp_path: Path) -> None:
    for name in ("a.png", "a.jpg", "a.webp"):
        Image.new("RGB", (32, 32)).save(tmp_path / name)
    with av.open(tmp_path / "a.wav", "w") as out:
        stream = out.add_stream("pcm_s16le", rate=8000, layout="mono")
        sound = av.AudioFrame.from_ndarray(np.zeros((1, 800), np.int16), layout="mono")
        sound.sample_rate = 8000
        out.mux(stream.encode(sound))
    for path in tmp_path.iterdir():
        with pytest.raises(NoFilm) as refused, open_source(path):
            pass
        assert refused.value.reason == "no video"


def test_a_file_that_was_cut_off_is_never_taken_for_more_than_it_is(tmp_path: Path) -> None:
    whole = write_film(tmp_path / "a.mkv", numbered(60), codec="ffv1", pixels="yuv444p")
    part = tmp_path / "part.mkv"
    part.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    try:
        found, _ = squares(part, 12)
    except NoFilm:
        return
    assert 0 < len(found) < 60
    assert [number_in(frame) for frame in found] == list(range(len(found)))


def test_subtitles_inside_the_file_are_read(tmp_path: Path) -> None:
    path = write_film(tmp_path / "a.mp4", numbered(40))
    assert subtitles_inside(path) == []


def test_damage_in_the_midst_is_told_and_errors_of_writing_are_not_damage(tmp_path: Path) -> None:
    path = write_film(tmp_path / "a.mp4", numbered(200, 96, 96), crf=1)
    data = bytearray(path.read_bytes())
    half = len(data) // 2
    data[half : half + 4000] = bytes(4000)
    path.write_bytes(data)
    with pytest.raises(NoFilm) as refused:
        squares(path, 12)
    assert refused.value.reason in ("damaged", "cannot be read")
    whole = write_film(tmp_path / "b.mp4", numbered(20))
    with pytest.raises(av.error.InvalidDataError), open_source(whole):
        raise av.error.InvalidDataError(1, "of what is written")
