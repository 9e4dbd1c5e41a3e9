"""Back ends by name, with their options: `NAME`, or `NAME:OPTION=VALUE:OPTION=VALUE` and so on."""

from __future__ import annotations

import dataclasses
import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from longtake.draw.backends import BACKENDS, Backend
from longtake.manifest import ModelError
from longtake.strategies.chosen import checked, held_by_module


@dataclass(frozen=True, kw_only=True)
class BackendOptions:
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
class ChosenBackend:
    """A back end with what was chosen of its options."""

    backend: Backend
    options: BackendOptions
    size: tuple[int, int]  # width and height in pixels

    @property
    def clip(self) -> int:
        """Frames of a clip at most."""
        return self.options.clip or self.backend.clip


def choose_backend(wanted: str | Backend, **over: Any) -> ChosenBackend:
    """Read `NAME:OPTION=VALUE...` or `MODULE:NAME:OPTION=VALUE...`, or take a back end as it is.

    `over` are options that were given elsewhere, None if not. Raises `ValueError` with what there is.
    """
    if isinstance(wanted, Backend):
        return _with_settings(wanted, [], over)
    if not isinstance(wanted, str):
        raise ValueError(f"{wanted!r} is no back end: give a name, or a `Backend`")
    name, *settings = wanted.split(":")
    if name in BACKENDS:
        backend = BACKENDS[name]
    elif settings and "=" not in settings[0]:
        backend = held_by_module(name, settings.pop(0), f"no back end ({', '.join(BACKENDS)})")
        if not isinstance(backend, Backend):
            raise ValueError(f"{name} holds no `Backend` of that name")
    else:
        raise ValueError(f"{name!r} is no back end: use {', '.join(BACKENDS)}, or MODULE:NAME of your own")
    return _with_settings(backend, settings, over)


def _with_settings(backend: Backend, settings: list[str], over: Mapping[str, Any]) -> ChosenBackend:
    name = backend.name
    known = [field.name for field in dataclasses.fields(BackendOptions)]
    values: dict[str, Any] = {}
    for setting in settings:
        key, _, value = setting.partition("=")
        if key not in known or not value:
            raise ValueError(f"{setting!r} is no option of {name}: use NAME=VALUE of {', '.join(known)}")
        values[key] = value
    values |= {key: value for key, value in over.items() if value is not None}
    options: BackendOptions = checked(BackendOptions, values)
    if options.shift is not None and not backend.shifts:
        raise ValueError(f"shift is {options.shift:g}: {name} has a schedule of its own, leave it out")
    return ChosenBackend(backend=backend, options=options, size=_size(options.size, backend))


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
        rule = f"{backend.name} draws sides of multiples of {by}"
        raise ValueError(f"size is {text}: {rule}; {near} is near")
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
