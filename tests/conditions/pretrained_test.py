"""Text by a pretrained CLIP or T5: small random ones, in the real classes and folders."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from tiny_sd import save_clip, save_sd, save_t5

from longtake.conditions.pretrained import PretrainedTextEncoder, unread
from longtake.conditions.text import PromptEncoder
from longtake.draw.load import text_encoder_in

pytest.importorskip("transformers", reason="transformers is not installed: pip install 'longtake[pipelines]'")
pytestmark = pytest.mark.filterwarnings("ignore")  # other people's libraries deprecate each other

PROMPTS = ["", "a fox in the meadow", "frog"]


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("clip")
    save_clip(folder)
    return folder


@pytest.fixture(scope="module")
def t5(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("t5")
    save_t5(folder)
    return folder


@torch.no_grad()
def test_clip_says_what_stable_diffusion_hears(tmp_path: Path) -> None:
    from diffusers import StableDiffusionPipeline

    sd = save_sd(tmp_path)
    encoder: PromptEncoder = PretrainedTextEncoder.load(sd, model="text_encoder", tokenizer="tokenizer")
    pipeline = StableDiffusionPipeline.from_pretrained(sd, low_cpu_mem_usage=False, safety_checker=None)
    told, untold = pipeline.encode_prompt(
        PROMPTS[1], "cpu", num_images_per_prompt=1, do_classifier_free_guidance=True
    )
    assert torch.equal(encoder.encode([PROMPTS[1]]), told)
    torch.testing.assert_close(encoder.encode([""]), untold)


@pytest.mark.parametrize("kind", ["clip", "t5"])
@torch.no_grad()
def test_no_bit_of_a_prompt_depends_on_the_others(kind: str, clip: Path, t5: Path) -> None:
    encoder = PretrainedTextEncoder.load(clip) if kind == "clip" else PretrainedTextEncoder.load(t5, 20)
    assert encoder.width == 16
    together = encoder.encode(PROMPTS)
    assert together.shape == (3, 77 if kind == "clip" else 20, 16)
    for k, prompt in enumerate(PROMPTS):
        assert torch.equal(encoder.encode([prompt])[0], together[k])
    assert not torch.equal(together[1], together[2])


@torch.no_grad()
def test_clips_fillers_stay_and_t5s_say_nothing(clip: Path, t5: Path) -> None:
    assert (PretrainedTextEncoder.load(clip).encode(["frog"]).abs().sum(-1) > 0).all()
    short, long = (PretrainedTextEncoder.load(t5, tokens).encode(["frog"])[0] for tokens in (8, 30))
    letters = 6  # the word's mark, its letters, the end
    torch.testing.assert_close(short[:letters], long[:letters])  # how many fillers there are changes nothing
    assert (short[:letters].abs().sum(-1) > 0).all()
    assert not short[letters:].any()
    assert not long[letters:].any()


@torch.no_grad()
def test_long_prompts_are_cut_off(clip: Path, t5: Path) -> None:
    for encoder in (PretrainedTextEncoder.load(clip), PretrainedTextEncoder.load(t5, 77)):
        long = "a " * 100
        assert torch.equal(encoder.encode([long]), encoder.encode([long + "frog"]))


def test_the_end_that_is_not_read_is_told(clip: Path, t5: Path, tmp_path: Path) -> None:
    fits, long = "ab " * 37 + "a", "ab " * 37 + "a frog"  # each letter is a token; two mark start and end
    assert unread(clip, [fits, long, "fox"]) == {long: "frog"}
    PretrainedTextEncoder.load(t5, 10).save_pretrained(tmp_path)
    assert unread(tmp_path, ["fox", "fox and frog"]) == {"fox and frog": "frog"}


@pytest.mark.parametrize("kind", ["clip", "t5"])
@torch.no_grad()
def test_a_models_folder_keeps_it(kind: str, clip: Path, t5: Path, tmp_path: Path) -> None:
    encoder = PretrainedTextEncoder.load(clip) if kind == "clip" else PretrainedTextEncoder.load(t5, 20)
    encoder.save_pretrained(tmp_path)
    assert all(path.is_file() for path in tmp_path.iterdir())  # the manifest names files, not folders
    assert list(tmp_path.glob("*.safetensors"))
    again = text_encoder_in(tmp_path)
    assert isinstance(again, PretrainedTextEncoder)
    assert torch.equal(again.encode(PROMPTS), encoder.encode(PROMPTS))
    assert dict(again.config) == dict(encoder.config)
    again.save_pretrained(tmp_path / "again")
    for file in (
        tmp_path / "again"
    ).iterdir():  # nor does the digest depend on a path, or on what was encoded
        assert file.read_bytes() == (tmp_path / file.name).read_bytes()


def test_what_cannot_be_is_refused(clip: Path, t5: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="say how many tokens"):
        PretrainedTextEncoder.load(t5)
    with pytest.raises(ValueError, match="78 tokens a prompt: this text encoder takes 1 to 77"):
        PretrainedTextEncoder.load(clip, 78)
    with pytest.raises(OSError, match="find them in the cached files"):
        PretrainedTextEncoder.load("nobody/no-such-model")
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "bert"}))
    with pytest.raises(ValueError, match="holds a bert: use a text encoder of CLIP or T5"):
        PretrainedTextEncoder.load(tmp_path)
