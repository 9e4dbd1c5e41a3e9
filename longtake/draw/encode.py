"""Pixels to latents, frame by frame, by a model's autoencoder."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from longtake.draw.load import best_device, ready
from longtake.manifest import ModelError, read_manifest
from longtake.models.pixels import to_model
from longtake.models.vae import TKLVAE


class Encoder:
    """A function from frames to latents, float32; a frame's latent depends on that frame alone."""

    def __init__(self, folder: Path, device: str | None = None) -> None:
        """Raises ModelError where the model's encoder looks at neighbouring frames."""
        self.manifest = read_manifest(folder)
        self.manifest.verify()
        self.device = device or best_device()
        self.vae: TKLVAE = ready(folder / "vae", torch.float32, self.device)
        if self.vae.config["temporal_encoder"]:
            told = "looks at neighbouring frames, so that a frame has no latent of its own"
            raise ModelError(f"the encoder of {self.manifest.name} {told}: take another model")

    @torch.inference_mode()
    def __call__(self, frames: NDArray[np.uint8]) -> NDArray[np.float16]:
        """uint8 `[T, H, W, 3]` of the model's size -> normalised latents float16 `[T, C, h, w]`."""
        latents = self.vae.encode_latents(to_model(frames)[None].to(self.device))[0]
        return latents.half().cpu().numpy().astype(np.float16, copy=False)
