"""What a recipe decides: everything between the cartoon world and a finished model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from longtake.plan import Sampling
from longtake.train.loop import TrainConfig


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """A whole model and how it is trained: one field for every decision."""

    name: str  # of the model
    size: int  # pixels per side
    seed: int  # of initial weights and of all data
    episodes: int  # training episodes of the cartoon world
    autoencoder: Mapping[str, Any]  # arguments of TKLVAE; none: the one of the model that it begins with
    stills: TrainConfig  # of the frame-wise autoencoder
    turned: float  # share of stills that are turned or mirrored: nothing may look strange for how it lies
    kl_weight: float  # of its latents' divergence from the normal law, per latent number
    # Arguments of SmallTextEncoder, without the vocabulary; or {"pretrained": a folder or hub id of a CLIP or
    # T5, "tokens": of a prompt}, which is not trained; or none: as above.
    text: Mapping[str, Any]
    captions: TrainConfig  # of the text encoder
    clips: int  # in the latent cache
    references: int  # frames from elsewhere in the episode that each clip of the cache has beside its own
    reference_steps: float  # share of steps whose clips have their references among their frames
    denoiser: Mapping[str, Any]  # arguments of MaskTemporalUNet; none: as above
    diffusion: TrainConfig  # of the denoiser
    schedule: str  # a name in SCHEDULES
    prediction: str  # a name in PREDICTIONS
    time_mean: float  # of the noise level's logit-normal law
    time_std: float
    known_noise: float  # most noise on known frames
    weights: tuple[float, float, float]  # of the losses of keyframes, gaps and leaves
    small: float  # share of steps at half the latents' size
    coarse: float  # share of clips that are shown themselves at half size, as a draft
    between: float  # share of clips of near frames whose frames between known ones are drafted
    draft_noise: float  # most noise on a draft; drafts are for denoisers that are `drafted`
    text_dropout: float  # share of clips trained without prompts
    short_clips: float  # share of steps with fewer than 16 frames
    undistilled: tuple[Sampling, Sampling, Sampling]  # how the denoiser is sampled: keyframes, gaps, leaves
    distillation: TrainConfig | None  # of the denoiser into one of fewer steps; None: it ships as it is
    substeps: int  # of the denoiser within one step of the distilled one
    aimed: tuple[Sampling, Sampling, Sampling]  # whose steps and shift the distilled one learns
    decoder: TrainConfig  # of the decoder, encoder frozen: on clips if it looks along time, else on stills
    latent_noise: float  # on its latents, in their spread; on stills the most
    hd: TrainConfig | None  # of the HD decoder; None: there is none
    hd_times: int  # its pixels per side for each of the autoencoder's
    hd_channels: tuple[int, ...]  # of each level that it has beyond the autoencoder's decoder
    keyframes: Sampling  # how the finished model is sampled
    gaps: Sampling
    leaves: Sampling
    decoder_precision: str  # of the finished model
    frame_probe: TrainConfig  # of the probes that measure films of this recipe's world; its seed is not used
    clip_probe: TrainConfig
    probe_seeds: tuple[int, ...]  # a frame and a clip probe are trained from each
    trained: Literal["all", "added"] = "all"  # of denoiser and decoder; "added": only what inflating added
