"""LVDM (arXiv 2211.13221): sparse keyframes from left to right, then every gap between them.

Prediction and interpolation are one network here, told apart by which frames are known; the authors' code
has one network for each.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from longtake.plan import Chain, Clip, Drawing, LevelSampling, Model, Strategy
from longtake.strategies.requirements import check_alone

_PAPER_LEVEL = 0.31  # of `flow`, as noisy as step 100 of the authors' schedule: signal 0.91, noise 0.41


class Lvdm(Strategy):
    """Keyframes as a chain of clips, then one clip for every gap.

    A film that ends off the grid of keyframes has those of the next length on it; what lies past its end is
    not shown, and its gaps not drawn.
    """

    name = "lvdm"

    @dataclass(frozen=True, kw_only=True)
    class Options(Strategy.Options):
        """What a user may choose. Raises `ValueError` for what cannot be."""

        keyframes: int | None = None  # of a clip; None: as many frames as the model's clips have
        carried: int = 4  # of them, known from the clip before
        stride: int | None = None  # film frames between keyframes; None: one clip fills the gap
        perturbation: float = 0.1  # noise level of known frames, 0..1 (conditional latent perturbation)
        known_guidance: float | None = None  # by known frames (unconditional guidance); None: the model's
        paper_exact: bool = (
            False  # the numbers of the paper's code: 4 keyframes, 1 carried, stride 4, and so on
        )

        def __post_init__(self) -> None:
            if self.carried < 1:
                raise ValueError(
                    f"carried is {self.carried}: a clip needs at least one frame of the one before"
                )
            if self.keyframes is not None and self.keyframes <= self.carried:
                raise ValueError(f"keyframes is {self.keyframes}: give more than are carried, {self.carried}")
            if self.stride is not None and self.stride < 2:
                raise ValueError(
                    f"stride is {self.stride}: a gap needs a frame between its ends, give 2 or more"
                )
            if not 0 <= self.perturbation < 1:
                raise ValueError(f"perturbation is {self.perturbation}: give a noise level from 0 to below 1")

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
        if self.options.paper_exact:
            check_alone(self.options, "paper_exact")
            self.options = self.Options(
                keyframes=4, carried=1, stride=4, perturbation=_PAPER_LEVEL, known_guidance=1.1
            )
        keyframes = self.options.keyframes or model.clip_length
        stride = self.options.stride or max(2, model.clip_length - 1)
        self.options = replace(self.options, keyframes=keyframes, stride=stride)
        if max(keyframes, stride + 1) > model.clip_length:
            raise ValueError(
                f"clips of {keyframes} keyframes and gaps of {stride + 1} frames do not go with "
                f"a model whose clips have {model.clip_length}"
            )
        self.chain, self._stride = Chain(keyframes, self.options.carried), stride

    def strides(self, length: int) -> list[int]:
        """Film frames between neighbouring frames of a clip, per level; a film of one clip has no gaps."""
        return [1] if length <= self.chain.length else [self._stride, 1]

    def draw(self, clip: Clip) -> Drawing:
        """What draws a clip: keyframes, and leaves of which nothing else is above."""
        sampling = self.sampling.leaves if clip.place.level else self.sampling.keyframes
        if (scale := self.options.known_guidance) is not None:
            sampling = replace(sampling, known_guidance=scale)
        level = self.options.perturbation if clip.known else 0.0
        return Drawing(self.job(clip, sampling, known_level=level))
