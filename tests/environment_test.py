"""What must not be installed: packages that drag in another torch, or CUDA beside a CPU build of torch."""

from __future__ import annotations

import re
from importlib.metadata import distributions

import torch

INSTALLED = {re.sub(r"[-_.]+", "-", dist.metadata["Name"]).lower() for dist in distributions()}
CUDA = re.compile(r"nvidia-.*|cuda-.*|cupy.*|triton|pytorch-triton.*")


def test_torchvision_and_torchaudio_are_not_needed() -> None:
    assert not INSTALLED & {"torchvision", "torchaudio"}


def test_a_cpu_build_of_torch_brings_no_cuda_packages() -> None:
    if torch.version.cuda is None:
        assert [name for name in sorted(INSTALLED) if CUDA.fullmatch(name)] == []
