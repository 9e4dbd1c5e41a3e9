"""Pictures by diffusers pipelines that make them of a prompt."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image, ImageOps

from longtake.plan import ImagineSpec
from longtake.video import Pixels


class Painters:
    """Pipelines by digest; loaded when they are first needed."""

    def __init__(self, device: str, folders: Mapping[str, Path]) -> None:
        self._device, self._folders = device, folders
        self._painters: dict[str, Any] = {}

    def paint(self, spec: ImagineSpec, size: tuple[int, int], base: Pixels | None = None) -> Pixels:
        """A picture of `size` (width, height), cut to it from the middle; it may begin with `base`."""
        painter = self._painter(spec.model.pipeline)
        more: dict[str, Any] = {"width": spec.width, "height": spec.height} if spec.width else {}
        if base is not None:
            from diffusers import AutoPipelineForImage2Image  # here: it imports transformers

            painter = AutoPipelineForImage2Image.from_pipe(painter)
            painter.set_progress_bar_config(disable=True)
            more = {"image": Image.fromarray(base), "strength": spec.strength}
        chance = torch.Generator("cpu").manual_seed(spec.seed % 2**32)
        with torch.inference_mode():
            (picture,) = painter(
                prompt=spec.prompt,
                num_inference_steps=spec.model.steps,
                guidance_scale=spec.model.guidance,
                generator=chance,
                **more,
            ).images
        return np.asarray(ImageOps.fit(picture.convert("RGB"), size, Image.Resampling.LANCZOS))

    def _painter(self, digest: str) -> Any:
        if digest not in self._painters:
            from diffusers import AutoPipelineForText2Image  # here: it imports transformers

            painter = AutoPipelineForText2Image.from_pretrained(
                self._folders[digest],
                local_files_only=True,
                use_safetensors=True,
                low_cpu_mem_usage=find_spec("accelerate") is not None,
            )
            painter.set_progress_bar_config(disable=True)
            self._painters[digest] = painter.to(self._device)
        return self._painters[digest]
