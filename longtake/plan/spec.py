"""What a job says of the clip that it makes, typed: all that can change the clip, and nothing else.

Nobody else spells a parameter's name. `to_params` gives the plain (JSON) dictionary that is in the key. What
it holds may never change for clips that can be had already, or they would all be drawn anew: a field that
comes later is left out of it where it says nothing.

`batch_key` tells which clips may be drawn together: those that are alike in every field, but for what is
declared to vary among them. None is for those that are made alone.
"""

from __future__ import annotations

import base64
import math
from collections.abc import Callable, Hashable
from dataclasses import MISSING, Field, asdict, dataclass, field, fields, is_dataclass
from typing import Any, ClassVar, Literal, NamedTuple


def _nothing(value: Any) -> Hashable:
    return None


def _names(pairs: tuple[tuple[str, str], ...]) -> Hashable:
    return tuple(name for name, _ in pairs)


def varies(*, alike: Callable[[Any], Hashable] = _nothing, default: Any = MISSING) -> Any:
    """A field in which clips that are drawn together may differ, but for what `alike` tells of it."""
    return field(default=default, metadata={"alike": alike})


def alike(spec: Any) -> Hashable:
    """What has to be alike in two such dataclasses for them to be in one batch."""
    return type(spec), *(_alike(declared, getattr(spec, declared.name)) for declared in fields(spec))


def _alike(declared: Field[Any], value: Any) -> Hashable:
    if "alike" in declared.metadata and value is not None:
        part: Hashable = declared.metadata["alike"](value)
        return part
    return alike(value) if is_dataclass(value) else value


@dataclass(frozen=True, kw_only=True)
class Sampling:
    """How the clips of one level are sampled. Every field is part of their keys."""

    sampler: Literal["ddim", "dpm-2m"]
    steps: int  # steps of the sampler, at least 1
    shift: float  # shift of its times towards noise, 1 = none
    text_guidance: float  # 1 = none
    known_guidance: float  # 1 = none; of no effect where no frame is known
    precision: Literal["fp32", "bf16"]
    compiled: bool = False  # by torch.compile: other last bits, and minutes before the first clip

    def to_params(self) -> dict[str, Any]:
        """As parameters of a job; what is not compiled says nothing of it, as before that could be chosen."""
        return {key: value for key, value in asdict(self).items() if key != "compiled" or value}

    def __post_init__(self) -> None:
        if self.steps < 1:
            raise ValueError(f"sampling needs at least one step, not {self.steps}")
        for name in ("shift", "text_guidance", "known_guidance"):
            value = float(getattr(self, name))  # 3 and 3.0 are one recipe
            if not math.isfinite(value):
                raise ValueError(f"{name} is {value}: give a finite number")
            object.__setattr__(self, name, value)
        if self.shift <= 0:
            raise ValueError(f"shift is {self.shift}: give a number above 0 (1 shifts nothing)")


class Reference(NamedTuple):
    """A frame that a clip is shown beside its own."""

    time: int  # in film frames, from the clip's first one on; before it where negative
    row: int  # which of the clip's prompts is its own


@dataclass(frozen=True, kw_only=True)
class DraftSpec:
    """A rough version of a clip, which the network is shown noised and may begin from.

    `coarse`: the same clip at half size, whose frames are the last inputs of the job. `flow`: what lies
    between two known frames, moved along the motion from one to the other.
    """

    kind: Literal["coarse", "flow"] = varies()
    level: float = varies()  # of the noise that is laid over it, 0..1
    motion: Literal["dis", "none"] | None = varies(default=None)  # of a flow: how it is estimated
    start: float | None = None  # noise level from which the clip is drawn, from the draft; None: from noise

    def to_params(self) -> dict[str, Any]:
        """As a parameter of a job. A kind is known by what only it has: the first two came without names."""
        params: dict[str, Any] = {"level": self.level}
        if self.kind == "flow":
            params["flow"] = self.motion
        if self.start is not None:
            params["start"] = self.start
        return params


@dataclass(frozen=True, kw_only=True)
class Reuse:
    """What a clip takes over from the one before it in sampling, and hands on behind its frames (VidRD)."""

    steps: tuple[int, ...]  # in how many each of its first frames follows the end of the clip before
    recycled: float  # how much of the other frames' noise is that of the clip before
    follows: bool  # whether there is one; its noise and latents are then the last inputs of the job

    def to_params(self) -> dict[str, Any]:
        """As a parameter of a job."""
        return {"steps": list(self.steps), "recycled": self.recycled, "follows": self.follows}


