"""What every edition of the cartoon world is made of: names that captions, pictures and labels share."""

from __future__ import annotations

from typing import Literal

CHARACTERS = ("fox", "frog", "penguin", "rabbit", "robot", "elephant")
PLACES = ("meadow", "beach", "desert", "mountains", "city", "farm")
# `sit` (down, once a shot) and `ball` (dropped, bounces die away) are not symmetric in time.
ACTIONS = ("walk", "jump", "wave", "sleep", "sit", "ball")
TIMES = ("morning", "day", "evening", "night")

Split = Literal["train", "validation", "test"]
SPLITS: tuple[Split, ...] = ("train", "validation", "test")

# Combinations that no training episode shows: what a model makes of them is not remembered.
HELD_OUT_PLACES = frozenset({("fox", "beach"), ("penguin", "desert"), ("robot", "farm")})
HELD_OUT_ACTIONS = frozenset({("frog", "ball"), ("rabbit", "sleep"), ("elephant", "jump")})


def held_out(who: str, action: str | None, place: str | None) -> bool:
    """Is a character at this action, or in this place, a combination that no training episode shows?"""
    return (who, action) in HELD_OUT_ACTIONS or (who, place) in HELD_OUT_PLACES
