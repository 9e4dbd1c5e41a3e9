"""Training the probes, and the gates that they must pass before their readings may be believed.

They learn from scenes of their own (`World.random_shot`), lightly damaged so that a little blur or noise does
not change what is read; what is measured with them is never trained on them.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from longtake.data.footage import CLIP_FRAMES
from longtake.models.pixels import to_model
from longtake.models.probe import PROBE_SIZE, ClipProbe, FrameProbe, count_peaks
from longtake.train.loop import step_seed
from longtake.world.edition import World
from longtake.world.episodes import random_facts
from longtake.world.facts import SUN, SUN_RANGE, FrameTruth

_FINE, _COARSE = 16, 8  # cells per side of the probes' maps
_ABSENT = -100  # the target that cross-entropy leaves out


class FrameProbeBatch(NamedTuple):
    """N pictures and what they show."""

    pictures: Tensor  # [N, 3, 64, 64], -1..1
    heat: Tensor  # [N, K, 16, 16], 1 at each figure's middle, falling off
    hue: Tensor  # [N, K], 0..1, nan where absent
    place: Tensor  # [N]
    time: Tensor  # [N]
    weather: Tensor  # [N]
    landmark: Tensor  # [N, 16] where it stands, shared between the two nearest columns
    clock: Tensor  # [N, 16]


class ClipProbeBatch(NamedTuple):
    """B clips and what happens in them."""

    clips: Tensor  # [B, T, 3, 64, 64], -1..1
    heat: Tensor  # [B, T, K, 8, 8]
    action: Tensor  # [B, T, K], -100 where absent
    direction: Tensor  # [B, T, K], -100 where absent


def frame_probe_batches(cartoon: World, batch: int, seed: int) -> Callable[[int, int, int], FrameProbeBatch]:
    """Single pictures of random scenes."""

    def batches(step: int, rank: int, world: int) -> FrameProbeBatch:
        chance = random.Random(step_seed(seed, step, rank))
        pictures, truths = [], []
        for _ in range(batch):
            start, frames = chance.randrange(cartoon.clock_period), chance.randint(6, 260)
            shot = cartoon.random_shot(chance, start, frames)
            number = start + chance.randrange(frames)
            picture, truth = cartoon.draw(shot, random_facts(chance), number, PROBE_SIZE)
            pictures.append(worn(picture[None], chance)[0])
            truths.append(truth)
        return FrameProbeBatch(
            pictures=to_model(np.stack(pictures)),
            heat=torch.stack([_heat(cartoon, truth, _FINE) for truth in truths]),
            hue=torch.tensor([_hues(cartoon, truth) for truth in truths]),
            place=torch.tensor([cartoon.places.index(truth.place) for truth in truths]),
            time=torch.tensor([cartoon.times.index(truth.time) for truth in truths]),
            weather=torch.tensor([cartoon.weathers.index(truth.weather) for truth in truths]),
            landmark=torch.stack([_column(truth.landmark) for truth in truths]),
            clock=torch.stack([_column(SUN + SUN_RANGE * truth.clock) for truth in truths]),
        )

    return batches


def clip_probe_batches(cartoon: World, batch: int, seed: int) -> Callable[[int, int, int], ClipProbeBatch]:
    """Clips of 16 frames of random scenes, often with a cut in them."""

    def batches(step: int, rank: int, world: int) -> ClipProbeBatch:
        chance = random.Random(step_seed(seed, step, rank))
        clips, truths = [], []
        for _ in range(batch):
            drawn = _clip(cartoon, chance)
            pictures, shown = np.stack([picture for picture, _ in drawn]), [truth for _, truth in drawn]
            clips.append(worn(pictures, chance))
            truths.append(shown)
        doings = torch.tensor([[_doings(cartoon, truth) for truth in shown] for shown in truths])
        return ClipProbeBatch(
            clips=to_model(np.stack(clips)),
            heat=torch.stack(
                [torch.stack([_heat(cartoon, truth, _COARSE) for truth in shown]) for shown in truths]
            ),
            action=doings[..., 0],
            direction=doings[..., 1],
        )

    return batches


def _clip(cartoon: World, chance: random.Random) -> list[tuple[NDArray[np.uint8], FrameTruth]]:
    start, frames = chance.randrange(cartoon.clock_period), chance.randint(6, 260)
    begin = start + chance.randint(0, max(0, frames - CLIP_FRAMES // 2))
    numbers = range(begin, begin + CLIP_FRAMES)
    first, hidden = cartoon.random_shot(chance, start, frames), random_facts(chance)
    second = cartoon.random_shot(chance, start + frames, chance.randint(16, 260))
    return [cartoon.draw(first if n < first.end else second, hidden, n, PROBE_SIZE) for n in numbers]


def _doings(cartoon: World, truth: FrameTruth) -> list[list[int]]:
    """Action and direction per character, left out where it is absent or there twice.

    In a world whose walkers come in and go out also where hardly half of it is seen.
    """
    facts = [[_ABSENT, _ABSENT] for _ in cartoon.characters]
    names = [actor.name for actor in truth.actors]
    for actor in truth.actors:
        if names.count(actor.name) == 1 and (actor.shown > 0.5 or not cartoon.clocked):
            who = cartoon.characters.index(actor.name)
            # one that has arrived does nothing that has a name
            does = cartoon.actions.index(actor.action) if actor.busy else _ABSENT
            facts[who] = [does, actor.direction + 1]
    return facts


def frame_loss(
    model: FrameProbe, batch: FrameProbeBatch, generator: torch.Generator
) -> tuple[Tensor, dict[str, Tensor]]:
    """All questions together; the log tells how many pictures have all counts right, and the hue's error."""
    look = model(batch.pictures)
    there = ~batch.hue.isnan()
    angle = 2 * torch.pi * batch.hue.nan_to_num()
    target = torch.stack([angle.cos(), angle.sin()], -1)
    off = (look.hue.float() - target).square().sum(-1)
    loss = (
        focal(look.heat.float(), batch.heat)
        + (off * there).sum() / there.sum().clamp(min=1)
        + F.cross_entropy(look.place.float(), batch.place)
        + F.cross_entropy(look.time.float(), batch.time)
        + F.cross_entropy(look.weather.float(), batch.weather)
        + 0.5 * F.cross_entropy(look.landmark.float(), batch.landmark)
        + 0.5 * F.cross_entropy(look.clock.float(), batch.clock)
    )
    with torch.no_grad():
        wanted = (batch.heat == 1).sum((-2, -1))
        right = (count_peaks(look.heat) == wanted).all(-1).float().mean()
        turn = torch.atan2(look.hue[..., 1].float(), look.hue[..., 0].float()) / (2 * torch.pi) - batch.hue
        error = (turn - turn.round()).abs()[there].median()
    return loss, {"counts_right": right, "hue_error": error}


