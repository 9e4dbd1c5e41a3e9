"""Making the clips of a film that a back end draws: pixels, between pictures that are known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from longtake.draw.backends import Backend
from longtake.draw.backends.blend import with_known
from longtake.draw.backends.load import Loaded
from longtake.draw.load import best_device
from longtake.draw.painters import Painters
from longtake.draw.pictures import given_picture
from longtake.plan import EncodeSpec, FillSpec, ImagineSpec
from longtake.plan.spec import PipelineCall
from longtake.video import Pixels

if TYPE_CHECKING:
    from longtake.plan import Job
    from longtake.plan.spec import Spec


@dataclass(frozen=True, kw_only=True)
class Fillings:
    """How to get a `Filler` in any process."""

    backend: Backend
    folder: Path  # of its pipeline
    dtype: str  # "fp32", "bf16" or "fp16"
    offload: str = "none"  # "model" or "sequential"
    tiling: bool = False
    shift: float | None = None  # of the schedule, towards noise
    device: str | None = None  # None: the best there is
    threads: int = 1  # of the CPU; more of them may change the last bits
    pipelines: Mapping[str, Path] = field(
        default_factory=dict
    )  # folders of models that make pictures, by digest

    def __call__(self) -> Filler:
        """Loads nothing yet."""
        torch.set_num_threads(self.threads)
        return Filler(self, self.device or best_device())


class Filler:
    """Makes the clip of a job: uint8 `[T, H, W, 3]`."""

    def __init__(self, settings: Fillings, device: str) -> None:
        self._settings, self._device = settings, device
        self._painters = Painters(device, settings.pipelines)

    @cached_property
    def loaded(self) -> Loaded:
        """The back end's pipeline; not loaded where only pictures are made."""
        chosen = self._settings
        return Loaded(
            chosen.backend,
            chosen.folder,
            dtype=chosen.dtype,
            device=self._device,
            offload=chosen.offload,
            tiling=chosen.tiling,
            shift=chosen.shift,
        )

    def __call__(self, jobs: Sequence[Job], inputs: Sequence[Sequence[Pixels]]) -> list[Pixels]:
        """The clip of every job, whose known frames are `inputs`."""
        return [self._make(job.spec, given) for job, given in zip(jobs, inputs, strict=True)]

    def _make(self, spec: Spec, given: Sequence[Pixels]) -> Pixels:
        match spec:
            case EncodeSpec(width=int(width), height=int(height)):
                return given_picture(spec, width, height)[None]
            case ImagineSpec(width=int(width), height=int(height)):
                return self._painters.paint(spec, (width, height), given[0] if given else None)[None]
            case FillSpec(call=None):
                return np.stack(given)
            case FillSpec(call=PipelineCall() as call):
                known = dict(zip(spec.known, given, strict=True))
                return with_known(self.loaded.draw(call, spec.frames, known), known, call.settings.blend)
        raise AssertionError(f"no back end makes {spec}")
