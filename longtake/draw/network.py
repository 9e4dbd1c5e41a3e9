"""Making the clip of a job with a model's networks.

Everything here is deterministic: noise comes from the job's seed, and clips that are drawn together come out
as if each were alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

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
    Schedule,
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
from longtake.draw.pictures import PictureLatents, given_picture
from longtake.given import Draft, Given
from longtake.manifest import read_manifest
from longtake.models.latents import doubled, halved
from longtake.models.unet import MaskTemporalUNet
from longtake.plan import ClipSpec, EncodeSpec, ImagineSpec

if TYPE_CHECKING:
    from longtake.plan import Job
    from longtake.plan.spec import Reuse

Latents = Sequence[NDArray[np.float16]]  # frames, each [C, H, W]


class ClipSampler:
    """Makes the clip of a job: draws it, or encodes a picture that was given or another model makes."""

    def __init__(
        self,
        folder: Path,  # of the model
        device: str | None = None,  # None: the best there is
        pipelines: Mapping[str, Path] | None = None,  # folders of diffusers pipelines, by digest
    ) -> None:
        """Verifies the model and loads its text encoder; the rest is loaded when it is first needed.

        Sets this process to one thread of the CPU: more of them may change the last bits.
        """
        torch.set_num_threads(1)
        self.manifest = read_manifest(folder)
        self.manifest.verify()
        self.device = device or best_device()
        self.text = load_text_encoder(self.manifest)
        self.schedule = SCHEDULES[self.manifest.schedule]
        self._nets: dict[tuple[str, bool], Any] = {}  # by precision, and whether it is compiled
        self._tokens: dict[str, Tensor] = {}
        self._pictures = PictureLatents(self.manifest, self.device, pipelines or {})

    def net(self, precision: str, compiled: bool = False) -> MaskTemporalUNet:
        """The network in that precision, compiled or as it is."""
        if (precision, compiled) not in self._nets:
            if compiled:
                net: Any = torch.compile(self.net(precision), dynamic=False)
            else:
                folder = self.manifest.folder / "unet"
                net = ready(folder, number_type(precision, self.device), self.device)
            self._nets[precision, compiled] = net
        kept: MaskTemporalUNet = self._nets[precision, compiled]
        return kept

    def tokens(self, prompts: list[str]) -> Tensor:
        """Tokens `[P, N, D]`; each prompt is encoded alone, so that no bit depends on the others."""
        for prompt in prompts:
            if prompt not in self._tokens:
                with torch.inference_mode():
                    self._tokens[prompt] = self.text.encode([prompt])
        return torch.cat([self._tokens[prompt] for prompt in prompts]).to(self.device)

    @torch.inference_mode()
    def __call__(self, jobs: Sequence[Job], inputs: Sequence[Latents]) -> list[NDArray[np.float32]]:
        """The latents `[T, C, H, W]` of every job, whose known frames are `inputs` (each `[C, H, W]`).

        Jobs are alike as `batch_key` tells. They come out as if each were alone.
        """
        drawn: dict[int, NDArray[np.float32]] = {}
        clips: dict[int, tuple[ClipSpec, Latents]] = {}
        for k, (job, given) in enumerate(zip(jobs, inputs, strict=True)):
            match job.spec:
                case EncodeSpec() as spec:
                    side = self.manifest.size
                    drawn[k] = self._pictures.encode(given_picture(spec, side, side))
                case ImagineSpec() as spec:
                    drawn[k] = self._pictures.imagine(spec)
                case ClipSpec(is_given=True) as spec:  # an edit left nothing to draw
                    drawn[k] = np.stack(given[: spec.frames]).astype(np.float32)
                case ClipSpec() as spec:
                    clips[k] = spec, given
                case other:
                    raise AssertionError(f"no network draws {other}")
        if clips:
            specs, given_to = zip(*clips.values(), strict=True)
            drawn.update(zip(clips, self._draw(specs, given_to), strict=True))
        return [drawn[k] for k in range(len(jobs))]

    def _draw(self, specs: Sequence[ClipSpec], inputs: Sequence[Latents]) -> list[NDArray[np.float32]]:
        """What the network makes of clips, together."""
        common = specs[0]  # in all that has to be alike in a batch
        orders = [_in_order(spec) for spec in specs]
        known, mask = self._known_frames(common, orders, inputs)
        further = [given[len(order.known) :] for order, given in zip(orders, inputs, strict=True)]
        assert common.draft or common.reuse or not any(further)
        noise = torch.zeros_like(known)
        for k, (spec, order) in enumerate(zip(specs, orders, strict=True)):
            noise[k, order.own] = self._noise(spec.seed, (spec.frames, *known.shape[2:]))
        conditions = self._conditions(specs, orders, known, mask)
        state, grid = noise, times(common.sampling.steps, common.sampling.shift)
        if common.draft:
            drafts = self._drafts(specs, orders, further, known, mask)
            conditions = replace(conditions, draft=Draft(drafts.noised, drafts.levels))
            if common.draft.start is not None:
                state = drafts.begun(common.draft.start, noise, self.schedule)
                grid = [common.draft.start * t for t in grid]
        denoise_from = partial(self._guided, common, conditions)
        if common.reuse:
            return [self._draw_reusing(common.reuse, denoise_from, noise, grid, further[0])]
        sample = SAMPLERS[common.sampling.sampler]
        drawn = sample(denoise_from(noise), state, grid, self.schedule)
        return [drawn[k, order.own].float().cpu().numpy() for k, order in enumerate(orders)]

    def _known_frames(
        self, common: ClipSpec, orders: list[_FrameOrder], inputs: Sequence[Latents]
    ) -> tuple[Tensor, Tensor]:
        """What is known, references too, `[B, T, C, H, W]`, and a mask `[B, T, 1, H, W]`, 1 where it is."""
        channels, height, width = self.manifest.latents
        smaller = 2**common.halved
        shape = channels, height // smaller, width // smaller
        known = torch.zeros(len(orders), common.frames_seen, *shape, device=self.device)
        mask = torch.zeros_like(known[:, :, :1])
        for k, (order, given) in enumerate(zip(orders, inputs, strict=True)):
            for position, latent in zip(order.known, given, strict=False):
                full = self._tensor(latent)
                known[k, position] = full if smaller == 1 else halved(full[None, None])[0, 0]
                mask[k, position] = 1
        return known, mask

    def _conditions(
        self, specs: Sequence[ClipSpec], orders: list[_FrameOrder], known: Tensor, mask: Tensor
    ) -> Given:
        """All that the network is given, but drafts. Row 0 of the text is the unconditional prompt."""
        prompts, rows = [""], []
        for spec, order in zip(specs, orders, strict=True):
            rows.append([row + len(prompts) for row in order.rows])
            prompts += spec.prompts
        return Given(
            time=torch.tensor([order.times for order in orders], dtype=torch.float32, device=self.device),
            text=self.tokens(prompts),
            prompt=torch.tensor(rows, device=self.device),
            known=known,
            mask=mask,
        )

    def _guided(self, common: ClipSpec, conditions: Given, noise: Tensor) -> Denoise:
        """What denoises clips that begin as `noise`, guided by prompts and by known frames."""
        sampling = common.sampling
        evaluate = self._evaluate(sampling.precision, sampling.compiled)
        denoise = Denoiser(evaluate, self.schedule, self.manifest.prediction).denoise
        pinned = partial(pin, denoise, noise=noise, schedule=self.schedule, level=common.known_level)
        return guide(
            pinned(conditions),
            pinned(conditions.without_prompt()),
            blind(denoise, conditions),
            text_scale=sampling.text_guidance,
            known_scale=sampling.known_guidance if common.known else 1.0,
        )

    def _drafts(
        self,
        specs: Sequence[ClipSpec],
        orders: list[_FrameOrder],
        further: list[Latents],  # of each clip the frames of its coarse draft, or nothing
        known: Tensor,
        mask: Tensor,
    ) -> _Drafts:
        """Of all frames; of those that have no draft the level is -1."""
        rough, noised = torch.zeros_like(known), torch.zeros_like(known)
        levels = torch.full(known.shape[:2], -1.0, device=self.device)
        for k, (spec, order, given) in enumerate(zip(specs, orders, further, strict=True)):
            assert spec.draft is not None
            there = mask[k, order.own, 0, 0, 0] > 0
            if spec.draft.kind == "flow":
                own, is_drafted = self._pictures.between(spec, known[k, order.own], there)
            else:
                small = torch.stack([self._tensor(latent) for latent in given])
                own, is_drafted = doubled(small[None])[0], ~there
            level, noise = spec.draft.level, self._noise(spec.seed, tuple(own.shape), stream=1)
            everywhere = torch.full((1, spec.frames), level, device=self.device)
            rough[k, order.own] = own
            noised[k, order.own] = diffuse(own[None], noise[None], everywhere, self.schedule)[0]
            levels[k, order.own] = torch.where(is_drafted, level, -1.0)
        return _Drafts(rough, noised, levels)

    def _draw_reusing(
        self,
        reuse: Reuse,
        denoise_from: Callable[[Tensor], Denoise],
        fresh: Tensor,  # noise [1, T, C, H, W]
        grid: list[float],
        handed: Latents,  # by the clip before, where the clip follows one
    ) -> NDArray[np.float32]:
        """The clip's frames, and behind them what it hands on."""
        past, noise, steps = None, fresh, list(reuse.steps)
        if reuse.follows:
            past = past_of(torch.stack([self._tensor(latent) for latent in handed]), steps)
            noise = reused_noise(past.noise, fresh[0], len(steps), reuse.recycled)[None]
        drawn, handing = sample_reusing(denoise_from(noise), noise, grid, self.schedule, steps, past)
        clip: NDArray[np.float32] = torch.cat([drawn[0], handing]).float().cpu().numpy()
        return clip

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


