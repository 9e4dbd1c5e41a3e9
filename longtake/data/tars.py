"""Tar files that `longtake data export` wrote, as footage: any frame of any film, read where it lies.

A tar file is a row of samples, each some neighbouring frames of a film (see `ingest.export`). None is
unpacked: where every picture begins is noted when the files are opened, and single pictures are read.
"""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from longtake.data.film_draws import RealFilms
from longtake.data.tables import DataSetError
from longtake.files import data_digest
from longtake.world.vocabulary import SPLITS, Split


class _Frame(NamedTuple):
    tar: Path
    first: int  # byte of its picture in the tar file
    size: int  # bytes
    caption: str


class TarFilms(RealFilms):
    """Films in tar files, a `Footage`; the name of a tar file begins with the split of its films.

    Raises DataSetError for files that `longtake data export` did not write, and where frames of a film are in
    none of them.
    """

    def __init__(self, tars: Sequence[Path]) -> None:
        films: dict[tuple[Split, str], dict[int, _Frame]] = {}
        for tar in tars:
            split = _split_of(tar)
            for film, frames in _samples(tar):
                films.setdefault((split, film), {}).update(frames)
        for (_, film), frames in films.items():
            if missing := [number for number in range(max(frames)) if number not in frames]:
                others = "name all tar files of the export, as 'FOLDER/*.tar'"
                raise DataSetError(f"{film}: its frame {missing[0]:,} is in none of the tar files: {others}")
        self._splits = [split for split, _ in films]
        self._films = [[frames[number] for number in range(len(frames))] for frames in films.values()]
        content = [
            [*key, [[f.size, f.caption] for f in its]] for key, its in zip(films, self._films, strict=True)
        ]
        self._name = f"{len(films)} films in {len(tars)} tar files ({data_digest(content)[:12]})"

    @property
    def name(self) -> str:
        """With a digest of the films' names and splits, their captions, and each picture's size in bytes."""
        return self._name

    def films(self, split: Split) -> Sequence[int]:
        return [film for film, its in enumerate(self._splits) if its == split]

    def length(self, film: int) -> int:
        return len(self._films[film])

    def frames(self, film: int, numbers: Sequence[float], size: int) -> NDArray[np.uint8]:
        """Between two frames there is nothing.

        Raises DataSetError for a `size` above that of the pictures, and for a tar file that has changed.
        """
        return np.stack([_picture(self._films[film][int(number)], size) for number in numbers])

    def captions(self, film: int, numbers: Sequence[float]) -> list[str]:
        return [self._films[film][int(number)].caption for number in numbers]


def find_tars(data: Path) -> list[Path]:
    """The tar files that `data` names: one, a pattern such as `shards/*.tar`, or a folder that holds some."""
    if data.is_dir():
        return sorted(data.glob("*.tar"))
    return sorted(data.parent.glob(data.name)) if data.suffix == ".tar" else []


def _split_of(tar: Path) -> Split:
    for split in SPLITS:
        if tar.name.startswith(f"{split}-"):
            return split
    raise DataSetError(
        f"{tar}: its name says no split: call it {', '.join(f'{split}-*.tar' for split in SPLITS)}"
    )


def _samples(tar: Path) -> Iterator[tuple[str, dict[int, _Frame]]]:
    """The film of every sample, and its frames by number."""
    wanted = "write it again with `longtake data export`"
    texts: dict[str, bytes] = {}  # sample -> what it tells of itself
    places: dict[str, list[tuple[int, int]]] = {}  # sample -> where its pictures lie, in order of their names
    try:
        with tarfile.open(tar, "r:") as file:
            for member in sorted(file, key=lambda member: member.name):
                sample, _, kind = member.name.partition(".")
                if kind == "json" and (opened := file.extractfile(member)) is not None:
                    texts[sample] = opened.read()
                elif kind.endswith((".jpg", ".png")):
                    places.setdefault(sample, []).append((member.offset_data, member.size))
    except (OSError, tarfile.TarError) as error:
        raise DataSetError(f"{tar}: cannot be read ({error}): {wanted}") from error
    for sample, text in texts.items():
        try:
            facts = json.loads(text)
            frames = zip(facts["numbers"], places[sample], facts["captions"], strict=True)
            yield facts["film"], {int(n): _Frame(tar, *place, str(caption)) for n, place, caption in frames}
        except (ValueError, KeyError, TypeError) as error:
            raise DataSetError(f"{tar}: {sample} is no sample of a film: {wanted}") from error
    if not texts:
        raise DataSetError(f"{tar}: holds no sample of a film: {wanted}")


def _picture(frame: _Frame, size: int) -> NDArray[np.uint8]:
    try:
        with frame.tar.open("rb") as file:
            file.seek(frame.first)
            picture = Image.open(io.BytesIO(file.read(frame.size))).convert("RGB")
    except OSError as error:  # as Pillow's are
        remedy = "it was moved or changed: start the training anew"
        raise DataSetError(f"{frame.tar}: a picture cannot be read ({error}): {remedy}") from error
    if size > min(picture.size):
        remedy = f"ingest the films with --size {size} and export them again"
        raise DataSetError(f"{frame.tar} has {min(picture.size)} pixels a side, not {size}: {remedy}")
    return np.asarray(picture.resize((size, size), Image.Resampling.LANCZOS))
