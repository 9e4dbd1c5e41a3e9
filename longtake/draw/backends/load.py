"""A back end's pipeline as it is used: in a precision, on a device, drawing one clip at a time."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import diffusers
import numpy as np
import torch
import transformers
from numpy.typing import NDArray

from longtake.draw.backends.backend import Backend, Gap, Words
from longtake.plan.spec import PipelineCall
from longtake.video import Pixels

_TYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


class LoadedPipeline:
    """A pipeline, and the words of the prompts that it has met."""

    def __init__(
        self,
        backend: Backend,
        folder: Path,
        *,
        dtype: str,
        device: str,
        offload: str = "none",
        tiling: bool = False,
        shift: float | None = None,
    ) -> None:
        """`offload` is "none", "model" or "sequential"; `tiling`: the autoencoder works on parts of frames.

        `shift` moves the schedule towards noise; None leaves it as it is with the weights.

        Raises `ValueError` where that cannot be done, or the weights do not keep to the back end's rule.
        """
        _hush(diffusers.utils.logging)
        _hush(transformers.utils.logging)
        types = {"default": _TYPES[dtype], **dict.fromkeys(backend.exactly, torch.float32)}
        kind = getattr(diffusers, backend.pipeline)
        self.pipeline: Any = kind.from_pretrained(
            folder, dtype=types, local_files_only=True, use_safetensors=True
        )
        self.pipeline.set_progress_bar_config(disable=True)
        self._backend = backend
        unit, multiple = backend.ratios(self.pipeline)
        if (unit, multiple) != (backend.rule.unit, backend.multiple):
            raise ValueError(
                f"{folder} draws {unit} k + 1 frames with sides of multiples of {multiple}; "
                f"{backend.name} is for weights with {backend.rule.unit} and {backend.multiple}"
            )
        if tiling:
            self.pipeline.vae.enable_tiling()
        if shift is not None:
            schedule = self.pipeline.scheduler
            name = "flow_shift" if "flow_shift" in schedule.config else "shift"
            self.pipeline.scheduler = schedule.from_config(schedule.config, **{name: shift})
        self._put(device, offload)
        self._words: dict[str, Words] = {}

    def _put(self, device: str, offload: str) -> None:
        if offload == "none":
            self.pipeline.to(device)
        elif device == "cpu":
            raise ValueError(
                f"offload={offload} moves weights to a GPU when they are used, and there is none"
            )
        elif offload == "model":
            self.pipeline.enable_model_cpu_offload(device=device)
        else:
            self.pipeline.enable_sequential_cpu_offload(device=device)

    @torch.no_grad()
    def words(self, text: str) -> Words:
        """Of a prompt; each is encoded once, and alone."""
        if text not in self._words:
            self._words[text] = self._backend.encode(self.pipeline, text)
        return self._words[text]

    def draw(self, call: PipelineCall, frames: int, known: Mapping[int, Pixels]) -> NDArray[np.float32]:
        """A clip of so many frames, `[T, H, W, 3]` in 0..1.

        All chance is of the job's seed, whatever a pipeline takes it from.
        """
        settings = call.settings
        assert frames == self._backend.rule.least(frames), "the pipeline would draw another number in silence"
        devices = [torch.cuda.current_device()] if torch.cuda.is_available() else []
        with torch.random.fork_rng(devices=devices):
            torch.manual_seed(call.seed)
            gap = Gap(
                known=known,
                frames=frames,
                width=settings.width,
                height=settings.height,
                words=self.words(call.prompt),
                unwanted=self.words(settings.negative),
                steps=settings.steps,
                guidance=settings.guidance,
                fps=call.fps,
                chance=torch.Generator("cpu").manual_seed(call.seed),
            )
            drawn = self._backend.draw(self.pipeline, gap)
        size = frames, settings.height, settings.width, 3
        assert drawn.shape == size, f"{self._backend.name} drew {drawn.shape}, not {size}"
        return drawn


def _hush(library: Any) -> None:
    """Errors only: what they warn of is known here or refused, and their bars would cross ours."""
    library.set_verbosity_error()
    library.disable_progress_bar()
