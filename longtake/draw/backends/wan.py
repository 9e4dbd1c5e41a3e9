"""What the pipelines of Wan have in common."""

from __future__ import annotations

from typing import Any

from longtake.draw.backends.backend import Words

EXACTLY = ("vae", "image_encoder")

_TOKENS = 512  # that its networks expect, whatever the text's length


def encode(pipeline: Any, text: str) -> Words:
    """Embeddings `[1, 512, D]` of a text, 0 behind its end.

    The pipeline's own way to here needs ftfy, which mends text that was wrongly decoded: a storyboard is not.
    """
    tokens = pipeline.tokenizer(
        [text], padding="max_length", max_length=_TOKENS, truncation=True, return_tensors="pt"
    )
    device = pipeline._execution_device
    ids, mask = tokens.input_ids.to(device), tokens.attention_mask.to(device)
    states = pipeline.text_encoder(ids, mask).last_hidden_state
    return {"embeds": states * mask[..., None].to(states.dtype)}


def ratios(pipeline: Any) -> tuple[int, int]:
    """Frames per latent frame, and what width and height are multiples of."""
    network = pipeline.transformer or pipeline.transformer_2
    patches = pipeline.vae_scale_factor_spatial * network.config.patch_size[1]
    return pipeline.vae_scale_factor_temporal, patches
