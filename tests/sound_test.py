"""Sound beside pictures and alone: the pictures stay as they are, and what is heard is what was given."""

from __future__ import annotations

import wave
from itertools import groupby
from pathlib import Path

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from longtake.sound import add_sound, write_wav
from longtake.video import VideoError, encode_segment, read_frames

RATE, FPS, FRAMES = 16_000, 12, 42
Sound = NDArray[np.float32]


def tones(seconds: float, channels: int) -> Sound:
    """A sweep in each channel that begins at once, another one in each."""
    at = np.arange(round(seconds * RATE)) / RATE
    sweeps = [0.5 * np.sin(2 * np.pi * (200 + 150 * k) * at * (1 + at)) for k in range(channels)]
    return np.stack(sweeps, axis=1).astype(np.float32)


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A silent mp4."""
    chance = np.random.default_rng(0)
    path = tmp_path_factory.mktemp("film") / "silent.mp4"
    pictures = chance.integers(0, 256, (FRAMES, 32, 32, 3), dtype=np.uint8)
    encode_segment(pictures, path, FPS)
    return path


def packets(path: Path) -> list[tuple[bytes, float, bool]]:
    """Of the pictures: their bytes, seconds, and whether one stands alone."""
    with av.open(str(path)) as held:
        stream = held.streams.video[0]
        assert stream.time_base is not None
        return [
            (bytes(p), float((p.pts or 0) * stream.time_base), p.is_keyframe)
            for p in held.demux(stream)
            if p.size
        ]


def decoded(path: Path) -> tuple[Sound, int]:
    """What is heard `[samples, channels]`, and its rate."""
    with av.open(str(path)) as held:
        frames = list(held.decode(audio=0))
        assert frames[0].pts == 0  # with the first picture
        return np.concatenate([frame.to_ndarray() for frame in frames], axis=1).T, frames[0].sample_rate


@pytest.mark.parametrize("channels", [1, 2])
def test_sound_lies_beside_pictures_that_stay_as_they_are(channels: int, film: Path, tmp_path: Path) -> None:
    sound = tones(FRAMES / FPS, channels)
    add_sound(film, sound, RATE, tmp_path / "heard.mp4")
    assert packets(tmp_path / "heard.mp4") == packets(film)
    for one, other in zip(read_frames(tmp_path / "heard.mp4"), read_frames(film), strict=True):
        assert np.array_equal(one, other)
    heard, rate = decoded(tmp_path / "heard.mp4")
    assert (rate, heard.shape[1]) == (RATE, channels)
    assert 0 <= len(heard) - len(sound) < 1024  # whole frames of AAC
    for k in range(channels):  # each channel is its own, from the first sample on
        parts = [(heard[a:b, k], sound[a:b, k]) for a, b in ((0, 2000), (0, len(sound)))]
        assert all(np.corrcoef(*both)[0, 1] > 0.98 for both in parts)
        late = np.corrcoef(heard[64:20_064, k], sound[:20_000, k])[0, 1]
        assert late < 0.9


@pytest.mark.parametrize("seconds", [0.01, 1.0, 6.0])
def test_sound_may_be_shorter_or_longer_than_the_film(seconds: float, film: Path, tmp_path: Path) -> None:
    add_sound(film, tones(seconds, 1), RATE, tmp_path / "heard.mp4")
    assert packets(tmp_path / "heard.mp4") == packets(film)
    assert 0 <= len(decoded(tmp_path / "heard.mp4")[0]) - round(seconds * RATE) < 1024


def test_pictures_and_their_sound_are_stored_side_by_side(tmp_path: Path) -> None:
    """A player that reads from the start has both: of neither come more than two seconds in a row."""
    still = np.zeros((25 * FPS, 16, 16, 3), dtype=np.uint8)
    encode_segment(still, tmp_path / "silent.mp4", FPS)
    add_sound(tmp_path / "silent.mp4", tones(25, 1), RATE, tmp_path / "heard.mp4")
    with av.open(str(tmp_path / "heard.mp4")) as held:
        stored = sorted((p.pos or 0, p.stream.type) for p in held.demux() if p.size)
    runs = [(kind, len(list(run))) for kind, run in groupby(kind for _, kind in stored)]
    assert max(count for kind, count in runs if kind == "video") <= 2 * FPS
    assert max(count for kind, count in runs if kind == "audio") <= 2 * RATE / 1024


def test_what_the_film_tells_of_itself_stays(film: Path, tmp_path: Path) -> None:
    add_sound(film, tones(1, 1), RATE, tmp_path / "heard.mp4")
    add_sound(tmp_path / "heard.mp4", tones(2, 2), RATE, tmp_path / "heard.mp4")  # in its own place
    with av.open(str(tmp_path / "heard.mp4")) as held, av.open(str(film)) as silent:
        assert held.streams.video[0].average_rate == silent.streams.video[0].average_rate == FPS
        assert len(held.streams.audio) == 1
        assert silent.metadata.items() <= held.metadata.items()


@pytest.mark.parametrize("channels", [1, 2])
def test_a_wav_file_holds_what_was_given(channels: int, tmp_path: Path) -> None:
    sound = tones(0.5, channels)
    sound[10:20] = (1.5, -1.5)[:channels]
    write_wav(sound, RATE, tmp_path / "a.wav")
    with wave.open(str(tmp_path / "a.wav")) as held:
        assert (held.getnchannels(), held.getsampwidth(), held.getframerate()) == (channels, 2, RATE)
        read = np.frombuffer(held.readframes(held.getnframes()), "<i2").reshape(-1, channels)
    assert np.abs(read / 32767 - np.clip(sound, -1, 1)).max() <= 0.501 / 32767
    assert (np.abs(read[10:20]) == 32767).all()  # cut off, not wrapped


def test_what_is_no_sound_is_refused_with_what_to_give(film: Path, tmp_path: Path) -> None:
    sound = tones(0.2, 2)
    for bad in (sound[:, 0], sound[:0], np.repeat(sound, 2, axis=1), sound[None]):
        for write in (lambda s: add_sound(film, s, RATE, tmp_path / "a.mp4"),
                      lambda s: write_wav(s, RATE, tmp_path / "a.wav")):  # fmt: skip
            with pytest.raises(ValueError, match=r"give \[samples, channels\] with one or two channels"):
                write(bad)
    with pytest.raises(ValueError, match=r"AAC has no rate of 48001: give one of .*48000"):
        add_sound(film, sound, 48_001, tmp_path / "a.mp4")
    write_wav(sound, RATE, tmp_path / "alone.wav")
    with pytest.raises(VideoError, match="holds no video"):
        add_sound(tmp_path / "alone.wav", sound, RATE, tmp_path / "a.mp4")
    with pytest.raises(VideoError, match="there is no such file"):
        add_sound(tmp_path / "nowhere.mp4", sound, RATE, tmp_path / "a.mp4")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["alone.wav"]
    add_sound(film, sound.astype(np.float64), RATE, tmp_path / "a.mp4")  # numbers of any kind will do
