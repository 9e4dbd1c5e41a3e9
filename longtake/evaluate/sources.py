"""Where the frames of a film come from: a user's video, pictures or array, a store of clips, or the world.

A source is plain data that any process can open; its `key` names all that its frames depend on.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import chain, islice
from pathlib import Path
from typing import Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from longtake.draw.drawer import Decode
from longtake.evaluate.controls import control_frames
from longtake.evaluate.script import Script
from longtake.files import file_digest
from longtake.film.segments import Segment, decode_segment
from longtake.manifest import read_manifest
from longtake.store import open_store
from longtake.video import Codec, Pixels, count_frames, encode_segment, read_frames
from longtake.world.episodes import episode_facts

_Item = TypeVar("_Item")

_VIDEOS = {".mp4", ".mkv", ".webm", ".mov", ".avi"}
_VERSION = 2  # raise it when the world, or the encoder, makes other pictures
_DELIVERED = 60  # frames encoded together, as films are


class Source(Protocol):
    """A film that can be watched in any process."""

    @property
    def key(self) -> str:
        """Hash of all that decides the frames."""
        ...

    def frames(self) -> Iterator[Pixels]:
        """The frames, in order: uint8 `[H, W, 3]`."""
        ...


@dataclass(frozen=True)
class VideoFile:
    """Any video that PyAV reads."""

    path: Path

    @property
    def key(self) -> str:
        return file_digest(self.path)

    @property
    def length(self) -> int:
        """Frames."""
        return count_frames(self.path)

    @property
    def codec(self) -> Codec:
        """As far as it can be seen: how it was encoded, so that a reference can go the same way."""
        height = next(iter(self.frames())).shape[0]
        return Codec(upscale=max(1, height // 64), smooth=True)

    def frames(self) -> Iterator[Pixels]:
        return read_frames(self.path)


@dataclass(frozen=True)
class PictureFolder:
    """PNG files, one for every frame, in the order of their names."""

    path: Path

    codec = None  # nothing was lost

    @property
    def key(self) -> str:
        return _hash(*(file_digest(file) for file in self._files))

    @property
    def length(self) -> int:
        """Frames."""
        return len(self._files)

    def frames(self) -> Iterator[Pixels]:
        for file in self._files:
            with Image.open(file) as picture:
                yield np.asarray(picture.convert("RGB"))

    @property
    def _files(self) -> list[Path]:
        return sorted(self.path.glob("*.png"))


@dataclass(frozen=True, eq=False)
class PixelArray:
    """Frames that are held in memory. Raises ValueError for anything but uint8 `[T, H, W, 3]`, T > 0."""

    pixels: Pixels

    codec = None  # nothing was lost

    def __post_init__(self) -> None:
        shape = self.pixels.shape
        if self.pixels.dtype != np.uint8 or len(shape) != 4 or shape[3] != 3 or 0 in shape:
            raise ValueError(
                f"frames are {self.pixels.dtype} {list(shape)}: give uint8 [T, H, W, 3], values 0..255"
            )

    @cached_property
    def key(self) -> str:
        """Hash of shape and pixels."""
        digest = hashlib.sha256(repr(self.pixels.shape).encode())
        digest.update(np.ascontiguousarray(self.pixels).data)
        return digest.hexdigest()

    @property
    def length(self) -> int:
        """Frames."""
        return len(self.pixels)

    def frames(self) -> Iterator[Pixels]:
        yield from self.pixels


GivenFilm = VideoFile | PictureFolder | PixelArray
# A video, a folder of videos or of PNG frames, frames uint8 [T, H, W, 3], or such by name
Films = str | Path | NDArray[np.uint8] | Mapping[str, str | Path | NDArray[np.uint8]]


def films_of(given: Films) -> dict[str, GivenFilm]:
    """The films that a user gives, by name: a file's is its own without suffix, an array's is "film".

    Raises ValueError where there are none, or several under one name.
    """
    if isinstance(given, Mapping):
        if not given:
            raise ValueError("there is no film: name one or more")
        return {name: _one_film(name, film) for name, film in given.items()}
    if isinstance(given, np.ndarray):
        return {"film": PixelArray(given)}
    if not isinstance(given, str | Path):
        raise ValueError(
            f"{type(given).__name__} is no film: give frames, as film.frames() has them, or a path"
        )
    path = Path(given)
    if path.is_file():
        return {path.stem: VideoFile(path)}
    if not path.is_dir():
        raise ValueError(f"{path}: there is no such film or folder")
    videos = sorted(file for file in path.iterdir() if file.suffix.lower() in _VIDEOS)
    if videos:
        alone = len({file.stem for file in videos}) == len(videos)
        return {file.stem if alone else file.name: VideoFile(file) for file in videos}
    if any(path.glob("*.png")):
        return {path.name: PictureFolder(path)}
    raise ValueError(f"{path}: holds neither videos nor PNG frames")


def _one_film(name: str, given: str | Path | NDArray[np.uint8]) -> GivenFilm:
    films = list(films_of(given).values())
    if len(films) > 1:
        raise ValueError(f"{name}: {given} holds {len(films)} videos: name each of them")
    return films[0]


@dataclass(frozen=True)
class StoredFilm:
    """Leaves of a store, decoded as the encoder would get them: without loss."""

    store: Path | str
    segments: tuple[Segment, ...]
    model: Path | None  # folder of the model whose autoencoder decodes; None: the clips are pixels

    @property
    def key(self) -> str:
        decoder = "pixels" if self.model is None else read_manifest(self.model).decoder_digest
        return _hash(repr(self.segments), decoder)

    def frames(self) -> Iterator[Pixels]:
        decode, store = self._decoder(), open_store(self.store)
        for segment in self.segments:
            yield from decode_segment(segment, store, decode)

    def pictures(self, numbers: Iterable[int]) -> Iterator[Pixels]:
        """These frames, ascending; no leaf is decoded that shows none of them."""
        decode, store = self._decoder(), open_store(self.store)
        wanted, start = set(numbers), 0
        for part in chain.from_iterable(segment.leaves for segment in self.segments):
            shown = range(start, start + len(part.indices))
            if inside := sorted(wanted.intersection(shown)):
                leaf = list(decode_segment(Segment((part,)), store, decode))
                yield from (leaf[n - start] for n in inside)
            start = shown.stop

    def _decoder(self) -> Decode:
        if self.model is None:
            return np.asarray
        from longtake.draw.decode import ClipDecoder

        return ClipDecoder(self.model, "cpu")


@dataclass(frozen=True)
class WorldFilm:
    """A script drawn by the world, whole or with the fault of a control."""

    control: str  # a name in CONTROLS
    script: Script
    seed: int  # of the hidden facts and the control's chance
    size: int = 64  # pixels per side
    codec: Codec | None = None  # encoded so and decoded again, as the film it is compared with

    @property
    def key(self) -> str:
        shots, length, edition = self.script.shots, self.script.length, self.script.world.edition
        told = (_VERSION, self.control, shots, length, self.seed, self.size, self.codec)
        return _hash(repr(told if edition == 1 else (edition, *told)))  # the first had none beside it

    def frames(self) -> Iterator[Pixels]:
        frames = control_frames(self.control, self.script, self.seed, self.size)
        return frames if self.codec is None else _delivered(frames, self.codec)


@dataclass(frozen=True)
class DecodedTruth:
    """The script drawn by the world, encoded frame by frame and decoded leaf by leaf, as films are.

    Between two leaves this shows only what the autoencoder does: the control of the seam measures.
    """

    script: Script
    seed: int
    model: Path
    leaf: int = 15  # frames from one leaf to the next; a leaf has one more

    @property
    def key(self) -> str:
        manifest = read_manifest(self.model)
        truth = WorldFilm("ground truth", self.script, self.seed, manifest.size)
        return _hash(truth.key, manifest.decoder_digest, str(self.leaf))

    def frames(self) -> Iterator[Pixels]:
        import torch

        from longtake.draw.decode import ClipDecoder
        from longtake.models.pixels import to_model

        decode, hidden = ClipDecoder(self.model, "cpu"), episode_facts(self.seed)
        size, last = read_manifest(self.model).size, self.script.length - 1
        for start in range(0, max(last, 1), self.leaf):
            numbers = range(start, min(start + self.leaf, last) + 1)
            drawn = np.stack([self.script.picture(n, hidden, size) for n in numbers])
            video = to_model(drawn)[None]
            with torch.inference_mode():
                mean = decode.vae.encode(video, framewise=True).mean
                leaf = decode(decode.vae.normalise(mean)[0].float().numpy().astype(np.float16))
            yield from leaf if numbers[-1] == last else leaf[:-1]


def pictures(source: Source, numbers: Iterable[int]) -> list[Pixels]:
    """These frames of a film, ascending: the whole film is gone through only where there is no other way."""
    wanted = set(numbers)
    if isinstance(source, StoredFilm):
        return list(source.pictures(wanted))
    frames = islice(source.frames(), max(wanted, default=-1) + 1)
    return [frame for n, frame in enumerate(frames) if n in wanted]


def in_chunks(items: Iterable[_Item], most: int) -> Iterator[list[_Item]]:
    """The items in lists of `most`, the last one shorter."""
    coming = iter(items)
    while chunk := list(islice(coming, most)):
        yield chunk


def _hash(*parts: str) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def _delivered(frames: Iterable[Pixels], codec: Codec) -> Iterator[Pixels]:
    with tempfile.TemporaryDirectory() as folder:
        piece = Path(folder) / "piece.mp4"
        for chunk in in_chunks(frames, _DELIVERED):
            encode_segment(chunk, piece, 12, codec)
            yield from read_frames(piece)
