"""A folder of plain videos and pictures as footage."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from longtake.data import videos
from longtake.data.sources import open_footage
from longtake.data.videos import Videos
from longtake.video import encode_segment

REAL = Path(__file__).parents[3] / "shared" / "realdata" / "video"


def grey(frames: int, width: int = 96, height: int = 80) -> np.ndarray:
    """Frame k is of one grey, 8 k."""
    return np.repeat(np.arange(frames, dtype=np.uint8) * 8, width * height * 3).reshape(
        frames, height, width, 3
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two videos, a picture, and a file that is none of these."""
    for name, frames in (("b", 5), ("a", 24)):
        encode_segment(grey(frames), tmp_path / name / f"{name}.mp4", 12)
    Image.fromarray(np.full((40, 60, 3), 99, np.uint8)).save(tmp_path / "c.png")
    (tmp_path / "notes.txt").write_text("no video")
    return tmp_path


def test_films_are_what_can_be_decoded(folder: Path) -> None:
    footage = open_footage(folder, 1)
    assert list(footage.films("train")) == [0, 1, 2]
    assert list(footage.films("validation")) == list(footage.films("test")) == []
    assert [footage.length(film) for film in range(3)] == [24, 5, 1]
    assert footage.captions(0, [0, 1, 2.5]) == ["", "", ""]
    assert footage.frames(2, [0], 16).tolist() == np.full((1, 16, 16, 3), 99).tolist()


def test_any_frame_is_the_right_one_however_it_is_found(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for most in (2**30, 0):  # kept in memory, and looked up each time
        monkeypatch.setattr(videos, "_KEPT", most)
        footage = Videos(folder)
        found = footage.frames(0, [23, 0, 7.5, 7, 7], 16).astype(int)
        assert found.shape == (5, 16, 16, 3)
        assert np.abs(found.mean((1, 2, 3)) - [184, 0, 56, 56, 56]).max() < 3


def test_memory_is_bounded(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(videos, "_KEPT", 25 * 16 * 16 * 3)
    footage = Videos(folder)
    for film in (0, 1, 2, 0):
        assert len(footage.frames(film, [0], 16)) == 1
        assert sum(kept.nbytes for kept in footage._kept.values()) <= 25 * 16 * 16 * 3


def test_the_name_changes_with_the_files(folder: Path) -> None:
    name = Videos(folder).name
    assert name == Videos(folder).name
    encode_segment(grey(6), folder / "b" / "b.mp4", 12)
    assert Videos(folder).name != name


def test_of_many_films_some_are_held_out(tmp_path: Path) -> None:
    for k in range(12):
        Image.fromarray(np.full((8, 8, 3), k, np.uint8)).save(tmp_path / f"{k}.png")
    footage = Videos(tmp_path)
    parts = [set(footage.films(split)) for split in ("train", "validation", "test")]
    assert [len(part) for part in parts] == [10, 1, 1]
    assert set().union(*parts) == set(range(12))


def test_other_processes_are_sent_no_pictures(folder: Path) -> None:
    footage = Videos(folder)
    footage.frames(0, [0], 16)
    again = pickle.loads(pickle.dumps(footage))
    assert not again._kept
    assert np.array_equal(again.frames(0, [3], 16), footage.frames(0, [3], 16))


def test_a_folder_without_videos_is_told(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="holds no videos"):
        open_footage(tmp_path, 1)
    with pytest.raises(ValueError, match="holds no videos"):
        open_footage(tmp_path / "nowhere", 1)


@pytest.mark.skipif(not REAL.exists(), reason="the real videos are not beside the repository")
def test_real_files_give_the_same_frames_by_seeking(tmp_path: Path) -> None:
    for name in ("toy_elf.webm", "pigs_in_a_polka.gif", "nasa_13013.mp4"):
        (tmp_path / name).symlink_to(REAL / name)
    footage = Videos(tmp_path)
    assert [footage.length(film) for film in range(3)] == [325, 30, 241]
    for film in range(3):
        last = footage.length(film) - 1
        whole = footage.frames(film, [0, last // 2, last], 32)
        sought = videos._decoded(footage._videos[film], [last // 2], 32)
        assert np.array_equal(sought[0], whole[1])
