"""The first edition: figures that glide, in weather that is clear or rain."""

from __future__ import annotations

from longtake.world.edition import World
from longtake.world.first.captions import lexicon, read_caption, vocabulary
from longtake.world.first.drawing import CLOCK_PERIOD, camera, draw
from longtake.world.first.scenes import doubled, moved, random_shot
from longtake.world.first.script import WEATHERS, shot_at, shot_of, stage

WORLD = World(
    edition=1,
    weathers=WEATHERS,
    clock_period=CLOCK_PERIOD,
    shot_at=shot_at,
    shot_of=shot_of,
    stage=stage,
    draw=draw,
    camera=camera,
    read_caption=read_caption,
    vocabulary=vocabulary,
    lexicon=lexicon,
    random_shot=random_shot,
    moved=moved,
    doubled=doubled,
)
