"""A store at a URL is a store: the same promises, over objects."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from painting import ALL, ENCODING, Decoder, film, kinds, ops

from longtake.film.executors import Event, Loaders, local, run
from longtake.film.segments import write_film
from longtake.store import CorruptClip, Store, open_store

pytest.importorskip("obstore", reason="obstore is not installed: pip install 'longtake[cloud]'")

KEY, OTHER = "ab" * 32, "cd" * 32


def clip(seed: int = 0) -> Any:
    return np.random.default_rng(seed).normal(size=(4, 2, 3, 3)).astype(np.float32)


@pytest.fixture
def url(tmp_path: Path) -> str:
    """Of a bucket whose objects are files; or, with LONGTAKE_TEST_BUCKET, of that one, which it fills."""
    there = os.environ.get("LONGTAKE_TEST_BUCKET")
    return f"{there}/{tmp_path.name}" if there else f"file://{tmp_path}/objects"


def test_a_clip_comes_back_and_the_first_stays(url: str) -> None:
    store = open_store(url)
    assert KEY not in store
    with pytest.raises(KeyError):
        store.get(KEY)
    first = store.put(KEY, clip())
    assert np.array_equal(store.put(KEY, clip(1)), first)
    assert np.array_equal(open_store(url).get(KEY), first)
    assert np.array_equal(store.frame(KEY, 2), first[2])
    with pytest.raises(IndexError):
        store.frame(KEY, 4)
    assert (KEY in store, OTHER in store, 7 in store) == (True, False, False)
    store.drop(KEY)
    store.drop(KEY)
    assert KEY not in store


def test_its_objects_are_the_files_of_a_folder(tmp_path: Path) -> None:
    folder, bucket = Store(tmp_path / "folder"), open_store(f"file://{tmp_path}/objects")
    (tmp_path / "a.mp4").write_bytes(b"film")
    for store in (folder, bucket):
        store.put(KEY, clip())
        store.put_file(OTHER, ".mp4", tmp_path / "a.mp4")
        store.write_note("costs.json", "{}")

    def files(root: Path) -> dict[str, bytes]:
        return {str(p.relative_to(root)): p.read_bytes() for p in root.rglob("*") if p.is_file()}

    assert files(tmp_path / "folder") == files(tmp_path / "objects")
    assert sorted(bucket.entries()) == sorted(folder.entries())
    assert bucket.read_note("costs.json") == "{}"
    assert bucket.read_note("none") is None


def test_damage_is_noticed(tmp_path: Path) -> None:
    url = f"file://{tmp_path}/objects"
    store = open_store(url)
    store.put(KEY, clip())
    path = tmp_path / "objects" / KEY[:2] / f"{KEY[2:]}.safetensors"
    whole = path.read_bytes()
    for place in (3, 20, -1):
        data = bytearray(whole)
        data[place] ^= 4
        path.write_bytes(data)
        with pytest.raises(CorruptClip, match="damaged"):
            store.get(KEY)
    path.write_bytes(whole[:-9])
    with pytest.raises(CorruptClip):
        store.get(KEY)
    assert np.array_equal(store.put(KEY, clip()), store.get(KEY)), "a damaged one does not stay"


def test_a_file_is_fetched_and_checked(url: str, tmp_path: Path) -> None:
    store = open_store(url)
    assert store.file(KEY, ".mp4") is None
    assert not store.has_file(KEY, ".mp4")
    (tmp_path / "a.mp4").write_bytes(b"film")
    assert store.put_file(KEY, ".mp4", tmp_path / "a.mp4").read_bytes() == b"film"
    (tmp_path / "a.mp4").write_bytes(b"another")
    assert store.put_file(KEY, ".mp4", tmp_path / "a.mp4").read_bytes() == b"film", "the first stays"
    another = open_store(url)
    found = another.file(KEY, ".mp4")
    assert found is not None
    assert found.read_bytes() == b"film"
    store.drop(KEY, ".mp4")
    assert not store.has_file(KEY, ".mp4")


@pytest.mark.parametrize("workers", [1, 2])
def test_a_film_by_way_of_a_bucket(url: str, tmp_path: Path, workers: int) -> None:
    plan, events = film(301, clip_length=16), list[Event]()
    for _ in range(2):
        store = open_store(url)
        run(
            plan, ALL, store, Loaders(ops, Decoder), events.append,
            start_workers=local(workers), batch=3, encoding=ENCODING,
        )  # fmt: skip
    assert kinds(events)["JobDone"] == kinds(events)["JobCached"] == plan.jobs_total
    write_film(plan, store, Decoder(), tmp_path / "a.mp4", ENCODING)
    other = Store(tmp_path / "folder")
    run(plan, ALL, other, Loaders(ops), lambda event: None, start_workers=local(1))
    write_film(plan, other, Decoder(), tmp_path / "b.mp4", ENCODING)
    assert (tmp_path / "a.mp4").read_bytes() == (tmp_path / "b.mp4").read_bytes()
