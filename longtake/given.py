"""What a network is given beside the noisy latents: one bag that training, sampling and networks hand on.

Axes: B clips, T frames, C latent channels, H W latent pixels, P prompts, N tokens of a prompt, K tokens of a
signal, D channels of a token, E timing features.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import torch
from torch import Tensor


class Draft(NamedTuple):
    """Roughly what is to be drawn, noised."""

    latents: Tensor  # [B, T, C, H, W]
    level: Tensor  # [B, T], their noise level 0..1; below 0 where a frame has no draft


@dataclass(frozen=True, kw_only=True)
class Signal:
    """What a track says of the frames of one clip, `[T]`, or of several, `[B, T]`; `...` is either of these.

    What stands where `valid` is False is never looked at. Raises ValueError where the shapes do not agree.
    """

    valid: Tensor  # [...], bool: the track says something of this frame
    tokens: Tensor | None = None  # [..., K, D], what it says
    timing: Tensor | None = None  # [..., E], numbers about -1..1 that tell when

    def __post_init__(self) -> None:
        frames = tuple(self.valid.shape)
        if self.valid.dtype != torch.bool or len(frames) not in (1, 2):
            raise ValueError(
                f"validity is {self.valid.dtype} of shape {list(frames)}: give a bool for every frame, "
                "[T] or [B, T]"
            )
        if self.tokens is None and self.timing is None:
            raise ValueError("this signal says nothing: give tokens, timing features, or both")
        for name, part, further in (("tokens", self.tokens, "K, D"), ("timing features", self.timing, "E")):
            axes = len(frames) + further.count(",") + 1
            if part is not None and (part.ndim != axes or tuple(part.shape[: len(frames)]) != frames):
                leading = ", ".join(map(str, frames))
                raise ValueError(
                    f"{name} of shape {list(part.shape)}: these frames need [{leading}, {further}]"
                )

    def rows(self, clips: Tensor | slice) -> Signal:
        """That of some clips `[B]` of several."""
        tokens, timing = (None if part is None else part[clips] for part in (self.tokens, self.timing))
        return Signal(valid=self.valid[clips], tokens=tokens, timing=timing)


@dataclass(frozen=True, kw_only=True)
class Given:
    """The conditions of B clips of T frames."""

    time: Tensor  # [B, T], film frames since the clip's start
    text: Tensor  # [P, N, D], tokens of distinct prompts; row 0 is the unconditional one
    prompt: Tensor  # [B, T] (long), row of `text` per frame
    known: Tensor  # [B, T, C, H, W], clean latents, looked at where `mask` is 1
    mask: Tensor  # [B, T, 1, H, W], 1 where a cell is known, else 0
    draft: Draft | None = None
    tracks: Mapping[str, Signal] = field(default_factory=dict)  # by name, each [B, T]

    def without_prompt(self) -> Given:
        """All frames under the unconditional prompt."""
        return replace(self, prompt=torch.zeros_like(self.prompt))

    def without_known(self) -> Given:
        """Nothing is known."""
        return replace(self, known=torch.zeros_like(self.known), mask=torch.zeros_like(self.mask))

    def rows(self, clips: Tensor | slice) -> Given:
        """The conditions of some clips, by their numbers `[B]` or as a slice; `text` stays whole."""
        return replace(
            self,
            time=self.time[clips],
            prompt=self.prompt[clips],
            known=self.known[clips],
            mask=self.mask[clips],
            draft=None if self.draft is None else Draft(*(part[clips] for part in self.draft)),
            tracks={name: signal.rows(clips) for name, signal in self.tracks.items()},
        )

    def to(self, dtype: torch.dtype) -> Given:
        """In the numbers that a network computes with.

        Times, noise levels and timing features stay as they are: bfloat16 keeps 8 bits, too few to tell
        frame 256 from 257, or a noise level from the next. Networks embed them in float32 and shorten that.
        """
        draft = self.draft and self.draft._replace(latents=self.draft.latents.to(dtype))
        tracks = {
            name: signal if signal.tokens is None else replace(signal, tokens=signal.tokens.to(dtype))
            for name, signal in self.tracks.items()
        }
        text, known, mask = (part.to(dtype) for part in (self.text, self.known, self.mask))
        return replace(self, text=text, known=known, mask=mask, draft=draft, tracks=tracks)
