"""Pretrained video pipelines that draw clips between pictures: what each one can, and how it is asked.

Importing this imports neither torch nor diffusers.
"""

from __future__ import annotations

from longtake.draw.backends.backend import Backend, Gap
from longtake.draw.backends.ltx import LTX
from longtake.draw.backends.wan_i2v import WAN_I2V
from longtake.draw.backends.wan_vace import WAN_VACE
from longtake.strategies import ClipRule

__all__ = ["BACKENDS", "Backend", "ClipRule", "Gap"]

BACKENDS = {backend.name: backend for backend in (LTX, WAN_VACE, WAN_I2V)}
