"""Few steps without guidance: a student learns to go in one step where its teacher goes in several, guided.

Progressive distillation (Salimans & Ho 2022) with the guidance folded in (Meng et al. 2023). The student's
steps are those that the finished model will take, other ones for keyframes than for gaps.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from longtake.diffusion.condition import enter, only_known, pin
from longtake.diffusion.loss import mean_unknown
from longtake.diffusion.prediction import Denoiser, prediction_for
from longtake.diffusion.sampler import coefficients
from longtake.diffusion.schedule import Schedule, diffuse, per_frame, times
from longtake.given import Given
from longtake.models.unet import MaskTemporalUNet
from longtake.plan import Sampling
from longtake.train.denoiser import WIDE, ClipBatch, kinds, known_cells


@dataclass(frozen=True, kw_only=True)
class DistilLoss:
    """How far one step of the student ends from where the teacher's finer, guided steps end.

    A clip is a keyframe clip, a gap or a leaf by its spacing; the first has nothing known but references, the
    others know their ends.
    """

    teacher: MaskTemporalUNet  # in evaluation mode, not trained
    schedule: Schedule
    prediction: str  # a name in PREDICTIONS, of teacher and student
    substeps: int  # of the teacher within a step of the student
    # Of keyframes, gaps and leaves: the teacher's, whose text guidance counts.
    guided: tuple[Sampling, Sampling, Sampling]
    aimed: tuple[Sampling, Sampling, Sampling]  # the student's, whose steps and shift count
    wide_from: float = WIDE  # median spacing of keyframes, in frames

    def __call__(
        self, net: Any, batch: ClipBatch, generator: torch.Generator
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Mean loss of a batch, in units of the plain loss; the metrics tell it per kind of clip."""
        latents, device = batch.latents.float(), batch.latents.device
        mask = known_cells(batch, {"none": 1.0}, {"ends": 1.0}, 1.0, generator, self.wide_from)
        given = replace(batch.given(mask), known=only_known(latents, mask))
        noise = torch.randn(latents.shape, generator=generator, device=generator.device).to(device)
        kind = kinds(batch, self.wide_from)
        start, stop = self._step(kind, generator, device)

        def spread(t: Tensor) -> Tensor:
            return t[:, None].expand(batch.time.shape)

        x = diffuse(latents, noise, spread(start), self.schedule)
        with torch.no_grad():
            scale = latents.new_tensor([s.text_guidance for s in self.guided])[kind]
            y = x
            for k in range(self.substeps):
                now, then = (start + (stop - start) * j / self.substeps for j in (k, k + 1))
                keep, add = self._coefficients(now, then)
                y = keep * y + add * self._guided(y, spread(now), scale, given)
            keep, add = self._coefficients(start, stop)
            aim = torch.where(mask.bool(), given.known, (y - keep * x) / add)  # x0 that takes one step there

        seen, level = enter(x, spread(start), given, noise, torch.zeros_like(batch.time), self.schedule)
        output = net(seen, level, given)
        alpha, sigma = per_frame(self.schedule, spread(start))
        target = prediction_for(self.prediction, self.schedule).target(
            aim, (x - alpha * aim) / sigma, alpha, sigma
        )
        error = mean_unknown((output.float() - target).square(), mask)
        losses = {}
        for k, name in enumerate(("keyframes", "gaps", "leaves")):
            of_kind = (kind == k).float()
            losses[f"loss_{name}"] = (error.detach() * of_kind).sum() / of_kind.sum().clamp(min=1)
        return error.mean(), losses

    def _step(self, kind: Tensor, generator: torch.Generator, device: torch.device) -> tuple[Tensor, Tensor]:
        """A random step of each clip's own sampling: where it starts and stops, both `[B]`."""
        chance = torch.rand(len(kind), generator=generator, device=generator.device).to(device)
        start, stop = torch.zeros_like(chance), torch.zeros_like(chance)
        for k, sampling in enumerate(self.aimed):
            grid = chance.new_tensor(times(sampling.steps, sampling.shift))
            place = (chance * sampling.steps).long().clamp(max=sampling.steps - 1)
            start, stop = (
                torch.where(kind == k, grid[place], start),
                torch.where(kind == k, grid[place + 1], stop),
            )
        return start, stop

    def _guided(self, x: Tensor, t: Tensor, scale: Tensor, given: Given) -> Tensor:
        """The teacher's x0, guided by the text where a clip's scale is not 1; known cells come untouched."""
        denoise = Denoiser(self.teacher, self.schedule, self.prediction).denoise

        def x0(rows: Tensor, given: Given) -> Tensor:
            return pin(denoise, given.rows(rows), x[rows], self.schedule)(x[rows], t[rows])

        full = x0(torch.arange(len(x), device=x.device), given)
        rows = (scale != 1).nonzero()[:, 0]
        if not len(rows):
            return full
        change = full[rows] - x0(rows, given.without_prompt())
        return full.index_add(0, rows, (scale[rows] - 1).view(-1, 1, 1, 1, 1) * change)

    def _coefficients(self, now: Tensor, then: Tensor) -> tuple[Tensor, Tensor]:
        """x' = keep x + add x0 takes a DDIM step from `now` to `then`, both `[B]`; each `[B, 1, 1, 1, 1]`."""
        here, there = (per_frame(self.schedule, t[:, None]) for t in (now, then))
        return coefficients(*here, *there)
