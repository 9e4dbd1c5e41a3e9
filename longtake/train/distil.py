"""Few steps without guidance: a student learns to go in one step where its teacher goes in several, guided.

Progressive distillation (Salimans & Ho 2022) with the guidance folded in (Meng et al. 2023). The student's
steps are those that the finished model will take, other ones for keyframes than for gaps.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from longtake.diffusion.condition import enter, only_known
from longtake.diffusion.prediction import Denoiser, prediction_for
from longtake.diffusion.schedule import Schedule, diffuse, per_frame, times
from longtake.models.unet import MaskTemporalUNet
from longtake.plan import Sampling
from longtake.train.denoiser import WIDE, ClipBatch, known_cells, spacings

__all__ = ["DistilLoss"]

_LEAF = 2  # mean spacing in frames below which a clip counts as a leaf


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
    guided: tuple[
        Sampling, Sampling, Sampling
    ]  # the teacher's, whose text guidance counts: keyframes, gaps, leaves
    aimed: tuple[Sampling, Sampling, Sampling]  # the student's, whose steps and shift count

    def __call__(
        self, net: Any, batch: ClipBatch, generator: torch.Generator
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Mean loss of a batch, in units of the plain loss; the metrics tell it per kind of clip."""
        latents, device = batch.latents.float(), batch.latents.device
        mask = known_cells(batch, {"none": 1.0}, {"ends": 1.0}, 1.0, generator)
        known = only_known(latents, mask)
        noise = torch.randn(latents.shape, generator=generator, device=generator.device).to(device)
        kind = self._kinds(batch)
        start, stop = self._step(kind, generator, device)
        told = {"time": batch.time, "text": batch.text, "known": known, "mask": mask}

        def spread(t: Tensor) -> Tensor:
            return t[:, None].expand(batch.time.shape)

        x = diffuse(latents, noise, spread(start), self.schedule)
        with torch.no_grad():
            scale = latents.new_tensor([s.text_guidance for s in self.guided])[kind]
            y = x
            for k in range(self.substeps):
                now, then = (start + (stop - start) * j / self.substeps for j in (k, k + 1))
                y = self._advance(y, self._guided(y, spread(now), scale, batch.prompt, told), now, then)
            keep, add = self._coefficients(start, stop)
            aim = torch.where(mask.bool(), known, (y - keep * x) / add)  # x0 that takes one step there

        seen, level = enter(x, spread(start), known, mask, noise, torch.zeros_like(batch.time), self.schedule)
        output = net(seen, level, prompt=batch.prompt, **told)
        alpha, sigma = per_frame(self.schedule, spread(start))
        target = prediction_for(self.prediction, self.schedule).target(
            aim, (x - alpha * aim) / sigma, alpha, sigma
        )
        unknown = (1 - mask).expand_as(target)
        error = ((output.float() - target).square() * unknown).sum((1, 2, 3, 4)) / unknown.sum((1, 2, 3, 4))
        told_apart = {}
        for k, name in enumerate(("keyframes", "gaps", "leaves")):
            of_kind = (kind == k).float()
            told_apart[f"loss_{name}"] = (error.detach() * of_kind).sum() / of_kind.sum().clamp(min=1)
        return error.mean(), told_apart

    def _kinds(self, batch: ClipBatch) -> Tensor:
        """0, 1, 2 `[B]` for keyframes, gaps, leaves."""
        spacing = spacings(batch)
        return (spacing < WIDE).long() + (spacing < _LEAF).long()

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

    def _guided(self, x: Tensor, t: Tensor, scale: Tensor, prompt: Tensor, told: dict[str, Tensor]) -> Tensor:
        """The teacher's x0, guided by the text; known cells come back untouched."""
        known, mask = told["known"], told["mask"]
        denoise = Denoiser(self.teacher, self.schedule, self.prediction).denoise
        x, t = enter(x, t, known, mask, x, torch.zeros_like(t), self.schedule)
        x0 = denoise(x, t, prompt=prompt, **told)
        rows = (scale != 1).nonzero()[:, 0]
        if len(rows):
            part = {name: value if name == "text" else value[rows] for name, value in told.items()}
            without = denoise(x[rows], t[rows], prompt=torch.zeros_like(prompt[rows]), **part)
            weight = (scale[rows] - 1).view(-1, 1, 1, 1, 1)
            x0 = x0.index_add(0, rows, weight * (x0[rows] - without))
        return torch.where(mask.bool(), known, x0)

    def _coefficients(self, now: Tensor, then: Tensor) -> tuple[Tensor, Tensor]:
        """x' = keep x + add x0 takes a DDIM step from `now` to `then`, both `[B]`; each `[B, 1, 1, 1, 1]`."""
        (a, s), (a_next, s_next) = (
            tuple(part.view(-1, 1, 1, 1, 1) for part in self.schedule(t)) for t in (now, then)
        )
        return s_next / s, a_next - a * s_next / s

    def _advance(self, x: Tensor, x0: Tensor, now: Tensor, then: Tensor) -> Tensor:
        keep, add = self._coefficients(now, then)
        return keep * x + add * x0
