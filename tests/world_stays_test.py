"""What models of the cartoon world learn from is what it was before other films could be learnt from.

The digests were computed with the code from before, so running and shipped recipes go on as they began.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from longtake.conditions.text import SmallTextEncoder
from longtake.data.cartoon import CartoonWorld
from longtake.manifest import find_model
from longtake.recipes import RECIPES
from longtake.recipes.run_record import digest_of
from longtake.recipes.stages.clips import clip_lengths
from longtake.train.autoencoder import clip_batches, still_batches
from longtake.train.caption_facts import caption_batches
from longtake.train.clip_cache import build_cache, open_cache
from longtake.train.denoiser import cached_batches
from longtake.train.hd import still_pairs

FOOTAGE = CartoonWorld(20, 1)
FILMS = FOOTAGE.films("train")
WORLD = FOOTAGE.draws(FILMS)


def digest(*arrays: object) -> str:
    found = hashlib.sha256()
    for array in arrays:
        made = np.ascontiguousarray(array)  # type: ignore[call-overload]
        found.update(f"{made.dtype} {made.shape}".encode() + made.tobytes())
    return found.hexdigest()[:16]


def test_batches_of_pictures_and_captions_are_the_same() -> None:
    stills, clips = still_batches(WORLD, 16, 4, 7, 0.5), clip_batches(WORLD, 16, 2, 31, 7)
    assert digest(*[stills(s, r, 2) for s in (0, 3) for r in (0, 1)]) == "5453e769888dec70"
    assert digest(*[clips(s, 0, 1) for s in (0, 3)]) == "9ba905781636d76b"
    pairs = still_pairs(WORLD, 16, 2, 3, 7)
    assert digest(*[part for s in (0, 3) for part in pairs(s, 0, 1)]) == "82a0ce7e4237b606"
    encoder = SmallTextEncoder(FOOTAGE.world.vocabulary(), width=16, layers=1, heads=2, registers=2)
    told = caption_batches(FOOTAGE.world, encoder, list(FILMS), 16, 7)
    assert digest(*[part for s in (0, 3) for part in told(s, 1, 2)]) == "35fc5a9bdf2bd3f9"


def encode(clips: NDArray[np.uint8]) -> NDArray[np.float16]:
    quarters = clips.reshape(*clips.shape[:2], 2, 8, 2, 8, 3).mean(axis=(3, 5))
    return np.asarray(np.moveaxis(quarters / 128 - 1, -1, 2), np.float16)


@pytest.mark.parametrize(
    ("references", "recipe", "shards", "batched"),
    [
        (0, "toon-64", "c6cd0f85cc71887b", "4d2e9d46fb224d4e"),
        (2, "toon-128", "49f05fbdba1e54bf", "8c9ff4b8a8247575"),
    ],
)
def test_caches_and_their_batches_are_the_same(
    references: int, recipe: str, shards: str, batched: str, tmp_path: Path
) -> None:
    told = {"references": references, "seed": 3, "maker": "me", "shard": 10}
    list(build_cache(tmp_path, 24, encode, WORLD, 16, **told))  # type: ignore[arg-type]
    parts: list[NDArray[np.float64]] = []
    names = ("latents", "numbers", "prompts", "captions", "references", "maker")
    for path in sorted(tmp_path.iterdir()):
        with np.load(path) as shard:
            parts += [shard[name] for name in names]
    assert digest(*parts) == shards
    cache = open_cache(tmp_path)
    text = torch.arange((1 + len(cache.captions)) * 2).reshape(-1, 1, 2).half()
    batches = cached_batches(cache, text, 4, seed=5, lengths=clip_lengths(RECIPES[recipe]().clips))
    made = [part for step in range(12) for rank in (0, 1) for part in batches(step, rank, 2)]
    assert digest(*made) == batched


def test_a_cache_from_before_is_not_made_anew(tmp_path: Path) -> None:
    list(build_cache(tmp_path, 3, encode, WORLD, 16, maker="me"))
    (path,) = tmp_path.iterdir()
    with np.load(path) as shard:
        arrays = {name: shard[name] for name in shard.files if name != "footage"}
    np.savez(path, **arrays)
    before = path.stat().st_mtime_ns
    list(build_cache(tmp_path, 3, encode, WORLD, 16, maker="me"))
    assert path.stat().st_mtime_ns == before
    list(build_cache(tmp_path, 3, encode, WORLD, 16, maker="me", footage="other"))
    assert path.stat().st_mtime_ns > before


@pytest.mark.parametrize(
    ("name", "digest"),
    [
        ("toon-64", "34e9125aeb1ee5b7"),
        ("toon-128", "0af21f965eebfc30"),
        ("toon-128-10min", "112049f14fa92281"),
        ("toon-128-25min", "d5548f0c39d883c3"),
        ("toon-256", "d36d61930201cd35"),
        ("films-64", "d67dd28e09564dce"),
        ("sd-512", "4bf495d9776c4888"),
        ("sd-768", "dc18c0d450cfc9a8"),
    ],
)
def test_recipes_are_the_same_decisions(name: str, digest: str) -> None:
    assert digest_of(RECIPES[name]()).startswith(digest)


def test_decisions_are_written_down_by_the_names_and_in_the_order_of_the_shipped_model() -> None:
    model = "toon-128"
    shipped = json.loads((find_model(model) / "recipe.json").read_text())
    written = json.loads(json.dumps(RECIPES[model]().flat()))
    assert list(shipped) == [name for name in written if name in shipped]
    for name, decision in shipped.items():  # of configs some fields came later
        assert type(written[name]) is type(decision) or None in (written[name], decision)
        if isinstance(decision, dict):
            assert list(decision) == [key for key in written[name] if key in decision]
