"""Latents at other sizes, and the nearest known ones before and after each cell, against closed forms."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from longtake.models.latents import doubled, halved, nearest_features, nearest_known

CHANNELS, SIZE = 3, 2
UNEVEN = [0.0, 1.0, 15.0, 16.5, 240.0]


def latents(frames: int, clips: int = 1) -> Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.randn(clips, frames, CHANNELS, SIZE, SIZE, generator=generator)


def mask_of(frames: int, known: list[int]) -> Tensor:
    mask = torch.zeros(1, frames, 1, SIZE, SIZE)
    mask[:, known] = 1
    return mask


def parts(known: Tensor, mask: Tensor, times: list[float]) -> tuple[Tensor, Tensor, Tensor]:
    """Blend, difference, and both weights, of latents known where the mask says so."""
    found = nearest_known(known * mask, mask, torch.tensor([times] * len(known)))
    assert found.shape == (*known.shape[:2], nearest_features(CHANNELS), *known.shape[3:])
    blend, difference, weights = torch.split(found, [CHANNELS, CHANNELS, 2], dim=2)
    return blend, difference, weights


@pytest.mark.parametrize("times", [[0.0, 1.0, 2.0, 3.0, 4.0], [0.0, 15.0, 30.0, 45.0, 60.0], UNEVEN])
def test_between_known_ends_it_is_linear_interpolation_in_time(times: list[float]) -> None:
    known = latents(5)
    blend, difference, weights = parts(known, mask_of(5, [0, 4]), times)
    share = (torch.tensor(times) / times[-1])[None, :, None, None, None]
    torch.testing.assert_close(blend, known[:, :1] * (1 - share) + known[:, -1:] * share)
    inner = (known[:, -1:] - known[:, :1]).expand(-1, 3, -1, -1, -1)
    assert torch.equal(difference[:, 1:-1], inner)
    both = torch.cat([1 - share, share], dim=2).expand(-1, -1, -1, SIZE, SIZE)
    torch.testing.assert_close(weights[:, 1:-1], both[:, 1:-1])


def test_only_the_nearest_count() -> None:
    known = latents(5)
    blend, difference, _ = parts(known, mask_of(5, [0, 1, 3, 4]), UNEVEN)
    share = (15.0 - 1.0) / (16.5 - 1.0)
    torch.testing.assert_close(blend[:, 2], known[:, 1] * (1 - share) + known[:, 3] * share)
    assert torch.equal(difference[:, 2], known[:, 3] - known[:, 1])


def test_a_lone_neighbour_counts_alone() -> None:
    known = latents(5)
    blend, difference, weights = parts(known, mask_of(5, [2]), UNEVEN)
    assert torch.equal(blend, known[:, 2:3].expand_as(blend))
    assert difference.abs().max() == 0
    assert weights[0, :, :, 0, 0].tolist() == [[0, 1], [0, 1], [0.5, 0.5], [1, 0], [1, 0]]


def test_where_nothing_is_known_all_is_zero() -> None:
    known = latents(5)
    found = nearest_known(known, torch.zeros(1, 5, 1, SIZE, SIZE), torch.tensor([UNEVEN]))
    assert found.abs().max() == 0


@pytest.mark.parametrize("where", [[0], [4], [1, 2], [0, 2, 4], [0, 1, 2, 3, 4]])
def test_a_known_frame_is_itself_bit_for_bit(where: list[int]) -> None:
    known = latents(5)
    blend, difference, _ = parts(known, mask_of(5, where), UNEVEN)
    assert torch.equal(blend[:, where], known[:, where])
    assert difference[:, where].abs().max() == 0


def test_weights_sum_to_one_or_to_zero() -> None:
    generator = torch.Generator().manual_seed(1)
    mask = (torch.rand(6, 5, 1, SIZE, SIZE, generator=generator) < 0.3).float()
    _, _, weights = parts(latents(5, 6), mask, UNEVEN)
    any_known = mask.amax(dim=1, keepdim=True).expand(-1, 5, -1, -1, -1)
    assert 0 < any_known.mean() < 1  # both cases are there
    torch.testing.assert_close(weights.sum(dim=2, keepdim=True), any_known)
    assert weights.min() >= 0


def test_every_cell_of_every_clip_has_neighbours_of_its_own() -> None:
    generator = torch.Generator().manual_seed(2)
    known = latents(5, 4)
    mask = (torch.rand(4, 5, 1, SIZE, SIZE, generator=generator) < 0.4).float()
    times = torch.rand(4, 5, generator=generator).mul(100).cumsum(dim=1)
    whole = nearest_known(known * mask, mask, times)
    for clip in range(4):
        for y in range(SIZE):
            for x in range(SIZE):
                cell = (slice(clip, clip + 1), slice(None), slice(None), slice(y, y + 1), slice(x, x + 1))
                alone = nearest_known((known * mask)[cell], mask[cell], times[clip : clip + 1])
                assert torch.equal(whole[cell], alone)


def test_times_count_from_anywhere() -> None:
    # References lie before a clip's own first frame, at times below 0.
    known, mask = latents(5), mask_of(5, [0, 3])
    moved = parts(known, mask, [time - 200.0 for time in UNEVEN])
    for one, other in zip(moved, parts(known, mask, UNEVEN), strict=True):
        torch.testing.assert_close(one, other)


def test_half_precision_stays_what_it_is() -> None:
    known, mask = latents(5).bfloat16(), mask_of(5, [0, 4]).bfloat16()
    found = nearest_known(known, mask, torch.tensor([UNEVEN]))
    assert found.dtype == torch.bfloat16
    assert torch.equal(found[:, [0, 4], :CHANNELS], known[:, [0, 4]])


def test_sizes_are_means_and_back() -> None:
    latents = torch.randn(2, 3, 4, 8, 8)
    small = halved(latents)
    assert small.shape == (2, 3, 4, 4, 4)
    assert torch.allclose(small[0, 1, 2, 0, 3], latents[0, 1, 2, :2, 6:].mean())
    assert doubled(small).shape == latents.shape
    flat = torch.ones(1, 1, 1, 2, 2)
    assert torch.equal(doubled(flat), torch.ones(1, 1, 1, 4, 4))
