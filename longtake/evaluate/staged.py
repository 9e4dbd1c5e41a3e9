"""Where everybody should be, frame by frame, in an edition whose poses follow from prompt and clock."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from longtake.evaluate.measured import Floats
from longtake.world.edition import World
from longtake.world.episodes import EpisodeFacts
from longtake.world.facts import Shot
from longtake.world.second.drawing import HERE, FrameTruth
from longtake.world.second.motion import HEIGHT


@dataclass(frozen=True, kw_only=True)
class Staged:
    """What is scripted for N frames, per character of K; lengths in picture widths."""

    shown: Floats  # [N, K] share of the figure that is in the picture, 0 where it is not
    middle: Floats  # [N, K, 2] x and y of the middle of what is seen, nan where nothing is
    busy: NDArray[np.bool_]  # [N, K] it is in the picture and does what it is there for
    walks: NDArray[np.int64]  # [N, K] -1 to the left, 1 to the right, 0 not
    step: Floats  # [N, K] how far a walker gets by one step, over ground
    contacts: Floats  # [N, K, 2] 1 where this foot stands on the ground, nan where it has none to stand on
    balls: NDArray[np.int64]  # [N] how many balls are in the picture
    camera: Floats  # [N] shift of the scenery
    zoom: Floats  # [N] how much larger than in a shot that is not close everything is


def staged(cartoon: World, shots: Sequence[Shot], length: int) -> Staged:
    """The tables of the first `length` frames of shots that follow each other from frame 0."""
    assert cartoon.clocked, "poses are drawn by lot"
    nobody = EpisodeFacts(
        hues=dict.fromkeys(cartoon.characters, 0.0),
        layouts=dict.fromkeys(cartoon.places, 0.5),
        cast=cartoon.characters,
        places=cartoon.places,
    )
    shape = length, len(cartoon.characters)
    shown, middle, contacts = np.zeros(shape), np.full((*shape, 2), np.nan), np.full((*shape, 2), np.nan)
    busy: NDArray[np.bool_] = np.zeros(shape, dtype=bool)
    walks, step = np.zeros(shape, dtype=np.int64), np.zeros(shape)
    balls = np.zeros(length, dtype=np.int64)
    camera, zoom = np.zeros(length), np.ones(length)
    for shot in shots:
        for t in range(shot.start, min(shot.end, length)):
            truth = cartoon.draw(shot, nobody, t, 16)[1]
            assert isinstance(truth, FrameTruth)
            camera[t], zoom[t], balls[t] = truth.camera, truth.zoom, len(truth.things[0])
            for actor in truth.actors:
                who = cartoon.characters.index(actor.name)
                if actor.shown > shown[t, who]:
                    shown[t, who], middle[t, who] = actor.shown, actor.middle
                busy[t, who] = actor.busy and actor.shown >= HERE
                walks[t, who] = actor.direction
                if not actor.pose.lying and not actor.pose.seated:
                    contacts[t, who] = actor.contacts
                step[t, who] = 2 * actor.stride * HEIGHT
    return Staged(
        shown=shown, middle=middle, busy=busy, walks=walks, step=step, contacts=contacts, balls=balls,
        camera=camera, zoom=zoom,
    )  # fmt: skip
