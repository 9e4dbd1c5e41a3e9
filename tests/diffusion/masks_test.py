from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Generator, Tensor

from longtake.diffusion.masks import REGIMES, draw_masks


def drawn(regime: str, frames: int = 6, size: int = 4, clips: int = 300, seed: int = 0) -> Tensor:
    """Whole masks `[clips, T, H, W]` of one regime."""
    masks = draw_masks([{regime: 1.0}] * clips, frames, size, size, Generator().manual_seed(seed))
    assert masks.shape == (clips, frames, 1, size, size)
    assert masks.dtype == torch.float32
    return masks[:, :, 0].bool()


def whole_frames(masks: Tensor) -> Tensor:
    frames = masks[:, :, 0, 0]  # B T
    assert torch.equal(masks, frames[:, :, None, None].expand_as(masks))
    return frames


@given(
    st.sampled_from(list(REGIMES)),
    st.integers(1, 20),
    st.integers(1, 5),
    st.integers(1, 5),
    st.integers(0, 99),
)
def test_something_is_always_unknown(regime: str, frames: int, height: int, width: int, seed: int) -> None:
    masks = draw_masks([{regime: 2.0}] * 50, frames, height, width, Generator().manual_seed(seed))
    assert masks.shape == (50, frames, 1, height, width)
    assert ((masks == 0) | (masks == 1)).all()
    assert (masks == 0).flatten(1).any(dim=1).all()


def test_none_knows_nothing() -> None:
    assert not drawn("none").any()


def test_ends_are_the_first_and_last_frame() -> None:
    assert (whole_frames(drawn("ends")) == torch.tensor([True, False, False, False, False, True])).all()
    two = whole_frames(drawn("ends", frames=2))
    assert (two.sum(dim=1) == 1).all()
    assert two.any(dim=0).all()
    assert not drawn("ends", frames=1).any()


def test_first_k_are_first_and_every_k_occurs() -> None:
    frames = whole_frames(drawn("first_k")).int()
    assert (frames.diff(dim=1) <= 0).all()
    assert set(frames.sum(dim=1).tolist()) == {1, 2, 3, 4, 5}


def test_frames_are_any() -> None:
    frames = whole_frames(drawn("frames", clips=2000)).int()
    assert set(frames.sum(dim=1).tolist()) == {1, 2, 3, 4, 5}
    assert len(torch.unique(frames, dim=0)) == 2**6 - 2
    assert (frames.float().mean(dim=0) - 0.5).abs().max() < 0.05


def test_rectangles_are_rectangles_or_their_complements() -> None:
    shapes, partly = set(), 0
    for mask in drawn("rectangles"):
        inside = [m for m in (mask, ~mask) if is_box(m)]
        assert inside
        shapes.add(tuple(inside[0].any(dim=0).sum(dim=d).max().item() for d in (0, 1)))
        partly += not inside[0].flatten(1).any(dim=1).all()
    assert len(shapes) == 16
    assert 0.3 < partly / 300 < 0.7


def is_box(mask: Tensor) -> bool:
    """True where the cells are frames x rows x columns, rows and columns being intervals."""
    frames, rows, columns = (
        mask.any(dim=1).any(dim=1),
        mask.any(dim=0).any(dim=1),
        mask.any(dim=0).any(dim=0),
    )
    product = frames[:, None, None] & rows[:, None] & columns
    edges = [int(side.int().diff().abs().sum() + side[0] + side[-1]) for side in (rows, columns)]
    return bool(mask.any()) and torch.equal(mask, product) and edges == [2, 2]


def test_the_mix_is_the_clips_own() -> None:
    masks = (
        draw_masks([{"none": 1}, {"ends": 5}] * 50, 5, 2, 2, Generator().manual_seed(0)).flatten(1).sum(dim=1)
    )
    assert (masks[::2] == 0).all()
    assert (masks[1::2] == 8).all()


def test_weights_are_shares() -> None:
    masks = draw_masks([{"none": 3, "ends": 1}] * 4000, 5, 2, 2, Generator().manual_seed(0))
    assert abs(float(masks.flatten(1).any(dim=1).float().mean()) - 0.25) < 0.03


def test_the_generator_decides() -> None:
    mix = dict.fromkeys(REGIMES, 1.0)
    first, second, other = (draw_masks([mix] * 20, 16, 8, 8, Generator().manual_seed(s)) for s in (1, 1, 2))
    assert torch.equal(first, second)
    assert not torch.equal(first, other)


@pytest.mark.parametrize("mix", [{"end": 1.0}, {"ends": -1.0, "none": 2.0}, {"ends": 0.0}, {}])
def test_impossible_mixes_are_refused(mix: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="regime"):
        draw_masks([mix], 4, 2, 2, Generator())
