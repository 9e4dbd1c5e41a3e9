"""What was seen in a film: the probes' readings and the pictures' own numbers, per frame.

Measures are functions of a `Script` and a `Watched`, so each can be tested with readings that are the script
itself (`oracle`): a perfect film must then get a perfect score, whatever the probes are worth.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from longtake.evaluate.measured import Floats32
from longtake.evaluate.script import Script
from longtake.world.episodes import EpisodeFacts
from longtake.world.facts import FrameTruth
from longtake.world.second import drawing as second


@dataclass(frozen=True, kw_only=True)
class Readings:
    """What the probes read in N frames. Probabilities, hues, clock and places in the picture are 0..1."""

    presence: Floats32  # [N, 6] probability that the character is in the picture
    count: Floats32  # [N, 6] how many of it there are
    place: Floats32  # [N, 6] probabilities
    time: Floats32  # [N, 4] probabilities
    weather: Floats32  # [N, weathers] probabilities
    hue: Floats32  # [N, 6] outfit hue, a circle of length 1; means nothing where the character is absent
    landmark: Floats32  # [N] where the landmark stands in the picture; where scenery comes again, -0.5..1.5
    clock: Floats32  # [N] how far the sun or moon is on its way
    action: Floats32  # [N, 6, 6] probabilities per character; means nothing where it is absent
    direction: Floats32  # [N, 6, 3] probabilities of left, none, right
    middle: Floats32  # [N, 6, 2] x and y of the character; this and four more are nan in the first edition
    contacts: Floats32  # [N, 6, 2] probability that this foot stands on the ground
    things: Floats32  # [N, 3] probability that a ball, a sun or moon, a landmark is in the picture
    thing_count: Floats32  # [N, 3] how many of each
    thing_middle: Floats32  # [N, 3, 2] x and y of each; means nothing where it is absent
    features: Floats32  # [N / 4, D] of the frame probe, of every fourth frame, for distances of distributions
    clip_features: Floats32  # [N // 16, E] of the clip probe, one row per 16 frames


@dataclass(frozen=True, kw_only=True)
class Signals:
    """Numbers of the pictures themselves, values 0..1, with nothing learnt."""

    difference: Floats32  # [N] mean |f_t - f_(t-1)|; 0 for the first frame
    second: Floats32  # [N] mean |f_t - 2 f_(t-1) + f_(t-2)|; 0 for the first two frames
    lag: Floats32  # [N] mean |f_t - f_(t-8)|; 0 for the first eight frames
    luminance: Floats32  # [N] mean of luma
    contrast: Floats32  # [N] standard deviation of luma
    saturation: Floats32  # [N] mean of max(RGB) - min(RGB)
    sharpness: Floats32  # [N] mean |luma difference of neighbouring pixels|, across and down
    haze: Floats32  # [N] share of pixels whose luma changes a little to a neighbour, by 4 to 30 of 255
    thumbnails: NDArray[np.uint8]  # [N, 8, 8, 3] area averages


@dataclass(frozen=True, kw_only=True)
class WatchedPixels:
    """What was seen in a film of N frames without probes."""

    signals: Signals
    motion_features: Floats32  # [N // 16, F] of a fixed random 3-D network on 16 frames


@dataclass(frozen=True, kw_only=True)
class Watched(WatchedPixels):
    """All that was seen in a film of N frames."""

    readings: Readings


def oracle(script: Script, hidden: EpisodeFacts) -> Readings:
    """Readings that are the truth of the script drawn under these facts."""
    n, cartoon = script.length, script.world
    truths = [cartoon.draw(script.shot(number), hidden, number, 16)[1] for number in range(n)]
    present = np.zeros((n, len(cartoon.characters)), dtype=np.float32)
    hue = np.zeros_like(present)
    action = np.zeros((*present.shape, len(cartoon.actions)), dtype=np.float32)
    direction = np.zeros((*present.shape, 3), dtype=np.float32)
    for t, truth in enumerate(truths):
        for actor in truth.actors:
            who = cartoon.characters.index(actor.name)
            present[t, who] += 1
            hue[t, who] = actor.hue
            action[t, who, cartoon.actions.index(actor.action)] = 1
            direction[t, who, actor.direction + 1] = 1
    if cartoon.clocked:  # of somebody who is all but out of the picture nothing is seen
        present *= script.staged.shown >= second.HERE
    return Readings(
        presence=np.minimum(present, 1),
        count=present,
        place=_one_hot([truth.place for truth in truths], cartoon.places),
        time=_one_hot([truth.time for truth in truths], cartoon.times),
        weather=_one_hot([truth.weather for truth in truths], cartoon.weathers),
        hue=hue,
        landmark=np.array([truth.landmark for truth in truths], dtype=np.float32),
        clock=np.array([truth.clock for truth in truths], dtype=np.float32),
        action=action,
        direction=direction,
        **(_seen_of(script, truths) if cartoon.clocked else unread(n, len(cartoon.characters))),
        features=np.zeros((-(-n // 4), 1), dtype=np.float32),
        clip_features=np.zeros((n // 16, 1), dtype=np.float32),
    )


def unread(n: int, characters: int) -> dict[str, Floats32]:
    """What the first edition's probes do not read in `n` frames."""
    shapes = {
        "middle": (n, characters, 2),
        "contacts": (n, characters, 2),
        "things": (n, 3),
        "thing_count": (n, 3),
        "thing_middle": (n, 3, 2),
    }
    return {name: np.full(shape, np.nan, dtype=np.float32) for name, shape in shapes.items()}


def _seen_of(script: Script, truths: Sequence[FrameTruth]) -> dict[str, Floats32]:
    """The same of an edition that tells where everything is."""
    stage = script.staged
    count, at = np.zeros((len(truths), 3)), np.zeros((len(truths), 3, 2))
    for t, truth in enumerate(truths):
        assert isinstance(truth, second.FrameTruth)
        for k, spots in enumerate(truth.things):
            count[t, k] = len(spots)
            if spots:
                at[t, k] = spots[0]
    seen = {
        "middle": stage.middle,
        "contacts": stage.contacts,
        "things": np.minimum(count, 1),
        "thing_count": count,
        "thing_middle": at,
    }
    return {name: table.astype(np.float32) for name, table in seen.items()}


def _one_hot(names: list[str], table: tuple[str, ...]) -> Floats32:
    return np.eye(len(table), dtype=np.float32)[[table.index(name) for name in names]]
