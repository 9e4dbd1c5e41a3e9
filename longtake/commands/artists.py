"""Who draws a film: a model of longtake, or a back end (`commands/backends.py`)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from longtake.commands.unheard import unheard
from longtake.film.executors import Draw
from longtake.film.segments import SEGMENT_FRAMES, Decode
from longtake.manifest import Manifest
from longtake.plan import Plan, Scene, Timeline
from longtake.strategies import Chosen


class Artist(Protocol):
    """What commands ask of whoever draws."""

    @property
    def name(self) -> str:
        """For the film's metadata."""

    @property
    def digest(self) -> str:
        """Of all weights that draw."""

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of what is drawn, in pixels."""

    @property
    def encoder(self) -> Mapping[str, Any]:
        """What the job of a given picture says beside its pixels."""

    @property
    def ops(self) -> Callable[[], Draw]:
        """What any process calls to get what draws."""

    @property
    def load(self) -> Callable[[], Decode]:
        """What any process calls to get the decoder."""

    @property
    def decoder(self) -> str:
        """Digest of what decodes."""

    @property
    def batch(self) -> int:
        """Clips that it draws together at most."""

    @property
    def one_worker(self) -> bool:
        """Whether it is too large to be loaded by several processes unasked."""

    @property
    def longest(self) -> int:
        """Frames of a segment of film at most."""

    def plan(self, line: Timeline, seed: int, fps: float) -> Plan:
        """The film of a time line. Raises `ValueError` where its options do not go together."""

    def verify(self) -> None:
        """Raises ModelError where its weights are damaged."""

    def unheard(self, scenes: Sequence[Scene]) -> Iterator[str]:
        """Warnings, of what in the scenes' prompts says nothing to it."""


@dataclass(frozen=True, kw_only=True)
class ModelArtist:
    """A model of longtake and a strategy."""

    manifest: Manifest
    chosen: Chosen
    sampling: Mapping[str, Any]  # fields of all levels' sampling that the user has set
    hd: bool = False  # decoded by the HD decoder

    batch = 3  # clips: more gain nothing on a CPU (docs/log.md)
    one_worker = False
    longest = SEGMENT_FRAMES

    @property
    def name(self) -> str:
        """For the film's metadata."""
        return self.manifest.name

    @property
    def digest(self) -> str:
        """Of all weights that draw."""
        return self.manifest.digest

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of what is drawn, in pixels."""
        return self.manifest.size, self.manifest.size

    @property
    def encoder(self) -> Mapping[str, Any]:
        """What the job of a given picture says beside its pixels."""
        return {"encoder": self.manifest.decoder_digest}

    @property
    def ops(self) -> Callable[[], Draw]:
        """What any process calls to get what draws."""
        return partial(_load_model, self.manifest.folder.absolute(), self.chosen.pipelines)

    @property
    def load(self) -> Callable[[], Decode]:
        """What any process calls to get the decoder."""
        return partial(_load_decoder, self.manifest.folder.absolute(), self.hd)

    @property
    def decoder(self) -> str:
        """Digest of what decodes."""
        return self.manifest.hd_digest if self.hd else self.manifest.decoder_digest

    def plan(self, line: Timeline, seed: int, fps: float) -> Plan:
        """The film of a time line. Raises `ValueError` where the options do not go with the model."""
        return self.chosen.plan(line, seed, self.manifest, **self.sampling)

    def verify(self) -> None:
        """Raises ModelError where its weights are damaged."""
        self.manifest.verify()

    def unheard(self, scenes: Sequence[Scene]) -> Iterator[str]:
        """Warnings, of what in the scenes' prompts says nothing to it."""
        return unheard(self.manifest.folder / "text", scenes)


def _load_model(folder: Path, pipelines: Mapping[str, Path]) -> Draw:
    from longtake.draw.network import Operations  # here: where nothing is missing, torch is not needed

    return Operations(folder, pipelines=pipelines)()


def _load_decoder(folder: Path, hd: bool) -> Decode:
    from longtake.draw.decode import Decoder  # here: where nothing is decoded, torch is not needed

    return Decoder(folder, hd=hd)
