"""Shots are described by a real image-to-text model of transformers, small and random."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from films import scenes, write_film

from longtake.data.filmset import open_films
from longtake.data.tables import SHOTS, DataSetError, read_table, write_table
from longtake.ingest.captioner import Captioner
from longtake.ingest.data_set import IngestOptions, ingest
from longtake.ingest.import_film import FilmSettings

WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "[DEC]", "[ENC]", "a", "fox", "frog", "in", "rain"]


def save_blip(folder: Path) -> None:
    import torch
    from transformers import (
        BertTokenizer,
        BlipConfig,
        BlipForConditionalGeneration,
        BlipImageProcessorPil,
        BlipProcessor,
    )

    small = {"hidden_size": 16, "intermediate_size": 32, "projection_dim": 16, "num_hidden_layers": 1}
    small |= {"num_attention_heads": 2}
    text = {**small, "vocab_size": len(WORDS), "encoder_hidden_size": 16, "max_position_embeddings": 64}
    text |= {"bos_token_id": 5, "eos_token_id": 3, "pad_token_id": 0, "sep_token_id": 3}
    vision = {**small, "image_size": 32, "patch_size": 8}
    torch.manual_seed(0)
    model = BlipForConditionalGeneration(
        BlipConfig(text_config=text, vision_config=vision, projection_dim=16, image_text_hidden_size=16)
    )
    with torch.no_grad():  # so that the picture has a say
        for weights in model.parameters():
            weights.copy_(0.5 * torch.randn(weights.shape))
    model.save_pretrained(folder)
    (folder / "vocab.txt").write_text("\n".join(WORDS))
    pictures = BlipImageProcessorPil(size={"height": 32, "width": 32})
    BlipProcessor(pictures, BertTokenizer(str(folder / "vocab.txt"))).save_pretrained(folder)


def save_git(folder: Path) -> None:
    import torch
    from transformers import BertTokenizer, CLIPImageProcessorPil, GitConfig, GitForCausalLM, GitProcessor

    small = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2}
    torch.manual_seed(0)
    model = GitForCausalLM(
        GitConfig(
            **small,
            vision_config={**small, "image_size": 32, "patch_size": 8},
            vocab_size=len(WORDS),
            max_position_embeddings=128,
            bos_token_id=2,
            eos_token_id=3,
            pad_token_id=0,
        )
    )
    model.save_pretrained(folder)
    (folder / "vocab.txt").write_text("\n".join(WORDS))
    pictures = CLIPImageProcessorPil(size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32})
    GitProcessor(pictures, BertTokenizer(str(folder / "vocab.txt"))).save_pretrained(folder)


@pytest.fixture(scope="module", params=[save_blip, save_git], ids=["blip", "git"])
def model(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("model")
    save: Callable[[Path], None] = request.param
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        save(folder)
    return folder


def test_pictures_get_texts(model: Path) -> None:
    describe = Captioner(str(model))
    pictures = np.random.default_rng(0).integers(0, 255, (3, 50, 60, 3), dtype=np.uint8)
    texts = describe(pictures)
    assert len(texts) == 3
    assert all(set(text.split()) <= set(WORDS) for text in texts)
    assert any(texts)
    assert texts == Captioner(str(model))(pictures)
    assert texts[1] == describe(pictures[1:2])[0]
    assert len(describe.digest) == 64


def test_empty_captions_of_shots_are_filled_and_hand_written_ones_stay(model: Path, tmp_path: Path) -> None:
    write_film(tmp_path / "in" / "a.mp4", scenes(1, [40, 40, 40]), 24)
    write_film(tmp_path / "in" / "b.mp4", scenes(2, [40]), 24)
    recipe, out = FilmSettings(fps=12, size=48, aspect="crop", cut=2.0), tmp_path / "set"  # type: ignore[arg-type]
    ingest(tmp_path / "in", out, IngestOptions(film=recipe), lambda *_: None)
    table = read_table(out, SHOTS)
    write_table(out, SHOTS, [table[0], {**table[1], "caption": "by hand"}, *table[2:]])
    loaded = []

    def load() -> Captioner:
        loaded.append(Captioner(str(model)))
        return loaded[-1]

    options = IngestOptions(film=recipe, captioner=str(model))
    assert ingest(tmp_path / "in", out, options, lambda *_: None, load).described == 3
    said = [row["caption"] for row in read_table(out, SHOTS)]
    assert said[1] == "by hand"
    assert all(said)
    films = open_films(out)
    assert films.captions(0, [0, 25]) == [said[0], "by hand"]
    assert ingest(tmp_path / "in", out, options, lambda *_: None, load).unchanged
    # What was said is kept: an emptied cell is filled without looking again.
    write_table(out, SHOTS, [{**row, "caption": ""} for row in read_table(out, SHOTS)])
    ingest(tmp_path / "in", out, options, lambda *_: None, load)
    again = [row["caption"] for row in read_table(out, SHOTS)]
    assert [again[0], *again[2:]] == [said[0], *said[2:]]


def test_what_is_no_captioner_is_told(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    for name in (str(tmp_path), str(tmp_path / "none"), "nobody/nothing"):
        with pytest.raises(DataSetError, match="is no captioner"):
            Captioner(name)
