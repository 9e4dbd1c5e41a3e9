"""`longtake data world`: what is seen of the cartoon and, in editions that have sound, what is heard."""

from __future__ import annotations

import wave
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from longtake.cli import main
from longtake.video import count_frames
from longtake.world.edition import CURRENT, world

RATE = 48_000
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def look(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    """Runs `longtake data world --episode 7 …` in an empty folder."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: object) -> tuple[int, str, str]:
        code = main(["data", "world", "--episode", "7", *map(str, arguments)])
        out, err = capsys.readouterr()
        return code, out, " ".join(err.split())

    return run


def heard_in(path: Path) -> NDArray[np.float32] | None:
    """The sound of an mp4 `[samples, 2]`; None where there is none."""
    with av.open(str(path)) as film:
        if not film.streams.audio:
            return None
        assert film.streams.audio[0].rate == RATE
        return np.concatenate([frame.to_ndarray() for frame in film.decode(audio=0)], axis=1).T


def heard_of(first: int, last: int) -> NDArray[np.float32]:
    """What the newest edition sounds like over these frames."""
    waveform = world(CURRENT).waveform
    assert waveform is not None
    return waveform(7, first / 12, RATE * (last - first) // 12, rate=RATE)


def test_a_clip_has_its_own_stretch_of_sound(look: Run, tmp_path: Path) -> None:
    assert look("--frames", "30:54", "--size", 32, "--out", "clip.mp4")[:2] == (
        0, "clip.mp4: 24 frames of episode 7 with sound\n")  # fmt: skip
    assert count_frames(tmp_path / "clip.mp4") == 24
    sound, wanted = heard_in(tmp_path / "clip.mp4"), heard_of(30, 54)
    assert sound is not None
    assert 0 <= len(sound) - len(wanted) < 1024  # whole frames of AAC
    assert np.corrcoef(sound[: len(wanted)].ravel(), wanted.ravel())[0, 1] > 0.9
    assert abs(np.corrcoef(sound[: len(wanted)].ravel(), heard_of(54, 78).ravel())[0, 1]) < 0.5


def test_sound_alone_is_that_of_the_frames(look: Run, tmp_path: Path) -> None:
    assert look("--frames", "30:42", "--out", "clip.wav")[:2] == (0, "clip.wav: 12 frames of episode 7\n")
    with wave.open(str(tmp_path / "clip.wav")) as held:
        assert (held.getframerate(), held.getnchannels(), held.getnframes()) == (RATE, 2, RATE)
        read = np.frombuffer(held.readframes(RATE), "<i2").reshape(-1, 2)
    assert np.abs(read / 32767 - heard_of(30, 42)).max() < 1 / 32767


def test_sound_has_no_pixels(look: Run, tmp_path: Path) -> None:
    code, _, err = look("--frames", "30:42", "--size", "64", "--out", "clip.wav")
    assert code == 2
    assert "sound has no pixels" in err
    assert not (tmp_path / "clip.wav").exists()


@pytest.mark.parametrize("silent", [["--edition", "1"], ["--frames", "0:40:4"]])
def test_where_nothing_can_be_heard_there_is_no_sound(look: Run, tmp_path: Path, silent: list[str]) -> None:
    """The first edition is silent; with frames left out nothing is in time."""
    clip = [*silent, *(() if "--frames" in silent else ("--frames", "0:10")), "--size", "32"]
    assert look(*clip, "--out", "clip.mp4")[:2] == (0, "clip.mp4: 10 frames of episode 7\n")
    assert count_frames(tmp_path / "clip.mp4") == 10
    assert heard_in(tmp_path / "clip.mp4") is None
    code, _, err = look(*clip, "--out", "clip.wav")
    assert code == 2
    assert "make no sound: leave out the step, or --edition" in err
    assert not (tmp_path / "clip.wav").exists()


def test_the_newest_edition_is_shown_unless_another_is_named(look: Run, tmp_path: Path) -> None:
    for name, asked in (("new", []), ("named", ["--edition", CURRENT]), ("first", ["--edition", 1])):
        assert look("--frames", "0:60", "--size", 32, "--out", f"{name}.png", *asked)[0] == 0
    new, named, first = ((tmp_path / f"{name}.png").read_bytes() for name in ("new", "named", "first"))
    assert new == named != first
    code, out, _ = look("--frames", "3", "--size", 32, "--out", "clip.gif")
    assert (code, out) == (0, "clip.gif: 3 frames of episode 7\n")