def clip_loss(
    model: ClipProbe, batch: ClipProbeBatch, generator: torch.Generator
) -> tuple[Tensor, dict[str, Tensor]]:
    """Where everyone is, what they do and which way; the log tells how often the last two are right."""
    look = model(batch.clips)
    action, direction = look.action.float().flatten(0, 2), look.direction.float().flatten(0, 2)
    action_of, side = batch.action.flatten(), batch.direction.flatten()
    loss = (
        focal(look.heat.float().flatten(0, 1), batch.heat.flatten(0, 1))
        + _answers(action, action_of)
        + _answers(direction, side)
    )
    with torch.no_grad():
        acts = (action.argmax(-1) == action_of)[action_of >= 0].float().mean()
        turns = (direction.argmax(-1) == side)[side >= 0].float().mean()
    return loss, {"action_right": acts, "direction_right": turns}


def _answers(logits: Tensor, target: Tensor) -> Tensor:
    """Cross-entropy of those who are there; 0, not nan, where nobody is."""
    off = F.cross_entropy(logits, target, ignore_index=_ABSENT, reduction="sum")
    return off / (target != _ABSENT).sum().clamp(min=1)


def focal(logits: Tensor, target: Tensor, asked: Tensor | None = None) -> Tensor:
    """Focal loss per object of maps `[..., H, W]` with a bell at every peak (CornerNet, arXiv:1808.01244).

    `asked` `[...]`: which maps count; None: all.
    """
    likely = logits.sigmoid()
    peak = target == 1
    missed = -F.logsigmoid(logits) * (1 - likely) ** 2
    ghost = -F.logsigmoid(-logits) * likely**2 * (1 - target) ** 4
    counted = torch.where(peak, missed, ghost)
    if asked is not None:
        counted, peak = counted * asked[..., None, None], peak & asked[..., None, None]
    return counted.sum() / peak.sum().clamp(min=1)


