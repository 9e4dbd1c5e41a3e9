"""Diffusion as functions: schedules, predictions, samplers, known frames, guidance, the training loss.

One convention everywhere: `x_t = alpha(t) x0 + sigma(t) eps` and `denoise(x, t) -> x0`, with `x` of shape
`B T C H W` and one noise level per frame, `t` of shape `B T` in [0, 1]. `pin` and `blind` make such a
function of a network and what it is given (`longtake.given`). No network is defined here.
"""

from __future__ import annotations

from longtake.diffusion.condition import blind, pin
from longtake.diffusion.guidance import guide
from longtake.diffusion.loss import DiffusionLoss
from longtake.diffusion.masks import REGIMES, draw_masks
from longtake.diffusion.prediction import PREDICTIONS, Denoise, Denoiser, Network, PredictionError
from longtake.diffusion.reuse import Past, past_of, reused_noise, sample_reusing
from longtake.diffusion.sampler import SAMPLERS, Sampler, ddim, dpm_2m
from longtake.diffusion.schedule import SCHEDULES, Schedule, cosine, ddpm, diffuse, flow, times

__all__ = [
    "PREDICTIONS",
    "REGIMES",
    "SAMPLERS",
    "SCHEDULES",
    "Denoise",
    "Denoiser",
    "DiffusionLoss",
    "Network",
    "Past",
    "PredictionError",
    "Sampler",
    "Schedule",
    "blind",
    "cosine",
    "ddim",
    "ddpm",
    "diffuse",
    "dpm_2m",
    "draw_masks",
    "flow",
    "guide",
    "past_of",
    "pin",
    "reused_noise",
    "sample_reusing",
    "times",
]
