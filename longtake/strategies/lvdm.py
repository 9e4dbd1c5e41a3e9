"""LVDM (arXiv 2211.13221): sparse keyframes from left to right, then every gap between them.

Prediction and interpolation are one network here, told apart by which frames are known; the authors' code
has one network for each.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from longtake.plan import Chain, Clip, Drawing, Plan, Sampling, Strategy, Timeline

_PAPER_LEVEL = 0.31  # of `flow`, as noisy as step 100 of the authors' schedule: signal 0.91, noise 0.41


@dataclass(frozen=True, kw_only=True)
class LvdmOptions:
    """What a user may choose. Raises `ValueError` for what cannot be."""

    keyframes: int | None = None  # of a clip; None: as many frames as the model's clips have
    carried: int = 4  # of them, known from the clip before
    stride: int | None = None  # film frames between keyframes; None: one clip fills the gap
    perturbation: float = 0.1  # noise level of known frames, 0..1 (conditional latent perturbation)
    known_guidance: float | None = None  # by known frames (unconditional guidance); None: the model's
    paper_exact: bool = False  # the numbers of the paper's code: 4 keyframes, 1 carried, stride 4, and so on

    def __post_init__(self) -> None:
        if self.carried < 1:
            raise ValueError(f"carried is {self.carried}: a clip needs at least one frame of the one before")
        if self.keyframes is not None and self.keyframes <= self.carried:
            raise ValueError(f"keyframes is {self.keyframes}: give more than are carried, {self.carried}")
        if self.stride is not None and self.stride < 2:
            raise ValueError(f"stride is {self.stride}: a gap needs a frame between its ends, give 2 or more")
        if not 0 <= self.perturbation < 1:
            raise ValueError(f"perturbation is {self.perturbation}: give a noise level from 0 to below 1")

    def resolved(self, clip_length: int) -> LvdmOptions:
        """With all that was left open filled in, for clips of at most so many frames."""
        if self.paper_exact:
            return LvdmOptions(
                keyframes=4, carried=1, stride=4, perturbation=_PAPER_LEVEL, known_guidance=1.1
            )
        found = replace(
            self, keyframes=self.keyframes or clip_length, stride=self.stride or max(2, clip_length - 1)
        )
        assert found.keyframes is not None
        assert found.stride is not None
        if max(found.keyframes, found.stride + 1) > clip_length:
            raise ValueError(
                f"clips of {found.keyframes} keyframes and gaps of {found.stride + 1} frames do not go with "
                f"a model whose clips have {clip_length}"
            )
        return found


def plan_lvdm(
    timeline: Timeline,
    *,
    seed: int,
    model: str,
    sampling_keyframes: Sampling,
    sampling_leaves: Sampling,
    clip_length: int = 16,
    options: LvdmOptions | None = None,
) -> Plan:
    """Plan the film of `timeline`, with clips of at most `clip_length` frames.

    `seed` is the film's, `model` the digest of all weights that draw. A film that ends off the grid of
    keyframes has those of the next length on it; what lies past its end is not shown, and its gaps not drawn.
    Raises `ValueError` where the options do not go with clips of this length.
    """
    found = (options or LvdmOptions()).resolved(clip_length)
    return Plan.of(Lvdm(seed, model, (sampling_keyframes, sampling_leaves), found), timeline)


class Lvdm(Strategy):
    """What makes a tree of clips LVDM's."""

    def __init__(
        self,
        seed: int,
        model: str,
        sampling: tuple[Sampling, Sampling],  # of keyframes, gaps
        options: LvdmOptions,  # resolved
    ) -> None:
        assert options.keyframes is not None
        assert options.stride is not None
        self.chain: Chain = Chain(options.keyframes, options.carried)
        self._seed, self._model, self._stride = seed, model, options.stride
        self._sampling: tuple[Sampling, ...] = sampling
        if (scale := options.known_guidance) is not None:
            self._sampling = tuple(replace(one, known_guidance=scale) for one in sampling)
        self._level = options.perturbation

    def strides(self, length: int) -> list[int]:
        """Film frames between neighbouring frames of a clip, per level; a film of one clip has no gaps."""
        return [1] if length <= self.chain.length else [self._stride, 1]

    def draw(self, clip: Clip) -> Drawing:
        """What draws a clip."""
        sampling = self._sampling[clip.place.level]
        level = self._level if clip.known else 0.0
        return Drawing(clip.job(sampling, seed=self._seed, model=self._model, known_level=level))
