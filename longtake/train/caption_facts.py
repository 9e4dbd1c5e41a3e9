"""Training the small text encoder: what a caption says is asked of its tokens, before any picture is drawn.

Learnt along with the pictures alone, words would be understood only as fast as the denoiser finds out who
did what; asked for directly, a minute is enough, and the denoiser starts with words that mean something.
"""

from __future__ import annotations

import random
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from longtake.conditions.text import SmallTextEncoder
from longtake.train.captions import some_unknown
from longtake.train.loop import step_seed
from longtake.world.edition import World
from longtake.world.facts import Shot


def answers_of(cartoon: World) -> list[int]:
    """How many answers each question has, asked of a caption of this world.

    First actor's name, action, direction; the second's, if there is one; place, time, weather, pan.
    """
    names, actions = len(cartoon.characters), len(cartoon.actions)
    scene = [len(cartoon.places), len(cartoon.times), len(cartoon.weathers), 3]
    return [names, actions, 3, names + 1, actions + 1, 3, *scene]


def facts_of_shot(cartoon: World, shot: Shot) -> list[int]:
    """The shot as one answer per question; 0 for a second actor who is not there."""
    facts: list[int] = []
    for k in range(2):
        if k < len(shot.actors):
            actor = shot.actors[k]
            facts += [cartoon.characters.index(actor.name) + k, cartoon.actions.index(actor.action) + k]
            facts.append(0 if actor.action != "walk" else 1 if actor.facing < 0 else 2)
        else:
            facts += [0, 0, 0]
    facts += [cartoon.places.index(shot.place), cartoon.times.index(shot.time)]
    return [*facts, cartoon.weathers.index(shot.weather), shot.pan + 1]


class CaptionReader(nn.Module):
    """A text encoder with one linear question per fact, asked of all its registers together."""

    def __init__(
        self,
        encoder: SmallTextEncoder,
        cartoon: World,  # whose captions are read
    ) -> None:
        super().__init__()
        self.encoder = encoder
        self.answers = answers_of(cartoon)
        self.registers = len(encoder.slots)
        self.questions = nn.Linear(self.registers * encoder.config.width, sum(self.answers))

    def forward(self, rows: Tensor) -> tuple[Tensor, ...]:
        """Word rows `[P, words]` -> logits `[P, answers]` per fact."""
        logits: Tensor = self.questions(self.encoder(rows)[:, : self.registers].flatten(1))
        return torch.split(logits, self.answers, dim=1)


def caption_batches(
    cartoon: World,
    encoder: SmallTextEncoder,
    episodes: list[int],
    batch: int,
    seed: int = 0,
    dropped: float = 0.04,
) -> Callable[[int, int, int], tuple[Tensor, Tensor]]:
    """Batches of (word rows `[batch, words]`, facts `[batch, 10]`); a share of the words is made unknown."""

    def batches(step: int, rank: int, world: int) -> tuple[Tensor, Tensor]:
        chance = random.Random(step_seed(seed, step, rank))
        shots = [cartoon.shot_at(chance.choice(episodes), chance.randrange(4200)) for _ in range(batch)]
        rows = encoder.rows([shot.caption for shot in shots])
        facts = torch.tensor([facts_of_shot(cartoon, shot) for shot in shots])
        return some_unknown(rows, dropped, chance), facts

    return batches


def facts_loss(
    model: CaptionReader, batch: tuple[Tensor, Tensor], generator: torch.Generator
) -> tuple[Tensor, dict[str, Tensor]]:
    """Cross-entropy summed over the facts, and the share of captions of which every fact was read right."""
    rows, facts = batch
    answers = model(rows)
    loss = torch.stack([F.cross_entropy(t, facts[:, k]) for k, t in enumerate(answers)]).sum()
    right = torch.stack([t.argmax(1) == facts[:, k] for k, t in enumerate(answers)]).all(0).float().mean()
    return loss, {"right": right}
