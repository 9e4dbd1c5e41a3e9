"""What is in a model's folder: its files by checksum, what they are for, and how it likes to be sampled.

A folder holds `unet/`, `text/`, `vae/` and perhaps an HD decoder in `hd/` (config and safetensors each), and
`manifest.json`. The manifest is the model's identity: clips are keyed by the digest of what draws them,
segments by that of what decodes them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, MutableMapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from longtake.files import data_digest, file_digest
from longtake.plan import Sampling

DEFAULT_MODEL = "toon-128"
_SHIPPED = Path(__file__).parent / "weights"
_FORMAT = 1


class ModelError(ValueError):
    """A model that is not there, is damaged or is of another make; the message tells the remedy."""


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """A model's folder, as its manifest describes it."""

    folder: Path
    name: str
    size: int  # pixels per side
    latents: tuple[int, int, int]  # C, H, W of a frame
    clip_length: int  # L, the most frames of a clip
    schedule: str  # of the noise
    prediction: str  # what the network's output is
    keyframes: Sampling
    gaps: Sampling
    leaves: Sampling
    decoder_precision: str  # "fp32" or "bf16"
    files: Mapping[str, str]  # path in the folder -> sha256
    distilled: bool = False  # its denoiser has guidance in it and takes few steps: not one to train on
    references: int = 0  # keyframes that a gap may be shown beside its ends
    drafts: bool = False  # its denoiser may be shown drafts: for cascades, and frames between frames
    hd: int = 0  # pixels per side that its HD decoder makes; 0: it has none
    edition: int = 1  # of the cartoon world, if that is what it learnt from
    lexicon: Mapping[str, Sequence[str]] = field(default_factory=dict)  # subject -> phrases that name it

    @property
    def digest(self) -> str:
        """Of all that decides what a clip's latents become: network, text encoder, schedule, prediction."""
        drawing = {path: sha for path, sha in self.files.items() if not path.startswith(("vae/", "hd/"))}
        return data_digest([_FORMAT, drawing, self.latents, self.schedule, self.prediction])

    @property
    def decoder_digest(self) -> str:
        """Of all that decides what pixels latents become."""
        decoding = {path: sha for path, sha in self.files.items() if path.startswith("vae/")}
        return data_digest([_FORMAT, decoding, self.decoder_precision])

    @property
    def hd_digest(self) -> str:
        """Of all that decides what the HD decoder makes of latents."""
        decoding = {path: sha for path, sha in self.files.items() if path.startswith("hd/")}
        return data_digest([_FORMAT, decoding, self.decoder_precision])

    def verify(self) -> None:
        """Raises ModelError where a file is missing or is not the one that the manifest names."""
        for path, sha in self.files.items():
            file = self.folder / path
            if not file.is_file():
                raise ModelError(f"{file} is missing: fetch the model '{self.name}' anew")
            if file_digest(file) != sha:
                raise ModelError(f"{file} is damaged or was changed: fetch the model '{self.name}' anew")


def digest_of_pipeline(folder: Path, known: MutableMapping[str, str] | None = None) -> str:
    """Of a diffusers pipeline: of its settings and weights. Raises ModelError where `folder` holds none.

    `known` remembers the checksum of a file by its place, size and time of change: weights may take minutes.
    """
    if not (folder / "model_index.json").is_file():
        raise ModelError(f"{folder} holds no diffusers pipeline: name the folder with its model_index.json")
    known = {} if known is None else known
    kinds = {".json", ".txt", ".safetensors", ".model"}
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.suffix in kinds)
    checksums = []
    for path in files:
        state = path.stat()
        place = f"{path.absolute()} {state.st_size} {state.st_mtime_ns}"
        if place not in known:
            known[place] = file_digest(path)
        checksums.append((path.relative_to(folder).as_posix(), known[place]))
    return data_digest(checksums)


def shipped_models() -> list[str]:
    """The names of the models that come with the package."""
    return sorted(path.parent.name for path in _SHIPPED.glob("*/manifest.json"))


def find_model(name: str) -> Path:
    """The folder of a shipped model, or `name` itself where that is a folder with a manifest."""
    for folder in (_SHIPPED / name, Path(name)):
        if (folder / "manifest.json").is_file():
            return folder
    known = ", ".join(shipped_models()) or "(none)"
    raise ModelError(f"no model '{name}': give a folder with a manifest.json, or one of {known}")


def read_manifest(folder: Path) -> Manifest:
    """Reads `manifest.json` of a model's folder. Raises ModelError where it is not one of this format."""
    try:
        fields = json.loads((folder / "manifest.json").read_text())
        if fields.pop("format") != _FORMAT:
            made_by = "is of another version of longtake: train or fetch the model anew"
            raise ModelError(f"{folder}/manifest.json {made_by}")
        fields |= {level: Sampling(**fields[level]) for level in ("keyframes", "gaps", "leaves")}
        return Manifest(folder=folder, **{**fields, "latents": tuple(fields["latents"])})
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        if isinstance(error, ModelError):
            raise
        reason = f"is no model's manifest ({error}): fetch the model anew"
        raise ModelError(f"{folder}/manifest.json {reason}") from error


def write_manifest(manifest: Manifest) -> Manifest:
    """Writes the manifest with the checksums of the files that lie in its folder now; returns it so."""
    parts = ("unet", "text", "vae", *(["hd"] if manifest.hd else []))
    paths = sorted(p for part in parts for p in (manifest.folder / part).iterdir())
    files = {p.relative_to(manifest.folder).as_posix(): file_digest(p) for p in paths}
    fields = {key: value for key, value in asdict(manifest).items() if key != "folder"} | {"files": files}
    (manifest.folder / "manifest.json").write_text(json.dumps({"format": _FORMAT, **fields}, indent=1) + "\n")
    return read_manifest(manifest.folder)
