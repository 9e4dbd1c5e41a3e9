"""Captions of any films: their words, and training the small text encoder to rebuild them from its registers.

Nobody has taken such captions apart into facts, as the cartoon world's are. To rebuild a caption, word by
word and in order, the registers must hold all that it says; what words mean is left for the denoiser to find
out. Some words come in as unknown and must be guessed from the others (Devlin et al. 2019).
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from longtake.conditions.text import SmallTextEncoder
from longtake.conditions.words import words
from longtake.data.footage import Footage
from longtake.models.layers import adam_
from longtake.train.loop import step_seed

CaptionPair = tuple[Tensor, Tensor]  # word rows as they come in, and as they are meant; both [P, words]
_MOST = 4000  # words: those that are left out are rare, and count as unknown
_AT_ONCE = 4096  # frames whose captions are asked for together


def captions_in(footage: Footage, films: Sequence[int]) -> list[str]:
    """Every caption of these films once, in alphabetical order; without "", which says nothing."""
    captions: set[str] = set()
    for film in films:
        frames = footage.length(film)
        for first in range(0, frames, _AT_ONCE):
            captions.update(footage.captions(film, range(first, min(first + _AT_ONCE, frames))))
    return sorted(captions - {""})


def vocabulary_of(captions: Iterable[str], most: int = _MOST) -> list[str]:
    """The words of the captions in alphabetical order: the `most` frequent ones, of equals the first."""
    counts = Counter(word for caption in captions for word in words(caption))
    ranked = sorted(counts, key=lambda word: (-counts[word], word))
    return sorted(ranked[:most])


def some_unknown(rows: Tensor, share: float, chance: random.Random) -> Tensor:
    """Word rows `[P, words]`, a share of the words made unknown."""
    strange = torch.tensor([[chance.random() < share for _ in row] for row in rows.tolist()])
    return torch.where(strange & (rows > 0), 1, rows)


class CaptionRebuilder(nn.Module):
    """A text encoder, and what rebuilds its sentences."""

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
        gist = self.gist(self.encoder(rows)[:, : self.registers].flatten(1))
        return cast(Tensor, self.words(F.gelu(gist[:, None] + self.places.weight)))


def rebuilding_batches(
    encoder: SmallTextEncoder, captions: Sequence[str], batch: int, seed: int = 0, dropped: float = 0.1
) -> Callable[[int, int, int], CaptionPair]:
    """Batches of captions, of whose words a share comes in as unknown."""

    def batches(step: int, rank: int, world: int) -> CaptionPair:
        chance = random.Random(step_seed(seed, step, rank))
        rows = encoder.rows([chance.choice(captions) for _ in range(batch)])
        return some_unknown(rows, dropped, chance), rows

    return batches


def rebuilding_loss(
    model: CaptionRebuilder, batch: CaptionPair, generator: torch.Generator
) -> tuple[Tensor, dict[str, Tensor]]:
    """Cross-entropy of the words and of the end, and the share of captions that were rebuilt without a fault.

    Behind the first place after a caption's end nothing is asked. Words that the table lacks are not either.
    """
    given, meant = batch
    logits = model(given)
    before = F.pad(meant, (1, 0), value=1)[:, :-1]  # the row one place earlier; there is one before the first
    counted = (before > 0) & (meant != 1)
    loss = F.cross_entropy(logits[counted].float(), meant[counted])
    right = ((logits.argmax(-1) == meant) | ~counted).all(1).float().mean()
    return loss, {"right": right}
