"""Stored clips become a film: leaves are decoded, encoded in closed segments that are kept, and joined.

A segment's key is the hash of what is seen in it: a film that is rendered again decodes nothing twice, and
after an edit the segments that it did not touch are the same bytes.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from fractions import Fraction
from itertools import groupby, islice
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from longtake.draw.drawer import Decode
from longtake.plan import Plan, Shown
from longtake.store import CorruptClip, Store
from longtake.video import ENCODER, Codec, Pixels, encode_segment, join_segments

LEAVES_PER_SEGMENT = 4  # 60 frames: few enough to encode anew after an edit, many enough to compress well

_VERSION = 2  # raise it when the same leaves and settings give other bytes
_SUFFIX = ".mp4"


class WrittenFilm(NamedTuple):
    """What `write_film` wrote."""

    frames: int
    segments: int
    encoded: int  # segments that were not in the store yet


@dataclass(frozen=True, kw_only=True)
class Encoding:
    """How leaves become a film."""

    decoder: str  # digest of the weights that decode
    fps: Fraction
    codec: Codec = field(default_factory=Codec)


class Part(NamedTuple):
    """A leaf in a segment."""

    key: str  # of the clip
    indices: range  # of the frames that are shown
    frames: int  # that are decoded, from the first on: behind them may lie what the next clip reuses

    @classmethod
    def of(cls, shown: Shown) -> Part:
        """The part that shows this."""
        return cls(shown.leaf.key, shown.indices, shown.leaf.spec.frames)


@dataclass(frozen=True)
class Segment:
    """Leaves that are encoded together; no frame is shown twice."""

    leaves: tuple[Part, ...]

    @classmethod
    def of(cls, shown: Iterable[Shown]) -> Segment:
        """The segment of these leaves."""
        return cls(tuple(map(Part.of, shown)))

    def __len__(self) -> int:
        return sum(len(part.indices) for part in self.leaves)

    def key(self, encoding: Encoding) -> str:
        """Hash of all that the segment's bytes depend on."""
        recipe = {
            "version": _VERSION,
            "leaves": [(part.key, part.indices.start, part.indices.stop) for part in self.leaves],
            "decoder": encoding.decoder,
            "fps": str(encoding.fps),
            "encoder": ENCODER,
            "codec": asdict(encoding.codec),
        }
        return hashlib.sha256(json.dumps(recipe, sort_keys=True).encode()).hexdigest()


def cut_segments(plan: Plan, span: slice = slice(None)) -> Iterator[Segment]:
    """The segments that show the film frames of `span`, in order.

    Borders stay where they are in the whole film, and in every piece of an edited one, so that a span shares
    all but its first and last segment.
    """
    return map(Segment.of, grouped_leaves(plan, span))


def grouped_leaves(plan: Plan, span: slice) -> Iterator[list[Shown]]:
    """The leaves of each of these segments. The first one alone: so a film can be watched from then on."""

    def segment(one: Shown) -> tuple[int, int, bool]:
        return one.piece, one.number // LEAVES_PER_SEGMENT, one.number == 0

    for _, group in groupby(plan.shown(span), key=segment):
        yield list(group)


def write_film(
    plan: Plan,
    store: Store,
    decode: Decode,
    out: str | Path,
    encoding: Encoding,
    *,
    span: slice = slice(None),
    metadata: Mapping[str, str] | None = None,
    on_segment: Callable[[int], None] | None = None,  # hears how many frames each segment adds
) -> WrittenFilm:
    """Write the film frames of `span` to the mp4 `out`, from the leaves that the store holds.

    What segments the store lacks are decoded and encoded, a leaf in memory. Raises `KeyError` where a leaf is
    not there and `CorruptClip` where it is damaged: drop it, run the plan again, call again.
    """
    count, encoded = 0, 0

    def paths() -> Iterator[Path]:
        nonlocal count, encoded
        for segment in cut_segments(plan, span):
            path = kept(segment, store, encoding)
            if path is None:
                path = encode(segment, store, decode, encoding)
                encoded += 1
            count += 1
            yield path
            if on_segment:
                on_segment(len(segment))

    frames = join_segments(paths(), out, encoding.fps, metadata)
    return WrittenFilm(frames, count, encoded)


def encode(segment: Segment, store: Store, decode: Decode, encoding: Encoding) -> Path:
    """Decode, encode and store a segment; where it lies. Raises as `write_film` does."""
    with store.scratch(_SUFFIX) as spare:
        encode_segment(decode_segment(segment, store, decode), spare, encoding.fps, encoding.codec)
        return store.put_file(segment.key(encoding), _SUFFIX, spare)


def kept_or_encoded(segment: Segment, store: Store, decode: Decode, encoding: Encoding) -> Path:
    """Where the segment lies in the store, encoded if it was not there. Raises as `write_film` does."""
    return kept(segment, store, encoding) or encode(segment, store, decode, encoding)


def count_lacking(plan: Plan, span: slice, store: Store, encoding: Encoding, most: int) -> int:
    """How many segments of `span` are not in the store, whole or not; counted no further than `most`."""
    there = (store.has_file(segment.key(encoding), _SUFFIX) for segment in cut_segments(plan, span))
    return sum(1 for _ in islice((1 for known in there if not known), most))


def kept(segment: Segment, store: Store, encoding: Encoding) -> Path | None:
    """The segment's file in the store; one that is damaged is dropped, to be encoded again."""
    key = segment.key(encoding)
    try:
        return store.file(key, _SUFFIX)
    except CorruptClip:
        store.drop(key, _SUFFIX)
        return None


def decode_segment(segment: Segment, store: Store, decode: Decode) -> Iterator[Pixels]:
    """The frames of a segment as the encoder gets them, one leaf in memory. Raises as `write_film` does."""
    for part in segment.leaves:
        yield from _decode_part(store, decode, part)


def _decode_part(store: Store, decode: Decode, part: Part) -> NDArray[np.uint8]:
    """What is shown of a leaf: decoded whole whatever that is, so that equal frames come out equal."""
    clip = store.get(part.key)[: part.frames]
    pixels = decode(clip)
    assert pixels.dtype == np.uint8
    assert pixels.shape[0] == clip.shape[0]
    assert pixels.shape[3:] == (3,)
    return pixels[part.indices.start : part.indices.stop]
