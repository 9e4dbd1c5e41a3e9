"""Making the clip of a job.

`Operations` is a picklable recipe; calling it loads the model and gives the function that makes clips.
Everything here is deterministic: noise comes from the job's seed, and clips that are drawn together come out
as if each were alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from longtake.diffusion import (
    SAMPLERS,
    SCHEDULES,
    Denoise,
    Denoiser,
    Network,
    blind,
    diffuse,
    guide,
    past_of,
    pin,
    reused_noise,
    sample_reusing,
    times,
)
from longtake.draw.load import best_device, load_text_encoder, number_type, ready
from longtake.draw.pictures import Pictures, given_picture
from longtake.given import Draft, Given
from longtake.manifest import Manifest, read_manifest
from longtake.models.latents import doubled, halved
from longtake.models.unet import MaskTemporalUNet

if TYPE_CHECKING:
    from longtake.plan import Job


@dataclass(frozen=True)
class Operations:
    """How to get a `Drawer` in any process."""

    folder: Path  # of the model
    device: str | None = None  # None: the best there is
    threads: int = 1  # of the CPU; more of them may change the last bits
    pipelines: Mapping[str, Path] = field(default_factory=dict)  # folders of diffusers pipelines, by digest

    def __call__(self) -> Drawer:
        """Loads and verifies the model."""
        torch.set_num_threads(self.threads)
        manifest = read_manifest(self.folder)
        manifest.verify()
        return Drawer(manifest, self.device or best_device(), self.pipelines)


class Drawer:
    """Makes the clip of a job: draws it, or encodes a picture that was given or another model makes."""

    def __init__(self, manifest: Manifest, device: str, pipelines: Mapping[str, Path] | None = None) -> None:
        self.manifest = manifest
        self.device = device
        self.text = load_text_encoder(manifest)
        self.schedule = SCHEDULES[manifest.schedule]
        self._nets: dict[tuple[str, bool], Any] = {}  # by precision, and whether it is compiled
        self._tokens: dict[str, Tensor] = {}
        self._pictures = Pictures(manifest, device, pipelines or {})

    def net(self, precision: str, compiled: bool = False) -> MaskTemporalUNet:
        """The network in that precision, compiled or as it is."""
        if (precision, compiled) not in self._nets:
            if compiled:
                made: Any = torch.compile(self.net(precision), dynamic=False)
            else:
                folder = self.manifest.folder / "unet"
                made = ready(folder, number_type(precision, self.device), self.device)
            self._nets[precision, compiled] = made
        found: MaskTemporalUNet = self._nets[precision, compiled]
        return found

    def tokens(self, prompts: list[str]) -> Tensor:
        """Tokens `[P, N, D]`; each prompt is encoded alone, so that no bit depends on the others."""
        for prompt in prompts:
            if prompt not in self._tokens:
                with torch.inference_mode():
                    self._tokens[prompt] = self.text.encode([prompt])
        return torch.cat([self._tokens[prompt] for prompt in prompts]).to(self.device)

    @torch.inference_mode()
    def __call__(
        self, jobs: Sequence[Job], inputs: Sequence[Sequence[NDArray[np.float16]]]
    ) -> list[NDArray[np.float32]]:
        """The latents `[T, C, H, W]` of every job, whose known frames are `inputs` (each `[C, H, W]`).

        Jobs are alike in length, sampling and whether anything is known. They come out as if each were alone.
        """
        if jobs[0].op == "encode":
            side = self.manifest.size
            return [self._pictures.encode(given_picture(job.params, side, side)) for job in jobs]
        if jobs[0].op == "imagine":
            return [self._pictures.imagine(job.params) for job in jobs]
        made: dict[int, NDArray[np.float32]] = {}
        for k, (job, given) in enumerate(zip(jobs, inputs, strict=True)):
            assert job.op == "draw", job.op
            own = len(job.params["times"])
            if len(job.params["known"]) == own and "reuse" not in job.params:
                made[k] = np.stack(given[:own]).astype(np.float32)  # an edit left nothing to draw
        rest = [k for k in range(len(jobs)) if k not in made]
        if rest:
            drawn = self._draw([jobs[k].params for k in rest], [inputs[k] for k in rest])
            made.update(zip(rest, drawn, strict=True))
        return [made[k] for k in range(len(jobs))]

    def _draw(
        self, params: list[dict[str, Any]], inputs: list[Sequence[NDArray[np.float16]]]
    ) -> list[NDArray[np.float32]]:
        """What the network makes of clips of one length, together."""
        p, orders = params[0], [_in_order(one) for one in params]
        channels, height, width = self.manifest.latents
        smaller = 2 ** p.get("halved", 0)
        shape = channels, height // smaller, width // smaller
        clips, count = len(params), len(orders[0][0])
        noise = torch.zeros(clips, count, *shape, device=self.device)
        known, mask = torch.zeros_like(noise), torch.zeros(clips, count, 1, *shape[1:], device=self.device)
        prompts, rows = [""], []  # row 0 is the unconditional prompt
        further: list[Sequence[NDArray[np.float16]]] = []  # inputs that are no known frames
        for k, (one, given, (frames, own, seen)) in enumerate(zip(params, inputs, orders, strict=True)):
            noise[k, own] = self._noise(one["seed"], (len(own), *shape))
            further.append(given[len(seen) :])
            assert not further[k] or "reuse" in one or "draft" in one
            for position, latent in zip(seen, given[: len(seen)], strict=True):
                known[k, position] = self._known(latent, smaller)
                mask[k, position] = 1
            rows.append([row + len(prompts) for _, row in frames])
            prompts += one["prompts"]
        row = torch.tensor(rows, device=self.device)
        times_of = [[t for t, _ in frames] for frames, _, _ in orders]
        time = torch.tensor(times_of, dtype=torch.float32, device=self.device)
        evaluate = self._evaluate(p["precision"], p.get("compiled", False))
        denoiser = Denoiser(evaluate, self.schedule, self.manifest.prediction)
        conditions = Given(time=time, text=self.tokens(prompts), prompt=row, known=known, mask=mask)
        state, grid = noise, times(p["steps"], p["shift"])
        if "draft" in p:
            places = [own for _, own, _ in orders]
            rough, draft, level = self._drafts(params, further, known, mask, places)
            conditions = replace(conditions, draft=Draft(draft, level))
            if "start" in p["draft"]:  # from the draft itself, noised so far
                begin = torch.full_like(level, p["draft"]["start"])
                noised = diffuse(rough, noise, begin, self.schedule)
                state = torch.where((level >= 0)[:, :, None, None, None], noised, noise)
                grid = [p["draft"]["start"] * t for t in grid]

        def denoise_from(noise: Tensor) -> Denoise:
            level = p.get("known_level", 0.0)
            pinned = partial(pin, denoiser.denoise, noise=noise, schedule=self.schedule, level=level)
            return guide(
                pinned(conditions),
                pinned(conditions.without_prompt()),
                blind(denoiser.denoise, conditions),
                text_scale=p["text_guidance"],
                known_scale=p["known_guidance"] if p["known"] else 1.0,
            )

        if "reuse" in p:
            return [self._draw_reusing(p["reuse"], denoise_from, noise, grid, further[0])]
        drawn = SAMPLERS[p["sampler"]](denoise_from(noise), state, grid, self.schedule)
        return [drawn[k, own].float().cpu().numpy() for k, (_, own, _) in enumerate(orders)]

    def _drafts(
        self,
        params: list[dict[str, Any]],
        further: list[Sequence[NDArray[np.float16]]],  # of each clip its latents at half size, or nothing
        known: Tensor,
        mask: Tensor,
        own: list[list[int]],  # of each clip the positions of its own frames
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Drafts `[B, T, C, H, W]` of all frames, the same noised, the levels `[B, T]`, -1 for none."""
        drafts, draft = torch.zeros_like(known), torch.zeros_like(known)
        told = torch.full(known.shape[:2], -1.0, device=self.device)
        for k, (one, given, at) in enumerate(zip(params, further, own, strict=True)):
            level = one["draft"]["level"]
            if "flow" in one["draft"]:
                there = mask[k, at, 0, 0, 0] > 0
                rough, drafted = self._pictures.between(one, known[k, at], there)
            else:
                small = torch.stack([self._tensor(latent) for latent in given])
                rough, drafted = doubled(small[None])[0], mask[k, at, 0, 0, 0] == 0
            noise = self._noise(one["seed"], tuple(rough.shape), stream=1)
            levels = torch.full((1, len(at)), level, device=self.device)
            drafts[k, at] = rough
            draft[k, at] = diffuse(rough[None], noise[None], levels, self.schedule)[0]
            told[k, at] = torch.where(drafted, level, -1.0)
        return drafts, draft, told

    def _draw_reusing(
        self,
        reuse: dict[str, Any],
        denoise_from: Callable[[Tensor], Denoise],
        fresh: Tensor,  # noise [1, T, C, H, W]
        grid: list[float],
        handed: Sequence[NDArray[np.float16]],  # by the clip before, where the clip follows one
    ) -> NDArray[np.float32]:
        """The clip's frames, and behind them what it hands on."""
        past, noise = None, fresh
        if reuse["follows"]:
            past = past_of(torch.stack([self._tensor(latent) for latent in handed]), reuse["steps"])
            noise = reused_noise(past.noise, fresh[0], len(reuse["steps"]), reuse["recycled"])[None]
        drawn, handing = sample_reusing(denoise_from(noise), noise, grid, self.schedule, reuse["steps"], past)
        whole: NDArray[np.float32] = torch.cat([drawn[0], handing]).float().cpu().numpy()
        return whole

    def _known(self, latent: NDArray[np.float16], smaller: int) -> Tensor:
        """A known latent, at its own size or at half of it."""
        whole = self._tensor(latent)
        return whole if smaller == 1 else halved(whole[None, None])[0, 0]

    def _tensor(self, latent: NDArray[np.float16]) -> Tensor:
        return torch.from_numpy(latent.astype(np.float32)).to(self.device)

    def _noise(self, seed: int, shape: tuple[int, ...], stream: int = 0) -> Tensor:
        # torch's CPU generator keeps 32 bits of a seed, too few for millions of clips; Philox keeps them all.
        philox = np.random.Philox(key=[seed, stream])
        drawn = np.random.Generator(philox).standard_normal(shape, dtype=np.float32)
        return torch.from_numpy(drawn).to(self.device)

    def _evaluate(self, precision: str, compiled: bool) -> Network:
        net, dtype = self.net(precision, compiled), number_type(precision, self.device)

        def evaluate(x: Tensor, t: Tensor, given: Given) -> Tensor:
            out: Tensor = net(x.to(dtype), t, given.to(dtype))
            return out.float()

        return evaluate


def _in_order(params: dict[str, Any]) -> tuple[list[tuple[int, int]], list[int], list[int]]:
    """(time, row of its prompt) of all frames that the network sees, references where their time is.

    And the positions of the clip's own frames, and those of the known ones in the order of the job's inputs.
    """
    shown = params.get("references", {"times": [], "prompt": []})
    frames = list(zip(params["times"] + shown["times"], params["prompt"] + shown["prompt"], strict=True))
    order = sorted(range(len(frames)), key=lambda k: frames[k][0])
    place = {k: position for position, k in enumerate(order)}
    own = range(len(params["times"]))
    known = [*params["known"], *range(len(own), len(frames))]
    return [frames[k] for k in order], [place[k] for k in own], [place[k] for k in known]
