"""The layers that every network here is made of, in the forms that measured fastest.

Axes: B clips, T frames of a clip, N = B*T frames, C channels, H W pixels, S = H*W, L tokens, K heads, D
channels of a head, P prompts. An *image* is `[N, C, H, W]` in `torch.channels_last` memory, so `tokens` of it
is a free view: no layer copies an image only to move its axes. Layers that look along time take `frames` = T,
of which N must be a multiple.
"""

from __future__ import annotations

import math
from typing import TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

M = TypeVar("M", bound=nn.Module)


def tokens(x: Tensor) -> Tensor:
    """Image `[N, C, H, W]` -> `[N, S, C]`, a view where `x` is channels-last."""
    n, c, h, w = x.shape
    return x.permute(0, 2, 3, 1).reshape(n, h * w, c)


def image(x: Tensor, height: int, width: int) -> Tensor:
    """Tokens `[N, S, C]` -> channels-last image `[N, C, H, W]`, a view."""
    return x.reshape(x.shape[0], height, width, x.shape[2]).permute(0, 3, 1, 2)


def laid_as(x: Tensor, like: Tensor) -> Tensor:
    """`x` in the order of memory of `like`, which has its shape: in another order sums round otherwise."""
    return x if x.stride() == like.stride() else torch.empty_like(like, dtype=x.dtype).copy_(x)


def zero_(module: M) -> M:
    """Set all parameters of `module` to zero, so that a residual branch ending in it starts as nothing."""
    for parameter in module.parameters():
        nn.init.zeros_(parameter)
    return module


def adam_(module: M) -> M:
    """Mark `module` as one whose matrices are no hidden layers (first, last, tables): not for Muon."""
    module.adam = True  # type: ignore[assignment]
    return module


def sinusoidal(x: Tensor, channels: int, longest: float = 10_000.0) -> Tensor:
    """Embed numbers of any shape `[...]` as `[..., channels]`: cosines, then sines, of wavelengths 2 pi to
    2 pi `longest`, a geometric row (Vaswani et al. 2017, section 3.5)."""
    half = channels // 2
    steps = torch.arange(half, device=x.device, dtype=torch.float32) / half
    angle = x.float()[..., None] * torch.exp(-math.log(longest) * steps)
    return torch.cat([angle.cos(), angle.sin()], dim=-1)


