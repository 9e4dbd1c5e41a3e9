"""Stored clips become a film: leaves are decoded, encoded in closed segments that are kept, and joined.

A segment's key is the hash of what is seen in it: a film that is rendered again decodes nothing twice, and
after an edit the segments that it did not touch are the same bytes.
"""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import signal
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import asdict, dataclass
from fractions import Fraction
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from longtake.plan import Plan
from longtake.store import CorruptClip, Store
from longtake.video import ENCODER, Codec, Pixels, encode_segment, join_segments

__all__ = [
    "LEAVES_PER_SEGMENT",
    "Decode",
    "Film",
    "Segment",
    "cut_segments",
    "decode_frame",
    "decode_segment",
    "encode_segments",
    "lacking_segments",
    "write_film",
]

LEAVES_PER_SEGMENT = 4  # 60 frames: few enough to encode anew after an edit, many enough to compress well

# Latents float16 [T, C, H, W] of one clip -> frames uint8 [T, H, W, 3]
Decode = Callable[[NDArray[np.float16]], NDArray[np.uint8]]

_VERSION = 2  # raise it when the same leaves and settings give other bytes
_SUFFIX = ".mp4"


class Film(NamedTuple):
    """What `write_film` wrote."""

    frames: int
    segments: int
    encoded: int  # segments that were not in the store yet


@dataclass(frozen=True)
class Segment:
    """Leaves that are encoded together, and the frames that are shown of each, none twice."""

    leaves: tuple[tuple[str, range], ...]  # key of the clip, indices of its frames

    def __len__(self) -> int:
        return sum(len(indices) for _, indices in self.leaves)

    def key(self, decoder: str, fps: Fraction, codec: Codec) -> str:
        """Hash of all that the segment's bytes depend on; `decoder` is the digest of its weights."""
        recipe = {
            "version": _VERSION,
            "leaves": [(key, indices.start, indices.stop) for key, indices in self.leaves],
            "decoder": decoder,
            "fps": str(fps),
            "encoder": ENCODER,
            "codec": asdict(codec),
        }
        return hashlib.sha256(json.dumps(recipe, sort_keys=True).encode()).hexdigest()


