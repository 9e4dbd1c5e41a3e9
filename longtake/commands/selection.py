"""What render, plan, keys and peek share: which film, planned how, kept where."""

from __future__ import annotations

import base64
import json
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np
import typer
from numpy.typing import NDArray

from longtake.commands.artists import Artist, ModelArtist
from longtake.commands.backends import BackendArtist, find_pipeline, parse_backend
from longtake.film.segments import Decode, Encoding
from longtake.manifest import DEFAULT_MODEL, Manifest, ModelError, find_model, read_manifest
from longtake.plan import EncodeSpec, Job, Plan, finer
from longtake.store import Store, open_store
from longtake.storyboard import Storyboard, StoryboardError, edited, images, load, timeline, with_frames
from longtake.strategies import choose
from longtake.strategies.requirements import FLOW, check_drafts, check_installed
from longtake.video import Codec

_WATCHABLE = 256  # pixels per side to which smaller films are enlarged
_CHECKSUMS = "checksums.json"  # in the store: those of weights, which take long
STORE = ".longtake"  # folder beside the storyboard: films of one folder share their clips


@dataclass(frozen=True, kw_only=True)
class Selection:
    """The options that decide which clips make the film; None leaves it to storyboard or model."""

    storyboard: Path
    strategy: str  # as `choose` reads it
    model: str  # a shipped model or a folder; of a back end a folder or an id on the hub
    backend: str | None = None  # as `parse_backend` reads it, instead of a strategy
    allow_download: bool = False  # of a back end's model
    frames: int | None = None  # of the film, from the start of the storyboard
    seed: int | None = None
    steps: int | None = None
    guidance: float | None = None  # by the text
    precision: str | None = None  # "fp32" or "bf16"
    store: str | Path | None = None  # a folder or a URL

    @property
    def text(self) -> str:
        """The storyboard as it is written."""
        return self.storyboard.read_text(encoding="utf-8-sig")

    def open(self) -> Work:
        """Plan the film. Raises StoryboardError, ModelError, and typer's errors for bad options."""
        board = load(self.storyboard)
        if self.frames is not None:
            board, said = with_frames(board, self.frames)
            if said:
                note(said)
        if self.seed is not None:
            board = board.model_copy(update={"seed": self.seed})
        folder = self.store or self.storyboard.parent / STORE
        try:
            store = open_store(folder)
        except ValueError as error:
            raise typer.BadParameter(str(error), param_hint="--store") from None
        artist = self._model() if self.backend is None else self._backend(store)
        plan = self.plan(board, artist)
        if isinstance(artist, BackendArtist):
            _remember(store, artist.known)
        return Work(board=board, artist=artist, plan=plan, store=store, picture=self._picture(artist))

    def plan(self, board: Storyboard, artist: Artist) -> Plan:
        """The plan of a storyboard, with its images, its edits done. Raises as `open` does."""
        picture = self._picture(artist)
        try:
            plan = artist.plan(timeline(board), board.seed, board.video.fps)
        except ModelError:
            raise
        except ValueError as error:
            raise typer.BadParameter(str(error)) from None
        given = {frame: picture(path) for frame, path in images(board).items()}
        return edited(board, plan.with_pictures(given) if given else plan, picture)

    def _model(self) -> ModelArtist:
        asked = {"steps": self.steps, "text_guidance": self.guidance, "precision": self.precision}
        sampling = {name: value for name, value in asked.items() if value is not None}
        manifest = read_manifest(find_model(self.model))
        try:
            chosen = choose(self.strategy)
        except ValueError as error:
            raise typer.BadParameter(str(error), param_hint="--strategy") from None
        return ModelArtist(manifest=manifest, chosen=chosen, sampling=sampling)

    def _backend(self, store: Store) -> BackendArtist:
        assert self.backend is not None
        if self.model == DEFAULT_MODEL:
            told = "name the folder or the id of a pipeline: a back end has none of its own"
            raise typer.BadParameter(told, param_hint="--model")
        asked = {"steps": self.steps, "guidance": self.guidance, "dtype": self.precision}
        try:
            chosen = parse_backend(self.backend, **asked)
        except ValueError as error:
            raise typer.BadParameter(str(error), param_hint="--backend") from None
        folder = find_pipeline(self.model, chosen.backend, allow_download=self.allow_download)
        return BackendArtist(chosen=chosen, folder=folder, known=_remembered(store))

    def _picture(self, artist: Artist) -> Callable[[str], Job]:
        return partial(picture_job, self.storyboard.parent, artist.size, artist.encoder)


