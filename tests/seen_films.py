"""Films as they were seen, for tests of measures: read perfectly, with plain numbers, or seen in pixels."""

from __future__ import annotations

from typing import Any

import numpy as np
import planned
from cartoon import CARTOON
from numpy.typing import NDArray

from longtake.evaluate.readings import Readings, Signals, unread
from longtake.evaluate.script import Script
from longtake.evaluate.signals import SignalReader
from longtake.plan import Plan, PlannedScene, Timeline
from longtake.world.vocabulary import ACTIONS, PLACES, TIMES


def perfect(script: Script, **others: NDArray[Any]) -> Readings:
    """What an oracle reads, without drawing; what is not asked for is read as the first of its kind.

    Hues, landmarks and the clock are 0; `others` are fields of `Readings` in the place of these.
    """
    wanted, n = script.wanted, script.length
    present = wanted.present.astype(np.float32)
    fields = {
        "presence": present,
        "count": present,
        "place": _sure(wanted.place, len(PLACES)),
        "time": _sure(wanted.time, len(TIMES)),
        "weather": _sure(wanted.weather, len(CARTOON.weathers)),
        "hue": np.zeros_like(present),
        "landmark": np.zeros(n),
        "clock": np.zeros(n),
        "action": _sure(wanted.action, len(ACTIONS)),
        "direction": _sure(wanted.direction, 3),
        **unread(n, present.shape[1]),
        "features": np.zeros((n, 1)),
        "clip_features": np.zeros((n // 16, 1)),
    }
    return Readings(**{name: part.astype(np.float32) for name, part in (fields | others).items()})


def _sure(index: NDArray[np.int64], count: int) -> NDArray[np.float32]:
    return np.eye(count, dtype=np.float32)[np.maximum(index, 0)]


def plain_signals(frames: int, **others: NDArray[Any]) -> Signals:
    """Numbers of a black film that stands still; `others` are fields of `Signals` in their place."""
    names = ("difference", "second", "lag", "luminance", "contrast", "saturation", "sharpness", "haze")
    numbers = {name: others.get(name, np.zeros(frames)).astype(np.float32) for name in names}
    return Signals(**numbers, thumbnails=np.zeros((frames, 8, 8, 3), dtype=np.uint8))


def signals_of(frames: NDArray[np.uint8]) -> Signals:
    """The numbers of frames `[N, H, W, 3]`."""
    reader = SignalReader()
    reader.add(frames)
    return reader.finish()


def plan_of(frames: int, **options: Any) -> Plan:
    """A film of one scene."""
    return planned.nuwa_xl(Timeline((PlannedScene("one", 0, "a fox"),), frames), **options)
