"""Tracks: what runs beside a film's frames and steers them, asked at the times of a clip's frames.

A further track is a file here that answers `at`, and its name in the config of the networks that read it
(`tracks` of `MaskTemporalUNet`); nothing else knows it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from longtake.given import Signal

_OCTAVES = 8  # periods of the clock's hands, 1 s to 128 s


class Track(Protocol):
    """Anything that says something of moments of a film."""

    def at(self, times: Tensor) -> Signal:
        """What it says at these `times` `[T]`, in seconds (float64) since the film's start, in any order.

        A frame's answer depends on its own time alone, and K, D and E are the same for all times.
        """
        ...


@dataclass(frozen=True)
class ClockTrack:
    """How long something has been going on, say a scene: from `start` on, until before `end` (seconds).

    Its 17 timing features are log(1 + s) of the s seconds since the start, divided by that of an hour, and
    sines and cosines of s with periods of 1, 2, 4 ... 128 seconds. Raises ValueError where it never runs.
    """

    start: float = 0.0
    end: float = math.inf

    features = 1 + 2 * _OCTAVES

    def __post_init__(self) -> None:
        if not self.start < self.end:
            raise ValueError(
                f"a clock from {self.start} to {self.end} s never runs: let it end after its start"
            )

    def at(self, times: Tensor) -> Signal:
        since = times.double() - self.start
        angle = since[:, None] * (2 * math.pi / 2.0 ** torch.arange(_OCTAVES, device=times.device))
        log = torch.log1p(since.clamp(min=0))[:, None] / math.log1p(3600)
        timing = torch.cat([log, angle.sin(), angle.cos()], dim=-1).float()
        return Signal(valid=(times >= self.start) & (times < self.end), timing=timing)


def in_one_batch(clips: Sequence[Mapping[str, Signal]]) -> dict[str, Signal]:
    """Signals of clips, `[T]`, by track, as networks take them: `[B, T]`, not valid where a clip has none.

    Raises ValueError where clips differ in length, or a track's tokens or timing features in shape.
    """
    signals: dict[str, Signal] = {}
    for name in dict.fromkeys(name for clip in clips for name in clip):
        like = next(clip[name] for clip in clips if name in clip)
        each = [clip.get(name) or _silent(like) for clip in clips]
        shapes = [_shapes(signal) for signal in each]
        if len(set(shapes)) > 1:
            raise ValueError(
                f"the track {name!r} differs from clip to clip, {' and '.join(sorted(set(shapes)))}: "
                "put clips of one length in a batch, and let a track say as much of every frame"
            )
        tokens, timing = (
            None if part is None else torch.stack([getattr(signal, field) for signal in each])
            for field, part in (("tokens", like.tokens), ("timing", like.timing))
        )
        signals[name] = Signal(
            valid=torch.stack([signal.valid for signal in each]), tokens=tokens, timing=timing
        )
    return signals


def _silent(like: Signal) -> Signal:
    """A signal in the shape of `like` that says nothing."""
    tokens, timing = (None if part is None else torch.zeros_like(part) for part in (like.tokens, like.timing))
    return Signal(valid=torch.zeros_like(like.valid), tokens=tokens, timing=timing)


def _shapes(signal: Signal) -> str:
    return ", ".join(
        f"{name} {list(part.shape)}"
        for name, part in (("valid", signal.valid), ("tokens", signal.tokens), ("timing", signal.timing))
        if part is not None
    )
