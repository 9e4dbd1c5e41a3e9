"""A model's networks as they are used: in a precision, on a device, not trained."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import nn

from longtake.conditioning.text import SmallTextEncoder
from longtake.manifest import Manifest
from longtake.models.load import load_network

__all__ = ["TYPES", "best_device", "load_text_encoder", "ready"]

TYPES = {"fp32": torch.float32, "bf16": torch.bfloat16}


def best_device() -> str:
    """An accelerator where there is one, else the CPU."""
    return "cuda" if torch.cuda.is_available() else "cpu"


def load_text_encoder(manifest: Manifest) -> SmallTextEncoder:
    """The model's text encoder, float32 on the CPU."""
    encoder: SmallTextEncoder = ready(SmallTextEncoder, manifest.folder / "text", torch.float32, "cpu")
    return encoder


def ready(kind: Any, folder: Path, dtype: torch.dtype, device: str) -> Any:
    """The network of class `kind` in `folder`."""
    model = load_network(kind, folder)
    # diffusers' own `to` writes a line about layers to keep in float32, of which there are none.
    return nn.Module.to(model.eval().requires_grad_(False), device=device, dtype=dtype)
