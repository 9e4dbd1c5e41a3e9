"""A film shows every frame once, in order, from its leaf, and nothing is decoded or encoded twice."""

from __future__ import annotations

import weakref
from dataclasses import replace
from fractions import Fraction
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from planned import nuwa_xl

from longtake.film.segments import (
    LEAVES_PER_SEGMENT,
    Decode,
    Encoding,
    WrittenFilm,
    cut_segments,
    decode_segment,
    write_film,
)
from longtake.plan import MAX_FRAMES, Plan, PlannedScene, Timeline
from longtake.plan.edit import reroll
from longtake.store import CorruptClip, Store
from longtake.video import Codec, Pixels, read_frames, read_metadata

SEGMENT = 15 * LEAVES_PER_SEGMENT  # frames
UNSEEN = 4095  # the number of a frame that no film may show


def planned(frames: int, scenes: tuple[PlannedScene, ...] = (PlannedScene("one", 0, "a fox"),)) -> Plan:
    return nuwa_xl(Timeline(scenes, frames))


def drawn(plan: Plan, store: Store) -> Store:
    """The leaves of the plan, each frame with the bits of its film frame's number as latents [12, 1, 1]."""
    for leaf, indices, start, *_ in plan.shown(slice(None)):
        numbers = np.full(leaf.spec.frames, UNSEEN)
        numbers[indices] = np.arange(start, start + len(indices))
        store.put(leaf.key, (numbers[:, None] >> np.arange(12) & 1)[..., None, None].astype(np.float16))
    return store


class Decoder:
    """Draws the twelve bits as bright and dark blocks, and counts what it is asked for."""

    def __init__(self, breaks_at: int = -1) -> None:
        self.calls, self._breaks_at = 0, breaks_at

    def __call__(self, latents: NDArray[np.float16]) -> NDArray[np.uint8]:
        if self.calls == self._breaks_at:
            raise KeyboardInterrupt
        self.calls += 1
        bits = latents.reshape(-1, 3, 4).repeat(8, axis=1).repeat(8, axis=2)
        return (40 + 170 * bits).astype(np.uint8)[..., None].repeat(3, axis=3)


def number_of(frame: Pixels) -> int:
    bits = frame[4::8, 4::8, 1].ravel() > 125
    return sum(1 << bit for bit, one in enumerate(bits) if one)


CODEC = Codec()
ENCODING = Encoding(decoder="d", fps=Fraction(12), codec=CODEC)


def written(
    plan: Plan, store: Store, out: Path, decode: Decode | None = None, codec: Codec = CODEC, **more: object
) -> WrittenFilm:
    encoding = replace(ENCODING, codec=codec)
    return write_film(plan, store, decode or Decoder(), out, encoding, **more)  # type: ignore[arg-type]


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


