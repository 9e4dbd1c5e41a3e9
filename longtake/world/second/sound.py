"""What any stretch of any episode sounds like, in sync with its pictures to a sample.

Feet, jumps, balls and sleepers are heard when the poses say so, behind them the place, the hour and the
weather. A list of what happens is for those who measure; whoever generates gets the waveform alone.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from longtake.files import seed_of
from longtake.world.second.ambience import ambience
from longtake.world.second.motion import moments, staging
from longtake.world.second.script import shot_at
from longtake.world.second.shot import Shot, Track
from longtake.world.second.synth import LONGEST, Event, events_sound, mixed

_FADE = 0.02  # seconds from the background of a scene to that of the next, half before the cut


def waveform(
    seed: int,
    start: float,
    samples: int,
    *,
    rate: int = 48_000,
    channels: int = 2,
    fps: float = 12.0,
    track: Track | None = None,
) -> NDArray[np.float32]:
    """`samples` samples of episode `seed` from second `start` (>= 0) on: `[samples, channels]`, within -1..1.

    Args:
        rate: samples a second; whatever it is, it is the same sound.
        channels: 1 or 2; one is the mean of two.
        fps: frames a second at which the episode is shown.
        track: as the frames are drawn with.
    """
    if start < 0 or samples < 0:
        raise ValueError(f"{samples} samples from second {start}: an episode begins at 0")
    stretch = _background(seed, start, samples, rate, fps, track)
    first, last = start - LONGEST, start + samples / rate
    happening = [event for event, _ in events(seed, max(0.0, first) * fps, last * fps, fps=fps, track=track)]
    return mixed([stretch, events_sound(happening, start, samples, rate, 2)], channels)


def events(
    seed: int, first: float, last: float, *, fps: float = 12.0, track: Track | None = None
) -> Iterator[tuple[Event, float]]:
    """What is heard from film frame `first` until before `last`, and at which frame (not a whole number)."""
    for shot in _shots(seed, first, last, track):
        low, high = max(first, shot.start) - shot.start, min(last, shot.end) - shot.start
        for moment in moments(shot, low, high):
            actor, at = shot.actors[moment.who], shot.start + moment.since
            yield (
                Event(
                    time=at / fps,
                    kind=moment.kind,
                    who=actor.name,
                    place=shot.place,
                    x=staging(shot, moment.since).xs[moment.who],
                    strength=moment.strength,
                    seed=seed_of(f"event {seed} {shot.start} {moment.who} {moment.since:.4f}"),
                ),
                at,
            )


def _background(
    seed: int, start: float, samples: int, rate: int, fps: float, track: Track | None
) -> NDArray[np.float32]:
    """Each scene's own, faded into each other at the cuts: `[samples, 2]`."""
    stretch = np.zeros((samples, 2), np.float32)
    end = start + samples / rate
    times = round(start * rate) + np.arange(samples)
    for shot in _shots(seed, (start - _FADE) * fps, (end + _FADE) * fps, track):
        begins, ends = shot.start / fps, shot.end / fps
        low = max(0, int((begins - _FADE / 2 - start) * rate))
        high = min(samples, int((ends + _FADE / 2 - start) * rate) + 1)
        if low >= high:
            continue
        at = times[low:high] / rate
        rises = np.ones(len(at)) if shot.start == 0 else (at - begins) / _FADE + 0.5
        falls = (ends - at) / _FADE + 0.5
        loud = np.clip(np.minimum(rises, falls), 0, 1).astype(np.float32)
        scene = ambience(
            shot.place, shot.time, shot.weather, start=times[low] / rate, samples=high - low, rate=rate,
            channels=2, seed=seed, since=begins,
        )  # fmt: skip
        stretch[low:high] += loud[:, None] * scene
    return stretch


def _shots(seed: int, first: float, last: float, track: Track | None) -> Iterator[Shot]:
    """Those that play from frame `first` until before `last`."""
    at = max(0, int(first))
    while at < last:
        shot = shot_at(seed, at, track)
        yield shot
        at = shot.end
