"""Which file of captions belongs to which film, and of what kind it is: by their names.

A sidecar lies beside its film and is called like it, with words behind: `film.vtt`, `film.en.srt`,
`film_descriptions.en.vtt`, `film.json`. The words say the kind and the language, and nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from longtake.data.cues import CUE_FILES

INSIDE = "inside"  # subtitles in the film's own file
KINDS = ("json", "descriptions", "subtitles", INSIDE, "chapters")
DEFAULT_KINDS = ("json", "descriptions", "subtitles", INSIDE)  # the best first

_WORDS = {
    "descriptions": "descriptions",
    "description": "descriptions",
    "audiodescription": "descriptions",
    "ad": "descriptions",
    "captions": "subtitles",
    "caption": "subtitles",
    "subtitles": "subtitles",
    "subtitle": "subtitles",
    "subs": "subtitles",
    "cc": "subtitles",
    "sdh": "subtitles",
    "forced": "subtitles",
    "chapters": "chapters",
    "chapter": "chapters",
}
_PART = re.compile(r"([^a-z0-9]*)([a-z0-9]+(?:-[a-z0-9]+)*)")  # what is between two words, a word
_LANGUAGE = re.compile(r"[a-z]{2,3}(-[a-z0-9]{2,8})?")


class Sidecar(NamedTuple):
    """A file of captions."""

    path: Path
    film: Path
    kind: str  # one of KINDS
    language: str  # "" where its name says none


def sidecars(paths: Iterable[Path], films: Iterable[Path]) -> dict[Path, Sidecar | None]:
    """Every path that may hold captions, by its suffix, with the film that it belongs to, or None."""
    beside: dict[Path, list[Path]] = {}
    for film in films:
        beside.setdefault(film.parent, []).append(film)
    by_path: dict[Path, Sidecar | None] = {}
    for path in paths:
        if path.suffix.lower() in CUE_FILES:
            # The longest name: `toy_frog.vtt` is of `toy_frog.mp4` where there is a `toy.mp4` too.
            ranked = sorted(beside.get(path.parent, []), key=lambda film: (-len(film.stem), film.name))
            matches = (_match(path, film) for film in ranked)
            by_path[path] = next((one for one in matches if one is not None), None)
    return by_path


def _match(path: Path, film: Path) -> Sidecar | None:
    name = PurePosixPath(path.name).stem
    if not name.lower().startswith(film.stem.lower()):
        return None
    kind, language = ("json" if path.suffix.lower() == ".json" else "subtitles"), ""
    for between, word in _PART.findall(name[len(film.stem) :].lower()):
        if not between:
            return None  # the film's name goes on
        if word in _WORDS:
            kind = kind if kind == "json" else _WORDS[word]
        elif "." in between and _LANGUAGE.fullmatch(word):
            language = word
        else:
            return None
    return Sidecar(path, film, kind, language)


def chosen(offered: Sequence[Sidecar], kinds: Sequence[str], language: str) -> Mapping[str, list[Sidecar]]:
    """Of every kind that is asked for, in that order, the sidecars of one film: the best first.

    The one in `language` comes before one of no language, and this before others, by name.
    """

    def rank(one: Sidecar) -> tuple[int, str]:
        spoken = one.language.partition("-")[0]
        return (0 if spoken == language else 1 if not spoken else 2), one.path.name

    return {kind: sorted((one for one in offered if one.kind == kind), key=rank) for kind in kinds}
