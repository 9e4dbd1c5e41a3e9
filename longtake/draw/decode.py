"""Latents of a leaf to pixels, by the autoencoder or by the HD decoder."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from longtake.draw.load import best_device, number_type, ready
from longtake.manifest import read_manifest
from longtake.models.pixels import to_pixels
from longtake.models.upsampler import HDDecoder
from longtake.models.vae import TKLVAE


class ClipDecoder:
    """A function from latents to pixels: a leaf at a time."""

    def __init__(self, folder: Path, device: str | None = None, *, hd: bool = False) -> None:
        """Verifies the model in the folder, and sets this process to one thread of the CPU: more of them may
        change the last bits.
        """
        torch.set_num_threads(1)
        manifest = read_manifest(folder)
        manifest.verify()
        self.device = device or best_device()
        dtype = number_type(manifest.decoder_precision, self.device)
        self.vae: TKLVAE | HDDecoder = ready(folder / ("hd" if hd else "vae"), dtype, self.device)

    @torch.inference_mode()
    def __call__(self, latents: NDArray[np.float16]) -> NDArray[np.uint8]:
        """float16 `[T, C, h, w]` -> uint8 `[T, H, W, 3]`; every leaf is decoded alone."""
        return decoded(self.vae, torch.from_numpy(latents.astype(np.float32)).to(self.device))


def decoded(vae: TKLVAE | HDDecoder, latents: Tensor) -> NDArray[np.uint8]:
    """Normalised latents `[T, C, h, w]` -> uint8 `[T, H, W, 3]`."""
    return to_pixels(vae.decode_latents(latents[None])[0])
