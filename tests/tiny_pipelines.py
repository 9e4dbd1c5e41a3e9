"""Pipelines of diffusers of the least size, with random weights, saved as folders."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

FLF = {"image_dim": 16, "added_kv_proj_dim": 24, "pos_embed_seq_len": 10}  # of Wan 2.1's first and last frame


def _texts(kind: str) -> dict[str, Any]:
    """A tokenizer of bytes, and an encoder of two layers: T5, or UMT5 for Wan."""
    import transformers

    config: dict[str, Any] = {"vocab_size": 384, "d_model": 16, "d_kv": 8, "d_ff": 16}
    config |= {"num_layers": 2, "num_heads": 2, "dense_act_fn": "gelu", "is_gated_act": True}
    encoder, settings = {
        "t5": (transformers.T5EncoderModel, transformers.T5Config),
        "umt5": (transformers.UMT5EncoderModel, transformers.UMT5Config),
    }[kind]
    return {"tokenizer": transformers.ByT5Tokenizer(), "text_encoder": encoder(settings(**config))}


def ltx(folder: Path, timestep_conditioning: bool = False) -> Path:
    """LTX-Video: 8k + 1 frames, sides of multiples of 32; its decoder draws too or not."""
    import diffusers

    torch.manual_seed(0)
    layers = {"layers_per_block": (1, 1, 1, 1, 1), "spatio_temporal_scaling": (True, True, True, False)}
    vae = diffusers.AutoencoderKLLTXVideo(
        latent_channels=8,
        block_out_channels=(8, 8, 8, 8),
        decoder_block_out_channels=(8, 8, 8, 8),
        decoder_layers_per_block=layers["layers_per_block"],
        decoder_spatio_temporal_scaling=layers["spatio_temporal_scaling"],
        decoder_inject_noise=(False,) * 5,
        timestep_conditioning=timestep_conditioning,
        **layers,
    )
    transformer = diffusers.LTXVideoTransformer3DModel(
        in_channels=8,
        out_channels=8,
        num_attention_heads=2,
        attention_head_dim=8,
        cross_attention_dim=16,
        num_layers=1,
        caption_channels=16,
    )
    scheduler = diffusers.FlowMatchEulerDiscreteScheduler()
    parts = {"vae": vae, "transformer": transformer, "scheduler": scheduler, **_texts("t5")}
    diffusers.LTXConditionPipeline(**parts).save_pretrained(folder, safe_serialization=True)
    return folder


def wan_vace(folder: Path) -> Path:
    """Wan VACE: 4k + 1 frames, sides of multiples of 16."""
    import diffusers

    torch.manual_seed(0)
    transformer = diffusers.WanVACETransformer3DModel(
        **_WAN, in_channels=16, vace_layers=[0], vace_in_channels=96
    )
    parts = {"transformer": transformer, **_wan()}
    diffusers.WanVACEPipeline(**parts).save_pretrained(folder, safe_serialization=True)
    return folder


def wan_i2v(folder: Path, expand_timesteps: bool = False, **config: Any) -> Path:
    """Wan from a picture, as 2.2's 14B; with `config` the transformer of another one."""
    import diffusers
    import transformers

    torch.manual_seed(0)
    transformer = diffusers.WanTransformer3DModel(**_WAN, in_channels=36, **config)
    parts = {"transformer": transformer, "expand_timesteps": expand_timesteps, **_wan()}
    if config:
        sees = transformers.CLIPVisionConfig(
            hidden_size=16,
            intermediate_size=16,
            num_hidden_layers=2,
            num_attention_heads=2,
            image_size=8,
            patch_size=4,
        )
        parts["image_encoder"] = transformers.CLIPVisionModel(sees)
        sides = {"height": 8, "width": 8}
        parts["image_processor"] = transformers.CLIPImageProcessor(crop_size=sides, size={"shortest_edge": 8})
    diffusers.WanImageToVideoPipeline(**parts).save_pretrained(folder, safe_serialization=True)
    return folder


_WAN: dict[str, Any] = {
    "num_attention_heads": 2,
    "attention_head_dim": 12,
    "out_channels": 16,
    "text_dim": 16,
    "freq_dim": 16,
    "ffn_dim": 16,
    "num_layers": 1,
}


def _wan() -> dict[str, Any]:
    import diffusers

    vae = diffusers.AutoencoderKLWan(base_dim=4, z_dim=16, dim_mult=[1, 1, 1, 1], num_res_blocks=1)
    scheduler = diffusers.UniPCMultistepScheduler(prediction_type="flow_prediction", use_flow_sigmas=True)
    return {"vae": vae, "scheduler": scheduler, **_texts("umt5")}