def _linear(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """`F.linear` that on the CPU gives a row the same bits whether it comes alone or among others.

    In float32 a few rows are summed up in another order than many: up to 3 with one thread, 11 with two or
    eight, 27 with sixteen (MKL, measured). So they are filled up to 32 with zeros.
    """
    rows = math.prod(x.shape[:-1])
    if rows >= 32 or x.device.type != "cpu":
        return F.linear(x, weight, bias)
    filled = F.pad(x.reshape(rows, -1), (0, 0, 0, 32 - rows))
    return F.linear(filled, weight, bias)[:rows].reshape(*x.shape[:-1], -1)


def _convolve(layer: nn.Conv2d, x: Tensor, small: bool) -> Tensor:
    """The convolution, such that on the CPU a batch of one has the same bits as its part of a larger batch.

    oneDNN sums up a `small` single picture in another order (float32, measured), so it is computed twice.
    """
    if len(x) == 1 and small and x.device.type == "cpu":
        pair = torch.cat([x, x]).contiguous(memory_format=torch.channels_last)
        return F.conv2d(pair, layer.weight, layer.bias, layer.stride, layer.padding)[:1]
    return F.conv2d(x, layer.weight, layer.bias, layer.stride, layer.padding)


class Linear(nn.Linear):
    """`nn.Linear` that on the CPU gives a row the same bits whether it comes alone or among others."""

    def forward(self, input: Tensor) -> Tensor:
        return _linear(input, self.weight, self.bias)


class SpatialConv(nn.Conv2d):
    """Convolution of each frame by itself, padded with zeros so that stride 1 keeps the size."""

    def __init__(
        self,
        inputs: int,  # channels
        outputs: int,  # channels
        kernel: int = 3,  # pixels, odd
        stride: int = 1,  # pixels
    ) -> None:
        super().__init__(inputs, outputs, kernel, stride=stride, padding=(kernel - 1) // 2)

    def forward(self, input: Tensor) -> Tensor:
        if self.kernel_size == self.stride == (1, 1):  # a matrix product; oneDNN's would depend on the batch
            out = _linear(input.permute(0, 2, 3, 1), self.weight.flatten(1), self.bias)
            return out.permute(0, 3, 1, 2)
        return _convolve(self, input, small=True)


def spatial_conv(inputs: int, outputs: int, kernel: int = 3, stride: int = 1) -> nn.Conv2d:
    """Convolution of each frame by itself, padded with zeros so that stride 1 keeps the size."""
    return SpatialConv(inputs, outputs, kernel, stride)


class TemporalConv(nn.Conv2d):
    """Convolution over time, the identity at initialisation: W[i, i, (k-1)//2] = 1, all else 0 (NUWA-XL).

    Runs as a 2-D convolution with kernel (k, 1) over the `[B, C, T, S]` view of the images: `Conv3d` unrolls
    its input on the CPU and is 1.3 to 1.6 times slower. Frames beyond the clip count as zero.
    """

    def __init__(
        self,
        channels: int,  # of input and output
        kernel: int = 3,  # frames, odd
    ) -> None:
        if kernel % 2 == 0:
            raise ValueError(f"a temporal kernel needs a middle frame, {kernel} has none; use {kernel + 1}")
        super().__init__(channels, channels, (kernel, 1), padding=(kernel // 2, 0))
        zero_(self)
        with torch.no_grad():
            self.weight[:, :, kernel // 2, 0] = torch.eye(channels)

    def forward(self, input: Tensor, frames: int = 1) -> Tensor:
        n, c, h, w = input.shape
        clips = input.permute(0, 2, 3, 1).reshape(n // frames, frames, h * w, c).permute(0, 3, 1, 2)
        out = _convolve(self, clips, small=frames == 1 or frames * h * w < 256 or c < 12)
        return out.permute(0, 2, 3, 1).reshape(n, h, w, c).permute(0, 3, 1, 2)


class ChannelNorm(nn.LayerNorm):
    """Layer normalisation over the channels of each pixel; `GroupNorm` is far slower in this layout."""

    def __init__(self, channels: int) -> None:
        super().__init__(channels)

    def forward(self, input: Tensor) -> Tensor:
        return super().forward(input.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


def attention(q: Tensor, k: Tensor, v: Tensor, bias: Tensor | None = None) -> Tensor:
    """Softmax attention: queries `[N, K, Lq, D]`, keys and values `[N, K, Lk, D]` -> `[N, K, Lq, D]`.

    `bias` is broadcast to `[N, K, Lq, Lk]` and added to the scores.

    On the CPU the fused routine gains only where there are many tokens in float32; for few, and in bfloat16,
    two matrix products are faster (forward alone 1.3 to 1.8 times, with the gradient 4 times).
    """
    few = q.shape[-2] * k.shape[-2] < 4096
    if q.device.type == "cpu" and (few or q.dtype == torch.bfloat16):
        q, k, v = (
            q.contiguous(),
            k.contiguous(),
            v.contiguous(),
        )  # or a batch of one has other strides and bits
        scores = torch.matmul(q * q.shape[-1] ** -0.5, k.transpose(-1, -2))
        weights = (scores if bias is None else scores + bias).softmax(dim=-1)
        return torch.matmul(weights.to(v.dtype), v)
    return F.scaled_dot_product_attention(q, k, v, attn_mask=None if bias is None else bias.to(q.dtype))


def rows_of(table: Tensor, index: Tensor) -> Tensor:
    """`table[P, ...]` at `index` `[N]` -> `[N, ...]`, bit for bit.

    As a product with a one-hot matrix, whose gradient is another product: that of indexing is a slow scatter.
    """
    hot = F.one_hot(index, table.shape[0]).to(table.dtype)
    return torch.matmul(hot, table.flatten(1)).view(-1, *table.shape[1:])


class SpatialAttention(nn.Module):
    """x + attention among the pixels of each frame; adds nothing at initialisation."""

    def __init__(
        self,
        channels: int,  # of input and output
        heads: int,  # divides `channels`
    ) -> None:
        super().__init__()
        self.heads = heads
        self.norm = nn.LayerNorm(channels)
        self.qkv = Linear(channels, 3 * channels)
        self.out = zero_(Linear(channels, channels))

    def forward(self, x: Tensor) -> Tensor:
        n, c, h, w = x.shape
        row = tokens(x)  # N S C
        qkv = self.qkv(self.norm(row)).view(n, h * w, 3, self.heads, c // self.heads)
        q, k, v = qkv.permute(2, 0, 3, 1, 4)
        mixed = attention(q, k, v).transpose(1, 2).reshape(n, h * w, c)
        return image(row + self.out(mixed), h, w)


class TemporalAttention(nn.Module):
    """x + attention among the frames of a clip at each pixel; adds nothing at initialisation."""

    def __init__(
        self,
        channels: int,  # of input and output
        heads: int,  # divides `channels`
    ) -> None:
        super().__init__()
        self.heads = heads
        self.norm = nn.LayerNorm(channels)
        self.qkv = Linear(channels, 3 * channels)
        self.out = zero_(Linear(channels, channels))

    def forward(self, x: Tensor, frames: int, bias: Tensor | None = None) -> Tensor:
        """`bias` `[B, K, T, T]` is added to the scores of every pixel (say, of distances in time)."""
        n, c, h, w = x.shape
        b, s = n // frames, h * w
        row = tokens(x)
        qkv = self.qkv(self.norm(row)).view(b, frames, s, 3, self.heads, c // self.heads)
        q, k, v = qkv.permute(3, 0, 2, 4, 1, 5).reshape(3, b * s, self.heads, frames, c // self.heads)
        if bias is not None:
            bias = bias[:, None].expand(b, s, self.heads, frames, frames).flatten(0, 1)
        mixed = attention(q, k, v, bias).view(b, s, self.heads, frames, c // self.heads)
        # Contiguous, or a single clip comes with other strides, and bfloat16 products with other bits.
        mixed = mixed.permute(0, 3, 1, 2, 4).reshape(n, s, c).contiguous()
        return image(row + self.out(mixed), h, w)


class CrossAttention(nn.Module):
    """x + attention from the pixels of each frame to its tokens; adds nothing at initialisation.

    Keys and values are made once per prompt (`context`) and gathered per frame, or are the frames' own.
    """

    def __init__(
        self,
        channels: int,  # of input and output
        context_channels: int,  # of the tokens
        heads: int,  # divides `channels`
    ) -> None:
        super().__init__()
        self.heads = heads
        self.norm = nn.LayerNorm(channels)
        self.context_norm = nn.LayerNorm(context_channels)
        self.q = Linear(channels, channels)
        self.kv = Linear(context_channels, 2 * channels)
        self.out = zero_(Linear(channels, channels))

    def context(self, text: Tensor) -> tuple[Tensor, Tensor]:
        """Prompts `[P, L, context_channels]` -> keys and values `[P, K, L, D]`."""
        kv = self.kv(self.context_norm(text))
        k, v = kv.view(*text.shape[:2], 2, self.heads, -1).permute(2, 0, 3, 1, 4)
        return k, v

    def forward(self, x: Tensor, context: tuple[Tensor, Tensor], prompt: Tensor | None = None) -> Tensor:
        """`prompt` `[N]` (long) is each frame's row of the context; None: frame k has row k."""
        n, c, h, w = x.shape
        row = tokens(x)
        q = self.q(self.norm(row)).view(n, h * w, self.heads, c // self.heads).transpose(1, 2)
        k, v = context if prompt is None else (rows_of(part, prompt) for part in context)
        mixed = attention(q, k, v).transpose(1, 2).reshape(n, h * w, c)
        return image(row + self.out(mixed), h, w)