@dataclass(frozen=True, kw_only=True)
class Work:
    """A film that is planned, and the store of its clips."""

    board: Storyboard
    artist: Artist
    plan: Plan
    store: Store
    picture: Callable[[str], Job]  # path of a picture, from the storyboard's folder -> its job
    rate: int = 1  # frames that are shown for each of the storyboard's

    @property
    def manifest(self) -> Manifest:
        """Of the model that draws; a back end has none."""
        assert isinstance(self.artist, ModelArtist)
        return self.artist.manifest

    def _model(self, option: str) -> ModelArtist:
        if not isinstance(self.artist, ModelArtist):
            raise typer.BadParameter("goes with longtake's own models, not with --backend", param_hint=option)
        return self.artist

    @property
    def fps(self) -> Fraction:
        """Frames per second as a fraction that fits a file's time base."""
        least = Fraction(1, 1_000_000)
        return self.rate * max(least, Fraction(str(self.board.video.fps)).limit_denominator(1_000_000))

    def at(self, fps: float) -> Work:
        """The film at so many frames per second. Raises for no multiple of the storyboard's rate."""
        model = self._model("--fps").manifest
        if not math.isfinite(fps) or (rate := Fraction(str(fps)) / self.fps).denominator != 1:
            raise typer.BadParameter(f"{fps:g}: give a multiple of {float(self.fps):g}", param_hint="--fps")
        try:
            if rate > 1:
                check_drafts(model, "a higher frame rate")
                check_installed([FLOW])
            plan = finer(
                self.plan,
                int(rate),
                model=model.digest,
                sampling=replace(model.leaves, steps=1),  # more gain nothing (docs/log.md)
                clip_length=model.clip_length,
            )
        except ValueError as error:
            raise typer.BadParameter(str(error), param_hint="--fps") from None
        return replace(self, plan=plan, rate=int(rate))

    def span_of(self, frames: slice) -> slice:
        """The frames that are shown for film frames of the storyboard."""
        return slice(self.rate * frames.start, min(self.rate * frames.stop, self.plan.length))

    @property
    def pixels(self) -> int:
        """Of the shorter side of a decoded frame."""
        model = self.artist
        return model.manifest.hd if isinstance(model, ModelArtist) and model.hd else min(self.artist.size)

    def encoding(self, upscale: int | None = None) -> Encoding:
        """How its leaves become a film, enlarged so many times; None: so that it can be watched."""
        times = upscale or max(1, _WATCHABLE // self.pixels)
        return Encoding(decoder=self.artist.decoder, fps=self.fps, codec=Codec(upscale=times, smooth=True))

    def sized(self, size: int) -> tuple[Work, int]:
        """The film in pictures of `size` pixels per side, and how many times they are enlarged for that.

        The HD decoder makes them where the size is its own or a multiple. Raises for one that is neither that
        nor a multiple of the model's, and for a back end, which draws at its own size.
        """
        model = self._model("--size")
        for pixels, hd in ((model.manifest.hd, True), (model.manifest.size, False)):
            if pixels and size % pixels == 0:
                return replace(self, artist=replace(model, hd=hd)), size // pixels
        sizes = " or of ".join(str(s) for s in (model.manifest.size, model.manifest.hd) if s)
        raise typer.BadParameter(f"{size}: give a multiple of {sizes}", param_hint="--size")

    @cached_property
    def decode(self) -> Decode:
        """Latents to pixels. The model is loaded for the first clip, so not at all where none is decoded."""
        found: list[Decode] = []

        def decode(latents: NDArray[np.float16]) -> NDArray[np.uint8]:
            if not found:
                found.append(self.artist.load())
            return found[0](latents)

        return decode


def picture_job(folder: Path, size: tuple[int, int], encoder: Mapping[str, Any], path: str) -> Job:
    """The job that encodes the picture at `path`, cut from its middle and resized to `size` (width, height).

    `encoder` is what the job says of who encodes it. Raises `StoryboardError` where it is no picture.
    """
    from PIL import Image, ImageOps, UnidentifiedImageError  # here: few films have a picture

    try:
        with Image.open(folder / path) as image:
            upright = ImageOps.exif_transpose(image).convert("RGB")
            fitted = ImageOps.fit(upright, size, Image.Resampling.LANCZOS)
    except FileNotFoundError:
        raise StoryboardError(f"the picture {folder / path} is not there") from None
    except (UnidentifiedImageError, OSError, Image.DecompressionBombError) as error:
        raise StoryboardError(f"{folder / path} is no picture that can be read: {error}") from None
    pixels = base64.b64encode(fitted.tobytes()).decode()
    return Job(EncodeSpec(pixels=pixels, **encoder))


def _remembered(store: Store) -> dict[str, str]:
    """Checksums of weights as the store noted them down."""
    try:
        found: dict[str, str] = json.loads(store.read_note(_CHECKSUMS) or "{}")
    except ValueError:  # not ours: they are computed anew
        return {}
    return found


def _remember(store: Store, known: Mapping[str, str]) -> None:
    """Note checksums down that are new."""
    if known != _remembered(store):
        store.write_note(_CHECKSUMS, json.dumps(known, indent=1) + "\n")


def parse_span(text: str | None, length: int) -> slice:
    """The film frames of "A:B" (half open, either may be left out), or all. Raises for anything else."""
    if text is None:
        return slice(0, length)
    given = re.fullmatch(r"\s*([0-9]{0,18})\s*:\s*([0-9]{0,18})\s*", text)
    if given is None:
        raise typer.BadParameter(f"{text!r} is no span: give A:B, as in 0:240", param_hint="--span")
    start, stop = int(given[1] or 0), int(given[2] or length)
    if not start < stop <= length:
        raise StoryboardError(
            f"--span {text}: is not in the film: give A:B with A below B and B at most {length}, "
            "for the frames from A up to but not including B"
        )
    return slice(start, stop)


def clock(seconds: float | Fraction) -> str:
    """Seconds as m:ss or h:mm:ss."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def note(text: str, kind: str = "note") -> None:
    """A line for the user that is no result."""
    typer.echo(f"{kind}: {text}", err=True)
