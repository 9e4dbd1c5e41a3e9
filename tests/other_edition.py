"""An edition of the cartoon world that is no other's: more weathers, in another order, and one word more."""

from __future__ import annotations

from dataclasses import replace

from longtake.world.edition import World
from longtake.world.facts import Shot
from longtake.world.first import WORLD as FIRST

NUMBER = 99


def shot_at(seed: int, frame: int) -> Shot:
    """That of the first edition, told with another word."""
    shot = FIRST.shot_at(seed, frame)
    return replace(shot, caption=f"Behold: {shot.caption}")


def vocabulary() -> list[str]:
    return sorted([*FIRST.vocabulary(), "behold"])


WORLD: World = replace(
    FIRST,
    edition=NUMBER,
    weathers=("snow", "rain", "dust", "clear"),
    shot_at=shot_at,
    vocabulary=vocabulary,
)
