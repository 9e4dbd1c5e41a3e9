"""What goes into a video file comes out of it: every frame, at its time, in its colour, or a clear error."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from longtake.video import (
    Codec,
    Pixels,
    VideoError,
    contact_sheet,
    count_frames,
    encode_segment,
    enlarge,
    join_segments,
    read_frames,
    read_metadata,
    reduce,
    write_animation,
    write_png,
)


def counted(start: int, stop: int, height: int = 32, width: int = 48) -> Iterator[Pixels]:
    """Frames that carry their number: twelve blocks, bright for a one and dark for a zero."""
    for number in range(start, stop):
        bits = np.array([number >> bit & 1 for bit in range(12)], dtype=np.uint8).reshape(3, 4)
        blocks = np.kron(40 + 170 * bits, np.ones((-(-height // 3), -(-width // 4)), dtype=np.uint8))
        yield np.repeat(blocks[:height, :width, None], 3, axis=2)


def number_of(frame: Pixels) -> int:
    height, width = frame.shape[:2]
    rows = (np.arange(3) + 0.5) * -(-height // 3)
    columns = (np.arange(4) + 0.5) * -(-width // 4)
    bits = frame[rows.astype(int)][:, columns.astype(int), 1].ravel() > 125
    return sum(1 << bit for bit, one in enumerate(bits) if one)


def segments(folder: Path, frames: int, length: int, codec: Codec | None = None) -> list[Path]:
    """The counted film as segments of `length` frames, the last one shorter."""
    paths = []
    for start in range(0, frames, length):
        paths.append(folder / f"{start:05}.mp4")
        encode_segment(counted(start, min(start + length, frames)), paths[-1], 12, codec)
    return paths


def test_a_whole_film_keeps_every_frame_and_its_time(tmp_path: Path) -> None:
    film = tmp_path / "film.mp4"
    assert join_segments(segments(tmp_path, 3376, 60, Codec(preset="ultrafast")), film, 12) == 3376
    assert [number_of(frame) for frame in read_frames(film)] == list(range(3376))
    assert count_frames(film) == 3376
    with av.open(film) as video:
        stream = video.streams.video[0]
        assert stream.average_rate == 12
        assert stream.frames == 3376
        assert stream.duration * stream.time_base == Fraction(3376, 12)
        packets = [packet for packet in video.demux(stream) if packet.size]
    assert [packet.pts * packet.time_base for packet in packets] == [Fraction(i, 12) for i in range(3376)]
    assert all(packet.is_keyframe for packet in packets[::60])


@pytest.mark.parametrize("fps", [1, 24, 60, Fraction(24000, 1001), Fraction(25, 2)])
def test_time_is_exact_at_any_rate(tmp_path: Path, fps: int | Fraction) -> None:
    parts = [tmp_path / "a.mp4", tmp_path / "b.mp4"]
    encode_segment(counted(0, 40), parts[0], fps)
    encode_segment(counted(40, 77), parts[1], fps)
    join_segments(parts, tmp_path / "film.mp4", fps)
    with av.open(tmp_path / "film.mp4") as video:
        stream = video.streams.video[0]
        times = [frame.pts * stream.time_base for frame in video.decode(stream)]
    assert times == [i / Fraction(fps) for i in range(77)]


@pytest.mark.parametrize("start", [0, 1, 29, 30, 59, 60, 61, 119, 149])
def test_seeking_lands_on_the_frame(tmp_path: Path, start: int) -> None:
    join_segments(segments(tmp_path, 150, 60), tmp_path / "film.mp4", 12)
    assert [number_of(frame) for frame in read_frames(tmp_path / "film.mp4", start)] == list(
        range(start, 150)
    )


def test_no_segment_refers_to_another(tmp_path: Path) -> None:
    parts = segments(tmp_path, 50, 20)
    join_segments(parts, tmp_path / "film.mp4", 12)
    alone = [frame for part in parts for frame in read_frames(part)]
    assert all(np.array_equal(a, b) for a, b in zip(alone, read_frames(tmp_path / "film.mp4"), strict=True))


@pytest.mark.parametrize("colour", [(255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255), (128, 128, 128)])
def test_colours_survive_and_are_declared(tmp_path: Path, colour: tuple[int, int, int]) -> None:
    frame = np.full((64, 64, 3), colour, dtype=np.uint8)
    encode_segment([frame] * 3, tmp_path / "a.mp4", 12)
    join_segments([tmp_path / "a.mp4"], tmp_path / "film.mp4", 12)
    for shown in read_frames(tmp_path / "film.mp4"):
        assert np.abs(shown.astype(int) - frame).max() <= 4
    with av.open(tmp_path / "film.mp4") as video:
        context = video.streams.video[0].codec_context
        bt709, limited = 1, 1
        assert (context.colorspace, context.color_primaries, context.color_trc) == (bt709,) * 3
        assert context.color_range == limited


@pytest.mark.parametrize(("height", "width"), [(64, 64), (33, 17), (16, 16), (2, 2), (1, 1), (90, 160)])
def test_any_size_is_encoded_odd_ones_with_a_repeated_line(tmp_path: Path, height: int, width: int) -> None:
    frame = np.linspace(0, 255, height * width, dtype=np.uint8).reshape(height, width, 1).repeat(3, axis=2)
    encode_segment([frame] * 2, tmp_path / "a.mp4", 12, Codec(crf=1))
    for shown in read_frames(tmp_path / "a.mp4"):
        assert shown.shape == (height + height % 2, width + width % 2, 3)
        assert np.abs(shown[:height, :width].astype(int) - frame).max() <= 6


def test_frames_can_be_enlarged(tmp_path: Path) -> None:
    frame = next(counted(1234, 1235, 12, 16))
    assert np.array_equal(enlarge(frame, 3)[1::3, 1::3], frame)
    for smooth in (False, True):
        assert enlarge(frame, 3, smooth=smooth).shape == (36, 48, 3)
        encode_segment([frame], tmp_path / "a.mp4", 12, Codec(upscale=3, smooth=smooth))
        (shown,) = read_frames(tmp_path / "a.mp4")
        assert shown.shape == (36, 48, 3)
        assert number_of(shown) == 1234


def test_equal_input_gives_equal_bytes(tmp_path: Path) -> None:
    films = []
    for name in ("one", "two"):
        join_segments(segments(tmp_path / name, 50, 20), tmp_path / name / "film.mp4", 12, {"title": "x"})
        films.append((tmp_path / name / "film.mp4").read_bytes())
    assert films[0] == films[1]


def test_metadata_comes_back_and_the_film_starts_at_once(tmp_path: Path) -> None:
    texts = {"title": "Täg", "storyboard": "scenes:\n- {prompt: 'a \"fox\"; = # ✓'}\n" * 500, "seed": "7"}
    join_segments(segments(tmp_path, 5, 5), tmp_path / "film.mp4", 12, texts)
    assert read_metadata(tmp_path / "film.mp4").items() >= texts.items()
    data = (tmp_path / "film.mp4").read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")


def test_nothing_is_printed(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    join_segments(segments(tmp_path, 9, 5), tmp_path / "film.mp4", 12)
    list(read_frames(tmp_path / "film.mp4", 3))
    (tmp_path / "bad.mp4").write_bytes((tmp_path / "film.mp4").read_bytes()[:-300])
    with pytest.raises(VideoError):
        join_segments([tmp_path / "bad.mp4"], tmp_path / "film.mp4", 12)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("share", [0.0, 0.02, 0.3, 0.6, 0.9, 0.99, 0.9999])
def test_a_segment_that_is_cut_off_is_named(tmp_path: Path, share: float) -> None:
    good, bad = segments(tmp_path, 40, 20)
    data = bad.read_bytes()
    bad.write_bytes(data[: int(len(data) * share)])
    with pytest.raises(VideoError, match=bad.name):
        join_segments([good, bad], tmp_path / "film.mp4", 12)
    assert sorted(path.name for path in tmp_path.iterdir()) == [good.name, bad.name]  # and nothing half made


def test_what_is_no_segment_is_named(tmp_path: Path) -> None:
    out, rubbish = tmp_path / "film.mp4", tmp_path / "rubbish.mp4"
    rubbish.write_bytes(np.random.default_rng(0).bytes(5000))
    with pytest.raises(VideoError, match="rubbish"):
        join_segments([rubbish], out, 12)
    with pytest.raises(VideoError, match="missing"):
        join_segments([tmp_path / "missing.mp4"], out, 12)
    with pytest.raises(VideoError, match="no segments"):
        join_segments([], out, 12)
    write_animation(counted(0, 2), tmp_path / "a.gif", 12)
    encode_segment(counted(0, 2, 64, 64), tmp_path / "b.mp4", 12)
    with pytest.raises(VideoError, match=r"b\.mp4.*another size"):
        join_segments([*segments(tmp_path, 5, 5), tmp_path / "b.mp4"], out, 12)
    assert not out.exists()


def test_a_segment_is_whole_or_absent(tmp_path: Path) -> None:
    def breaks_off() -> Iterator[Pixels]:
        yield from counted(0, 7)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        encode_segment(breaks_off(), tmp_path / "new" / "a.mp4", 12)
    with pytest.raises(VideoError, match="at least one frame"):
        encode_segment([], tmp_path / "a.mp4", 12)
    with pytest.raises(VideoError, match="frame 2"):
        encode_segment([*counted(0, 2), *counted(0, 1, 8, 8)], tmp_path / "a.mp4", 12)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_pictures_are_written_without_loss(tmp_path: Path) -> None:
    frame = np.random.default_rng(0).integers(0, 256, (20, 30, 3), dtype=np.uint8)
    write_png(frame, tmp_path / "deep" / "frame.png")
    assert np.array_equal(np.asarray(Image.open(tmp_path / "deep" / "frame.png")), frame)


@pytest.mark.parametrize("kind", ["gif", "webp"])
def test_animations_last_as_long_as_the_film(tmp_path: Path, kind: str) -> None:
    write_animation(counted(0, 24), tmp_path / f"a.{kind}", 12, upscale=2)
    with Image.open(tmp_path / f"a.{kind}") as image:
        assert (image.n_frames, image.size) == (24, (96, 64))
        length = 0
        for i in range(image.n_frames):
            image.seek(i)
            image.load()
            length += image.info["duration"]
    assert length == 2000
    with pytest.raises(VideoError, match=r"\.gif or a \.webp"):
        write_animation(counted(0, 2), tmp_path / "a.mov", 12)


def test_a_frame_that_was_enlarged_is_reduced_to_itself() -> None:
    (frame,) = counted(0, 1)
    assert np.array_equal(reduce(enlarge(frame, 3), 3), frame)
    assert np.array_equal(reduce(frame, 1), frame)
    assert reduce(enlarge(frame, 2)[:-1, :-1], 2).shape == (frame.shape[0] - 1, frame.shape[1] - 1, 3)


def test_a_contact_sheet_shows_every_picture_with_its_words() -> None:
    frames = list(counted(0, 5, 64, 64))
    words = ["", "a fox", "a fox " * 100, "Ollie" * 100, "é ✓"]
    sheet = contact_sheet(frames, words, columns=2)
    cell_height, cell_width = sheet.shape[0] // 3, sheet.shape[1] // 2
    for i, frame in enumerate(frames):
        cell = sheet[i // 2 * cell_height :, i % 2 * cell_width :][:cell_height, :cell_width]
        assert np.array_equal(cell[6:134, 6:134], enlarge(frame, 2))
        inked = cell[:, 134:].min() < 100
        assert inked == bool(words[i])
        assert cell[:, -6:].min() == cell[-6:].min() == 250  # words stay inside their cell
    assert contact_sheet(frames[:1], ["one"]).shape == (cell_height, cell_width, 3)
