"""A data set as webdataset tar files: for training on many machines, which read them as streams.

A sample is a clip of neighbouring frames of one film: `FILM-NUMBER` with `000.jpg`, `001.jpg`, … (or .png),
or `latents.npy` float16 `[T, C, h, w]`; `json` with the film, the numbers of its frames, their times in the
film's file, and a caption for each; and `txt`, the caption of its middle frame, for readers of one text.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from longtake.data.filmset import FilmSet
from longtake.data.framelatents import FrameLatents
from longtake.data.tables import DataSetError
from longtake.files import written_whole
from longtake.world.vocabulary import Split

_FORMAT = 1
_SHARD = 1000  # frames of a tar file, about
Encode = Callable[[NDArray[np.uint8]], bytes]


class _Clip(NamedTuple):
    film: int
    numbers: range


class Export(NamedTuple):
    """What was written."""

    shards: int
    samples: int
    written: int  # shards, now: the others were there


def jpeg(frame: NDArray[np.uint8]) -> bytes:
    """Of high quality, colours at full size."""
    file = io.BytesIO()
    Image.fromarray(frame).save(file, "JPEG", quality=95, subsampling=0)
    return file.getvalue()


def png(frame: NDArray[np.uint8]) -> bytes:
    """Without loss."""
    file = io.BytesIO()
    Image.fromarray(frame).save(file, "PNG")
    return file.getvalue()


def export(
    films: FilmSet,
    out: Path,
    split: Split,
    length: int,  # frames of a sample; the last one of a film may be shorter
    picture: tuple[str, Encode] | None,  # suffix and encoder, or None: latents
    latents: FrameLatents | None,
    hear: Callable[[int, int], None],  # tar files done, of how many
) -> Export:
    """Write `SPLIT-00000.tar` and so on, and `SPLIT.json` last, which names them.

    Tar files that are there stay, where they are of the same data set and options; a killed run goes on.
    Raises DataSetError where the folder holds another export.
    """
    what = {
        "format": _FORMAT,
        "data set": films.name,
        "split": split,
        "fps": str(films.look.fps),
        "size": films.look.size,
        "frames per sample": length,
        "pictures": picture[0] if picture else f"latents of {latents.folder.name if latents else ''}",
    }
    _claim(out / f"{split}.export.json", what)
    clips = list(_clips(films, split, length))
    if not clips:
        raise DataSetError(f"{films.folder} has no films in {split}: see films.csv")
    per = max(1, _SHARD // length)
    parts = [clips[start : start + per] for start in range(0, len(clips), per)]
    written, names = 0, [f"{split}-{number:05d}.tar" for number in range(len(parts))]
    for number, (name, part) in enumerate(zip(names, parts, strict=True)):
        if not (out / name).is_file():
            _write(out / name, films, part, picture, latents)
            written += 1
        hear(number + 1, len(parts))
    with written_whole(out / f"{split}.json") as aside:
        aside.write_text(json.dumps({**what, "samples": len(clips), "tar": names}, indent=1) + "\n")
    return Export(len(parts), len(clips), written)


def _claim(path: Path, what: dict[str, Any]) -> None:
    """Write down what the folder will hold, or see that it is the same."""
    if path.is_file():
        if json.loads(path.read_text(encoding="utf-8")) != what:
            raise DataSetError(f"{path.parent}: holds another export: name a new folder, or empty it")
        return
    with written_whole(path) as aside:
        aside.write_text(json.dumps(what, indent=1) + "\n", encoding="utf-8")


def _clips(films: FilmSet, split: Split, length: int) -> Iterator[_Clip]:
    for film in films.films(split):
        for first in range(0, films.length(film), length):
            yield _Clip(film, range(first, min(first + length, films.length(film))))


def _write(
    path: Path,
    films: FilmSet,
    clips: Sequence[_Clip],
    picture: tuple[str, Encode] | None,
    latents: FrameLatents | None,
) -> None:
    from webdataset import TarWriter  # here: an extra

    with (
        written_whole(path) as aside,
        aside.open("wb") as file,
        TarWriter(file, mtime=0, encoder=False) as tar,
    ):
        for clip in clips:
            tar.write(_sample(films, clip, picture, latents))


def _sample(
    films: FilmSet, clip: _Clip, picture: tuple[str, Encode] | None, latents: FrameLatents | None
) -> dict[str, Any]:
    numbers = list(clip.numbers)
    captions = films.captions(clip.film, numbers)
    name = films.all[clip.film].row.film
    told = {
        "film": name,
        "numbers": numbers,
        "seconds": [
            round(float(place / films.look.fps), 6) for place in films.numbers_in_file(clip.film, numbers)
        ],
        "captions": captions,
    }
    sample: dict[str, Any] = {
        "__key__": f"{name.replace('.', '_')}-{numbers[0]:08d}",  # webdataset cuts keys at their first dot
        "json": json.dumps(told, ensure_ascii=False).encode(),
        "txt": captions[len(captions) // 2].encode(),
    }
    if picture is None:
        assert latents is not None
        file = io.BytesIO()
        np.save(file, latents.latents(clip.film, numbers), allow_pickle=False)
        return {**sample, "latents.npy": file.getvalue()}
    suffix, encode = picture
    frames = films.frames(clip.film, numbers, films.look.size)
    return {**sample, **{f"{k:03d}.{suffix}": encode(frame) for k, frame in enumerate(frames)}}
