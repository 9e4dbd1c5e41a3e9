"""NUWA-XL (arXiv 2303.12346): keyframes of the whole film first, then every gap between them, recursively."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from longtake.plan import Clip, Drawing, Plan, Sampling, Strategy, Timeline
from longtake.strategies.references import references
from longtake.strategies.subjects import Subjects


def plan_nuwa_xl(
    timeline: Timeline,
    *,
    seed: int,
    model: str,
    sampling_keyframes: Sampling,
    sampling_gaps: Sampling,
    sampling_leaves: Sampling,
    clip_length: int = 16,
    most_references: int = 0,
    lexicon: Mapping[str, Sequence[str]] | None = None,
) -> Plan:
    """Plan the film of `timeline`, with clips of at most `clip_length` frames.

    A gap that must show what neither end shows is given up to `most_references` keyframes that do (0: the
    paper's plan); `lexicon` tells the phrases that name one subject.

    `seed` is the film's, `model` the digest of all weights that draw. The keyframes, the leaves (clips at
    every film frame) and the gaps between these two have their own sampling; a film of one clip uses that
    of the keyframes.
    """
    sampling = sampling_keyframes, sampling_gaps, sampling_leaves
    return Plan.of(NuwaXL(seed, model, sampling, clip_length, most_references, lexicon or {}), timeline)


class NuwaXL(Strategy):
    """What makes a tree of clips NUWA-XL's."""

    def __init__(
        self,
        seed: int,
        model: str,
        sampling: tuple[Sampling, Sampling, Sampling],  # of keyframes, gaps, leaves
        clip_length: int,
        most_references: int,
        lexicon: Mapping[str, Sequence[str]],
    ) -> None:
        self.most_references = most_references
        self._seed, self._model, self._sampling = seed, model, sampling
        self._clip_length, self._subjects = clip_length, Subjects(lexicon)

    def strides(self, length: int) -> list[int]:
        """Film frames between neighbouring frames of a clip, per level.

        Powers of `clip_length - 1`, as few as cover the film. Keyframes with fewer than four gaps would see
        too little of it: they move together to the smallest multiple of the next stride that one clip can
        reach.
        """
        gaps = self._clip_length - 1
        if gaps < 2:
            told = f"a clip of {self._clip_length} frames has nothing between its ends: give at least 3"
            raise ValueError(told)
        strides = [1]
        while strides[0] * gaps < length - 1:
            strides.insert(0, strides[0] * gaps)
        if len(strides) > 1 and length - 1 <= 3 * strides[0]:
            strides[0] = strides[1] * -(-(length - 1) // (gaps * strides[1]))
        return strides

    def choose_references(
        self, frames: Sequence[str], known: Sequence[str], others: Sequence[tuple[float, str]]
    ) -> list[int]:
        """Which of `others` (how far away, prompt) a clip should see; positions, in order."""
        return references(self._subjects, frames, known, others, self.most_references)

    def draw(self, clip: Clip) -> Drawing:
        """What draws a clip."""
        keyframes, gaps, leaves = self._sampling
        sampling = keyframes if clip.place.level == 0 else leaves if clip.stride == 1 else gaps
        return Drawing(clip.job(sampling, seed=self._seed, model=self._model))
