"""Which captions a film gets from the files around it, and how they meet what was edited by hand."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import NamedTuple

from longtake.data.cues import Cue, CueError, in_frames, read_cues
from longtake.data.tables import Cells
from longtake.files import file_digest
from longtake.ingest.import_film import ImportedFilm
from longtake.ingest.list_folder import Skipped
from longtake.ingest.sidecars import INSIDE, Sidecar, chosen


class FilmCaptions(NamedTuple):
    """What is said of one film."""

    source: str  # name of the file, "inside", or "" where nothing is said
    cues: list[Cue]  # in the time of the file
    digest: str  # of what it was read from
    unused: list[Skipped]  # sidecars, and why


def captions_of(
    film: ImportedFilm, offered: Sequence[Sidecar], kinds: Sequence[str], language: str
) -> FilmCaptions:
    """The captions of the first of `kinds` that the film has."""
    first: FilmCaptions | None = None
    unused = [
        Skipped(one.path, "captions, not used", f"of {one.film.name}: {one.kind} are not asked for")
        for one in offered
        if one.kind not in kinds
    ]
    for kind, files in chosen(offered, kinds, language).items():
        if kind == INSIDE and first is None and film.inside:
            first = FilmCaptions(INSIDE, _inside(film.inside, language), film.sha256, [])
        for one in files:
            if first is not None:
                unused.append(Skipped(one.path, "captions, not used", f"{first.source} goes before it"))
                continue
            try:
                first = FilmCaptions(one.path.name, read_cues(one.path), file_digest(one.path), [])
            except CueError as error:
                unused.append(Skipped(one.path, "captions, not used", str(error)))
    source, cues, digest, _ = first or FilmCaptions("", [], "", [])
    return FilmCaptions(source, cues, digest, unused)


def _inside(streams: Sequence[tuple[str, Sequence[tuple[str, str, str]]]], language: str) -> list[Cue]:
    best = min(streams, key=lambda stream: (stream[0][:2] != language[:2], bool(stream[0])))
    return [Cue(Fraction(start), Fraction(end), text) for start, end, text in best[1]]


def caption_rows(film: ImportedFilm, cues: Sequence[Cue], fps: Fraction) -> list[Cells]:
    """Rows of captions.csv; cues outside of the film fall away."""
    rows, lead = [], Fraction(film.lead)
    for cue in cues:
        stretch = in_frames(Cue(cue.start - lead, cue.end - lead, cue.text), fps)
        start, end = max(0, stretch.start), min(film.frames, stretch.stop)
        if start < end:
            rows.append({"film": film.film, "start": str(start), "end": str(end), "caption": cue.text})
    return rows


def digest_of_rows(rows: Sequence[Mapping[str, str]]) -> str:
    """Of what rows of captions.csv say."""
    content = [(row["start"].strip(), row["end"].strip(), row["caption"]) for row in rows]
    return hashlib.sha256(repr(content).encode()).hexdigest()
