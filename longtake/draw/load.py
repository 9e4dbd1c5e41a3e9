"""A model's networks as they are used: in a precision, on a device, not trained."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch

from longtake.conditions.pretrained import PretrainedTextEncoder
from longtake.conditions.text import PromptEncoder, SmallTextEncoder
from longtake.machine import has_bf16
from longtake.manifest import Manifest
from longtake.models.load import load_network, network_in


def best_device() -> str:
    """An accelerator where there is one, else the CPU."""
    return "cuda" if torch.cuda.is_available() else "cpu"


def number_type(precision: str, device: str) -> torch.dtype:
    """What "fp32" or "bf16" is computed with.

    A CPU without bfloat16 is faster in float32, and more exact than was asked for.
    """
    return torch.bfloat16 if precision == "bf16" and has_bf16(device) else torch.float32


def load_text_encoder(manifest: Manifest) -> PromptEncoder:
    """The model's text encoder, float32 on the CPU: its own small one, or a pretrained one in its folder."""
    encoder: PromptEncoder = text_encoder_in(manifest.folder / "text").requires_grad_(False)
    return encoder


def text_encoder_in(folder: Path) -> Any:
    """The text encoder that was saved in `folder`, of the class that its config names."""
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    if config.get("_class_name") == SmallTextEncoder.__name__:
        return load_network(SmallTextEncoder, folder)
    return PretrainedTextEncoder.load(folder)


def ready(folder: Path, dtype: torch.dtype, device: str) -> Any:
    """The network in `folder`, whichever it is."""
    return network_in(folder, dtype, device).requires_grad_(False)
