"""Training the small text encoder on captions of any films: it must say them again from its registers alone.

Nobody has taken such captions apart into facts, as the cartoon world's are. To say a caption again, word by
word and in order, the registers must hold all that it says; what words mean is left for the denoiser to find
out. Some words come in as unknown and must be guessed from the others (Devlin et al. 2019).
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from longtake.conditions.text import SmallTextEncoder
from longtake.models.layers import adam_
from longtake.train.loop import step_seed

Retold = tuple[Tensor, Tensor]  # word rows as they are heard, as they are meant; both [P, words]


class Reteller(nn.Module):
    """A text encoder, and what says its sentences again."""

    def __init__(self, encoder: SmallTextEncoder) -> None:
        super().__init__()
        self.encoder = encoder
        width, registers, longest = encoder.config.width, len(encoder.slots), len(encoder.position)
        self.registers = registers
        self.gist = nn.Linear(registers * width, 2 * width)
        self.places = nn.Embedding(longest, 2 * width)
        self.words = adam_(nn.Linear(2 * width, len(encoder.config.vocabulary) + 2))

    def forward(self, rows: Tensor) -> Tensor:
        """Word rows `[P, words]` -> logits `[P, words, rows of the table]`."""
        told = self.gist(self.encoder(rows)[:, : self.registers].flatten(1))
        return cast(Tensor, self.words(F.gelu(told[:, None] + self.places.weight)))


def retell_batches(
    encoder: SmallTextEncoder, captions: Sequence[str], batch: int, seed: int = 0, dropped: float = 0.1
) -> Callable[[int, int, int], Retold]:
    """Batches of captions, of whose words a share is heard as unknown."""

    def batches(step: int, rank: int, world: int) -> Retold:
        chance = random.Random(step_seed(seed, step, rank))
        rows = encoder.rows([chance.choice(captions) for _ in range(batch)])
        strange = torch.tensor([[chance.random() < dropped for _ in row] for row in rows.tolist()])
        return torch.where(strange & (rows > 0), 1, rows), rows

    return batches


def retell_loss(
    model: Reteller, batch: Retold, generator: torch.Generator
) -> tuple[Tensor, dict[str, Tensor]]:
    """Cross-entropy of the words and of the end, and the share of captions that were said without a fault.

    Behind the first place after a caption's end nothing is asked. Words that the table lacks are not either.
    """
    heard, meant = batch
    logits = model(heard)
    before = F.pad(meant, (1, 0), value=1)[:, :-1]  # the row one place earlier; there is one before the first
    asked = (before > 0) & (meant != 1)
    loss = F.cross_entropy(logits[asked].float(), meant[asked])
    right = ((logits.argmax(-1) == meant) | ~asked).all(1).float().mean()
    return loss, {"right": right}
