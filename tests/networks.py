"""Running a network on inputs that a test changes one by one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from longtake.given import Given


def evaluated(net: Any, inputs: Mapping[str, Any]) -> Tensor:
    """The network's output for `x`, `t` and the parts of `Given`."""
    conditions = {name: part for name, part in inputs.items() if name not in ("x", "t")}
    output: Tensor = net(inputs["x"], inputs["t"], Given(**conditions))
    return output
