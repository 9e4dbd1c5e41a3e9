"""Training: one loop, its optimiser, averaged weights and checkpoints."""

from __future__ import annotations
