"""The layers against plain formulas, what they do at initialisation, and that a batch changes no bit."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

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

DTYPES = pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])


def pictures(count: int, channels: int, size: int = 4, seed: int = 0) -> Tensor:
    x = torch.randn(count, channels, size, size, generator=torch.Generator().manual_seed(seed))
    return x.contiguous(memory_format=torch.channels_last)


def shaken(module: nn.Module, seed: int = 0) -> nn.Module:
    """All parameters random, so that nothing is the identity any more."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for p in module.parameters():
            p.normal_(std=0.2, generator=generator)
    return module


def test_tokens_are_a_view_and_image_undoes_them() -> None:
    x = pictures(3, 8, 5)
    row = tokens(x)
    assert row.data_ptr() == x.data_ptr()
    assert row.is_contiguous()
    assert torch.equal(image(row, 5, 5), x)
    assert image(row, 5, 5).is_contiguous(memory_format=torch.channels_last)


@DTYPES
@pytest.mark.parametrize("kernel", [1, 3, 5])
def test_temporal_conv_is_the_identity_at_first(kernel: int, dtype: torch.dtype) -> None:
    x = pictures(12, 16).to(dtype)
    assert torch.equal(TemporalConv(16, kernel).to(dtype)(x, 6), x)


def test_temporal_conv_equals_conv3d() -> None:
    layer = shaken(TemporalConv(8, 3))
    x = pictures(2 * 5, 8)
    clips = x.view(2, 5, 8, 4, 4).permute(0, 2, 1, 3, 4)  # B C T H W
    expected = F.conv3d(clips, layer.weight[..., None], layer.bias, padding=(1, 0, 0))
    torch.testing.assert_close(layer(x, 5).reshape(2, 5, 8, 4, 4), expected.permute(0, 2, 1, 3, 4))


def test_temporal_conv_refuses_an_even_kernel() -> None:
    with pytest.raises(ValueError, match="use 3"):
        TemporalConv(8, 2)


def test_channel_norm_normalises_each_pixel() -> None:
    y = ChannelNorm(16)(3 * pictures(2, 16) + 5)
    torch.testing.assert_close(y.mean(1), torch.zeros(2, 4, 4), atol=1e-5, rtol=0)
    torch.testing.assert_close(y.var(1, correction=0), torch.ones(2, 4, 4), atol=1e-4, rtol=0)
    assert y.is_contiguous(memory_format=torch.channels_last)


@DTYPES
@pytest.mark.parametrize(("queries", "keys"), [(4, 7), (64, 64), (80, 9)])
@pytest.mark.parametrize("biased", [False, True])
def test_attention_is_softmax(queries: int, keys: int, biased: bool, dtype: torch.dtype) -> None:
    generator = torch.Generator().manual_seed(1)
    q, k, v = (torch.randn(3, 2, n, 8, generator=generator) for n in (queries, keys, keys))
    bias = torch.randn(3, 2, queries, keys, generator=generator) if biased else None
    scores = torch.einsum("nkqd,nkld->nkql", q, k) / 8**0.5 + (0 if bias is None else bias)
    expected = torch.einsum("nkql,nkld->nkqd", scores.softmax(-1), v)
    got = attention(q.to(dtype), k.to(dtype), v.to(dtype), bias)
    close = {"atol": 1e-5, "rtol": 1e-5} if dtype == torch.float32 else {"atol": 3e-2, "rtol": 3e-2}
    torch.testing.assert_close(got.float(), expected, **close)


@pytest.mark.parametrize("channels", [8, 16])
def test_attentions_add_nothing_at_first(channels: int) -> None:
    x, prompt = pictures(6, channels), torch.tensor([0, 0, 1, 1, 2, 0])
    cross = CrossAttention(channels, 12, heads=2)
    assert torch.equal(SpatialAttention(channels, 2)(x), x)
    assert torch.equal(TemporalAttention(channels, 2)(x, 3), x)
    assert torch.equal(cross(x, cross.context(torch.randn(3, 5, 12)), prompt), x)


