"""What somebody wrote about moments of a film, as the scenes of a storyboard."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from fractions import Fraction
from typing import Any

import yaml

from longtake.storyboard.read import parse
from longtake.storyboard.schema import StoryboardError


def from_cues(
    cues: Iterable[tuple[Fraction, Fraction, str]],  # start and end in seconds, text
    fps: Fraction,  # film frames per second
    *,
    title: str,
    duration: Fraction | None = None,  # s; None: until the last cue ends
    seed: int = 0,
) -> str:
    """The YAML text of a storyboard, with a scene from every cue's start to the next one's.

    The first scene begins with the film, whatever its cue says; cues that begin in one frame are one scene.
    Raises StoryboardError where none lies within the film.
    """
    rows = sorted((start, end, " ".join(text.split())) for start, end, text in cues if text.split())
    length = duration if duration is not None else max((end for _, end, _ in rows), default=Fraction(0))
    frames = math.ceil(length * fps)
    scenes: dict[int, tuple[Fraction, list[str]]] = {}  # film frame -> time and texts
    for start, _, text in rows:
        at = math.floor(start * fps + Fraction(1, 2))
        if at < frames:
            scenes.setdefault(at, (start, []))[1].append(text)
    if not scenes:
        raise StoryboardError("no cue begins within the film: give a longer --duration")
    board: dict[str, Any] = {"title": title} if title else {}
    board["video"] = {"fps": int(fps) if fps.denominator == 1 else float(fps), "frames": frames}
    board["seed"] = seed
    board["scenes"] = _scenes(list(scenes.values()))
    text = yaml.safe_dump(board, sort_keys=False, allow_unicode=True, width=100)
    parse(text)
    return text


def _scenes(scenes: Sequence[tuple[Fraction, list[str]]]) -> list[dict[str, Any]]:
    digits = len(str(len(scenes)))
    return [
        {
            "id": f"s{number:0{digits}d}",
            "at": _clock(start) if number > 1 else 0,
            "prompt": " ".join(texts),
        }
        for number, (start, texts) in enumerate(scenes, start=1)
    ]


def _clock(seconds: Fraction) -> str:
    """h:mm:ss.sss, or less of it."""
    whole, thousandths = divmod(round(seconds * 1000), 1000)
    minutes, rest = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    head = f"{hours}:{minutes:02}" if hours else f"{minutes}"
    tail = f".{thousandths:03}".rstrip("0") if thousandths else ""
    return f"{head}:{rest:02}{tail}"
