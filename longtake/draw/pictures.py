"""What makes latents of pixels: given pictures, those of another model, frames moved along a flow."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from longtake.draw.decode import decoded
from longtake.draw.flow import FLOWS, moved
from longtake.draw.load import ready
from longtake.draw.painters import Painters
from longtake.manifest import Manifest
from longtake.models.pixels import to_model
from longtake.models.vae import TKLVAE
from longtake.plan import ClipSpec, EncodeSpec, ImagineSpec
from longtake.video import Pixels

# Of what a flow changes, the share that is believed: with half, drafts are nearest the truth (docs/log.md).
_TRUST = 0.5


class PictureLatents:
    """The model's autoencoder, and other models that make pictures; loaded when they are first needed."""

    def __init__(self, manifest: Manifest, device: str, pipelines: Mapping[str, Path]) -> None:
        self._manifest, self._device = manifest, device
        self._painters = Painters(device, pipelines)

    @cached_property
    def _vae(self) -> TKLVAE:
        vae: TKLVAE = ready(self._manifest.folder / "vae", torch.float32, self._device)
        return vae

    def encode(self, picture: Pixels) -> NDArray[np.float32]:
        """The latent `[1, C, H, W]` of a picture of the model's size."""
        latents: NDArray[np.float32] = self._latents([picture]).cpu().numpy()
        return latents

    def imagine(self, spec: ImagineSpec) -> NDArray[np.float32]:
        """The latent `[1, C, H, W]` of the picture that a diffusers pipeline makes of a prompt."""
        return self.encode(self._painters.paint(spec, (self._manifest.size, self._manifest.size)))

    def between(self, spec: ClipSpec, known: Tensor, there: Tensor) -> tuple[Tensor, Tensor]:
        """Drafts of the frames that lie between known ones, `[T, C, H, W]`, and which frames have one, `[T]`.

        `known[T, C, H, W]` counts where `there[T]`. Where the prompts of two known frames differ there is a
        cut: a frame between is then like the one whose prompt it has.
        """
        assert spec.draft is not None
        assert spec.draft.motion is not None
        flow, clock, row = FLOWS[spec.draft.motion], spec.times, spec.rows
        posts = [k for k, is_known in enumerate(there.tolist()) if is_known]
        moves = spec.draft.motion != "none"
        shown = dict(zip(posts, decoded(self._vae, known[posts]), strict=True)) if moves else {}
        drafts, drafted = torch.zeros_like(known), torch.zeros_like(there)
        for before, after in pairwise(posts):
            free = range(before + 1, after)
            drafted[list(free)] = True
            first, last = known[before], known[after]
            if row[before] != row[after]:
                for k in free:
                    drafts[k] = first if row[k] == row[before] else last
                continue
            shares = [(clock[k] - clock[before]) / (clock[after] - clock[before]) for k in free]
            for k, share in zip(free, shares, strict=True):
                drafts[k] = (1 - share) * first + share * last
            if free and moves:
                still, moving = (
                    moved(shown[before], shown[after], shares, one) for one in (FLOWS["none"], flow)
                )
                # The difference of two encoded pictures: what encoding itself changes falls out.
                latents = self._latents([*moving, *still])
                drafts[list(free)] += _TRUST * (latents[: len(free)] - latents[len(free) :])
        return drafts, drafted

    def _latents(self, pictures: list[Pixels]) -> Tensor:
        """`[T, C, H, W]` of pictures of the model's size."""
        video = to_model(np.stack(pictures))[None]
        return self._vae.encode_latents(video.to(self._device))[0].float()


def given_picture(spec: EncodeSpec, width: int, height: int) -> Pixels:
    """The picture that a job carries, uint8 `[H, W, 3]`."""
    return np.frombuffer(spec.raw, np.uint8).reshape(height, width, 3)
