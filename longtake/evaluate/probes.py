"""Watching a film: every frame goes once through the probes and the signal readers, in chunks."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from longtake.data.footage import CLIP_FRAMES
from longtake.evaluate.distances.extractors import RandomVideoNet, film_features, whole_clips
from longtake.evaluate.measured import Floats32
from longtake.evaluate.readings import Readings, Watched, WatchedPixels, unread
from longtake.evaluate.signals import SignalReader, shrink
from longtake.evaluate.sources import in_chunks
from longtake.machine import has_bf16
from longtake.manifest import ModelError
from longtake.models.load import network_in
from longtake.models.pixels import to_model
from longtake.models.probe import PROBE_SIZE, ClipProbe, FrameLook, FrameProbe, count_peaks
from longtake.models.scene_probe import SceneLook, SceneProbe, middles
from longtake.video import VideoError
from longtake.world.facts import SUN, SUN_RANGE
from longtake.world.second.canvas import ROUND

_SHIPPED = Path(__file__).parent.parent / "weights"
_CHUNK = 4 * CLIP_FRAMES  # frames held at a time
_EVERY = 4  # of so many frames one gives its features: neighbours are all but the same


@dataclass(frozen=True)
class Probes:
    """A frame probe and a clip probe, trained from the same seed."""

    frame: FrameProbe | SceneProbe  # of the first edition, or of later ones
    clip: ClipProbe
    sha256: str  # of both files of weights

    @property
    def device(self) -> torch.device:
        """Where they compute."""
        device: torch.device = next(self.frame.parameters()).device
        return device


def probes_of(edition: int) -> Path:
    """Folder of the probes that come with longtake for this edition; ModelError where there are none."""
    folder = _SHIPPED / f"probes-{edition}"
    if not folder.is_dir():
        raise ModelError(
            f"longtake has no probes of edition {edition} of the cartoon world yet: train some with "
            "`longtake train probe` by a recipe of this edition, and name their folder"
        )
    return folder


def load_probes(folder: Path, seed: int = 0, device: str = "cpu") -> Probes:
    """The probes of `seed` in `folder` (`frame-SEED/`, `clip-SEED/`); ModelError where there are none."""
    nets: list[Any] = []
    digest = hashlib.sha256()
    for name in ("frame", "clip"):
        part = folder / f"{name}-{seed}"
        weights = part / "diffusion_pytorch_model.safetensors"
        if not weights.is_file():
            raise ModelError(
                f"{part} holds no probe: train one with `longtake train probe`, or name its folder"
            )
        digest.update(weights.read_bytes())
        net = network_in(part)
        nets.append(nn.Module.to(net.eval().requires_grad_(False), device=device, dtype=torch.float32))
    return Probes(nets[0], nets[1], digest.hexdigest())


def watch(frames: Iterable[NDArray[np.uint8]], probes: Probes) -> Watched:
    """All `frames` (uint8 `[H, W, 3]`, any one size) as these probes see them, see `watch_by_all`."""
    pixels, (readings,) = watch_by_all(frames, [probes])
    return Watched(**vars(pixels), readings=readings)


def watch_by_all(
    frames: Iterable[NDArray[np.uint8]], several: Sequence[Probes]
) -> tuple[WatchedPixels, list[Readings]]:
    """See all `frames` (uint8 `[H, W, 3]`, any one size) once, by several probes or none.

    Pictures larger than 64x64 are averaged down. Memory: a chunk of frames, and some 300 numbers for every
    frame and probes. Raises VideoError where there are no frames.
    """
    signals, net, readers = SignalReader(), RandomVideoNet(), [_ProbeReader(probes) for probes in several]
    motion: list[Floats32] = []
    for chunk in in_chunks(frames, _CHUNK):
        pixels = np.stack([shrink(frame, PROBE_SIZE) for frame in chunk])
        signals.add(pixels)
        for reader in readers:
            reader.add(pixels)
        motion.append(film_features(net, pixels))
    if not motion:
        raise VideoError("holds no frame")
    seen = WatchedPixels(signals=signals.finish(), motion_features=np.concatenate(motion))
    return seen, [reader.finish() for reader in readers]


class _ProbeReader:
    """What probes read, chunk after chunk."""

    def __init__(self, probes: Probes) -> None:
        self._probes = probes
        self._frames: list[dict[str, Floats32]] = []
        self._clips: list[dict[str, Floats32]] = []
        self._tail: NDArray[np.uint8] = np.zeros((0, PROBE_SIZE, PROBE_SIZE, 3), dtype=np.uint8)

    def add(self, chunk: NDArray[np.uint8]) -> None:
        """The next frames of the film; all chunks but the last are of whole clips."""
        self._frames.append(probe_frames(self._probes, chunk))
        whole = len(chunk) // CLIP_FRAMES * CLIP_FRAMES
        if whole:
            self._clips.append(_read_clips(self._probes, whole_clips(chunk)))
        if whole < len(chunk):  # the end of the film: read with the frames before it
            ending = np.concatenate([self._tail, chunk])[-CLIP_FRAMES:]
            rest = _read_clips(self._probes, ending[None])
            new = {name: part[whole - len(chunk) :] for name, part in rest.items()}
            self._clips.append({**new, "clip_features": rest["clip_features"][:0]})
        self._tail = chunk[-CLIP_FRAMES:]

    def finish(self) -> Readings:
        """All of it."""
        return Readings(**_joined(self._frames), **_joined(self._clips))


def _joined(parts: list[dict[str, Floats32]]) -> dict[str, Floats32]:
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _pictures(frames: NDArray[np.uint8], device: torch.device) -> Tensor:
    return to_model(torch.from_numpy(frames).to(device))


def _short_numbers(device: torch.device) -> torch.autocast:
    """bfloat16, where that is faster."""
    return torch.autocast(device.type, torch.bfloat16, enabled=has_bf16(device.type))


def _numbers(x: Tensor) -> Floats32:
    numbers: Floats32 = x.float().cpu().numpy()
    return numbers


@torch.inference_mode()
def probe_frames(probes: Probes, frames: NDArray[np.uint8]) -> dict[str, Floats32]:
    """What the frame probe reads in uint8 `[n, 64, 64, 3]`: the fields of `Readings` that are its own."""
    with _short_numbers(probes.device):
        look = probes.frame(_pictures(frames, probes.device))
    read = _scene(look) if isinstance(look, SceneLook) else _first(look)
    heat = look.heat[:, : look.hue.shape[1]]
    return {
        "presence": _numbers(heat.float().sigmoid().amax((-2, -1))),
        "count": _numbers(count_peaks(heat)),
        "place": _numbers(look.place.float().softmax(1)),
        "time": _numbers(look.time.float().softmax(1)),
        "weather": _numbers(look.weather.float().softmax(1)),
        "hue": _numbers(_turn(look.hue)),
        **read,
        "features": _numbers(look.features[::_EVERY]),
    }


def _turn(point: Tensor) -> Tensor:
    """The angle of cosine and sine `[..., 2]`, 0..1 of the circle."""
    return torch.atan2(point[..., 1].float(), point[..., 0].float()) / (2 * torch.pi) % 1.0


def _first(look: FrameLook) -> dict[str, Floats32]:
    """Of the first edition landmark and clock are columns; feet and balls are not read."""
    columns = look.landmark.shape[1]
    at = (torch.arange(columns, device=look.landmark.device) + 0.5) / columns
    landmark, clock = ((_around_peak(part.float()) * at).sum(1) for part in (look.landmark, look.clock))
    return {
        "landmark": _numbers(landmark),
        "clock": _numbers(((clock - SUN) / SUN_RANGE).clamp(0, 1)),
        **unread(len(look.heat), look.heat.shape[1]),
    }


def _scene(look: SceneLook) -> dict[str, Floats32]:
    """Of later ones the landmark is where it stands on the scenery's round, -0.5..1.5, seen or not."""
    characters, heat, at = look.hue.shape[1], look.heat, middles(look)
    sun = at[:, characters + 1, 0]
    return {
        "landmark": _numbers((ROUND * _turn(look.scenery) + 0.5) % ROUND - 0.5),
        "clock": _numbers(((sun - SUN) / SUN_RANGE).clamp(0, 1)),
        "middle": _numbers(at[:, :characters]),
        "contacts": _numbers(look.contacts.float().sigmoid()),
        "things": _numbers(heat[:, characters:].float().sigmoid().amax((-2, -1))),
        "thing_count": _numbers(count_peaks(heat[:, characters:])),
        "thing_middle": _numbers(at[:, characters:]),
    }


def _around_peak(logits: Tensor) -> Tensor:
    """Probabilities of the highest of `[n, columns]` and its two neighbours, so that no far ghost pulls."""
    likely = logits.softmax(1)
    near = F.max_pool1d(F.one_hot(likely.argmax(1), likely.shape[1]).float()[:, None], 3, 1, 1)[:, 0]
    kept = likely * near
    return kept / kept.sum(1, keepdim=True)


@torch.inference_mode()
def _read_clips(probes: Probes, clips: NDArray[np.uint8]) -> dict[str, Floats32]:
    """What the clip probe reads in uint8 `[b, t, 64, 64, 3]`, frame by frame."""
    with _short_numbers(probes.device):
        look = probes.clip(_pictures(clips, probes.device))
    return {
        "action": _numbers(look.action.float().softmax(-1).flatten(0, 1)),
        "direction": _numbers(look.direction.float().softmax(-1).flatten(0, 1)),
        "clip_features": _numbers(look.features),
    }
