"""What somebody wrote about moments of a film: .srt, .vtt, .ass and .json files."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

CUE_FILES = (".vtt", ".srt", ".ass", ".ssa", ".json")


class Cue(NamedTuple):
    """A text for the time from `start` to `end`, in seconds."""

    start: Fraction
    end: Fraction
    text: str  # on one line, without markup


class CueError(ValueError):
    """A file that holds no cues; the message names it and the remedy."""


def read_cues(path: Path) -> list[Cue]:
    """The cues of a file in order of their start; those without text or without time are left out.

    .json: a list of objects with "start" and "end" in seconds, and "text". Raises CueError.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise CueError(f"{path}: there is no such file") from None
    except UnicodeDecodeError:
        raise CueError(f"{path}: is not written in UTF-8: convert it") from None
    cues = _json(text, path) if path.suffix.lower() == ".json" else _subtitles(text, path)
    kept = [cue for cue in cues if cue.text and cue.end > cue.start >= 0]
    if not kept:
        raise CueError(f"{path}: holds no cue with a text and a time")
    return sorted(kept)


def in_frames(cue: Cue, fps: Fraction) -> range:
    """The frames at whose times the cue is there; one at least, however short it is."""
    first = math.ceil(cue.start * fps)
    end = math.ceil(cue.end * fps)
    return range(first, end) if first < end else range(end - 1, end)


def _json(text: str, path: Path) -> Iterable[Cue]:
    try:
        entries = json.loads(text)
        return [Cue(_exact(one["start"]), _exact(one["end"]), _plain(one["text"])) for one in entries]
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError):
        form = '[{"start": 0.5, "end": 2, "text": "..."}, ...], in seconds'
        raise CueError(f"{path}: is no list of cues: write {form}") from None


def _exact(seconds: float) -> Fraction:
    return Fraction(str(seconds)).limit_denominator(1_000_000)


def _plain(text: str) -> str:
    return " ".join(text.split())


def _subtitles(text: str, path: Path) -> Iterable[Cue]:
    from pysubs2 import SSAFile  # here: an extra
    from pysubs2.exceptions import Pysubs2Error

    kind = {".vtt": "vtt", ".srt": "srt"}.get(path.suffix.lower(), "ass")
    try:
        file = SSAFile.from_string(text, format_=kind)
    except (Pysubs2Error, ValueError) as error:
        raise CueError(f"{path}: cannot be read as subtitles: {error}") from None
    return [
        Cue(Fraction(line.start, 1000), Fraction(line.end, 1000), _plain(line.plaintext))
        for line in file
        if not line.is_comment
    ]
