"""Which cells of a training clip are known: regimes, and their mix per clip.

A regime is a function from `(B, T, H, W)` and a generator to a boolean tensor that broadcasts to it,
True = known. All clips are drawn at once, without looking at a drawn value, so a generator on an
accelerator never waits.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Generator, Tensor

Shape = tuple[int, int, int, int]  # B T H W
Regime = Callable[[Shape, Generator], Tensor]


def _uniform(*shape: int, generator: Generator) -> Tensor:
    return torch.rand(*shape, generator=generator, device=generator.device)


def _none(shape: Shape, generator: Generator) -> Tensor:
    """Nothing is known: keyframes."""
    return torch.zeros(1, 1, 1, 1, dtype=torch.bool, device=generator.device)


def _ends(shape: Shape, generator: Generator) -> Tensor:
    """The first and the last frame: a gap."""
    frame = torch.arange(shape[1], device=generator.device)
    return ((frame == 0) | (frame == shape[1] - 1))[None, :, None, None]


def _first_k(shape: Shape, generator: Generator) -> Tensor:
    """The first k frames, k uniform in 1..T-1: prediction."""
    frame = torch.arange(shape[1], device=generator.device)
    return (frame < _some(shape, generator))[:, :, None, None]


def _frames(shape: Shape, generator: Generator) -> Tensor:
    """k frames anywhere, k uniform in 1..T-1."""
    order = _uniform(shape[0], shape[1], generator=generator).argsort(dim=1)
    return (order < _some(shape, generator))[:, :, None, None]


def _stretch(shape: Shape, generator: Generator) -> Tensor:
    """All but a stretch of 1 to T / 2 frames anywhere: a scene of a film is drawn anew."""
    batch, frames, _, _ = shape
    length, place = _uniform(2, batch, 1, generator=generator).unbind()
    length = 1 + (length * (frames // 2)).long()
    start = (place * (frames - length + 1)).long()
    frame = torch.arange(frames, device=generator.device)
    return ((frame < start) | (frame >= start + length))[:, :, None, None]


def _rectangles(shape: Shape, generator: Generator) -> Tensor:
    """Inside or outside of one rectangle (even odds), over all frames or over k of them (even odds).

    The outside known: a region is to be drawn anew; where over k frames, the other frames are wholly known.
    """
    batch, _, height, width = shape
    rows = _interval(batch, height, generator)[:, None, :, None]
    columns = _interval(batch, width, generator)[:, None, None, :]
    everywhere, inside = (_uniform(2, batch, 1, 1, 1, generator=generator) < 0.5).unbind()
    rectangle = rows & columns & (everywhere | _frames(shape, generator))
    return rectangle ^ ~inside


REGIMES: dict[str, Regime] = {
    "none": _none,
    "ends": _ends,
    "first_k": _first_k,
    "frames": _frames,
    "stretch": _stretch,
    "rectangles": _rectangles,
}


def draw_masks(
    mixes: Sequence[Mapping[str, float]], frames: int, height: int, width: int, generator: Generator
) -> Tensor:
    """Masks `[B, T, 1, H, W]` (float32, 1 = known, on the generator's device), clip i by `mixes[i]`.

    A mix maps regimes to weights >= 0 of any sum > 0. In every clip at least one cell is unknown: where a
    regime would know all (both ends of a clip of two frames), one frame drawn at random is unknown.
    Raises ValueError for an unknown regime or for weights that are negative or all 0.
    """
    shape = (len(mixes), frames, height, width)
    weights = torch.tensor([_row(mix) for mix in mixes], device=generator.device)
    choice = torch.multinomial(weights, 1, generator=generator)  # B 1
    every = torch.stack([regime(shape, generator).expand(shape) for regime in REGIMES.values()])
    clip = torch.arange(shape[0], device=generator.device)
    known = every[choice[:, 0], clip]  # B T H W
    spare = (_uniform(shape[0], 1, generator=generator) * frames).long()
    spare = torch.arange(frames, device=generator.device) == spare  # B T
    complete = known.all(dim=(1, 2, 3))
    known = known & ~(complete[:, None] & spare)[:, :, None, None]
    return known[:, :, None].float()


def _row(mix: Mapping[str, float]) -> list[float]:
    unknown = set(mix) - set(REGIMES)
    if unknown:
        raise ValueError(f"unknown mask regime {', '.join(sorted(unknown))}: use {', '.join(REGIMES)}")
    row = [float(mix.get(name, 0)) for name in REGIMES]
    if min(row) < 0 or sum(row) <= 0:
        raise ValueError(f"mask regimes need weights >= 0, one of them above 0, not {dict(mix)}")
    return row


def _some(shape: Shape, generator: Generator) -> Tensor:
    """A number of frames in 1..T-1 for each clip (1 where T = 1), shaped B 1."""
    return 1 + (_uniform(shape[0], 1, generator=generator) * (shape[1] - 1)).long()


def _interval(batch: int, size: int, generator: Generator) -> Tensor:
    """An interval of uniform length in 1..size at a uniform place for each clip, as True in `[B, size]`."""
    length, place = _uniform(2, batch, 1, generator=generator).unbind()
    length = 1 + (length * size).long()
    start = (place * (size - length + 1)).long()
    cell = torch.arange(size, device=generator.device)
    return (cell >= start) & (cell < start + length)
