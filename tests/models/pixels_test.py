"""Pixels as networks take them, and back."""

from __future__ import annotations

import numpy as np
import torch

from longtake.models.pixels import to_model, to_pixels


def test_pixels_come_back() -> None:
    every = torch.arange(256, dtype=torch.uint8).view(1, 4, 64, 1).expand(1, 4, 64, 3)
    video = to_model(every)
    assert video.shape == (1, 3, 4, 64)
    assert [video.min().item(), video.max().item()] == [-1, 1]
    assert np.array_equal(to_pixels(video), every.numpy())
    assert np.array_equal(to_pixels(3 * torch.ones(3, 1, 1)), np.full((1, 1, 3), 255))


def test_an_array_that_may_not_be_written_is_taken_as_a_tensor_is() -> None:
    frames = np.random.default_rng(0).integers(0, 256, (2, 4, 5, 3), dtype=np.uint8)
    tensor = torch.from_numpy(frames.copy())
    frames.flags.writeable = False
    assert torch.equal(to_model(frames), to_model(tensor))