@pytest.mark.parametrize("frames", [1, 2, 15, 16, 17, 31, 60, 61, 62, 76, 256])
def test_every_frame_is_shown_once_and_in_order(tmp_path: Path, store: Store, frames: int) -> None:
    plan = planned(frames)
    film = written(plan, drawn(plan, store), tmp_path / "film.mp4")
    assert film.frames == frames
    assert [number_of(frame) for frame in read_frames(tmp_path / "film.mp4")] == list(range(frames))
    for i in {0, frames // 2, frames - 1}:
        (segment,) = cut_segments(plan, slice(i, i + 1))
        assert number_of(next(decode_segment(segment, store, Decoder()))) == i


def test_a_second_film_decodes_nothing(tmp_path: Path, store: Store) -> None:
    plan, first, second = planned(151), Decoder(), Decoder()
    film = written(plan, drawn(plan, store), tmp_path / "a.mp4", first)
    again = written(plan, store, tmp_path / "b.mp4", second)
    assert (film.encoded, again.encoded, film.segments) == (4, 0, 4)
    assert (first.calls, second.calls) == (10, 0)
    assert (tmp_path / "a.mp4").read_bytes() == (tmp_path / "b.mp4").read_bytes()


@pytest.mark.parametrize("leaves", range(0, 10, 3))
def test_an_interrupted_film_goes_on_where_it_was(tmp_path: Path, store: Store, leaves: int) -> None:
    plan, rest = planned(151), Decoder()
    drawn(plan, store)
    with pytest.raises(KeyboardInterrupt):
        written(plan, store, tmp_path / "a.mp4", Decoder(breaks_at=leaves))
    assert not (tmp_path / "a.mp4").exists()
    written(plan, store, tmp_path / "a.mp4", rest)
    finished = max(leaves // LEAVES_PER_SEGMENT * LEAVES_PER_SEGMENT, min(leaves, 1))
    assert rest.calls == 10 - finished
    written(plan, drawn(plan, Store(tmp_path / "other")), tmp_path / "b.mp4")
    assert (tmp_path / "a.mp4").read_bytes() == (tmp_path / "b.mp4").read_bytes()
    assert list(store.root.glob("tmp/*")) == []


@pytest.mark.parametrize(("start", "stop"), [(0, 1), (0, 60), (59, 61), (70, 75), (37, 151), (150, 151)])
def test_a_span_shows_its_frames_and_shares_whole_segments(
    tmp_path: Path, store: Store, start: int, stop: int
) -> None:
    plan = planned(151)
    written(plan, drawn(plan, store), tmp_path / "film.mp4")
    film = written(plan, store, tmp_path / "span.mp4", span=slice(start, stop))
    assert [number_of(frame) for frame in read_frames(tmp_path / "span.mp4")] == list(range(start, stop))
    borders = (0, 15, 60, 120, 151)
    cut = {sum(at >= border for border in borders) for at in (start, stop) if at not in borders}
    assert film.encoded == len(cut)


def test_an_edit_leaves_other_segments_as_they_are(tmp_path: Path, store: Store) -> None:
    scenes = (
        PlannedScene("one", 0, "a fox"),
        PlannedScene("two", 91, "an owl"),
        PlannedScene("three", 105, "a frog"),
    )
    old, decode = planned(301, scenes), Decoder()
    new = reroll(old, "two").plan  # frames of one leaf
    written(old, drawn(old, store), tmp_path / "film.mp4")
    film = written(new, drawn(new, store), tmp_path / "film.mp4", decode)
    assert (film.segments, film.encoded, decode.calls) == (6, 1, LEAVES_PER_SEGMENT)


def test_the_key_holds_what_the_bytes_depend_on() -> None:
    _, segment = cut_segments(planned(60))
    base = segment.key(ENCODING)
    assert base == segment.key(ENCODING)
    others = {
        segment.key(replace(ENCODING, decoder="e")),
        segment.key(replace(ENCODING, fps=Fraction(24))),
        segment.key(replace(ENCODING, codec=Codec(crf=19))),
        segment.key(replace(ENCODING, codec=Codec(upscale=2))),
        list(cut_segments(planned(60), slice(0, 59)))[1].key(ENCODING),
        next(iter(cut_segments(planned(60), slice(16, 60)))).key(ENCODING),
    }
    assert len(others | {base}) == 7


def test_segments_of_an_endless_film_are_cut_at_once() -> None:
    plan = planned(MAX_FRAMES)
    assert [len(segment) for segment in islice(cut_segments(plan), 2)] == [15, SEGMENT - 15]
    tail = list(cut_segments(plan, slice(MAX_FRAMES - 90, MAX_FRAMES)))
    assert sum(len(segment) for segment in tail) == 90


def test_leaves_leave_memory_as_they_are_encoded(tmp_path: Path, store: Store) -> None:
    plan = planned(301)
    alive: list[weakref.ref[NDArray[np.uint8]]] = []
    most = 0

    def decode(latents: NDArray[np.float16]) -> NDArray[np.uint8]:
        nonlocal most
        pixels = Decoder()(latents)
        alive.append(weakref.ref(pixels))
        most = max(most, sum(ref() is not None for ref in alive))
        return pixels

    seen: list[int] = []
    written(plan, drawn(plan, store), tmp_path / "a.mp4", decode, on_segment=seen.append)
    assert most <= 3  # the segment's first, the last one shown, the one being decoded
    assert seen == [15, 45, 60, 60, 60, 61]


def test_damage_is_noticed_and_repaired(tmp_path: Path, store: Store) -> None:
    plan = planned(151)
    written(plan, drawn(plan, store), tmp_path / "a.mp4")
    segment = list(cut_segments(plan))[1]
    file = store.file(segment.key(ENCODING), ".mp4")
    assert file is not None
    good = file.read_bytes()
    file.write_bytes(good[:-100] + bytes(100))
    assert written(plan, store, tmp_path / "b.mp4").encoded == 1
    assert (tmp_path / "a.mp4").read_bytes() == (tmp_path / "b.mp4").read_bytes()

    leaf = plan.leaf(100)
    clip = next(store.root.rglob(f"{leaf.key[2:]}.safetensors"))
    clip.write_bytes(clip.read_bytes()[:-1] + b"\x07")
    assert written(plan, store, tmp_path / "c.mp4").encoded == 0  # encoded already: the leaf is not needed
    with pytest.raises(CorruptClip, match=leaf.key):
        written(plan, store, tmp_path / "d.mp4", codec=Codec(crf=30))
    store.drop(leaf.key)
    with pytest.raises(KeyError, match=leaf.key):
        written(plan, store, tmp_path / "d.mp4", codec=Codec(crf=30))
    assert not (tmp_path / "d.mp4").exists()


def test_the_film_carries_its_storyboard(tmp_path: Path, store: Store) -> None:
    plan = planned(20)
    written(plan, drawn(plan, store), tmp_path / "a.mp4", metadata={"storyboard": "x: 1", "seed": "7"})
    assert read_metadata(tmp_path / "a.mp4").items() >= {"storyboard": "x: 1", "seed": "7"}.items()
