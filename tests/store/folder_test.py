"""A clip comes back as it was stored, or not at all."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from longtake.store import CorruptClip, Store

KEY = "0123456789abcdef" * 4
OTHER = "fedcba9876543210" * 4


def clip(seed: int = 0, frames: int = 3) -> NDArray[np.float32]:
    return np.random.default_rng(seed).normal(size=(frames, 2, 4, 4)).astype(np.float32)


def only_file(root: Path) -> Path:
    (path,) = (path for path in root.rglob("*") if path.is_file())
    return path


def test_a_clip_comes_back_as_put_returned_it(tmp_path: Path) -> None:
    store = Store(tmp_path)
    assert KEY not in store
    stored = store.put(KEY, clip())
    assert KEY in store
    assert stored.dtype == np.float16
    assert np.array_equal(stored, clip().astype(np.float16))
    assert np.array_equal(Store(tmp_path).get(KEY), stored)
    for i in range(3):
        assert np.array_equal(store.frame(KEY, i), stored[i])
    assert only_file(tmp_path) == tmp_path / KEY[:2] / f"{KEY[2:]}.safetensors"


def test_equal_clips_are_equal_files(tmp_path: Path) -> None:
    files = set()
    for i in range(8):
        Store(tmp_path / str(i)).put(KEY, clip())
        files.add(only_file(tmp_path / str(i)).read_bytes())
    assert len(files) == 1


def test_the_first_to_arrive_stays(tmp_path: Path) -> None:
    store = Store(tmp_path)
    first = store.put(KEY, clip(1))
    assert np.array_equal(store.put(KEY, clip(2)), first)
    assert np.array_equal(store.get(KEY), first)


def test_what_is_absent_is_a_key_error(tmp_path: Path) -> None:
    store = Store(tmp_path / "new")
    assert not (tmp_path / "new").exists(), "asking creates nothing"
    with pytest.raises(KeyError):
        store.get(KEY)
    with pytest.raises(KeyError):
        store.frame(KEY, 0)
    assert store.file(KEY, ".mp4") is None
    store.drop(KEY)
    store.put(KEY, clip())
    with pytest.raises(IndexError):
        store.frame(KEY, 3)
    store.drop(KEY)
    assert KEY not in store


@pytest.mark.parametrize("bad", [np.nan, np.inf, 1e5])
def test_values_beyond_float16_are_refused(tmp_path: Path, bad: float) -> None:
    values = clip()
    values[1, 0, 2, 2] = bad
    with pytest.raises(ValueError, match=KEY):
        Store(tmp_path).put(KEY, values)
    assert KEY not in Store(tmp_path)


def test_every_flipped_bit_is_noticed_or_changes_nothing(tmp_path: Path) -> None:
    store = Store(tmp_path)
    stored = store.put(KEY, clip(frames=2))
    path = only_file(tmp_path)
    whole = path.read_bytes()
    noticed = 0
    for place in range(len(whole)):
        broken = bytearray(whole)
        broken[place] ^= 1 << place % 8
        path.write_bytes(broken)
        try:
            assert np.array_equal(store.get(KEY), stored)
        except CorruptClip:
            noticed += 1
    assert noticed > 0.8 * len(whole)  # not in the padding and in names that nobody reads


def test_a_truncated_clip_is_noticed_and_named(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.put(KEY, clip())
    path = only_file(tmp_path)
    whole = path.read_bytes()
    for length in range(0, len(whole), 7):
        path.write_bytes(whole[:length])
        with pytest.raises(CorruptClip, match=KEY) as caught:
            store.frame(KEY, 0)
        assert str(path) in str(caught.value)
        assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)


def test_one_frame_is_read_without_the_rest(tmp_path: Path) -> None:
    store = Store(tmp_path)
    stored = store.put(KEY, clip())
    path = only_file(tmp_path)
    broken = bytearray(path.read_bytes())
    broken[-1] ^= 1  # of the last frame
    path.write_bytes(broken)
    assert np.array_equal(store.frame(KEY, 0), stored[0])
    with pytest.raises(CorruptClip, match="frame 2"):
        store.frame(KEY, 2)


def test_a_clip_does_not_pass_for_another(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.put(KEY, clip(1))
    moved = only_file(tmp_path)
    store.put(OTHER, clip(2))
    moved.replace(tmp_path / OTHER[:2] / f"{OTHER[2:]}.safetensors")
    with pytest.raises(CorruptClip, match=OTHER):
        store.get(OTHER)


def test_a_damaged_clip_gives_way_to_a_whole_one(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.put(KEY, clip(1))
    only_file(tmp_path).write_bytes(b"rubbish")
    again = store.put(KEY, clip(1))
    assert np.array_equal(store.get(KEY), again)


def test_files_have_the_same_promises(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    source = tmp_path / "a.mp4"
    source.write_bytes(b"first" * 100)
    path = store.put_file(KEY, ".mp4", source)
    assert path.suffix == ".mp4"
    assert path.read_bytes() == source.read_bytes()
    source.write_bytes(b"second")
    assert store.put_file(KEY, ".mp4", source) == path == store.file(KEY, ".mp4")
    assert KEY not in store, "a file is not a clip"

    for broken in (b"first" * 99 + b"firsu", b"first", b""):
        path.write_bytes(broken)
        with pytest.raises(CorruptClip, match=KEY):
            store.file(KEY, ".mp4")
    again = store.put_file(KEY, ".mp4", source)
    assert again == store.file(KEY, ".mp4")
    assert again.read_bytes() == b"second"
    store.drop(KEY, ".mp4")
    assert store.file(KEY, ".mp4") is None


def test_a_file_written_aside_is_gone_afterwards(tmp_path: Path) -> None:
    store = Store(tmp_path)
    with store.scratch(".mp4") as spare:
        spare.write_bytes(b"film")
        path = store.put_file(KEY, ".mp4", spare)
    assert not spare.exists()
    assert only_file(tmp_path) == path


def test_what_a_killed_process_left_is_swept(tmp_path: Path) -> None:
    code = (
        "import sys, time\n"
        "from longtake.store import Store\n"
        f"with Store({str(tmp_path)!r}).scratch('.safetensors') as spare:\n"
        "    spare.write_bytes(b'half a cl')\n"
        "    print('written', flush=True)\n"
        "    time.sleep(60)\n"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        assert writer.stdout.readline() == "written\n"
        Store(tmp_path)
        assert len(list((tmp_path / "tmp").iterdir())) == 1, "the writer is alive"
        os.kill(writer.pid, signal.SIGKILL)
        writer.wait()
    Store(tmp_path)
    assert not list((tmp_path / "tmp").iterdir())


def test_what_another_machine_left_is_swept_after_a_day(tmp_path: Path) -> None:
    spares = tmp_path / "tmp"
    spares.mkdir()
    for name, age in (("far~1~aa", 2 * 24 * 3600), ("far~1~bb", 3600)):
        (spares / name).write_bytes(b"x")
        os.utime(spares / name, (time.time() - age,) * 2)
    Store(tmp_path)
    assert [path.name for path in spares.iterdir()] == ["far~1~bb"]


def _put_many(root: Path, seed: int) -> list[bytes]:
    store = Store(root)
    return [store.put(f"{key:064x}", clip(seed)).tobytes() for key in range(40)]


def test_racing_writers_agree(tmp_path: Path) -> None:
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        one, two = pool.starmap(_put_many, [(tmp_path, 1), (tmp_path, 2)], chunksize=1)
    assert one == two
    assert [Store(tmp_path).get(f"{key:064x}").tobytes() for key in range(40)] == one


def test_a_file_is_no_store(tmp_path: Path) -> None:
    (tmp_path / "film.mp4").touch()
    with pytest.raises(ValueError, match="name a folder"):
        Store(tmp_path / "film.mp4")


def pixels(frames: int = 3) -> NDArray[np.uint8]:
    return np.random.default_rng(0).integers(0, 256, (frames, 6, 10, 3), dtype=np.uint8)


def test_pixels_come_back_as_they_were(tmp_path: Path) -> None:
    store = Store(tmp_path)
    assert np.array_equal(store.put(KEY, pixels()), pixels())
    assert store.get(KEY).dtype == np.uint8
    assert np.array_equal(store.get(KEY), pixels())
    for k in range(3):
        assert np.array_equal(store.frame(KEY, k), pixels()[k])
    with pytest.raises(IndexError):
        store.frame(KEY, 3)
    other = Store(tmp_path / "other")
    other.put(KEY, pixels())
    (one,), (two,) = (list(folder.glob("??/*")) for folder in (tmp_path, tmp_path / "other"))
    assert one.read_bytes() == two.read_bytes()


def test_damaged_pixels_are_noticed_or_nothing_has_changed(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.put(KEY, pixels())
    (path,) = tmp_path.glob("??/*")
    whole, noticed = path.read_bytes(), 0
    for place in range(len(whole) - 150, len(whole), 7):  # in the last frame
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 255]) + whole[place + 1 :])
        assert np.array_equal(store.frame(KEY, 0), pixels()[0])
        try:
            assert np.array_equal(store.frame(KEY, 2), pixels()[2])
        except CorruptClip:
            noticed += 1
    assert noticed > 15
    path.write_bytes(whole[:-1])
    with pytest.raises(CorruptClip):
        store.get(KEY)
