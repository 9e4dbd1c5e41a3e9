"""Mask Temporal Diffusion (NUWA-XL, section 3.2): the one network that every strategy draws its clips with.

Axes: B clips, T <= L frames, C latent channels, H W latent pixels, N = B*T frames as one batch, D channels of
a level, E channels of a frame's embedding, P prompts. Frames are channels-last images `[N, D, H, W]`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import cast

import torch
import torch.nn.functional as F
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.modeling_utils import ModelMixin
from torch import Tensor, nn

from longtake.given import Draft, Given
from longtake.models.latents import nearest_features, nearest_known
from longtake.models.layers import (
    ChannelNorm,
    CrossAttention,
    Linear,
    SpatialAttention,
    TemporalAttention,
    TemporalConv,
    adam_,
    attention,
    image,
    rows_of,
    sinusoidal,
    spatial_conv,
    tokens,
    zero_,
)
from longtake.models.tracks import TrackReaders

_MAP = 4  # pixels per side of the coarse picture that a prompt paints
_MAP_CHANNELS = 32
_QUERIES = 8  # what is asked of a prompt's tokens to sum it up
_LOG_SPAN = 9.0  # about log(8,000): the longest distance between two frames that is told apart well


class Spacing(nn.Module):
    """When the frames are, in log distances: to the neighbours, to the clip's ends, and for each pair."""

    def __init__(self, embedding: int, heads: int) -> None:
        super().__init__()
        first = adam_(Linear(4 * 8 + 2, embedding))
        self.frame = nn.Sequential(first, nn.SiLU(), zero_(Linear(embedding, embedding)))
        self.pair = nn.Sequential(adam_(Linear(2 * 8 + 2, 64)), nn.SiLU(), adam_(zero_(Linear(64, heads))))

    def forward(self, time: Tensor) -> tuple[Tensor, Tensor]:
        """`time` `[B, T]` in film frames -> embeddings `[B, T, E]`, biases of attention `[B, K, T, T]`."""
        step = time.diff(dim=1)
        edge = torch.zeros_like(time[:, :1])
        before, after = torch.cat([edge, step], 1), torch.cat([step, edge], 1)
        near = before, after, time - time[:, :1], time[:, -1:] - time
        index = torch.arange(time.shape[1], device=time.device, dtype=torch.float32) / 16
        place = torch.stack([index, index.flip(0)], dim=-1).expand(*time.shape, 2)
        alone = torch.cat([*(_waves(d) for d in near), place], dim=-1)
        distance = time[:, None, :] - time[:, :, None]
        apart = (index[None, :] - index[:, None]).expand_as(distance)
        order = distance.sign()[..., None]
        pairs = torch.cat([_waves(distance), _waves(16 * apart), order, apart[..., None]], dim=-1)
        dtype = _dtype(self.frame)
        return self.frame(alone.to(dtype)), self.pair(pairs.to(dtype)).permute(0, 3, 1, 2)


def _waves(distance: Tensor) -> Tensor:
    """`[...]` frames -> `[..., 8]`: sines and cosines of the log distance."""
    octaves = 2.0 ** torch.arange(4, device=distance.device, dtype=torch.float32)
    angle = torch.log1p(distance.abs())[..., None] * (torch.pi / _LOG_SPAN) * octaves
    return torch.cat([angle.sin(), angle.cos()], dim=-1)


