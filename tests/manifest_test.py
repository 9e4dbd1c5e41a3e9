"""A model's folder is known by what is in it, and damage to it is noticed."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from longtake.manifest import (
    Manifest,
    ModelError,
    find_model,
    read_manifest,
    shipped_models,
    write_manifest,
)
from longtake.plan import Sampling

FILES = [
    f"{part}/{name}" for part in ("text", "unet", "vae") for name in ("config.json", "weights.safetensors")
]


def sampling(steps: int = 4) -> Sampling:
    return Sampling(
        sampler="ddim", steps=steps, shift=1.5, text_guidance=2.0, known_guidance=1.0, precision="fp32"
    )


@pytest.fixture
def model(tmp_path: Path) -> Manifest:
    folder = tmp_path / "model"
    for k, path in enumerate(FILES):
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(bytes([k]) * 100)
    manifest = Manifest(
        folder=folder,
        name="test",
        size=32,
        latents=(4, 4, 4),
        clip_length=16,
        schedule="flow",
        prediction="flow",
        keyframes=sampling(8),
        gaps=sampling(6),
        leaves=sampling(4),
        decoder_precision="bf16",
        files={},
    )
    return write_manifest(manifest)


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[40] ^= 1
    path.write_bytes(bytes(content))


def edit(folder: Path, **changes: Any) -> None:
    path = folder / "manifest.json"
    told = json.loads(path.read_text()) | changes
    path.write_text(json.dumps({key: value for key, value in told.items() if value is not None}))


def test_what_is_written_is_read(model: Manifest) -> None:
    assert read_manifest(model.folder) == model
    assert sorted(model.files) == FILES
    assert model.latents == (4, 4, 4)
    assert [level.steps for level in (model.keyframes, model.gaps, model.leaves)] == [8, 6, 4]
    model.verify()


@pytest.mark.parametrize("path", FILES)
def test_a_flipped_bit_is_noticed_and_named(model: Manifest, path: str) -> None:
    flip(model.folder / path)
    with pytest.raises(ModelError, match=f"{path} is damaged"):
        model.verify()


def test_a_missing_and_a_truncated_file_are_noticed(model: Manifest) -> None:
    weights = model.folder / "unet/weights.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1])
    with pytest.raises(ModelError, match=r"unet/weights\.safetensors is damaged"):
        model.verify()
    weights.unlink()
    with pytest.raises(ModelError, match=r"unet/weights\.safetensors is missing.*fetch"):
        model.verify()


@pytest.mark.parametrize("path", FILES)
def test_the_network_and_the_text_encoder_draw_and_the_autoencoder_decodes(
    model: Manifest, path: str
) -> None:
    flip(model.folder / path)
    changed = write_manifest(model)
    assert (changed.digest == model.digest) == path.startswith("vae/")
    assert (changed.decoder_digest == model.decoder_digest) == (not path.startswith("vae/"))


@pytest.mark.parametrize(
    ("change", "draws", "decodes"),
    [
        ({"schedule": "cosine"}, True, False),
        ({"prediction": "v"}, True, False),
        ({"latents": (4, 4, 8)}, True, False),
        ({"decoder_precision": "fp32"}, False, True),
        ({"name": "other"}, False, False),
        ({"edition": 2}, False, False),
        ({"keyframes": sampling(20)}, False, False),  # every clip's own key tells how it was sampled
        ({"folder": Path("elsewhere")}, False, False),
    ],
)
def test_what_enters_the_digests(model: Manifest, change: dict[str, Any], draws: bool, decodes: bool) -> None:
    other = replace(model, **change)
    assert (other.digest != model.digest) == draws
    assert (other.decoder_digest != model.decoder_digest) == decodes


def test_a_copied_folder_is_the_same_model(model: Manifest, tmp_path: Path) -> None:
    copy = read_manifest(shutil.copytree(model.folder, tmp_path / "copy"))
    copy.verify()
    assert (copy.digest, copy.decoder_digest) == (model.digest, model.decoder_digest)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"format": 2}, "another version of longtake"),
        ({"format": None}, "no model's manifest"),
        ({"latents": None}, "no model's manifest"),
        ({"latents": 3}, "no model's manifest"),
        ({"gaps": None}, "no model's manifest"),
        ({"gaps": 3}, "no model's manifest"),
        ({"schedule": None}, "no model's manifest"),
        ({"surprise": 3}, "no model's manifest"),
        ({"leaves": {"sampler": "ddim", "steps": 0}}, "no model's manifest"),
    ],
)
def test_foreign_formats_are_refused(model: Manifest, changes: dict[str, Any], message: str) -> None:
    edit(model.folder, **changes)
    with pytest.raises(ModelError, match=message) as refused:
        read_manifest(model.folder)
    assert str(model.folder) in str(refused.value)


@pytest.mark.parametrize(
    "content", [b"", b"[]", b"3", b"null", b'"text"', b"{", b"\xff\xfe\x00\x80", b"\x00" * 99]
)
def test_rubbish_is_refused(model: Manifest, content: bytes) -> None:
    (model.folder / "manifest.json").write_bytes(content)
    with pytest.raises(ModelError, match="no model's manifest"):
        read_manifest(model.folder)


def test_a_folder_without_a_manifest_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no model's manifest"):
        read_manifest(tmp_path)


def test_models_are_found_by_folder_or_by_name(model: Manifest, tmp_path: Path) -> None:
    assert find_model(str(model.folder)) == model.folder
    for name in shipped_models():
        read_manifest(find_model(name)).verify()
    for name in ("no-such-model", str(tmp_path), ""):
        with pytest.raises(ModelError, match=f"no model '{name}'"):
            find_model(name)
