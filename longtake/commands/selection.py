"""What render, plan, keys and peek share: which film, planned how, kept where."""

from __future__ import annotations

import base64
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property, partial
from pathlib import Path

import numpy as np
import typer
from numpy.typing import NDArray

from longtake.commands.strategies import Way, check_drafts, parse_way
from longtake.film import Decode, Encoding
from longtake.manifest import Manifest, find_model, read_manifest
from longtake.plan import Job, Plan, finer
from longtake.store import Store, open_store
from longtake.storyboard import Storyboard, StoryboardError, edited, images, load, timeline, with_frames
from longtake.video import Codec

__all__ = ["STORE", "Selection", "Work", "clock", "note", "parse_span"]

_WATCHABLE = 256  # pixels per side to which smaller films are enlarged
STORE = ".longtake"  # folder beside the storyboard: films of one folder share their clips


@dataclass(frozen=True, kw_only=True)
class Selection:
    """The options that decide which clips make the film; None leaves it to storyboard or model."""

    storyboard: Path
    strategy: str  # as `parse_way` reads it
    model: str  # a shipped model or a folder
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
        manifest = read_manifest(find_model(self.model))
        plan, picture = self.plan(board, manifest), self._picture(manifest)
        folder = self.store or self.storyboard.parent / STORE
        try:
            store = open_store(folder)
        except ValueError as error:
            raise typer.BadParameter(str(error), param_hint="--store") from None
        pipelines = self._way.pipelines
        return Work(
            board=board, manifest=manifest, plan=plan, store=store, picture=picture, pipelines=pipelines
        )

    def plan(self, board: Storyboard, manifest: Manifest) -> Plan:
        """The plan of a storyboard, with its images, its edits done. Raises as `open` does."""
        asked = {"steps": self.steps, "text_guidance": self.guidance, "precision": self.precision}
        everywhere = {name: value for name, value in asked.items() if value is not None}
        way, picture = self._way, self._picture(manifest)
        try:
            plan = way.plan(timeline(board), board.seed, manifest, **everywhere)
        except ValueError as error:
            raise typer.BadParameter(str(error)) from None
        given = {frame: picture(path) for frame, path in images(board).items()}
        return edited(board, plan.with_pictures(given) if given else plan, picture)

    @cached_property
    def _way(self) -> Way:
        try:
            return parse_way(self.strategy)
        except ValueError as error:
            raise typer.BadParameter(str(error), param_hint="--strategy") from None

    def _picture(self, manifest: Manifest) -> Callable[[str], Job]:
        return partial(picture_job, self.storyboard.parent, manifest)


@dataclass(frozen=True, kw_only=True)
class Work:
    """A film that is planned, and the store of its clips."""

    board: Storyboard
    manifest: Manifest
    plan: Plan
    store: Store
    picture: Callable[[str], Job]  # path of a picture, from the storyboard's folder -> its job
    pipelines: Mapping[str, Path]  # folders of other models that draw, by digest
    hd: bool = False  # decoded by the HD decoder
    rate: int = 1  # frames that are shown for each of the storyboard's

    @property
    def fps(self) -> Fraction:
        """Frames per second as a fraction that fits a file's time base."""
        least = Fraction(1, 1_000_000)
        return self.rate * max(least, Fraction(str(self.board.video.fps)).limit_denominator(1_000_000))

    def at(self, fps: float) -> Work:
        """The film at so many frames per second. Raises for no multiple of the storyboard's rate."""
        if not math.isfinite(fps) or (rate := Fraction(str(fps)) / self.fps).denominator != 1:
            raise typer.BadParameter(f"{fps:g}: give a multiple of {float(self.fps):g}", param_hint="--fps")
        try:
            if rate > 1:
                check_drafts(self.manifest, "a higher frame rate", flow=True)
            plan = finer(
                self.plan,
                int(rate),
                model=self.manifest.digest,
                sampling=replace(self.manifest.leaves, steps=1),  # more gain nothing (docs/log.md)
                clip_length=self.manifest.clip_length,
            )
        except ValueError as error:
            raise typer.BadParameter(str(error), param_hint="--fps") from None
        return replace(self, plan=plan, rate=int(rate))

    def span_of(self, frames: slice) -> slice:
        """The frames that are shown for film frames of the storyboard."""
        return slice(self.rate * frames.start, min(self.rate * frames.stop, self.plan.length))

    @property
    def pixels(self) -> int:
        """Per side of a decoded frame."""
        return self.manifest.hd if self.hd else self.manifest.size

    def encoding(self, upscale: int | None = None) -> Encoding:
        """How its leaves become a film, enlarged so many times; None: so that it can be watched."""
        times = upscale or max(1, _WATCHABLE // self.pixels)
        digest = self.manifest.hd_digest if self.hd else self.manifest.decoder_digest
        return Encoding(decoder=digest, fps=self.fps, codec=Codec(upscale=times, smooth=True))

    def sized(self, size: int) -> tuple[Work, int]:
        """The film in pictures of `size` pixels per side, and how many times they are enlarged for that.

        The HD decoder makes them where the size is its own or a multiple. Raises for one that is neither that
        nor a multiple of the model's.
        """
        for pixels, hd in ((self.manifest.hd, True), (self.manifest.size, False)):
            if pixels and size % pixels == 0:
                return replace(self, hd=hd), size // pixels
        sizes = " or of ".join(str(s) for s in (self.manifest.size, self.manifest.hd) if s)
        raise typer.BadParameter(f"{size}: give a multiple of {sizes}", param_hint="--size")

    @property
    def load(self) -> Callable[[], Decode]:
        """What any process calls to get the decoder."""
        return partial(_load_decoder, self.manifest.folder.absolute(), self.hd)

    @cached_property
    def decode(self) -> Decode:
        """Latents to pixels. The model is loaded for the first clip, so not at all where none is decoded."""
        found: list[Decode] = []

        def decode(latents: NDArray[np.float16]) -> NDArray[np.uint8]:
            if not found:
                found.append(self.load())
            return found[0](latents)

        return decode


def picture_job(folder: Path, manifest: Manifest, path: str) -> Job:
    """The job that encodes the picture at `path`, cut to a square from its middle and resized.

    Raises `StoryboardError` where it is no picture.
    """
    from PIL import Image, ImageOps, UnidentifiedImageError  # here: few films have a picture

    try:
        with Image.open(folder / path) as image:
            upright = ImageOps.exif_transpose(image).convert("RGB")
            square = ImageOps.fit(upright, (manifest.size, manifest.size), Image.Resampling.LANCZOS)
    except FileNotFoundError:
        raise StoryboardError(f"the picture {folder / path} is not there") from None
    except (UnidentifiedImageError, OSError, Image.DecompressionBombError) as error:
        raise StoryboardError(f"{folder / path} is no picture that can be read: {error}") from None
    pixels = base64.b64encode(square.tobytes()).decode()
    return Job("encode", (), {"pixels": pixels, "encoder": manifest.decoder_digest})


def _load_decoder(folder: Path, hd: bool) -> Decode:
    from longtake.ops import Decoder  # here: where nothing is decoded, torch is not needed

    return Decoder(folder, hd=hd)


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
