"""What a recipe decides: everything between films and a finished model, in parts that belong together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, is_dataclass
from typing import Any, Literal

from longtake.plan import LevelSampling
from longtake.train.loop import TrainConfig


@dataclass(frozen=True, kw_only=True)
class AutoencoderPart:
    """The frame-wise autoencoder, learnt from stills."""

    network: Mapping[str, Any]  # arguments of TKLVAE; none: the one of the model that the run starts from
    training: TrainConfig
    turned: float  # share of stills that are turned or mirrored: nothing may look strange for how it lies
    kl_weight: float  # of the latents' divergence from the normal law, per latent number


@dataclass(frozen=True, kw_only=True)
class TextPart:
    """The text encoder, learnt from captions."""

    # Arguments of SmallTextEncoder, without the vocabulary; or {"pretrained": a folder or hub id of a CLIP or
    # T5, "tokens": of a prompt}, which is not trained; or none: as the autoencoder's.
    network: Mapping[str, Any]
    training: TrainConfig


@dataclass(frozen=True, kw_only=True)
class ClipsPart:
    """The clips that the denoiser learns from, encoded once."""

    count: int
    references: int  # frames from elsewhere in the film that each clip has beside its own
    reference_steps: float  # share of steps whose clips have their references among their frames
    short_steps: float  # share of steps with fewer than 16 frames


@dataclass(frozen=True, kw_only=True)
class DraftsPart:
    """What a denoiser that is `drafted` is shown of a clip, for it to refine."""

    coarse: float  # share of clips that are shown themselves at half size
    between: float  # share of clips of near frames whose frames between known ones are drafted
    noise: float  # most noise on a draft


@dataclass(frozen=True, kw_only=True)
class DenoiserPart:
    """The network that draws clips."""

    network: Mapping[str, Any]  # arguments of MaskTemporalUNet; none: as the autoencoder's
    training: TrainConfig
    schedule: str  # a name in SCHEDULES
    prediction: str  # a name in PREDICTIONS
    time_mean: float  # of the noise level's logit-normal law
    time_std: float
    known_noise: float  # most noise on known frames
    weights: tuple[float, float, float]  # of the losses of keyframes, gaps and leaves
    small: float  # share of steps at half the latents' size
    drafts: DraftsPart
    text_dropout: float  # share of clips trained without prompts
    sampling: LevelSampling  # before it is distilled


@dataclass(frozen=True, kw_only=True)
class DistillationPart:
    """The denoiser made into one of fewer steps, without guidance."""

    training: TrainConfig | None  # None: the denoiser ships as it is
    substeps: int  # of the denoiser within one step of the distilled one
    aimed: LevelSampling  # whose steps and shift the distilled one learns


@dataclass(frozen=True, kw_only=True)
class DecoderPart:
    """The autoencoder's decoder, learnt once more for latents that were drawn."""

    training: TrainConfig  # encoder frozen: on clips if it looks along time, else on stills
    latent_noise: float  # on its latents, and on the HD decoder's, in their spread; on stills the most
    precision: str  # of the finished model's


@dataclass(frozen=True, kw_only=True)
class HDPart:
    """The decoder to high resolution."""

    training: TrainConfig | None  # None: the model has none
    times: int  # its pixels per side for each of the autoencoder's
    channels: tuple[int, ...]  # of each level that it has beyond the autoencoder's decoder


@dataclass(frozen=True, kw_only=True)
class ProbesPart:
    """What measures films of the cartoon world."""

    frame: TrainConfig  # its seed is not used
    clip: TrainConfig
    seeds: tuple[int, ...]  # a frame and a clip probe are trained from each


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """A whole model and how it is trained: one place for every decision."""

    name: str  # of the model
    size: int  # pixels per side
    seed: int  # of initial weights and of all data
    episodes: int  # training episodes of the cartoon world
    autoencoder: AutoencoderPart
    text: TextPart
    clips: ClipsPart
    denoiser: DenoiserPart
    distillation: DistillationPart
    decoder: DecoderPart
    hd: HDPart
    sampling: LevelSampling  # of the finished model
    probes: ProbesPart
    trained: Literal["all", "added"] = "all"  # of denoiser and decoder; "added": only what inflating added
    edition: int = 1  # of the cartoon world

    def flat(self) -> dict[str, Any]:
        """Every decision as plain data, under the name that it has had in `recipe.json` since there were few.

        Digests of runs are made of it, so its names and their order stay.
        """
        text, clips, denoiser, drafts = self.text, self.clips, self.denoiser, self.denoiser.drafts
        decisions = {
            "name": self.name,
            "size": self.size,
            "seed": self.seed,
            "episodes": self.episodes,
            "autoencoder": self.autoencoder.network,
            "stills": self.autoencoder.training,
            "turned": self.autoencoder.turned,
            "kl_weight": self.autoencoder.kl_weight,
            "text": text.network,
            "captions": text.training,
            "clips": clips.count,
            "references": clips.references,
            "reference_steps": clips.reference_steps,
            "denoiser": denoiser.network,
            "diffusion": denoiser.training,
            "schedule": denoiser.schedule,
            "prediction": denoiser.prediction,
            "time_mean": denoiser.time_mean,
            "time_std": denoiser.time_std,
            "known_noise": denoiser.known_noise,
            "weights": denoiser.weights,
            "small": denoiser.small,
            "coarse": drafts.coarse,
            "between": drafts.between,
            "draft_noise": drafts.noise,
            "text_dropout": denoiser.text_dropout,
            "short_clips": clips.short_steps,
            "undistilled": denoiser.sampling,
            "distillation": self.distillation.training,
            "substeps": self.distillation.substeps,
            "aimed": self.distillation.aimed,
            "decoder": self.decoder.training,
            "latent_noise": self.decoder.latent_noise,
            "hd": self.hd.training,
            "hd_times": self.hd.times,
            "hd_channels": self.hd.channels,
            "keyframes": self.sampling.keyframes,
            "gaps": self.sampling.gaps,
            "leaves": self.sampling.leaves,
            "decoder_precision": self.decoder.precision,
            "frame_probe": self.probes.frame,
            "clip_probe": self.probes.clip,
            "probe_seeds": self.probes.seeds,
            "trained": self.trained,
            **({} if self.edition == 1 else {"edition": self.edition}),  # at first there was one only
        }
        return {name: _plain(decision) for name, decision in decisions.items()}


def _plain(decision: Any) -> Any:
    if is_dataclass(decision) and not isinstance(decision, type):
        return asdict(decision)
    if isinstance(decision, tuple):
        return [_plain(part) for part in decision]
    return dict(decision) if isinstance(decision, Mapping) else decision
