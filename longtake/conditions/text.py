"""Prompts to meaning tokens.

`PromptEncoder` is all that the rest of longtake asks of a text encoder, so that another one (CLIP, T5)
can take the place of the small one here, which is trained on the captions of the cartoon world.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, cast

import torch
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.modeling_utils import ModelMixin
from torch import Tensor, nn

from longtake.conditions.words import words


class PromptEncoder(Protocol):
    """Anything that turns prompts into a fixed number of tokens each."""

    def encode(self, prompts: Sequence[str]) -> Tensor:
        """Tokens `[P, N, D]` of `P` prompts; the prompt "" is the unconditional one."""
        ...


class SmallTextEncoder(ModelMixin, ConfigMixin):  # type: ignore[misc]
    """A transformer over words and a few registers that gather what the sentence says.

    The tokens that it yields are the registers, then the words: N = registers + max_words; or the registers
    alone, which is a sixth of the work for whoever attends to them.
    """

    config_name = "config.json"

    @register_to_config  # type: ignore[untyped-decorator]
    def __init__(
        self,
        vocabulary: list[str],  # known words; row 0 of the table is padding, row 1 any unknown word
        width: int = 128,  # D
        layers: int = 3,
        heads: int = 4,
        registers: int = 8,
        max_words: int = 40,  # longer prompts are cut off
        registers_only: bool = False,  # yield no tokens of words
    ) -> None:
        super().__init__()
        self._row = {word: k + 2 for k, word in enumerate(vocabulary)}
        self._longest = max_words
        self.table = nn.Embedding(len(vocabulary) + 2, width)
        self.slots = nn.Parameter(torch.randn(registers, width) * 0.5)
        self.position = nn.Parameter(torch.randn(max_words, width) * 0.1)
        self.blocks = nn.ModuleList(_Block(width, heads) for _ in range(layers))
        self.norm = nn.LayerNorm(width)
        nn.init.normal_(self.table.weight, std=0.5)

    def rows(self, prompts: Sequence[str]) -> Tensor:
        """Rows of the word table `[P, max_words]`, 0 where a prompt has ended.

        Without a vocabulary every prompt says as little as "": a model of films without captions learnt that.
        """
        table = torch.zeros(len(prompts), self._longest, dtype=torch.long)
        for p, prompt in enumerate(prompts if self._row else ()):
            ids = [self._row.get(word, 1) for word in words(prompt)[: self._longest]]
            table[p, : len(ids)] = torch.tensor(ids, dtype=torch.long)
        return table

    def forward(self, rows: Tensor) -> Tensor:
        """Tokens `[P, N, D]` for word rows `[P, max_words]`."""
        embedded = self.table(rows) + self.position
        h = torch.cat([self.slots.expand(len(rows), -1, -1), embedded], dim=1)
        open_ = torch.zeros_like(rows[:, :1]).expand(-1, len(self.slots)).bool()
        hidden = torch.cat([open_, rows == 0], dim=1)
        for block in self.blocks:
            h = block(h, hidden)
        if self.config.registers_only:
            return cast(Tensor, self.norm(h[:, : len(self.slots)]))
        # Tokens behind the end say nothing, whatever reads them.
        return cast(Tensor, self.norm(h)).masked_fill(hidden[..., None], 0.0)

    def encode(self, prompts: Sequence[str]) -> Tensor:
        """Tokens `[P, N, D]`."""
        return cast(Tensor, self(self.rows(prompts).to(self.slots.device)))


class _Block(nn.Module):
    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm_attention = nn.LayerNorm(width)
        self.qkv = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)
        self.norm_mlp = nn.LayerNorm(width)
        self.mlp = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))

    def forward(self, h: Tensor, hidden: Tensor) -> Tensor:
        """`h` [P, N, D]; `hidden` [P, N] marks tokens that nothing may attend to."""
        p, n, d = h.shape
        qkv = self.qkv(self.norm_attention(h)).reshape(p, n, 3, self.heads, d // self.heads)
        q, k, v = qkv.permute(2, 0, 3, 1, 4)
        seen = ~hidden[:, None, None, :]
        read = nn.functional.scaled_dot_product_attention(q, k, v, attn_mask=seen)
        h = h + self.out(read.transpose(1, 2).reshape(p, n, d))
        return cast(Tensor, h + self.mlp(self.norm_mlp(h)))
