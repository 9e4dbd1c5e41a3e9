"""Making the clips of a film that a back end draws: pixels, between pictures that are known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from longtake.draw.backends import Backend
from longtake.draw.backends.blend import with_known
from longtake.draw.backends.load import LoadedPipeline
from longtake.draw.load import best_device
from longtake.draw.painters import Painters
from longtake.draw.pictures import given_picture
from longtake.plan import EncodeSpec, FillSpec, ImagineSpec
from longtake.plan.spec import PipelineCall
from longtake.video import Pixels

if TYPE_CHECKING:
    from longtake.plan import Job
    from longtake.plan.spec import Spec


class ClipFiller:
    """Makes the clip of a job: uint8 `[T, H, W, 3]`."""

    def __init__(
        self,
        backend: Backend,
        folder: Path,  # of its pipeline
        *,
        dtype: str,  # "fp32", "bf16" or "fp16"
        offload: str = "none",  # "model" or "sequential"
        tiling: bool = False,
        shift: float | None = None,  # of the schedule, towards noise
        device: str | None = None,  # None: the best there is
        pipelines: Mapping[str, Path] | None = None,  # folders of models that make pictures, by digest
    ) -> None:
        """Loads nothing yet.

        Sets this process to one thread of the CPU: more of them may change the last bits.
        """
        torch.set_num_threads(1)
        device = device or best_device()
        self._painters = Painters(device, pipelines or {})
        self._load = partial(
            LoadedPipeline,
            backend,
            folder,
            dtype=dtype,
            device=device,
            offload=offload,
            tiling=tiling,
            shift=shift,
        )

    @cached_property
    def pipeline(self) -> LoadedPipeline:
        """The back end's; not loaded where only pictures are made."""
        return self._load()

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
                return with_known(self.pipeline.draw(call, spec.frames, known), known, call.settings.blend)
        raise AssertionError(f"no back end makes {spec}")
