"""A pretrained pipeline that draws: clips of pixels between pictures that are known."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, MutableMapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NoReturn

from numpy.typing import NDArray

from longtake.draw.backends.chosen import ChosenBackend
from longtake.draw.drawer import Decode, Draw
from longtake.errors import OptionError
from longtake.manifest import digest_of_pipeline
from longtake.plan import EncodeSpec, Job, Need, Plan, PlannedScene, Timeline
from longtake.plan.spec import PictureModel, PipelineSettings
from longtake.strategies import ClipRule, Filling
from longtake.strategies.requirements import PIPELINES, check_installed
from longtake.video import Pixels


@dataclass(frozen=True, kw_only=True)
class PipelineDrawer:
    """A `Drawer`: a back end with its weights."""

    chosen: ChosenBackend
    folder: Path  # of the pipeline
    known: MutableMapping[str, str]  # checksums of files, as `digest_of_pipeline` remembers them

    batch = 1  # pipelines take one pair of keyframes at a time
    one_process = True
    decoder = "pixels"

    @property
    def name(self) -> str:
        return f"{self.chosen.backend.name} {self.folder.name}"

    @cached_property
    def digest(self) -> str:
        return digest_of_pipeline(self.folder, self.known)

    @property
    def size(self) -> tuple[int, int]:
        return self.chosen.size

    @property
    def shown_size(self) -> tuple[int, int]:
        return self.chosen.size

    @property
    def clip_length(self) -> int:
        return self.chosen.clip

    def plan(self, line: Timeline, seed: int, fps: float) -> Plan:
        modules = ("transformers", "accelerate")
        check_installed(Need(module, f"back ends need {module}", PIPELINES.extra) for module in modules)
        options, backend = self.chosen.options, self.chosen.backend
        width, height = self.size
        settings = PipelineSettings(
            backend=backend.name,
            version=backend.version,
            pipeline=self.digest,
            width=width,
            height=height,
            steps=options.steps or backend.steps,
            guidance=backend.guidance if options.guidance is None else options.guidance,
            negative=options.negative,
            dtype=options.dtype,
            blend=options.blend or backend.rule.unit,
            tiling=options.tiling,
            shift=options.shift,
        )
        filling = Filling.Options(
            clip=self.clip_length, keyframes=options.keyframes, strength=options.strength
        )
        maker = self._picture_model
        return Plan.of(Filling(settings, self._rule, filling, seed=seed, fps=fps, picture_model=maker), line)

    def at_multiple(self, plan: Plan, times: int) -> Plan:
        """None but its own rate: clips are pixels, which nothing here refines."""
        self._refuse("fps")

    def sized(self, size: int) -> tuple[PipelineDrawer, int]:
        """None but its own size, which is an option of the back end."""
        self._refuse("size")

    def _refuse(self, option: str) -> NoReturn:
        raise OptionError("goes with longtake's own models, not with --backend", option)

    def picture(self, pixels: Pixels) -> Job:
        width, height = self.size
        return Job(EncodeSpec.of(pixels.tobytes(), width=width, height=height))

    def unread(self, scenes: Sequence[PlannedScene]) -> Iterator[str]:
        """Nothing: its text encoder knows parts of any word."""
        return iter(())

    def verify(self) -> None:
        """Its weights were hashed for the plan."""

    def load(self) -> Draw:
        from longtake.draw.pipeline import ClipFiller  # here: where nothing is missing, torch is not needed

        options = self.chosen.options
        return ClipFiller(
            self.chosen.backend,
            self.folder,
            dtype=options.dtype,
            offload=options.offload,
            tiling=options.tiling,
            shift=options.shift,
            pipelines=self._pictures,
        )

    def load_decoder(self) -> Decode:
        """Clips are pixels."""
        return _as_stored

    @cached_property
    def _pictures(self) -> Mapping[str, Path]:
        """The folder of what makes pictures, by its digest. Raises ModelError where there is none."""
        named = self.chosen.options.picture
        return {digest_of_pipeline(Path(named), self.known): Path(named).absolute()} if named else {}

    @property
    def _rule(self) -> ClipRule:
        return self.chosen.backend.narrowed(self.folder, self.chosen.backend.rule)

    @property
    def _picture_model(self) -> PictureModel | None:
        """Another model that makes pictures, and how it is called."""
        options = self.chosen.options
        for digest in self._pictures:
            return PictureModel(
                pipeline=digest, steps=options.picture_steps, guidance=options.picture_guidance
            )
        return None


def _as_stored(pixels: NDArray[Any]) -> Pixels:
    return pixels
