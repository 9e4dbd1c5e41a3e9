"""Which captions a film gets from the files around it, and how they meet what was edited by hand."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import NamedTuple

from longtake.data.cues import Cue, CueError, in_frames, read_cues
from longtake.data.tables import Row
from longtake.ingest.sidecars import INSIDE, Sidecar, chosen
from longtake.ingest.survey import Skipped
from longtake.ingest.take import Taken, checksum


class Told(NamedTuple):
    """What is said of one film."""

    source: str  # name of the file, "inside", or "" where nothing is said
    cues: list[Cue]  # in the time of the file
    digest: str  # of what it was read from
    unused: list[Skipped]  # sidecars, and why


def told(taken: Taken, offered: Sequence[Sidecar], kinds: Sequence[str], language: str) -> Told:
    """The captions of the first of `kinds` that the film has."""
    found: Told | None = None
    unused = [
        Skipped(one.path, "captions, not used", f"of {one.film.name}: {one.kind} are not asked for")
        for one in offered
        if one.kind not in kinds
    ]
    for kind, files in chosen(offered, kinds, language).items():
        if kind == INSIDE and found is None and taken.inside:
            found = Told(INSIDE, _inside(taken.inside, language), taken.sha256, [])
        for one in files:
            if found is not None:
                unused.append(Skipped(one.path, "captions, not used", f"{found.source} goes before it"))
                continue
            try:
                found = Told(one.path.name, read_cues(one.path), checksum(one.path), [])
            except CueError as error:
                unused.append(Skipped(one.path, "captions, not used", str(error)))
    source, cues, digest, _ = found or Told("", [], "", [])
    return Told(source, cues, digest, unused)


def _inside(streams: Sequence[tuple[str, Sequence[tuple[str, str, str]]]], language: str) -> list[Cue]:
    best = min(streams, key=lambda stream: (stream[0][:2] != language[:2], bool(stream[0])))
    return [Cue(Fraction(start), Fraction(end), text) for start, end, text in best[1]]


def rows_of(taken: Taken, cues: Sequence[Cue], fps: Fraction) -> list[Row]:
    """Rows of captions.csv; cues outside of the film fall away."""
    rows, lead = [], Fraction(taken.lead)
    for cue in cues:
        stretch = in_frames(Cue(cue.start - lead, cue.end - lead, cue.text), fps)
        start, end = max(0, stretch.start), min(taken.frames, stretch.stop)
        if start < end:
            rows.append({"film": taken.film, "start": str(start), "end": str(end), "caption": cue.text})
    return rows


def digest_of(rows: Sequence[Mapping[str, str]]) -> str:
    """Of what rows of captions.csv say."""
    said = [(row["start"].strip(), row["end"].strip(), row["caption"]) for row in rows]
    return hashlib.sha256(repr(said).encode()).hexdigest()
