"""What a network reads of named tracks: sound, a clock, whatever tells something about every frame.

Timing features become part of the frames' embedding; tokens are attended to by the pixels of their frame with
a softmax of their own (decoupled cross-attention, Ye et al. 2023), once, at the smallest size, where the
middle's full attention hands on what was read. Both add nothing at first, and nothing ever where a track is
absent or not valid.

Axes: B clips, T frames, N = B*T frames as one batch, K tokens of a frame, D channels of a token, E channels
of a frame's embedding, C channels, H W latent pixels.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

import torch
from torch import Tensor, nn

from longtake.given import Signal
from longtake.models.layers import CrossAttention, Linear, adam_, laid_as, zero_


class TrackReader(nn.Module):
    """The layers for one track. Raises ValueError where it would read nothing."""

    def __init__(
        self,
        embedding: int,  # E
        channels: int,  # C where its tokens are attended to
        heads: int,  # divides `channels`
        tokens: int = 0,  # D, channels of its tokens; 0: it has none, or they are not read
        timing: int = 0,  # its timing features; 0: it has none, or they are not read
    ) -> None:
        super().__init__()
        if not (tokens or timing):
            raise ValueError(
                "a track of 0 token channels and 0 timing features says nothing: give one of them"
            )
        self.tokens, self.features = tokens, timing
        self.attention = CrossAttention(channels, tokens, heads) if tokens else None
        self.timing = (
            nn.Sequential(adam_(Linear(timing, embedding)), nn.SiLU(), zero_(Linear(embedding, embedding)))
            if timing
            else None
        )

    def check(self, name: str, signal: Signal, clips: int, frames: int) -> None:
        """Raises ValueError where the signal is not what these layers were made for."""
        if tuple(signal.valid.shape) != (clips, frames):
            raise ValueError(
                f"the track {name!r} is of {list(signal.valid.shape)} frames: give [{clips}, {frames}]"
            )
        for what, part, width in (
            ("tokens", signal.tokens, self.tokens),
            ("timing features", signal.timing, self.features),
        ):
            channels = 0 if part is None else part.shape[-1]
            if width and channels != width:
                raise ValueError(
                    f"the track {name!r} has {what} of {channels} channels, and this network reads {width}: "
                    "give it the track that it was trained with"
                )

    def embed(self, embedding: Tensor, signal: Signal) -> Tensor:
        """Embeddings `[B, T, E]` with what the timing features add."""
        if self.timing is None or signal.timing is None:
            return embedding
        silent = ~signal.valid[..., None]
        features = signal.timing.masked_fill(silent, 0.0).to(embedding.dtype)
        return embedding + cast(Tensor, self.timing(features)).masked_fill(silent, 0.0)

    def attend(self, h: Tensor, signal: Signal) -> Tensor:
        """Images `[N, C, H, W]` that have read the tokens of their frames."""
        if self.attention is None or signal.tokens is None:
            return h
        silent = ~signal.valid.flatten()
        tokens = signal.tokens.flatten(0, 1).masked_fill(silent[:, None, None], 0.0).to(h.dtype)
        attended = self.attention(h, self.attention.context(tokens))
        return laid_as(torch.where(silent[:, None, None, None], h, attended), h)


class TrackReaders(nn.ModuleDict):
    """Those of all tracks that a network reads, by the tracks' names."""

    def __init__(
        self,
        tracks: Mapping[str, Mapping[str, int]],  # name -> {"tokens": D, "timing": features}, or one of these
        embedding: int,  # E
        channels: int,  # C where tokens are attended to
        heads: int,  # divides `channels`
    ) -> None:
        super().__init__(
            {name: TrackReader(embedding, channels, heads, **widths) for name, widths in tracks.items()}
        )

    def check(self, tracks: Mapping[str, Signal], clips: int, frames: int) -> None:
        """Raises ValueError for a track that is not read, or is not what the network was made for."""
        if unread := sorted(tracks.keys() - self.keys()):
            raise ValueError(
                f"this network does not read the track {', '.join(map(repr, unread))}: leave it out, or "
                "name it in `tracks` of the network's config and train it"
            )
        for name, signal in tracks.items():
            cast(TrackReader, self[name]).check(name, signal, clips, frames)

    def embed(self, embedding: Tensor, tracks: Mapping[str, Signal]) -> Tensor:
        """Embeddings `[B, T, E]` with what the tracks' timing features add."""
        for name, reader in self.items():  # in the network's order: sums round
            if name in tracks:
                embedding = cast(TrackReader, reader).embed(embedding, tracks[name])
        return embedding

    def attend(self, h: Tensor, tracks: Mapping[str, Signal]) -> Tensor:
        """Images `[N, C, H, W]` that have read the tracks' tokens."""
        for name, reader in self.items():
            if name in tracks:
                h = cast(TrackReader, reader).attend(h, tracks[name])
        return h
