"""Back ends by name, with their options: `NAME`, or `NAME:OPTION=VALUE:OPTION=VALUE` and so on."""

from __future__ import annotations

import dataclasses
import json
import math
import re
from collections.abc import Callable, Iterator, Mapping, MutableMapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any, Literal

from numpy.typing import NDArray

from longtake.draw.backends import BACKENDS, Backend
from longtake.film.executors import Draw
from longtake.film.segments import LEAVES_PER_SEGMENT, Decode
from longtake.manifest import ModelError, digest_of_pipeline
from longtake.plan import Need, Plan, Scene, Timeline
from longtake.plan.spec import PictureModel, PipelineSettings
from longtake.strategies import ClipRule, Filling
from longtake.strategies.chosen import checked
from longtake.strategies.requirements import PIPELINES, check_installed
from longtake.video import Pixels


@dataclass(frozen=True, kw_only=True)
class Choices:
    """What a user may choose of a back end; None is what is usual for it. Raises `ValueError`."""

    clip: int | None = None  # frames of a clip at most, within the back end's rule
    size: str | None = None  # of the frames in pixels, WIDTHxHEIGHT
    steps: int | None = None
    guidance: float | None = None  # by the text; 1: none
    shift: float | None = None  # of the schedule towards noise, above 0; for Wan
    negative: str = ""  # what should not be seen
    dtype: Literal["bf16", "fp16", "fp32"] = "bf16"  # numbers that its networks compute with
    offload: Literal["none", "model", "sequential"] = "none"  # weights wait in the machine's memory
    tiling: bool = False  # the autoencoder works on parts of frames: less memory, other pixels
    blend: int | None = None  # frames over which a clip is led into its known frames
    keyframes: Literal["clip", "pictures"] = "clip"  # of a scene: one clip, or pictures by another model
    picture: str | None = None  # folder of a diffusers text-to-image pipeline
    picture_steps: int = 30
    picture_guidance: float = 7.5
    strength: float = 0.6  # how far pictures may be from the scene's first one; 1: as they please

    def __post_init__(self) -> None:
        for name in ("steps", "picture_steps", "blend"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise ValueError(f"{name} is {value}: give 1 or more")
        for name in ("guidance", "shift", "picture_guidance"):
            value = getattr(self, name)
            if value is not None and not (math.isfinite(value) and value > 0):
                raise ValueError(f"{name} is {value}: give a number above 0")
        if self.picture_steps * self.strength < 1:
            raise ValueError(
                f"strength {self.strength:g} of {self.picture_steps} steps leaves none: give more"
            )


@dataclass(frozen=True, kw_only=True)
class Chosen:
    """A back end with what was chosen of its options."""

    backend: Backend
    choices: Choices
    size: tuple[int, int]  # width and height in pixels


def parse_backend(text: str, **over: Any) -> Chosen:
    """Read `NAME:OPTION=VALUE...`; `over` are options that were given elsewhere, None if not.

    Raises `ValueError` with what there is to choose.
    """
    name, *settings = text.split(":")
    if name not in BACKENDS:
        raise ValueError(f"{name!r} is no back end: use {', '.join(BACKENDS)}")
    known = [field.name for field in dataclasses.fields(Choices)]
    values: dict[str, Any] = {}
    for setting in settings:
        key, _, value = setting.partition("=")
        if key not in known or not value:
            raise ValueError(f"{setting!r} is no option of {name}: use NAME=VALUE of {', '.join(known)}")
        values[key] = value
    values |= {key: value for key, value in over.items() if value is not None}
    backend, choices = BACKENDS[name], checked(Choices, values)
    if choices.shift is not None and not backend.shifts:
        raise ValueError(f"shift is {choices.shift:g}: {name} has a schedule of its own, leave it out")
    return Chosen(backend=backend, choices=choices, size=_size(choices.size, backend))


def _size(text: str | None, backend: Backend) -> tuple[int, int]:
    """Width and height in pixels. Raises `ValueError` for sides that the back end does not draw."""
    if text is None:
        return backend.size
    given, by = re.fullmatch(r"([1-9][0-9]{0,4})x([1-9][0-9]{0,4})", text), backend.multiple
    if given is None:
        raise ValueError(f"size is {text!r}: give WIDTHxHEIGHT in pixels, as in 704x512")
    width, height = (int(side) for side in given.groups())
    if width % by or height % by:
        near = "x".join(str(max(by, round(side / by) * by)) for side in (width, height))
        told = f"{backend.name} draws sides of multiples of {by}"
        raise ValueError(f"size is {text}: {told}; {near} is near")
    return width, height


def find_pipeline(model: str, backend: Backend, *, allow_download: bool) -> Path:
    """The folder of the pipeline: `model` itself, or of that id on the hub.

    From the hub's cache on this machine, or fetched where that is allowed. Raises `ModelError` where there is
    none, or it is one of another class.
    """
    folder = Path(model)
    if not folder.is_dir():
        folder = _of_hub(model, allow_download=allow_download)
    index = folder / "model_index.json"
    if not index.is_file():
        raise ModelError(f"{folder} holds no diffusers pipeline: name the folder with its model_index.json")
    try:
        held = json.loads(index.read_text())["_class_name"]
    except (ValueError, KeyError, TypeError):
        raise ModelError(f"{index} is no diffusers pipeline's: fetch it anew") from None
    if held not in (backend.pipeline, *backend.also):
        there = ", ".join(f"{other.name} ({other.pipeline})" for other in BACKENDS.values())
        raise ModelError(f"{folder} holds a {held}, not a {backend.pipeline}; back ends are {there}")
    return folder.absolute()


def _of_hub(model: str, *, allow_download: bool) -> Path:
    if not re.fullmatch(r"[\w.-]+/[\w.-]+", model):
        raise ModelError(
            f"no folder '{model}': name the folder of a diffusers pipeline, or its id OWNER/NAME"
        )
    from huggingface_hub import snapshot_download  # here: a folder needs no hub

    kinds = ["*.json", "*.txt", "*.safetensors", "*.model"]
    try:
        return Path(snapshot_download(model, allow_patterns=kinds, local_files_only=not allow_download))
    except (OSError, ValueError) as error:
        remedy = (
            "check its name and the network" if allow_download else "--allow-download fetches it from the hub"
        )
        raise ModelError(f"no folder '{model}', nor is it in the hub's cache here: {remedy}") from error


@dataclass(frozen=True, kw_only=True)
class BackendArtist:
    """A back end with its weights."""

    chosen: Chosen
    folder: Path
    known: MutableMapping[str, str]  # checksums of files, as `digest_of_pipeline` remembers them

    batch = 1  # pipelines take one pair of keyframes at a time
    one_worker = True
    decoder = "pixels"

    @property
    def name(self) -> str:
        """For the film's metadata."""
        return f"{self.chosen.backend.name} {self.folder.name}"

    @cached_property
    def digest(self) -> str:
        """Of all weights that draw."""
        return digest_of_pipeline(self.folder, self.known)

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of what is drawn, in pixels."""
        return self.chosen.size

    @property
    def encoder(self) -> Mapping[str, Any]:
        """What the job of a given picture says beside its pixels."""
        width, height = self.size
        return {"width": width, "height": height}

    @cached_property
    def pictures(self) -> Mapping[str, Path]:
        """The folder of what makes pictures, by its digest. Raises ModelError where there is none."""
        named = self.chosen.choices.picture
        return {digest_of_pipeline(Path(named), self.known): Path(named).absolute()} if named else {}

    @property
    def ops(self) -> Callable[[], Draw]:
        """What any process calls to get what draws."""
        choices = self.chosen.choices
        names = ("dtype", "offload", "tiling", "shift")
        told = {name: getattr(choices, name) for name in names}
        return partial(_load, self.chosen.backend.name, self.folder, told, self.pictures)

    @property
    def load(self) -> Callable[[], Decode]:
        """What any process calls to get the decoder: clips are pixels."""
        return _as_stored

    @property
    def clip(self) -> int:
        """Frames of a clip at most."""
        return self.chosen.choices.clip or self.chosen.backend.clip

    @property
    def longest(self) -> int:
        """Frames of a segment of film at most."""
        return LEAVES_PER_SEGMENT * self.clip

    def plan(self, line: Timeline, seed: int, fps: float) -> Plan:
        """The film of a time line. Raises `ValueError` where options or weights do not go together."""
        modules = ("transformers", "accelerate")
        check_installed(Need(module, f"back ends need {module}", PIPELINES.extra) for module in modules)
        chosen, backend = self.chosen.choices, self.chosen.backend
        options = Filling.Options(clip=self.clip, keyframes=chosen.keyframes, strength=chosen.strength)
        settings = PipelineSettings(
            backend=backend.name,
            version=backend.version,
            pipeline=self.digest,
            width=self.size[0],
            height=self.size[1],
            steps=chosen.steps or backend.steps,
            guidance=backend.guidance if chosen.guidance is None else chosen.guidance,
            negative=chosen.negative,
            dtype=chosen.dtype,
            blend=chosen.blend or backend.rule.unit,
            tiling=chosen.tiling,
            shift=chosen.shift,
        )
        made_by = self._picture_model
        strategy = Filling(settings, self._rule, options, seed=seed, fps=fps, picture_model=made_by)
        return Plan.of(strategy, line)

    @property
    def _rule(self) -> ClipRule:
        return self.chosen.backend.narrowed(self.folder, self.chosen.backend.rule)

    @property
    def _picture_model(self) -> PictureModel | None:
        """Another model that makes pictures, and how it is called."""
        choices = self.chosen.choices
        for digest in self.pictures:
            return PictureModel(
                pipeline=digest, steps=choices.picture_steps, guidance=choices.picture_guidance
            )
        return None

    def verify(self) -> None:
        """Its weights were hashed for the plan."""

    def unheard(self, scenes: Sequence[Scene]) -> Iterator[str]:
        """Nothing: its text encoder knows parts of any word."""
        return iter(())


def _load(backend: str, folder: Path, told: Mapping[str, Any], pictures: Mapping[str, Path]) -> Draw:
    from longtake.draw.pipeline import Fillings  # here: where nothing is missing, torch is not needed

    return Fillings(backend=backend, folder=folder, pipelines=pictures, **told)()


def _as_stored() -> Decode:
    return _same


def _same(pixels: NDArray[Any]) -> Pixels:
    return pixels
