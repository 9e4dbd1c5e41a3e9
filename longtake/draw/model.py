"""A model of longtake that draws by a strategy."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from longtake.conditions.words import unread_prompts
from longtake.draw.drawer import Decode, Draw
from longtake.errors import OptionError
from longtake.manifest import Manifest
from longtake.plan import EncodeSpec, Job, Plan, PlannedScene, Timeline, finer
from longtake.strategies import ChosenStrategy
from longtake.strategies.requirements import FLOW, check_drafts, check_installed
from longtake.video import Pixels


@dataclass(frozen=True, kw_only=True)
class ModelDrawer:
    """A `Drawer`: a model, the strategy that plans its films, and what was chosen of its sampling."""

    manifest: Manifest
    strategy: ChosenStrategy
    sampling: Mapping[str, Any]  # fields of all levels' sampling that the user has set
    hd: bool = False  # decoded by the HD decoder

    batch = 3  # clips: more gain nothing on a CPU (docs/log.md)
    one_process = False

    @property
    def name(self) -> str:
        return self.manifest.name

    @property
    def digest(self) -> str:
        return self.manifest.digest

    @property
    def decoder(self) -> str:
        return self.manifest.hd_digest if self.hd else self.manifest.decoder_digest

    @property
    def size(self) -> tuple[int, int]:
        return self.manifest.size, self.manifest.size

    @property
    def shown_size(self) -> tuple[int, int]:
        side = self.manifest.hd if self.hd else self.manifest.size
        return side, side

    @property
    def clip_length(self) -> int:
        return self.manifest.clip_length

    def plan(self, line: Timeline, seed: int, fps: float) -> Plan:
        return self.strategy.plan(line, seed, self.manifest, **self.sampling)

    def at_multiple(self, plan: Plan, times: int) -> Plan:
        if times == 1:
            return plan
        model = self.manifest
        try:
            check_drafts(model, "a higher frame rate")
            check_installed([FLOW])
            sampling = replace(model.leaves, steps=1)  # more gain nothing (docs/log.md)
            return finer(plan, times, model=model.digest, sampling=sampling, clip_length=model.clip_length)
        except ValueError as error:
            raise OptionError(str(error), "fps") from None

    def sized(self, size: int) -> tuple[ModelDrawer, int]:
        """By the HD decoder where the size is its own or a multiple, else by the autoencoder's."""
        for side, hd in ((self.manifest.hd, True), (self.manifest.size, False)):
            if side and size % side == 0:
                return replace(self, hd=hd), size // side
        sizes = " or of ".join(str(side) for side in (self.manifest.size, self.manifest.hd) if side)
        raise OptionError(f"{size}: give a multiple of {sizes}", "size")

    def picture(self, pixels: Pixels) -> Job:
        return Job(EncodeSpec.of(pixels.tobytes(), encoder=self.manifest.decoder_digest))

    def unread(self, scenes: Sequence[PlannedScene]) -> Iterator[str]:
        return unread_prompts(self.manifest.folder / "text", scenes)

    def verify(self) -> None:
        self.manifest.verify()

    @property
    def load(self) -> Callable[[], Draw]:
        """Sent to other processes without the strategy, which they do not need and may not find."""
        return partial(_load, self.manifest.folder.absolute(), dict(self.strategy.pipelines))

    @property
    def load_decoder(self) -> Callable[[], Decode]:
        return partial(_load_decoder, self.manifest.folder.absolute(), self.hd)


def _load(folder: Path, pipelines: Mapping[str, Path]) -> Draw:
    from longtake.draw.network import ClipSampler  # here: where nothing is missing, torch is not needed

    return ClipSampler(folder, pipelines=pipelines)


def _load_decoder(folder: Path, hd: bool) -> Decode:
    from longtake.draw.decode import ClipDecoder  # here: where nothing is decoded, torch is not needed

    return ClipDecoder(folder, hd=hd)
