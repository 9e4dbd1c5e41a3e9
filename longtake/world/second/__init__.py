"""The second edition: motion that follows from prompt and clock, a camera that goes along, and sound."""

from __future__ import annotations

from longtake.world.edition import World
from longtake.world.second.canvas import ROUND
from longtake.world.second.captions import lexicon, read_caption, vocabulary
from longtake.world.second.drawing import CLOCK_PERIOD, camera, draw
from longtake.world.second.scenes import doubled, moved, random_shot
from longtake.world.second.script import WEATHERS, shot_at, shot_of, stage
from longtake.world.second.sound import waveform

WORLD = World(
    edition=2,
    weathers=WEATHERS,
    clock_period=CLOCK_PERIOD,
    round=ROUND,
    clocked=True,
    shot_at=shot_at,
    shot_of=shot_of,
    stage=stage,
    draw=draw,
    camera=camera,
    waveform=waveform,
    read_caption=read_caption,
    vocabulary=vocabulary,
    lexicon=lexicon,
    random_shot=random_shot,
    moved=moved,
    doubled=doubled,
)
