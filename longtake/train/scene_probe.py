"""Training the frame probe of the world's second edition on scenes of its own.

Scenes are lightly damaged so that a little blur or noise does not change what is read, and some are faulty as
generated films are: a figure twice, two suns, two landmarks.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from longtake.models.pixels import to_model
from longtake.models.probe import PROBE_SIZE, count_peaks
from longtake.models.scene_probe import SceneLook, SceneProbe, middles
from longtake.train.loop import step_seed
from longtake.train.probe import focal, worn
from longtake.world.episodes import random_facts
from longtake.world.second.canvas import ROUND
from longtake.world.second.drawing import GONE, HERE, FrameTruth, Spots, draw
from longtake.world.second.scenes import random_shot
from longtake.world.second.script import WEATHERS
from longtake.world.vocabulary import CHARACTERS, PLACES, TIMES

_CELLS = 16  # per side of the maps


class SceneProbeBatch(NamedTuple):
    """N pictures and what they show; K characters, then ball, sun and landmark."""

    pictures: Tensor  # [N, 3, 64, 64], -1..1
    heat: Tensor  # [N, K + 3, 16, 16], 1 at each middle, falling off
    asked: Tensor  # [N, K + 3] whether it is clearly there, or clearly not
    middle: Tensor  # [N, K + 3, 2] x and y of the middle, 0..1, nan where it is not there once
    hue: Tensor  # [N, K], 0..1, nan where absent
    contacts: Tensor  # [N, K, 2], 0 or 1, nan where it cannot be said
    place: Tensor  # [N]
    time: Tensor  # [N]
    weather: Tensor  # [N]
    scenery: Tensor  # [N] where the landmark is on the scenery's round, 0..1


def scene_probe_batches(batch: int, seed: int) -> Callable[[int, int, int], SceneProbeBatch]:
    """Single pictures of random scenes."""

    def batches(step: int, rank: int, world: int) -> SceneProbeBatch:
        chance = random.Random(step_seed(seed, step, rank))
        pictures, truths = [], []
        for _ in range(batch):
            start, frames = chance.randrange(4500), chance.randint(6, 320)
            shot, number = random_shot(chance, start, frames), start + chance.randrange(frames)
            sun, mark = (chance.uniform(0.25, 0.75) if chance.random() < 0.1 else None for _ in range(2))
            hidden = random_facts(chance)
            picture, truth = draw(shot, hidden, number, PROBE_SIZE, doubled=(sun, mark))
            pictures.append(worn(picture[None], chance)[0])
            truths.append(truth)
        things = [_things(truth) for truth in truths]
        return SceneProbeBatch(
            pictures=to_model(np.stack(pictures)),
            heat=torch.stack([torch.stack([_bells(at) for at, _ in each]) for each in things]),
            asked=torch.tensor([[clear for _, clear in each] for each in things]),
            middle=torch.tensor([[_only(at, clear) for at, clear in each] for each in things]),
            hue=torch.tensor([_hues(truth) for truth in truths]),
            contacts=torch.tensor([_contacts(truth) for truth in truths]),
            place=torch.tensor([PLACES.index(truth.place) for truth in truths]),
            time=torch.tensor([TIMES.index(truth.time) for truth in truths]),
            weather=torch.tensor([WEATHERS.index(truth.weather) for truth in truths]),
            scenery=torch.tensor([truth.landmark / ROUND % 1.0 for truth in truths]),
        )

    return batches


def scene_loss(
    model: SceneProbe, batch: SceneProbeBatch, generator: torch.Generator
) -> tuple[Tensor, dict[str, Tensor]]:
    """All questions together; the log tells how many pictures have all counts right, and some errors."""
    look: SceneLook = model(batch.pictures)
    kinds = len(CHARACTERS)
    there = ~batch.hue.isnan()
    hue_off = (look.hue.float() - _circle(batch.hue)).square().sum(-1)
    once = ~batch.middle.isnan().any(-1)
    off = (middles(look) - batch.middle.nan_to_num()) * _CELLS
    grounded = ~batch.contacts.isnan()
    touch = F.binary_cross_entropy_with_logits(
        look.contacts.float(), batch.contacts.nan_to_num(), reduction="none"
    )
    # of walkers one foot stands and one does not: a few pixels, among figures that all but stand on both
    steps = grounded & (batch.contacts[..., :1] != batch.contacts[..., 1:])
    round_off = (look.scenery.float() - _circle(batch.scenery)).square().sum(-1)
    loss = (
        focal(look.heat.float(), batch.heat, batch.asked)
        + _mean(hue_off, there)
        + 0.5 * _mean(F.smooth_l1_loss(off, torch.zeros_like(off), reduction="none", beta=0.2).sum(-1), once)
        + 0.2 * _mean(touch, grounded & ~steps)
        + _mean(touch, steps)
        + F.cross_entropy(look.place.float(), batch.place)
        + F.cross_entropy(look.time.float(), batch.time)
        + F.cross_entropy(look.weather.float(), batch.weather)
        + 0.5 * round_off.mean()
    )
    with torch.no_grad():
        wanted = (batch.heat == 1).sum((-2, -1))
        right = ((count_peaks(look.heat) == wanted) | ~batch.asked)[:, :kinds].all(-1).float().mean()
        touched = (look.contacts > 0) == (batch.contacts > 0.5)
        told = {
            "counts_right": right,
            "hue_error": _turn(look.hue, batch.hue)[there].median(),
            "scenery_error": ROUND * _turn(look.scenery, batch.scenery).median(),
            "middle_error": off.abs()[once][:, 0].median() / _CELLS,
            "contacts_right": touched[grounded].float().mean(),
            "steps_right": touched[steps].float().mean(),
        }
    return loss, told


def _mean(values: Tensor, of: Tensor) -> Tensor:
    return (values * of).sum() / of.sum().clamp(min=1)


def _circle(part: Tensor) -> Tensor:
    angle = 2 * torch.pi * part.nan_to_num()
    return torch.stack([angle.cos(), angle.sin()], -1)


def _turn(read: Tensor, part: Tensor) -> Tensor:
    """How far the angle is off, as a share of the circle."""
    turn = torch.atan2(read[..., 1].float(), read[..., 0].float()) / (2 * torch.pi) - part
    return (turn - turn.round()).abs()


def _things(truth: FrameTruth) -> list[tuple[Spots, bool]]:
    """Per character and thing: where its middles are, and whether that is clear: none is cut by an edge."""
    found: list[tuple[Spots, bool]] = []
    for name in CHARACTERS:
        actors = [actor for actor in truth.actors if actor.name == name]
        spots = tuple(actor.middle for actor in actors if actor.shown >= HERE)
        found.append((spots, all(actor.shown >= HERE or actor.shown <= GONE for actor in actors)))
    balls, suns, marks = truth.things
    flying = [actor.ball[0] for actor in truth.actors if actor.ball is not None]
    found.append((balls, not any(-0.1 < x < 0 or 1 < x < 1.1 for x in flying)))
    found.append((suns, True))
    found.append((marks, not any(-0.2 < x < 0.06 or 0.94 < x < 1.2 for x in truth.landmarks)))
    return found


def _only(spots: Spots, clear: bool) -> tuple[float, float]:
    return spots[0] if len(spots) == 1 and clear else (math.nan, math.nan)


def _bells(spots: Spots) -> Tensor:
    """[cells, cells]: 1 in the cell of each middle, falling off as a bell around it."""
    bells = np.zeros((_CELLS, _CELLS), dtype=np.float32)
    axis = np.arange(_CELLS)
    for x, y in spots:
        column, row = (min(_CELLS - 1, max(0, int(_CELLS * part))) for part in (x, y))
        square = (axis[:, None] - row) ** 2 + (axis[None, :] - column) ** 2
        bells = np.maximum(bells, np.exp(-square / (2 * (0.05 * _CELLS) ** 2)).astype(np.float32))
    return torch.from_numpy(bells)


def _hues(truth: FrameTruth) -> list[float]:
    hues = {actor.name: actor.hue for actor in truth.actors if actor.shown >= HERE}
    return [hues.get(name, math.nan) for name in CHARACTERS]


def _contacts(truth: FrameTruth) -> list[list[float]]:
    """Of each foot of who is there once, upright and in full: whether it stands; nan if it all but does."""
    table = [[math.nan, math.nan] for _ in CHARACTERS]
    names = [actor.name for actor in truth.actors]
    for actor in truth.actors:
        if names.count(actor.name) > 1 or actor.shown < 0.9 or actor.pose.lying or actor.pose.seated:
            continue
        for foot, (_, above) in enumerate(actor.pose.feet):
            high = above + actor.pose.lift
            if not 0 < high < 0.03:
                table[CHARACTERS.index(actor.name)][foot] = float(high == 0)
    return table
