"""VidRD (arXiv 2309.03549): clips from left to right that reuse the noise and the latents of the one before.

The network is the one that draws clips by themselves; all that is new is in the sampling. What a clip hands
on is stored behind its frames: its initial noise, and the latents of its last frames at the guided steps.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from longtake.plan import Chain, Clip, Drawing, Frame, LevelSampling, Model, Strategy
from longtake.plan.spec import Reuse
from longtake.strategies.requirements import check_alone


class VidRD(Strategy):
    """A chain of leaves, of which each takes over noise and latents and no frames.

    Only with the sampler DDIM: others remember earlier steps.
    """

    name = "vidrd"

    @dataclass(frozen=True, kw_only=True)
    class Options(Strategy.Options):
        """What a user may choose. Raises `ValueError` for what cannot be."""

        frames: int | None = None  # of a clip (the paper's N); None: as many as the model's clips have
        guided: int = 4  # of them, at the clip's beginning, that follow the end of the clip before (M)
        recycled: float = 4.0  # how much of the other frames' noise is that of the clip before (alpha)
        guidance: float = 0.4  # share of the steps in which the first frame is guided (beta)
        paper_exact: bool = False  # the numbers of the paper's code: clips of 8, 50 steps, text guidance 10

        def __post_init__(self) -> None:
            if self.guided < 1 or (self.frames is not None and self.frames <= self.guided):
                raise ValueError(
                    f"guided is {self.guided}: give at least 1, and fewer than a clip has frames"
                )
            if not (self.recycled >= 0 and math.isfinite(self.recycled)):
                raise ValueError(f"recycled is {self.recycled}: give 0 (new noise) or more")
            if not 0 <= self.guidance <= 1:
                raise ValueError(f"guidance is {self.guidance}: give a share of the steps, 0 to 1")

    options: Options
    chain: Chain

    def __init__(
        self,
        model: Model,
        sampling: LevelSampling | None = None,
        options: Options | None = None,
        seed: int = 0,
    ) -> None:
        super().__init__(model, sampling, options, seed)
        self._sampling = self.sampling.keyframes
        if self.options.paper_exact:
            check_alone(self.options, "paper_exact")
            self.options = self.Options(frames=8)
            self._sampling = replace(self._sampling, sampler="ddim", steps=50, text_guidance=10.0)
        frames = self.options.frames or model.clip_length
        self.options = replace(self.options, frames=frames)
        if frames > model.clip_length:
            raise ValueError(
                f"clips of {frames} frames do not go with a model whose clips have {model.clip_length}"
            )
        if self._sampling.sampler != "ddim":
            raise ValueError(f"reusing latents needs the sampler ddim, not {self._sampling.sampler}")
        self.chain = Chain(frames, 0)
        self._steps = guided_steps(self.options.guided, self._sampling.steps, self.options.guidance)

    def strides(self, length: int) -> list[int]:
        """Film frames between neighbouring frames of a clip, per level."""
        return [1]

    def draw(self, clip: Clip) -> Drawing:
        """What draws a clip. The job yields its frames and, behind them, what the next one reuses."""
        follows = clip.before is not None
        reuse = Reuse(steps=tuple(self._steps), recycled=self.options.recycled, follows=follows)
        inputs: tuple[Frame, ...] = ()
        if clip.before is not None:
            # The noise of every frame, and the guided frames' latents but for their noise.
            count = self.chain.length + sum(steps - 1 for steps in self._steps if steps)
            inputs = tuple(Frame(clip.before, self.chain.length + k) for k in range(count))
        return Drawing(self.job(clip, self._sampling, reuse=reuse, inputs=inputs))


def guided_steps(frames: int, steps: int, share: float) -> list[int]:
    """In how many steps each of the `frames` guided frames follows the clip before.

    Frame f is guided in step i where i < (M - f) / M S beta: 20, 15, 10 and 5 of 50 steps for M = 4 and
    beta = 0.4.
    """
    return [math.ceil(round((frames - f) / frames * steps * share, 6)) for f in range(frames)]