class _FrameOrder(NamedTuple):
    """How the network sees a clip: its frames and the references, in the order of their times."""

    times: list[float]
    rows: list[int]  # of their prompts
    own: list[int]  # positions of the clip's own frames
    known: list[int]  # positions of what is known, in the order of the job's inputs


def _in_order(spec: ClipSpec) -> _FrameOrder:
    frames = [*zip(spec.times, spec.rows, strict=True), *spec.references]
    order = sorted(range(len(frames)), key=lambda k: frames[k][0])
    position = {k: at for at, k in enumerate(order)}
    known = [*spec.known, *range(spec.frames, len(frames))]
    return _FrameOrder(
        times=[frames[k][0] for k in order],
        rows=[frames[k][1] for k in order],
        own=[position[k] for k in range(spec.frames)],
        known=[position[k] for k in known],
    )


class _Drafts(NamedTuple):
    """Rough versions of clips."""

    rough: Tensor  # [B, T, C, H, W]
    noised: Tensor  # the same as the network is shown it
    levels: Tensor  # of that noise, [B, T]; -1 for a frame that has no draft

    def begun(self, start: float, noise: Tensor, schedule: Schedule) -> Tensor:
        """Where sampling begins: drafts as noisy as at the time `start`, and noise for all other frames."""
        noised = diffuse(self.rough, noise, torch.full_like(self.levels, start), schedule)
        return torch.where((self.levels >= 0)[:, :, None, None, None], noised, noise)
