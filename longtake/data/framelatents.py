"""Latents of every frame of a data set's films, encoded once by one autoencoder, at random access.

They lie in `latents/DIGEST/` of the data set, the digest being that of the autoencoder:
`FILM-FIRST.safetensors` with the tensor `latents` float16 `[n, C, h, w]` of frames FIRST to FIRST + n - 1 of
the film's file, and `index.json`. All frames of a film are encoded, also those that its tables leave out, so
that an edit by hand encodes nothing anew.
"""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from longtake.data.access import frames_of
from longtake.data.filmset import Film, FilmSet
from longtake.data.tables import DataSetError
from longtake.files import written_whole

Encode = Callable[[NDArray[np.uint8]], NDArray[np.float16]]  # [T, H, W, 3] -> [T, C, h, w]

_FORMAT = 1
SHARD = 1024  # frames of a file
_CHUNK = 16  # frames encoded together
_OPEN = 16  # files that a reader keeps open


def latents_folder(folder: Path, digest: str) -> Path:
    """Where a data set keeps the latents of the autoencoder with this digest."""
    return folder / "latents" / digest[:16]


def encode_films(
    films: FilmSet, encode: Encode, digest: str, shape: tuple[int, int, int], maker: str
) -> Iterator[tuple[int, int]]:
    """Encode all kept films; yields frames that are done, and of how many.

    `digest` and `maker`: of the autoencoder, and its name; `shape`: of a frame's latent. Shards that are
    there and whole stay, so that an interrupted run goes on. The index is written last.
    """
    out = latents_folder(films.folder, digest)
    kept = [film for film in films.all if film.row.keep]
    total, done = sum(film.row.frames for film in kept), 0
    for film in kept:
        for first in range(0, film.row.frames, SHARD):
            numbers = range(first, min(first + SHARD, film.row.frames))
            path = _shard(out, film, first)
            if not _whole(path, (len(numbers), *shape)):
                parts = []
                for start in range(first, numbers.stop, _CHUNK):
                    some = range(start, min(start + _CHUNK, numbers.stop))
                    parts.append(encode(frames_of(film.path, some, films.look.fps)))
                    yield done + some.stop - first, total
                with written_whole(path) as aside:
                    # In C order, which is what safetensors takes for granted.
                    aside.write_bytes(save({"latents": np.ascontiguousarray(np.concatenate(parts))}))
            done += len(numbers)
            yield done, total
    index = {
        "format": _FORMAT,
        "autoencoder": digest,
        "model": maker,
        "shape": shape,
        "shard": SHARD,
        "films": {film.row.film: film.row.frames for film in kept},
    }
    with written_whole(out / "index.json") as aside:
        aside.write_text(json.dumps(index, indent=1) + "\n", encoding="utf-8")


def _shard(out: Path, film: Film, first: int) -> Path:
    return out / f"{film.row.film}-{first:08d}.safetensors"


def _whole(path: Path, shape: tuple[int, ...]) -> bool:
    try:
        with safe_open(path, "numpy") as shard:
            return tuple(shard.get_slice("latents").get_shape()) == shape
    except (OSError, SafetensorError):
        return False


class FrameLatents:
    """Latents of a data set's films, by the numbers of `FilmSet`."""

    def __init__(
        self, films: FilmSet, folder: Path, shape: tuple[int, int, int], frames: dict[str, int]
    ) -> None:
        self.films, self.shape = films, shape
        self.folder, self._frames = folder, frames
        self._open: OrderedDict[Path, Any] = OrderedDict()

    def latents(self, film: int, numbers: Sequence[float]) -> NDArray[np.float16]:
        """float16 `[T, C, h, w]` of frames of a film, numbered as in `FilmSet.frames`; reads these only.

        Raises DataSetError for a film that was not encoded.
        """
        one = self.films.all[film]
        if self._frames.get(one.row.film) != one.row.frames:
            raise DataSetError(f"{one.row.film} has no latents in {self.folder}: run `longtake data latents`")
        places = self.films.numbers_in_file(film, numbers)
        found = np.empty((len(places), *self.shape), np.float16)
        at = 0
        for first, end in _runs(places):
            shard = self._slice(_shard(self.folder, one, first // SHARD * SHARD))
            found[at : at + end - first] = shard[first % SHARD : (end - 1) % SHARD + 1]
            at += end - first
        return found

    def _slice(self, path: Path) -> Any:
        shard = self._open.pop(path, None)
        if shard is None:
            try:
                file: Any = safe_open(path, "numpy")
                shard = file.get_slice("latents")
            except (OSError, SafetensorError) as error:
                told = f"{path}: is missing or damaged: run `longtake data latents` again"
                raise DataSetError(told) from error
        self._open[path] = shard
        if len(self._open) > _OPEN:
            self._open.popitem(last=False)
        return shard

    def __getstate__(self) -> dict[str, Any]:
        """Without open files: another process opens its own."""
        return {**self.__dict__, "_open": OrderedDict()}


def _runs(places: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Neighbouring numbers of one shard as (first, end)."""
    steps = ((place - k, place // SHARD, place) for k, place in enumerate(places))
    for _, run in groupby(steps, key=lambda step: step[:2]):
        row = [place for _, _, place in run]
        yield row[0], row[-1] + 1


def open_latents(films: FilmSet, digest: str) -> FrameLatents:
    """The latents of the autoencoder with this digest. Raises DataSetError where they are not there."""
    folder = latents_folder(films.folder, digest)
    try:
        told = json.loads((folder / "index.json").read_text(encoding="utf-8"))
        if told["format"] == _FORMAT and told["shard"] == SHARD:
            c, h, w = told["shape"]
            return FrameLatents(films, folder, (c, h, w), dict(told["films"]))
    except (OSError, ValueError, KeyError, TypeError):
        pass
    raise DataSetError(f"{films.folder} has no latents of this model: run `longtake data latents` with it")
