"""A film: a storyboard that is drawn, decoded, encoded and written when it is asked for. Imports no torch."""

from __future__ import annotations

from longtake.film.drawing import Crew, DrawResult
from longtake.film.film import Film, Keyframes, Outlook, RenderResult
from longtake.film.opening import STORE, open_film
from longtake.film.progress import Progress
from longtake.film.writing import check_writable, clock

__all__ = [
    "STORE",
    "Crew",
    "DrawResult",
    "Film",
    "Keyframes",
    "Outlook",
    "Progress",
    "RenderResult",
    "check_writable",
    "clock",
    "open_film",
]
