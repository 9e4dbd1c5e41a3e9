"""What a job does: the one place that joins plans with networks."""

from __future__ import annotations

from longtake.ops.decode import Decoder
from longtake.ops.draw import Drawer, Operations
from longtake.ops.encode import Encoder
from longtake.ops.load import best_device, load_text_encoder, text_encoder_in

__all__ = [
    "Decoder",
    "Drawer",
    "Encoder",
    "Operations",
    "best_device",
    "load_text_encoder",
    "text_encoder_in",
]