class Summary(nn.Module):
    """What a prompt says at all: a vector for scale and shift, and a coarse picture of where things are."""

    def __init__(self, text: int, embedding: int, channels: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(text)
        self.query = nn.Parameter(torch.randn(_QUERIES, text) * text**-0.5)
        self.read = Linear(text, 2 * text)
        self.mix = nn.Sequential(Linear(_QUERIES * text, 2 * embedding), nn.SiLU())
        self.vector = zero_(Linear(2 * embedding, embedding))
        self.map = Linear(2 * embedding, _MAP_CHANNELS * _MAP * _MAP)
        self.paint = adam_(zero_(spatial_conv(_MAP_CHANNELS, channels)))

    def forward(self, text: Tensor, height: int, width: int) -> tuple[Tensor, Tensor]:
        """`text` `[P, N, D]` -> vectors `[P, E]`, pictures `[P, channels, height, width]`."""
        k, v = self.read(self.norm(text)).chunk(2, dim=-1)
        answers = attention(self.query.to(k.dtype).expand(len(k), 1, -1, -1), k[:, None], v[:, None])
        mixed = self.mix(answers.flatten(1))
        coarse = self.map(mixed).view(-1, _MAP_CHANNELS, _MAP, _MAP)
        fine = F.interpolate(coarse, size=(height, width), mode="bilinear")
        return self.vector(mixed), self.paint(fine)


class DraftReader(nn.Module):
    """What a draft of the clip adds to the first layer and to the frames' embeddings; nothing at first."""

    def __init__(self, latent_channels: int, embedding: int, channels: int) -> None:
        super().__init__()
        self.enter = adam_(zero_(spatial_conv(latent_channels + 1, channels)))
        self.level = adam_(zero_(Linear(128, embedding)))

    def forward(self, draft: Draft) -> Tensor:
        """-> `[N, D, H, W]`."""
        there = (draft.level >= 0).to(draft.latents.dtype)[:, :, None, None, None]
        there = there.expand_as(draft.latents[:, :, :1])
        out: Tensor = self.enter(_images(torch.cat([draft.latents * there, there], dim=2)))
        return out

    def embed(self, level: Tensor, dtype: torch.dtype) -> Tensor:
        """`[B, T]` -> `[B, T, E]`."""
        embedded = self.level(sinusoidal(1000 * level.clamp(min=0), 128).to(dtype))
        out: Tensor = embedded * (level >= 0).to(dtype)[..., None]
        return out


class Injection(nn.Module):
    """h = w_c h + b_c + h, then h = w_m h + b_m + h (equations 10 and 11): the known latents, then the mask.

    Both convolutions start at zero, so that a network that was trained without known frames keeps its output.
    """

    def __init__(self, channels: int, known_channels: int) -> None:
        super().__init__()
        self.known = adam_(zero_(spatial_conv(known_channels, 2 * channels, kernel=1)))
        self.mask = adam_(zero_(spatial_conv(1, 2 * channels, kernel=1)))

    def forward(self, h: Tensor, known: Tensor, mask: Tensor) -> Tensor:
        scale, shift = self.known(known).chunk(2, dim=1)
        h = scale * h + shift + h
        scale, shift = self.mask(mask).chunk(2, dim=1)
        return cast(Tensor, scale * h + shift + h)


def known_features(latent_channels: int, channels: int, levels: int, nearest: bool) -> nn.ModuleList:
    """The convolutions that make features of the known latents, one per level, each at half the size."""
    seen = latent_channels + 1 + nearest * nearest_features(latent_channels)
    entering = (seen, *[channels] * (levels - 1))[:levels]
    return nn.ModuleList(adam_(spatial_conv(c, channels, stride=1 + (k > 0))) for k, c in enumerate(entering))


def known_levels(convs: nn.ModuleList, given: Given, *, nearest: bool) -> dict[int, tuple[Tensor, Tensor]]:
    """What `Injection` takes on each level, by its width: features and mask, `[N, *, H, W]`.

    `nearest`: each frame is also told the nearest known latents before and after it.
    """
    known, mask = given.known * given.mask, given.mask
    seen = [known, mask]
    if nearest:
        seen.append(nearest_known(known, mask, given.time))
    features, there = _images(torch.cat(seen, dim=2)), _images(mask)
    levels: dict[int, tuple[Tensor, Tensor]] = {}
    for k, conv in enumerate(convs):
        features = F.silu(conv(features))
        levels[features.shape[-1]] = features, F.avg_pool2d(there, 2**k)
    return levels


@dataclass(frozen=True)
class Embedded:
    """Noise levels and conditions as the blocks read them."""

    count: int  # T
    frame: Tensor  # [N, E]
    bias: Tensor  # [B, K, T, T], of temporal attention; a level with fewer heads takes the first
    text: Tensor  # [P, tokens, D]
    prompt: Tensor  # [N], row of text
    known: dict[int, tuple[Tensor, Tensor]]  # width of a level -> features, mask: [N, *, H, W]


class Block(nn.Module):
    """Joins the skip, then convolutions in space and time, injection, SA -> PA -> TA."""

    def __init__(
        self,
        inputs: int,  # channels that come in, the skip's among them
        channels: int,
        embedding: int,
        text: int,  # channels of a prompt's tokens
        heads: int,
        injected: int,  # channels of the known latents' features; 0 for none
        convs: int,  # spatial convolutions, 1 or 2
    ) -> None:
        super().__init__()
        self.enter = spatial_conv(inputs, channels, kernel=1) if inputs != channels else None
        self.norm = ChannelNorm(channels)
        self.film = zero_(Linear(embedding, 2 * channels))
        self.conv1 = spatial_conv(channels, channels) if convs == 2 else None
        self.conv2 = zero_(spatial_conv(channels, channels))
        self.norm_time = ChannelNorm(channels)
        self.conv_time = zero_(TemporalConv(channels))
        self.injection = Injection(channels, injected) if injected else None
        self.space = SpatialAttention(channels, heads)
        self.prompt = CrossAttention(channels, text, heads)
        self.time = TemporalAttention(channels, heads)

    def forward(self, h: Tensor, emb: Embedded) -> Tensor:
        if self.enter is not None:
            h = self.enter(h)
        scale, shift = self.film(emb.frame)[:, :, None, None].chunk(2, dim=1)
        r = self.norm(h)
        if self.conv1 is not None:
            r = self.conv1(F.silu(r))
        h = h + self.conv2(F.silu(r * (1 + scale) + shift))
        h = h + self.conv_time(F.silu(self.norm_time(h)), emb.count)
        if self.injection is not None:
            h = self.injection(h, *emb.known[h.shape[-1]])
        h = self.space(h)
        h = self.prompt(h, self.prompt.context(emb.text), emb.prompt)
        return cast(Tensor, self.time(h, emb.count, emb.bias[:, : self.time.heads]))


class Middle(nn.Module):
    """Attention among all pixels of all frames of a clip, attention to the prompts, and an MLP."""

    def __init__(self, channels: int, embedding: int, text: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm = nn.LayerNorm(channels, elementwise_affine=False)
        self.film = zero_(Linear(embedding, 4 * channels))
        self.qkv = Linear(channels, 3 * channels)
        self.out = zero_(Linear(channels, channels))
        self.prompt = CrossAttention(channels, text, heads)
        self.up = Linear(channels, 3 * channels)
        self.down = zero_(Linear(3 * channels, channels))

    def forward(self, h: Tensor, emb: Embedded) -> Tensor:
        n, d, height, width = h.shape
        clips, length = n // emb.count, emb.count * height * width
        scale1, shift1, scale2, shift2 = self.film(emb.frame)[:, None].chunk(4, dim=-1)
        row = tokens(h)
        qkv = self.qkv(self.norm(row) * (1 + scale1) + shift1)
        q, k, v = qkv.reshape(clips, length, 3, self.heads, d // self.heads).permute(2, 0, 3, 1, 4)
        seen = attention(q, k, v).transpose(1, 2).reshape(n, height * width, d)
        row = row + self.out(seen)
        row = tokens(self.prompt(image(row, height, width), self.prompt.context(emb.text), emb.prompt))
        row = row + self.down(F.gelu(self.up(self.norm(row) * (1 + scale2) + shift2)))
        return image(row, height, width)


class MaskTemporalUNet(ModelMixin, ConfigMixin):  # type: ignore[misc]
    """Predicts noise, velocity or latents (whatever it was trained for) of a clip, some cells of it known.

    At initialisation the output depends on `x` alone, frame by frame; noise level, known latents, mask,
    prompts, time and neighbouring frames gain their say in training. Raises ValueError where the numbers per
    level are not equally many.

    After `enable_gradient_checkpointing()` blocks keep only what enters them and compute the rest a second
    time for their gradients (Chen et al. 2016), which stay what they are: for the condition, too.
    """

    _supports_gradient_checkpointing = True

    @register_to_config  # type: ignore[untyped-decorator]
    def __init__(
        self,
        latent_channels: int = 8,  # C
        text_channels: int = 128,  # D of the prompts' tokens
        channels: Sequence[int] = (64, 192),  # of each level; each further level halves the size
        convs: Sequence[int] = (2, 1),  # spatial convolutions of a block, per level
        up_blocks: Sequence[int] = (1, 1),  # blocks per level on the way up; one on the way down
        middle: int = 3,  # blocks with full attention at the smallest size
        head: int = 64,  # channels of an attention head
        embedding: int = 256,  # E
        known_channels: int = 48,  # of the known latents' features
        inject_down: bool = True,  # known latents enter the blocks on the way down
        inject_up: bool = True,  # and those on the way up (both: the paper's symmetric injection)
        nearest: bool = False,  # tell each frame its nearest known latents; not the paper's
        spaced: bool = True,  # tell the network the times of its frames; the paper does not
        summarised: bool = True,  # scale, shift, coarse picture from the prompt; the paper: attention only
        drafted: bool = False,  # may be shown a draft of the clip (VideoGen); not the paper's
        tracks: Mapping[str, Mapping[str, int]] | None = None,  # those it reads: see `TrackReaders`
    ) -> None:
        super().__init__()
        self.gradient_checkpointing = False  # diffusers' name
        if not len(channels) == len(convs) == len(up_blocks):
            counts = f"{len(channels)} channels, {len(convs)} convs, {len(up_blocks)} up_blocks"
            raise ValueError(f"{counts}: give each as many numbers as there are levels")
        first, last = channels[0], channels[-1]
        self.level = nn.Sequential(adam_(Linear(128, embedding)), nn.SiLU(), Linear(embedding, embedding))
        self.spacing = Spacing(embedding, max(channels) // head) if spaced else None
        self.summary = Summary(text_channels, embedding, first) if summarised else None
        self.enter = adam_(spatial_conv(latent_channels + 2, first))
        self.draft = DraftReader(latent_channels, embedding, first) if drafted else None
        injected = inject_down or inject_up
        self._looks_around = nearest
        self.known = known_features(latent_channels, known_channels, len(channels) * injected, nearest)

        def block(inputs: int, level: int, injected: bool) -> Block:
            c, features = channels[level], known_channels * injected
            return Block(inputs, c, embedding, text_channels, c // head, features, convs[level])

        self.down = nn.ModuleList(block(c, k, inject_down) for k, c in enumerate(channels))
        self.shrink = nn.ModuleList(spatial_conv(a, b, stride=2) for a, b in pairwise(channels))
        self.bottom = nn.ModuleList(
            Middle(last, embedding, text_channels, last // head) for _ in range(middle)
        )
        self.up = nn.ModuleList(
            nn.ModuleList(block(2 * c if i == 0 else c, k, inject_up) for i in range(up_blocks[k]))
            for k, c in enumerate(channels)
        )
        self.grow = nn.ModuleList(spatial_conv(b, a) for a, b in pairwise(channels))
        self.norm = ChannelNorm(first)
        self.leave = adam_(spatial_conv(first, latent_channels))
        # Last, so that the other layers begin as in a network that reads none.
        self.readers = TrackReaders(tracks or {}, embedding, last, last // head)

    def forward(self, x: Tensor, t: Tensor, given: Given) -> Tensor:
        """One evaluation.

        x [B, T, C, H, W]: noisy latents, known cells at their own noise level. t [B, T]: noise level 0..1 per
        frame. Returns the prediction [B, T, C, H, W]. Raises ValueError where H or W does not halve once per
        further level, where the network takes no drafts, and for a track that it does not read.
        """
        self._check(x, given)
        emb, painted = self._embed(t, given)
        h = self._enter(x, given.draft, painted)
        skips = []
        for k, block in enumerate(self.down):
            if k:
                h = self.shrink[k - 1](h)
            h = self._through(block, h, emb)
            skips.append(h)
        h = self.readers.attend(h, given.tracks)
        for block in self.bottom:
            h = self._through(block, h, emb)
        for k in reversed(range(len(skips))):
            if k < len(skips) - 1:
                h = self.grow[k](F.interpolate(h, scale_factor=2.0, mode="nearest"))
            h = torch.cat([h, skips[k]], dim=1)
            for block in cast(nn.ModuleList, self.up[k]):
                h = self._through(block, h, emb)
        out: Tensor = self.leave(F.silu(self.norm(h)))
        return _clips(out, len(x))

    def _through(self, block: nn.Module, h: Tensor, emb: Embedded) -> Tensor:
        if self.gradient_checkpointing and torch.is_grad_enabled():
            return cast(Tensor, self._gradient_checkpointing_func(block, h, emb))
        return cast(Tensor, block(h, emb))

    def _embed(self, t: Tensor, given: Given) -> tuple[Embedded, Tensor | None]:
        """What the blocks read, and the coarse pictures that the prompts paint, `[N, D, H, W]`."""
        b, count = t.shape
        frame = self.level(sinusoidal(1000 * t, 128).to(_dtype(self.level)))  # B T E
        bias = frame.new_zeros(b, 1, count, count)
        if self.spacing is not None:
            spaced, bias = self.spacing(given.time)
            frame = frame + spaced
        if self.draft is not None:
            level = torch.full_like(t, -1) if given.draft is None else given.draft.level
            frame = frame + self.draft.embed(level, frame.dtype)
        rows, painted = given.prompt.flatten(), None
        if self.summary is not None:
            vectors, pictures = self.summary(given.text, *given.known.shape[-2:])
            frame = frame + _clips(rows_of(vectors, rows), b)
            painted = rows_of(pictures, rows)
        frame = self.readers.embed(frame, given.tracks)
        known = known_levels(self.known, given, nearest=self._looks_around)
        return Embedded(count, F.silu(frame).flatten(0, 1), bias, given.text, rows, known), painted

    def _enter(self, x: Tensor, draft: Draft | None, painted: Tensor | None) -> Tensor:
        """The first layer: noisy latents and where they are, what is drafted, what the prompts paint."""
        b, count, _, height, width = x.shape
        corner = _coordinates(height, width, x).expand(b, count, 2, height, width)
        h: Tensor = self.enter(_images(torch.cat([x, corner], dim=2)))
        if self.draft is not None:
            h = h + self.draft(draft or Draft(torch.zeros_like(x), x.new_full((b, count), -1)))
        return h if painted is None else h + painted

    def _check(self, x: Tensor, given: Given) -> None:
        """Raises ValueError where the network can not take these."""
        height, width = x.shape[-2:]
        coarsest = 2 ** len(self.shrink)
        if height % coarsest or width % coarsest:
            raise ValueError(f"latents of {width}x{height}: make both sides multiples of {coarsest}")
        if given.draft is not None and self.draft is None:
            raise ValueError("this network takes no drafts: use a model that was trained with them")
        self.readers.check(given.tracks, *x.shape[:2])


def _images(clips: Tensor) -> Tensor:
    """`[B, T, C, H, W]` -> channels-last `[N, C, H, W]`."""
    return clips.flatten(0, 1).contiguous(memory_format=torch.channels_last)


def _clips(frames: Tensor, batch: int) -> Tensor:
    """`[N, ...]` -> `[B, T, ...]`."""
    return frames.view(batch, -1, *frames.shape[1:])


def _dtype(net: nn.Module) -> torch.dtype:
    return next(net.parameters()).dtype


def _coordinates(height: int, width: int, like: Tensor) -> Tensor:
    """Where each pixel is: `[2, H, W]` in [-1, 1], rows and columns."""
    rows = torch.linspace(-1, 1, height, device=like.device, dtype=like.dtype)
    columns = torch.linspace(-1, 1, width, device=like.device, dtype=like.dtype)
    return torch.stack(torch.meshgrid(rows, columns, indexing="ij"))
