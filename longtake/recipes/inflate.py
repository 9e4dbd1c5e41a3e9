"""From a pretrained text-to-image pipeline to a model: its networks inflated, and its text encoder."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import torch
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from diffusers.schedulers.scheduling_ddim import DDIMScheduler
from torch import nn

from longtake.conditions.pretrained import PretrainedTextEncoder
from longtake.data.footage import CLIP_FRAMES
from longtake.manifest import Manifest, ModelError, read_manifest, write_manifest
from longtake.models.inflated import InflatedUNet
from longtake.models.inflated_vae import InflatedVAE
from longtake.plan import Sampling

# As Stable Diffusion is commonly sampled, on every level: before training all frames are images.
SAMPLING = Sampling(
    sampler="dpm-2m", steps=25, shift=1.0, text_guidance=7.5, known_guidance=1.0, precision="fp32"
)
# The noise that the schedule "sd" has, by the names in a scheduler_config.json.
_NOISE = {
    "beta_schedule": "scaled_linear",
    "beta_start": 0.00085,
    "beta_end": 0.012,
    "num_train_timesteps": 1000,
    "trained_betas": None,
    "rescale_betas_zero_snr": False,
}
_UNSAID = {"trained_betas": None, "rescale_betas_zero_snr": False}  # what their absence means
_PREDICTIONS = {"epsilon": "epsilon", "v_prediction": "v", "sample": "x0"}  # diffusers' names -> ours


class Inflated(NamedTuple):
    """A model that was made of a pipeline."""

    manifest: Manifest
    pretrained: int  # parameters of denoiser and autoencoder that came with the pipeline
    added: int  # and those that inflating added


def inflate(
    source: str,
    out: Path,
    *,
    size: int | None = None,  # pixels per side; None: those that the pipeline was trained at
    half: bool = False,  # weights in float16: half the disk
    temporal_decoder: bool = True,  # the decoder shall learn to look at neighbouring frames
    variant: str | None = None,  # of the pipeline's files, say "fp16"
    allow_download: bool = False,
    tell: Callable[[str], None] = lambda text: None,  # what is being done
) -> Inflated:
    """Make a model in the folder `out` of a Stable Diffusion 1 or 2: a folder or a hub id.

    Whole or not at all. Raises ModelError where `out` is there, or `source` is not, or is of another layout.
    """
    pipeline = _Pipeline(source, variant, allow_download)
    with _whole_folder(out) as folder:
        tell("reading the settings")
        schedule, prediction = pipeline.schedule()
        with pipeline.telling("unet"), torch.device("meta"):  # before anything large is read
            settings = pipeline.settings(UNet2DConditionModel, "unet")
            unet_config = InflatedUNet(image_config=settings).image.config
        tell("text encoder")
        with pipeline.telling("text_encoder"):
            text = pipeline.text()
            if text.width != unet_config.cross_attention_dim:
                taken = unet_config.cross_attention_dim
                mismatch = f"its tokens have {text.width} channels, the U-Net takes {taken}"
                raise ValueError(f"{mismatch}: this is no pipeline with one text encoder")
        _save(text, folder / "text", half)
        tell("autoencoder")
        with pipeline.telling("vae"):
            image = pipeline.network(AutoencoderKL, "vae")
            vae = InflatedVAE.of(image, temporal_decoder=temporal_decoder)
            if vae.config.latent_channels != unet_config.in_channels:
                mismatch = f"{vae.config.latent_channels} channels, the U-Net takes {unet_config.in_channels}"
                raise ValueError(f"its latents have {mismatch}")
        size = _size(size, unet_config.sample_size, vae.factor, len(unet_config.block_out_channels))
        _save(vae, folder / "vae", half)
        tell("denoiser")
        with pipeline.telling("unet"):
            unet = InflatedUNet.of(pipeline.network(UNet2DConditionModel, "unet"))
        _save(unet, folder / "unet", half)
        tell("checksums")
        write_manifest(
            Manifest(
                folder=folder,
                name=Path(source).resolve().name if Path(source).is_dir() else source.split("/")[-1],
                size=size,
                latents=(unet_config.in_channels, size // vae.factor, size // vae.factor),
                clip_length=CLIP_FRAMES,
                schedule=schedule,
                prediction=prediction,
                keyframes=SAMPLING,
                gaps=SAMPLING,
                leaves=SAMPLING,
                decoder_precision="fp32",
                files={},
            )
        )
    added = [p.numel() for net in (unet, vae) for p in net.temporal_parameters()]
    whole = [p.numel() for net in (unet, vae) for p in net.parameters()]
    return Inflated(read_manifest(out), sum(whole) - sum(added), sum(added))


@contextmanager
def _whole_folder(out: Path) -> Iterator[Path]:
    """A folder beside `out` that becomes `out` where the block ends well, else nothing stays."""
    if out.exists():
        raise ModelError(f"{out} is there already: give another --out")
    aside = out.with_name(f".{out.name}-{os.getpid()}")
    try:
        aside.mkdir(parents=True)
        yield aside
        aside.rename(out)
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def schedule_of(config: Mapping[str, Any]) -> tuple[str, str]:
    """Our names of schedule and prediction for a scheduler_config.json. Raises ValueError for other ones."""
    settings = {**_UNSAID, **config}
    unlike = [
        f"{key} is {settings.get(key)!r}, not {value!r}"
        for key, value in _NOISE.items()
        if settings.get(key) != value
    ]
    if unlike:
        raise ValueError(f"its noise is not that of Stable Diffusion 1 and 2: {', '.join(unlike)}")
    predicted = config.get("prediction_type", "epsilon")
    if predicted not in _PREDICTIONS:
        raise ValueError(f"it predicts {predicted!r}: use a model of one of {', '.join(_PREDICTIONS)}")
    return "sd", _PREDICTIONS[predicted]


def _size(size_given: int | None, trained: Any, factor: int, levels: int) -> int:
    """Pixels per side: those asked for, else those that a U-Net of such latents was trained at."""
    least = factor * 2 ** (levels - 1)
    if size_given is None and not isinstance(trained, int):
        raise ModelError(f"its U-Net was trained at latents of {trained}, which is no square: give --size")
    size = size_given or trained * factor
    if size % least:
        raise ModelError(f"{size} pixels per side: give --size a multiple of {least}")
    return size


def _save(network: Any, folder: Path, half: bool) -> None:
    # One weight after the other: there is no second copy. diffusers' own `to` would only add a warning.
    nn.Module.to(network, torch.float16 if half else torch.float32)
    network.save_pretrained(folder, safe_serialization=True)


@dataclass(frozen=True)
class _Pipeline:
    """A pipeline's parts, from a folder or the hub: safetensors only, no code of it is run."""

    source: str
    variant: str | None
    allow_download: bool

    @contextmanager
    def telling(self, part: str) -> Iterator[None]:
        """Errors of this block say whose part they are of."""
        try:
            yield
        except (OSError, ValueError) as error:
            message = " ".join(str(error).split()).rstrip(".")
            raise ModelError(f"{self.source}, {part}: {message}. {self._remedy}") from error

    @property
    def _remedy(self) -> str:
        if Path(self.source).is_dir():
            return "A pipeline of Stable Diffusion 1 or 2, saved by diffusers as safetensors, is needed"
        if self.allow_download:
            return "Check the name, or give a folder"
        return "It is no folder: give one, or --allow-download if it is a name on the hub"

    def schedule(self) -> tuple[str, str]:
        """Our names of its schedule and prediction."""
        if Path(self.source).is_dir() and not (Path(self.source) / "model_index.json").is_file():
            raise ModelError(
                f"{self.source} holds no diffusers pipeline: name the folder with its model_index.json"
            )
        with self.telling("scheduler"):
            return schedule_of(self.settings(DDIMScheduler, "scheduler"))

    def settings(self, kind: Any, part: str) -> dict[str, Any]:
        """The part's config; of `kind` only where such things keep it counts."""
        config = kind.load_config(self.source, subfolder=part, local_files_only=not self.allow_download)
        return {key: value for key, value in config.items() if not key.startswith("_")}

    def network(self, kind: Any, part: str) -> Any:
        """diffusers' own network of that class, float32."""
        # Without `low_cpu_mem_usage=False` diffusers asks for accelerate.
        return kind.from_pretrained(
            self.source,
            subfolder=part,
            variant=self.variant,
            use_safetensors=True,
            local_files_only=not self.allow_download,
            low_cpu_mem_usage=False,
        )

    def text(self) -> PretrainedTextEncoder:
        """Its text encoder, with the tokenizer."""
        return PretrainedTextEncoder.load(
            self.source,
            model="text_encoder",
            tokenizer="tokenizer",
            allow_download=self.allow_download,
            variant=self.variant,
        )