def _heat(cartoon: World, truth: FrameTruth, cells: int) -> Tensor:
    """[K, cells, cells]: 1 in the cell of each figure's middle, falling off as a bell around it."""
    maps = np.zeros((len(cartoon.characters), cells, cells), dtype=np.float32)
    axis = np.arange(cells)
    for actor in truth.actors:
        left, top, right, bottom = actor.box
        column = min(cells - 1, max(0, int(cells * (left + right) / 2)))
        row = min(cells - 1, max(0, int(cells * (top + bottom) / 2)))
        square = (axis[:, None] - row) ** 2 + (axis[None, :] - column) ** 2
        bell = np.exp(-square / (2 * (0.05 * cells) ** 2))
        who = cartoon.characters.index(actor.name)
        maps[who] = np.maximum(maps[who], bell)
    return torch.from_numpy(maps)


def _hues(cartoon: World, truth: FrameTruth) -> list[float]:
    hues = {actor.name: actor.hue for actor in truth.actors}
    return [hues.get(name, float("nan")) for name in cartoon.characters]


def _column(x: float) -> Tensor:
    """A place 0..1 shared between the two columns whose middles are nearest: `[16]`, sum 1."""
    at = min(_FINE - 1.0, max(0.0, x * _FINE - 0.5))
    low = min(_FINE - 2, int(at))
    shares = torch.zeros(_FINE)
    shares[low], shares[low + 1] = 1 - (at - low), at - low
    return shares


def worn(pictures: NDArray[np.uint8], chance: random.Random) -> NDArray[np.uint8]:
    """A little darker or brighter, blurred, noisy, or with coarse colours: one wear for the whole clip."""
    worn = pictures.astype(np.float32) * chance.uniform(0.92, 1.08)
    if chance.random() < 0.4:
        worn = _blur(worn, chance.uniform(0, 0.5))
    if chance.random() < 0.3:  # as films are stored: colours at half the size
        grey = worn.mean(-1, keepdims=True)
        colour = (worn - grey).reshape(len(worn), 32, 2, 32, 2, 3).mean((2, 4))
        worn = grey + colour.repeat(2, axis=1).repeat(2, axis=2)
    if chance.random() < 0.5:
        noise = np.random.Generator(np.random.Philox(chance.getrandbits(63))).standard_normal(worn.shape)
        worn += chance.uniform(0, 12) * noise.astype(np.float32)
    return worn.clip(0, 255).astype(np.uint8)


def _blur(pictures: NDArray[np.float32], share: float) -> NDArray[np.float32]:
    """Mixes in the mean of the four neighbours, twice."""
    for _ in range(2):
        padded: NDArray[np.float32] = np.pad(pictures, ((0, 0), (1, 1), (1, 1), (0, 0)), mode="edge")
        around = padded[:, 2:, 1:-1] + padded[:, :-2, 1:-1] + padded[:, 1:-1, 2:] + padded[:, 1:-1, :-2]
        pictures = ((1 - share) * pictures + share * around / 4).astype(np.float32)
    return pictures
