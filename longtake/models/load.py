"""Loading a saved network: from a folder, weights as safetensors, nothing fetched."""

from __future__ import annotations

from pathlib import Path
from typing import Any

__all__ = ["load_network"]


def load_network(kind: Any, folder: Path) -> Any:
    """The network of class `kind` that was saved in `folder`, with nothing in its config of where that is."""
    # Without `low_cpu_mem_usage=False` diffusers asks for accelerate, which gains nothing at this size.
    model = kind.from_pretrained(folder, low_cpu_mem_usage=False, use_safetensors=True, local_files_only=True)
    # Or the path of this run goes into the next config, and so into the model's digest.
    model.register_to_config(_name_or_path="")
    return model
