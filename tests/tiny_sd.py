"""Small random copies of pretrained models, in the very classes and folders of the real ones."""

from __future__ import annotations

import json
import string
from pathlib import Path
from typing import Any

import torch

# What Stable Diffusion's scheduler_config.json says of its noise.
SD_NOISE = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear"}
# Of the U-Net.
UNET: dict[str, Any] = {
    "block_out_channels": (32, 64),
    "layers_per_block": 2,
    "norm_num_groups": 8,
    "cross_attention_dim": 16,
    "attention_head_dim": 4,
    "sample_size": 8,
    "down_block_types": ("CrossAttnDownBlock2D", "DownBlock2D"),
    "up_block_types": ("UpBlock2D", "CrossAttnUpBlock2D"),
}


def save_clip(folder: Path, text: str = "", tokenizer: str = "", width: int = 16) -> None:
    """A CLIP text model that reads letters, and its tokenizer."""
    import transformers

    words = [f"{letter}{end}" for letter in string.ascii_lowercase for end in ("", "</w>")]
    rows = {word: k for k, word in enumerate([*words, "<|startoftext|>", "<|endoftext|>"])}
    written = folder / tokenizer
    written.mkdir(parents=True, exist_ok=True)
    (written / "vocab.json").write_text(json.dumps(rows))
    (written / "merges.txt").write_text("#version: 0.2\n")
    transformers.CLIPTokenizer(
        str(written / "vocab.json"), str(written / "merges.txt"), model_max_length=77
    ).save_pretrained(written)
    torch.manual_seed(0)
    config = transformers.CLIPTextConfig(
        vocab_size=len(rows),
        hidden_size=width,
        intermediate_size=2 * width,
        num_hidden_layers=2,
        num_attention_heads=2,
        bos_token_id=len(rows) - 2,
        eos_token_id=len(rows) - 1,
        pad_token_id=len(rows) - 1,
    )
    transformers.CLIPTextModel(config).save_pretrained(folder / text)


def save_t5(folder: Path) -> None:
    """A whole T5 that reads letters, and its tokenizer, which cuts off nothing."""
    import transformers

    pieces = [
        ("<pad>", 0.0),
        ("</s>", 0.0),
        ("<unk>", 0.0),
        *((c, -5.0) for c in "▁" + string.ascii_lowercase),
    ]
    transformers.T5Tokenizer(vocab=pieces, extra_ids=0).save_pretrained(folder)
    torch.manual_seed(0)
    config = transformers.T5Config(
        vocab_size=len(pieces),
        d_model=16,
        d_kv=8,
        d_ff=32,
        num_layers=2,
        num_heads=2,
        decoder_start_token_id=0,
    )
    transformers.T5ForConditionalGeneration(config).save_pretrained(folder)


def save_sd(folder: Path, scheduler: dict[str, Any] | None = None, **unet: Any) -> Path:
    """The folder of a Stable Diffusion of 16x16 pixels, latents of 8x8; `unet`: other settings of that."""
    from diffusers import AutoencoderKL, DDIMScheduler, StableDiffusionPipeline, UNet2DConditionModel
    from transformers import CLIPTextModel, CLIPTokenizer

    save_clip(folder / "clip", "text", "tokenizer")
    torch.manual_seed(1)
    made = StableDiffusionPipeline(
        vae=AutoencoderKL(
            block_out_channels=(8, 16),
            norm_num_groups=4,
            latent_channels=4,
            sample_size=16,
            down_block_types=("DownEncoderBlock2D",) * 2,
            up_block_types=("UpDecoderBlock2D",) * 2,
        ),
        text_encoder=CLIPTextModel.from_pretrained(folder / "clip" / "text"),
        tokenizer=CLIPTokenizer.from_pretrained(folder / "clip" / "tokenizer"),
        unet=UNet2DConditionModel(**{**UNET, **unet}),
        scheduler=DDIMScheduler(**{**SD_NOISE, **(scheduler or {})}),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
    made.save_pretrained(folder / "sd", safe_serialization=True)
    return folder / "sd"


def stirred(net: Any) -> Any:
    """An inflated network whose new layers are not what they begin as."""
    chance = torch.Generator().manual_seed(5)
    with torch.no_grad():
        for p in net.temporal_parameters():
            p.add_(0.1 * torch.randn(p.shape, generator=chance))
    return net
