"""The edition of the cartoon world that tests draw where any would do."""

from __future__ import annotations

from longtake.world.edition import world

CARTOON = world(1)
