"""The networks: autoencoder and Mask Temporal Diffusion, and the layers they share."""

from __future__ import annotations