@dataclass(frozen=True, kw_only=True)
class ClipSpec:
    """A clip that the network draws.

    The job's inputs are the known frames in order, then the references, then what the draft or the reuse
    takes.
    """

    op: ClassVar[str] = "draw"
    version: ClassVar[int] = 1  # raise it by hand whenever the code changes what is drawn: it is in every key

    times: tuple[float, ...] = varies()  # of its frames, in film frames, from the first one on
    prompts: tuple[str, ...] = varies()  # each once
    rows: tuple[int, ...] = varies()  # of every frame: which of the prompts is its own
    known: tuple[int, ...] = varies(alike=bool)  # positions of the frames that are given
    references: tuple[Reference, ...] = varies(default=())
    seed: int = varies()  # of the noise
    model: str  # digest of all weights that draw
    sampling: Sampling
    known_level: float = 0.0  # of the noise on what is known, as the network sees it, 0..1
    halved: int = 0  # how often the sides of the latents are halved
    draft: DraftSpec | None = None
    reuse: Reuse | None = None
    # Named tracks by the digest of their values at these times; sorted by name.
    signals: tuple[tuple[str, str], ...] = varies(alike=_names, default=())

    @property
    def frames(self) -> int:
        """Of the clip."""
        return len(self.times)

    @property
    def frames_seen(self) -> int:
        """By the network: the clip's, and those beside it."""
        return len(self.times) + len(self.references)

    @property
    def is_given(self) -> bool:
        """Whether all its frames are known and there is nothing to draw."""
        return len(self.known) == len(self.times) and self.reuse is None

    def to_params(self) -> dict[str, Any]:
        """As the job's key has it."""
        params: dict[str, Any] = {
            "times": list(self.times),
            "prompts": list(self.prompts),
            "prompt": list(self.rows),
            "known": list(self.known),
            "seed": self.seed,
            "model": self.model,
            **self.sampling.to_params(),
        }
        if self.references:
            times, rows = zip(*self.references, strict=True)
            params["references"] = {"times": list(times), "prompt": list(rows)}
        if self.known_level:
            params["known_level"] = self.known_level
        if self.halved:
            params["halved"] = self.halved
        if self.draft:
            params["draft"] = self.draft.to_params()
        if self.reuse:
            params["reuse"] = self.reuse.to_params()
        if self.signals:
            params["signals"] = dict(self.signals)
        return params

    def batch_key(self) -> Hashable | None:
        """See the top of this file. What is drawn together has as many frames in all, whosoever they are."""
        return None if self.reuse else (self.frames_seen, alike(self))


@dataclass(frozen=True, kw_only=True)
class PipelineSettings:
    """What all calls of a back end's pipeline have in common."""

    backend: str  # its name
    version: int  # of the back end
    pipeline: str  # digest of its weights
    width: int  # pixels
    height: int  # pixels
    steps: int
    guidance: float  # by the text; 1 = none
    negative: str  # what should not be seen
    dtype: str  # numbers that its networks compute with
    blend: int  # frames over which a clip is led into its known frames
    tiling: bool = False  # whether the autoencoder works on parts of frames
    shift: float | None = None  # of the schedule towards noise; None: as it is with the weights

    def to_params(self) -> dict[str, Any]:
        """As parameters of a job."""
        return {
            name: value for name, value in asdict(self).items() if value is not None and value is not False
        }


@dataclass(frozen=True, kw_only=True)
class PipelineCall:
    """One call of a back end's pipeline."""

    prompt: str = varies()
    seed: int = varies()
    fps: float | None = varies(default=None)  # frames of the clip in a second; None: it is not told
    settings: PipelineSettings

    def to_params(self) -> dict[str, Any]:
        """As parameters of a job."""
        pace = {} if self.fps is None else {"fps": self.fps}
        return {"prompt": self.prompt, "seed": self.seed, **pace, **self.settings.to_params()}


@dataclass(frozen=True, kw_only=True)
class FillSpec:
    """A clip by a back end, between pictures that are known; these are the job's inputs."""

    op: ClassVar[str] = "fill"
    version: ClassVar[int] = 1

    times: tuple[int, ...] = varies(alike=len)  # of its frames, in film frames, from the first one on
    known: tuple[int, ...] = varies(alike=bool)  # positions of the frames that are given
    call: PipelineCall | None  # None: all are known, they are only put together

    @property
    def frames(self) -> int:
        """Of the clip."""
        return len(self.times)

    def to_params(self) -> dict[str, Any]:
        """As the job's key has it."""
        call = {} if self.call is None else self.call.to_params()
        return {"times": list(self.times), "known": list(self.known), **call}

    def batch_key(self) -> Hashable | None:
        """See the top of this file."""
        return alike(self)


@dataclass(frozen=True, kw_only=True)
class EncodeSpec:
    """A picture that the user gave, as a clip of one frame."""

    op: ClassVar[str] = "encode"
    version: ClassVar[int] = 1
    frames: ClassVar[int] = 1

    pixels: str  # base64 of uint8 [H, W, 3]
    encoder: str | None = None  # digest of what makes its latent; None: it stays a picture
    width: int | None = None  # pixels; None: as the model has it
    height: int | None = None

    @classmethod
    def of(cls, pixels: bytes, **more: Any) -> EncodeSpec:
        """Of the bytes of uint8 [H, W, 3]."""
        return cls(pixels=base64.b64encode(pixels).decode(), **more)

    @property
    def raw(self) -> bytes:
        """Those bytes."""
        return base64.b64decode(self.pixels)

    def to_params(self) -> dict[str, Any]:
        """As the job's key has it."""
        return {name: value for name, value in asdict(self).items() if value is not None}

    def batch_key(self) -> Hashable | None:
        """See the top of this file."""
        return None


@dataclass(frozen=True, kw_only=True)
class PictureModel:
    """A text-to-image pipeline and how it is called."""

    pipeline: str  # digest of its weights
    steps: int
    guidance: float


@dataclass(frozen=True, kw_only=True)
class ImagineSpec:
    """A picture that another model makes of a prompt, as a clip of one frame.

    Where `strength` says how far it may go from another one, that is the job's input.
    """

    op: ClassVar[str] = "imagine"
    version: ClassVar[int] = 1
    frames: ClassVar[int] = 1

    prompt: str
    seed: int
    model: PictureModel
    encoder: str | None = None  # digest of what makes its latent; None: it stays a picture
    width: int | None = None  # pixels at which it is drawn; None: as the pipeline likes it best
    height: int | None = None
    strength: float | None = None  # above 0, below 1

    def to_params(self) -> dict[str, Any]:
        """As the job's key has it."""
        own = {name: value for name, value in asdict(self).items() if value is not None and name != "model"}
        return {**own, **asdict(self.model)}

    def batch_key(self) -> Hashable | None:
        """See the top of this file."""
        return None


Spec = ClipSpec | FillSpec | EncodeSpec | ImagineSpec
