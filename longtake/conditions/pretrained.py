"""Prompts to meaning tokens by a pretrained CLIP or T5, from a folder or the hub, with its own tokenizer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

# `model_type` in config.json -> class in transformers: of a whole CLIP or T5 only the half that reads.
_KINDS = {
    "clip": "CLIPTextModel",
    "clip_text_model": "CLIPTextModel",
    "t5": "T5EncoderModel",
    "umt5": "UMT5EncoderModel",
}
_UNLIMITED = 1_000_000  # tokens; a tokenizer without a limit has a number beyond


class PretrainedTextEncoder(nn.Module):
    """A `PromptEncoder` around transformers' CLIP or T5, the last hidden state of every token.

    Each prompt is encoded by itself, so that no bit of it depends on the others.

    Longer prompts are cut off, shorter ones filled up, so that all have `tokens` tokens. CLIP's fillers stay:
    networks that were trained with it, such as Stable Diffusion, attended to all its positions, and as it
    reads from left to right, what stands behind a prompt does not change it. T5 reads both ways and learnt
    with its fillers masked: they are hidden from it, and come out as zeros, which say nothing, whatever
    reads them.
    """

    def __init__(
        self,
        model: Any,  # transformers' model
        tokenizer: Any,  # and its tokenizer
        tokens: int | None = None,  # N; None: as many as the tokenizer says, and the model has positions for
    ) -> None:
        super().__init__()
        self.model, self._tokenizer = model.eval(), tokenizer
        positions = getattr(model.config, "max_position_embeddings", None)
        most = min(tokenizer.model_max_length, positions or tokenizer.model_max_length)
        if tokens is None and most > _UNLIMITED:
            raise ValueError("this tokenizer cuts off no prompt: say how many tokens a prompt shall have")
        if tokens is not None and not 0 < tokens <= most:
            raise ValueError(f"{tokens} tokens a prompt: this text encoder takes 1 to {most}")
        tokenizer.model_max_length = self.tokens = tokens or most
        self._masked = "t5" in model.config.model_type

    @classmethod
    def load(
        cls,
        source: str | Path,
        tokens: int | None = None,
        *,
        model: str = "",
        tokenizer: str = "",
        allow_download: bool = False,
        **options: Any,
    ) -> PretrainedTextEncoder:
        """From a folder or a hub id, its weights as safetensors, float32.

        `model` and `tokenizer` are the folders in it that hold them, "" for itself; `options` are further
        ones of transformers' `from_pretrained`, for instance `variant`. Raises ValueError for a text encoder
        of another kind, OSError where there is none.
        """
        transformers = _transformers()
        local = {"local_files_only": not allow_download}
        config = transformers.AutoConfig.from_pretrained(source, subfolder=model, **local)
        if config.model_type not in _KINDS:
            raise ValueError(f"{source} holds a {config.model_type}: use a text encoder of CLIP or T5")
        kind = getattr(transformers, _KINDS[config.model_type])
        net = kind.from_pretrained(
            source, subfolder=model, use_safetensors=True, dtype=torch.float32, **local, **options
        )
        net.config._name_or_path = ""  # or this run's path goes into the next config, and the model's digest
        reader = transformers.AutoTokenizer.from_pretrained(source, subfolder=tokenizer, **local)
        return cls(net, reader, tokens)

    @property
    def config(self) -> Mapping[str, Any]:
        """The model's settings, and how many tokens a prompt has."""
        return {**self.model.config.to_dict(), "tokens": self.tokens}

    @property
    def width(self) -> int:
        """D."""
        width: int = self.model.config.hidden_size
        return width

    def encode(self, prompts: Sequence[str]) -> Tensor:
        """Tokens `[P, N, D]`."""
        return torch.cat([self._encode(prompt) for prompt in prompts])

    def _encode(self, prompt: str) -> Tensor:
        read = self._tokenizer(
            prompt, padding="max_length", truncation=True, max_length=self.tokens, return_tensors="pt"
        )
        ids, there = (read[key].to(self.model.device) for key in ("input_ids", "attention_mask"))
        if not self._masked:
            hidden: Tensor = self.model(ids).last_hidden_state
            return hidden
        hidden = self.model(ids, attention_mask=there).last_hidden_state
        return hidden.masked_fill(there[..., None] == 0, 0.0)

    def save_pretrained(self, folder: str | Path, safe_serialization: bool = True) -> None:
        """Weights as safetensors, settings and tokenizer, side by side in `folder`: `load` reads them."""
        assert safe_serialization
        self.model.save_pretrained(folder)
        backend = getattr(self._tokenizer, "backend_tokenizer", None)
        if backend is not None:  # it remembers how it was last used, and would write that down
            backend.no_padding()
            backend.no_truncation()
        self._tokenizer.save_pretrained(folder)


def unread(folder: Path, prompts: Sequence[str]) -> dict[str, str]:
    """Of the prompts that the text encoder in `folder` cuts off: the end of each that it does not read."""
    tokenizer = _transformers().AutoTokenizer.from_pretrained(folder, local_files_only=True)
    most, lost = tokenizer.model_max_length, {}
    for prompt in prompts:
        read = tokenizer(prompt, return_offsets_mapping=True, verbose=False)
        # Behind the words stands the mark of the end, which stays.
        over = [start for start, end in read["offset_mapping"][most - 1 :] if end > start]
        if over:
            lost[prompt] = prompt[over[0] :].strip()
    return lost


def _transformers() -> Any:
    import transformers  # here: its import takes long, and few models need it

    transformers.utils.logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    return transformers
