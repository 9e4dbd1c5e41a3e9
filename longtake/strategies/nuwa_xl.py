"""NUWA-XL (arXiv 2303.12346): keyframes of the whole film first, then every gap between them, recursively."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from longtake.plan import LevelSampling, Model, Strategy
from longtake.strategies.references import Subjects, references


class NuwaXL(Strategy):
    """Keyframes as one clip, then gaps in as few levels as clips of the model's length allow.

    The keyframes, the leaves (clips at every film frame) and the gaps between these two have their own
    sampling; a film of one clip uses that of the keyframes. A gap that must show what neither end shows is
    given keyframes that do; what names one subject is in the model's lexicon.
    """

    name = "nuwa-xl"

    @dataclass(frozen=True, kw_only=True)
    class Options(Strategy.Options):
        """What a user may choose."""

        references: int | None = (
            None  # keyframes shown to a gap at most; 0: the paper's plan; None: the model's
        )

    options: Options

    def __init__(
        self,
        model: Model,
        sampling: LevelSampling | None = None,
        options: Options | None = None,
        seed: int = 0,
    ) -> None:
        super().__init__(model, sampling, options, seed)
        chosen = self.options.references
        self.most_references = model.references if chosen is None else chosen
        self._subjects = Subjects(model.lexicon)

    def strides(self, length: int) -> list[int]:
        """Film frames between neighbouring frames of a clip, per level.

        Powers of the gaps in a clip, as few as cover the film. Keyframes with fewer than four gaps would see
        too little of it: they move together to the smallest multiple of the next stride that one clip can
        reach.
        """
        gaps = self.model.clip_length - 1
        if gaps < 2:
            raise ValueError(
                f"a clip of {self.model.clip_length} frames has nothing between its ends: give at least 3"
            )
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