def test_temporal_attention_mixes_frames_of_one_clip_and_pixel_only() -> None:
    layer = shaken(TemporalAttention(8, 2))
    x = pictures(2 * 5, 8)
    other = x.clone()
    other[1, :, 2, 3] += torch.randn(8)
    moved = (layer(x, 5) != layer(other, 5)).any(1)  # N H W
    expected = torch.zeros(10, 4, 4, dtype=torch.bool)
    expected[:5, 2, 3] = True
    assert torch.equal(moved, expected)


def test_temporal_bias_can_forbid_a_frame() -> None:
    layer = shaken(TemporalAttention(8, 2))
    x, bias = pictures(2 * 4, 8), torch.zeros(2, 2, 4, 4)
    bias[..., 3] = -1e9  # no frame looks at the last one
    other = x.clone()
    other[3] += torch.randn(8, 4, 4)
    assert torch.equal(layer(x, 4, bias)[:3], layer(other, 4, bias)[:3])
    assert not torch.equal(layer(x, 4)[:3], layer(other, 4)[:3])


def test_cross_attention_follows_each_frames_prompt() -> None:
    layer = shaken(CrossAttention(8, 12, heads=2))
    text, x = torch.randn(3, 5, 12), pictures(4, 8)
    together = layer(x, layer.context(text), torch.tensor([2, 0, 1, 2]))
    alone = layer(x[1:2], layer.context(text[:1]), torch.tensor([0]))
    torch.testing.assert_close(together[1:2], alone)
    changed = text.clone()
    changed[1] += 1
    moved = (layer(x, layer.context(changed), torch.tensor([2, 0, 1, 2])) != together).flatten(1).any(1)
    assert moved.tolist() == [False, False, True, False]


@DTYPES
def test_rows_of_equals_indexing_also_in_the_gradient(dtype: torch.dtype) -> None:
    table = torch.randn(4, 3, 5).to(dtype).requires_grad_()
    index, weight = torch.tensor([3, 0, 3, 1]), torch.randn(4, 3, 5).to(dtype)
    assert torch.equal(rows_of(table, index), table[index])
    made = torch.autograd.grad((rows_of(table, index) * weight).sum(), table)[0]
    torch.testing.assert_close(made, torch.autograd.grad((table[index] * weight).sum(), table)[0])


@DTYPES
@pytest.mark.parametrize("width", [8, 130, 512])
def test_linear_gives_a_row_the_same_bits_alone(width: int, dtype: torch.dtype) -> None:
    layer, x = Linear(width, 3 * width).to(dtype), torch.randn(100, width).to(dtype)
    together = layer(x)
    for rows in range(1, 50):
        assert torch.equal(layer(x[:rows]), together[:rows])
    assert torch.equal(layer(x.view(4, 25, width)), together.view(4, 25, -1))
    assert layer(x[0]).shape == (3 * width,)


@DTYPES
def test_a_batch_changes_no_bit(dtype: torch.dtype) -> None:
    frames, x = 5, pictures(4 * 5, 32, 8).to(dtype)
    conv, norm = shaken(spatial_conv(32, 32)).to(dtype), shaken(ChannelNorm(32)).to(dtype)
    along, within = shaken(TemporalConv(32)).to(dtype), shaken(TemporalAttention(32, 2)).to(dtype)
    around = shaken(SpatialAttention(32, 2)).to(dtype)

    def run(x: Tensor, frames: int) -> Tensor:
        out: Tensor = around(within(along(norm(conv(x)), frames), frames))
        return out

    with torch.no_grad():
        together = run(x, frames)
        for b in range(4):
            part = slice(b * frames, (b + 1) * frames)
            assert torch.equal(run(x[part], frames), together[part])
        assert torch.equal(run(x[:1], 1), run(x, 1)[:1])  # clips of one frame


def test_sinusoidal_is_cosines_then_sines() -> None:
    x = torch.tensor([[0.0, 1.0], [2.0, -3.0]])
    y = sinusoidal(x, 6, longest=100.0)
    rates = 100.0 ** (-torch.arange(3) / 3)
    angle = x[..., None] * rates
    torch.testing.assert_close(y, torch.cat([angle.cos(), angle.sin()], -1))


def test_marks_and_zeros() -> None:
    layer = zero_(adam_(nn.Linear(2, 3)))
    assert layer.adam is True
    assert not any(p.any() for p in layer.parameters())
