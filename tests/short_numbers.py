"""What is computed in bfloat16: every operation that reads or makes such numbers, also behind autocast."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves


class ShortNumbers(TorchDispatchMode):
    """In its `with` block `operations` grows by the names of such operations, as "mm"."""

    def __init__(self) -> None:
        super().__init__()
        self.operations: set[str] = set()

    def __torch_dispatch__(self, op: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        made = op(*args, **(kwargs or {}))
        tensors = (leaf for leaf in tree_leaves((args, kwargs, made)) if isinstance(leaf, Tensor))
        if any(tensor.dtype == torch.bfloat16 for tensor in tensors):
            self.operations.add(op.overloadpacket.__name__)
        return made
