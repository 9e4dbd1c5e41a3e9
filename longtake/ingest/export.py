"""A data set as tar files: few large files, to be copied to the machines that train and read where they lie.

`train --data 'FOLDER/*.tar'` reads them (`data.tars`), and so does webdataset. A sample is a clip of
neighbouring frames of one film: `FILM-NUMBER` with `000.jpg`, `001.jpg`, … (or .png); `json` with the film,
the numbers of its frames, their times in the film's file, and a caption for each; and `txt`, the caption of
its middle frame, for readers of one text. All samples together are all kept frames of the split's films.
"""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from longtake.data.filmset import FilmSet
from longtake.data.tables import DataSetError
from longtake.files import written_whole
from longtake.world.vocabulary import Split

_FORMAT = 1
_SHARD = 1000  # frames of a tar file, about


class _Clip(NamedTuple):
    film: int
    numbers: range


class Export(NamedTuple):
    """What was written."""

    shards: int
    samples: int
    written: int  # shards, now: the others were there


def encode_picture(frame: NDArray[np.uint8], kind: str) -> bytes:
    """ "png": without loss; "jpg": of high quality, colours at full size."""
    file, how = io.BytesIO(), {"quality": 95, "subsampling": 0} if kind == "jpg" else {}
    Image.fromarray(frame).save(file, {"jpg": "JPEG", "png": "PNG"}[kind], **how)
    return file.getvalue()


def export(
    films: FilmSet,
    out: Path,
    split: Split,
    length: int,  # frames of a sample; the last one of a film may be shorter
    pictures: str,  # "jpg" or "png"
    progress: Callable[[int, int], None],  # tar files done, of how many
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
        "pictures": pictures,
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
            _write(out / name, films, part, pictures)
            written += 1
        progress(number + 1, len(parts))
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


def _write(path: Path, films: FilmSet, clips: Sequence[_Clip], pictures: str) -> None:
    with written_whole(path) as aside, tarfile.open(aside, "w", format=tarfile.USTAR_FORMAT) as tar:
        for clip in clips:
            for name, content in _sample(films, clip, pictures):
                member = tarfile.TarInfo(name)
                member.size, member.mode = len(content), 0o444
                tar.addfile(member, io.BytesIO(content))


def _sample(films: FilmSet, clip: _Clip, pictures: str) -> Iterator[tuple[str, bytes]]:
    """The files of a sample, by name."""
    numbers = list(clip.numbers)
    captions = films.captions(clip.film, numbers)
    name = films.all[clip.film].row.film
    key = f"{name.replace('.', '_')}-{numbers[0]:08d}"  # webdataset cuts keys at their first dot
    for k, frame in enumerate(films.frames(clip.film, numbers, films.look.size)):
        yield f"{key}.{k:03d}.{pictures}", encode_picture(frame, pictures)
    places = films.numbers_in_file(clip.film, numbers)
    facts = {
        "film": name,
        "numbers": numbers,
        "seconds": [round(float(place / films.look.fps), 6) for place in places],
        "captions": captions,
    }
    yield f"{key}.json", json.dumps(facts, ensure_ascii=False).encode()
    yield f"{key}.txt", captions[len(captions) // 2].encode()
