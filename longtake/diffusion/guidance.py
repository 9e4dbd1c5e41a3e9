"""Guidance for text and for known frames, around `denoise`; samplers never hear of it."""

from __future__ import annotations

import torch
from torch import Tensor

from longtake.diffusion.prediction import Denoise


def guide(
    full: Denoise,
    without_text: Denoise,
    without_known: Denoise,
    *,
    text_scale: float = 1.0,
    known_scale: float = 1.0,
) -> Denoise:
    """x0 = full + (text_scale - 1)(full - without_text) + (known_scale - 1)(full - without_known).

    Classifier-free guidance (Ho & Salimans 2022) with two scales. A scale of 1 is no guidance and costs
    nothing: the network runs 1 + [text_scale != 1] + [known_scale != 1] times per call. `without_text`
    is the pinned denoiser given the null prompt, `without_known` the one from `condition.blind`.
    """
    others = [(d, s - 1) for d, s in ((without_text, text_scale), (without_known, known_scale)) if s != 1]
    if not others:
        return full

    def guided(x: Tensor, t: Tensor) -> Tensor:
        x0 = full(x, t)
        change = torch.zeros_like(x0)
        for denoise, weight in others:
            change = change + weight * (x0 - denoise(x, t))
        # At known cells all passes agree; x0 + 0 would lose the sign of a known -0.0.
        return torch.where(change == 0, x0, x0 + change)

    return guided