def cut_segments(plan: Plan, span: slice = slice(None)) -> Iterator[Segment]:
    """The segments that show the film frames of `span`, in order.

    Borders stay where they are in the whole film, and in every piece of an edited one, so that a span shares
    all but its first and last segment.
    """
    for _, group in groupby(plan.shown(span), key=lambda one: (one.piece, one.number // LEAVES_PER_SEGMENT)):
        yield Segment(tuple((shown.leaf.key, shown.indices) for shown in group))


def write_film(
    plan: Plan,
    store: Store,
    decode: Decode,
    out: str | Path,
    *,
    decoder: str,  # digest of what decodes
    fps: int | Fraction,
    codec: Codec | None = None,
    span: slice = slice(None),
    metadata: Mapping[str, str] | None = None,
    on_segment: Callable[[int], None] | None = None,  # hears how many frames each segment adds
) -> Film:
    """Write the film frames of `span` to the mp4 `out`, from the leaves that the store holds.

    Leaves are decoded one at a time and frames leave for the encoder at once, so memory does not grow with
    the film; segments are kept in the store, so an interrupted call goes on where it was. Raises `KeyError`
    where a leaf is not there and `CorruptClip` where it is damaged: drop it, run the plan again, call again.
    """
    rate, settings, count, encoded = Fraction(fps), codec or Codec(), 0, 0

    def paths() -> Iterator[Path]:
        nonlocal count, encoded
        for segment in cut_segments(plan, span):
            key = segment.key(decoder, rate, settings)
            path = _kept(store, key)
            if path is None:
                path = _encode(segment, key, store, decode, rate, settings)
                encoded += 1
            count += 1
            yield path
            if on_segment:
                on_segment(len(segment))

    frames = join_segments(paths(), out, rate, metadata)
    return Film(frames, count, encoded)


def lacking_segments(
    plan: Plan,
    store: Store,
    *,
    decoder: str,
    fps: int | Fraction,
    codec: Codec | None = None,
    span: slice = slice(None),
) -> Iterator[Segment]:
    """The segments of `span` that `write_film` would have to decode and encode, in order."""
    for segment in cut_segments(plan, span):
        if _kept(store, segment.key(decoder, Fraction(fps), codec or Codec())) is None:
            yield segment


def encode_segments(
    plan: Plan,
    store: Store,
    load: Callable[[], Decode],
    *,
    decoder: str,  # digest of what decodes
    fps: int | Fraction,
    workers: int,
    codec: Codec | None = None,
    span: slice = slice(None),
) -> Iterator[int]:
    """Put the segments of `span` into the store, in `workers` processes; yields the frames of each, in order.

    What is there is not made again; `write_film` then only joins. `load` must be picklable: every process
    calls it once. Raises as `write_film` does, and `RuntimeError` where a process is killed.
    """
    rate, settings = Fraction(fps), codec or Codec()
    context = multiprocessing.get_context(
        "spawn"
    )  # a fork would inherit torch's threads, but not their locks
    pool = ProcessPoolExecutor(workers, context, _begin_encoding, (store.root, load))
    waiting: deque[tuple[int, Future[None] | None]] = deque()
    try:
        for segment in cut_segments(plan, span):
            key = segment.key(decoder, rate, settings)
            there = _kept(store, key) is not None
            asked = None if there else pool.submit(_encode_one, segment, key, rate, settings)
            waiting.append((len(segment), asked))
            if len(waiting) > 2 * workers:  # so that an endless film is cut as it is encoded
                yield _when_done(*waiting.popleft())
        while waiting:
            yield _when_done(*waiting.popleft())
    except BrokenProcessPool:
        told = "a process that encoded was killed. Every finished segment is stored: run again to go on"
        raise RuntimeError(told) from None
    finally:
        pool.shutdown(cancel_futures=True)


def _when_done(frames: int, asked: Future[None] | None) -> int:
    if asked is not None:
        asked.result()
    return frames


_own: list[tuple[Store, Decode]] = []  # of a process that encodes


def _begin_encoding(root: Path, load: Callable[[], Decode]) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches all of a terminal: the caller decides
    _own.append((Store(root), load()))


def _encode_one(segment: Segment, key: str, rate: Fraction, codec: Codec) -> None:
    store, decode = _own[0]
    _encode(segment, key, store, decode, rate, codec)


def _encode(segment: Segment, key: str, store: Store, decode: Decode, rate: Fraction, codec: Codec) -> Path:
    """Decode, encode and store a segment; where it lies."""
    with store.scratch(_SUFFIX) as spare:
        encode_segment(decode_segment(segment, store, decode), spare, rate, codec)
        return store.put_file(key, _SUFFIX, spare)


def decode_frame(plan: Plan, store: Store, decode: Decode, i: int) -> Pixels:
    """Film frame `i` as `write_film` hands it to the encoder, bit for bit. Raises as `write_film` does."""
    ((leaf, indices, *_),) = plan.shown(slice(i, i + 1))
    pixels: Pixels = _decode_clip(store, decode, leaf.key)[indices[0]]
    return pixels


def decode_segment(segment: Segment, store: Store, decode: Decode) -> Iterator[Pixels]:
    """The frames of a segment as the encoder gets them, one leaf in memory. Raises as `write_film` does."""
    for key, indices in segment.leaves:
        yield from _decode_clip(store, decode, key)[indices.start : indices.stop]


def _decode_clip(store: Store, decode: Decode, key: str) -> NDArray[np.uint8]:
    """All frames of a clip: decoded whole whatever is shown of it, so that equal frames come out equal."""
    latents = store.get(key)
    pixels = decode(latents)
    assert pixels.dtype == np.uint8
    assert pixels.shape[0] == latents.shape[0]
    assert pixels.shape[3:] == (3,)
    return pixels


def _kept(store: Store, key: str) -> Path | None:
    """The segment's file in the store; one that is damaged is dropped, to be encoded again."""
    try:
        return store.file(key, _SUFFIX)
    except CorruptClip:
        store.drop(key, _SUFFIX)
        return None
