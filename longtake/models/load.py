"""Loading a saved network: from a folder, weights as safetensors, nothing fetched, none of its code run."""

from __future__ import annotations

import importlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

_WEIGHTS = "diffusion_pytorch_model.safetensors"
# The networks that a model's folder may hold, by the name that their config has for them, and their modules:
# imported when needed, for those of diffusers take half a second.
_MODULES = {
    "MaskTemporalUNet": "longtake.models.unet",
    "TKLVAE": "longtake.models.vae",
    "HDDecoder": "longtake.models.upsampler",
    "FrameProbe": "longtake.models.probe",
    "ClipProbe": "longtake.models.probe",
    "SceneProbe": "longtake.models.scene_probe",
    "FrameDecoder": "longtake.models.decoder",
    "InflatedUNet": "longtake.models.inflated",
    "InflatedVAE": "longtake.models.inflated_vae",
}


def network_in(folder: Path, dtype: torch.dtype = torch.float32, device: str = "cpu") -> Any:
    """The network that was saved in `folder`, of the class that its config names.

    Raises ValueError where that is none of `_MODULES`.
    """
    name = json.loads((folder / "config.json").read_text(encoding="utf-8")).get("_class_name")
    if name not in _MODULES:
        raise ValueError(f"{folder} holds a network of the kind {name}: use one of {', '.join(_MODULES)}")
    return load_network(getattr(importlib.import_module(_MODULES[name]), name), folder, dtype, device)


def load_network(kind: Any, folder: Path, dtype: torch.dtype = torch.float32, device: str = "cpu") -> Any:
    """The network of class `kind` that was saved in `folder`, with nothing in its config of where that is.

    It is made without weights, and each weight goes from the file to its place: no second copy is in memory.
    Layers that the file does not know, for they are newer, start as they do in training. Raises ValueError
    where the file has weights of other layers or other shapes.
    """
    config = kind.load_config(folder, local_files_only=True)
    with torch.device("meta"):
        model = kind.from_config(config)
    try:
        weights = {name: _own(weight, dtype, device) for name, weight in _weights(folder)}
        if model.state_dict().keys() - weights.keys():
            model = nn.Module.to(kind.from_config(config), device=device, dtype=dtype)
        _, strange = model.load_state_dict(weights, strict=False, assign=True)
    except (RuntimeError, SafetensorError) as error:
        raise ValueError(f"{folder} does not hold the weights of a {kind.__name__}: {error}") from error
    if strange:
        raise ValueError(f"{folder} holds more than the weights of a {kind.__name__}: {', '.join(strange)}")
    # Or the path of this run goes into the next config, and so into the model's digest.
    model.register_to_config(_name_or_path="")
    return model.eval()


def _own(weight: Tensor, dtype: torch.dtype, device: str) -> Tensor:
    # Copied even where it is as it should be: it must not hang on a file that may be written anew.
    return weight.to(device=device, dtype=dtype if weight.is_floating_point() else weight.dtype, copy=True)


def _weights(folder: Path) -> Iterator[tuple[str, Tensor]]:
    """Names and weights, of one file or of the parts that an index names."""
    index = folder / f"{_WEIGHTS}.index.json"
    files = [_WEIGHTS]
    if index.is_file():
        files = sorted(set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values()))
    for file in files:
        with safe_open(folder / file, framework="pt") as stored:
            for name in stored.keys():  # noqa: SIM118
                yield name, stored.get_tensor(name)
