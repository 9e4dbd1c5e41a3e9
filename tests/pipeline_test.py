"""Reference images by a diffusers text-to-image pipeline: a small one with random weights, really loaded."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from tiny_sd import save_sd

from longtake.draw.network import ClipSampler
from longtake.manifest import ModelError, digest_of_pipeline, read_manifest
from longtake.plan import Plan, PlannedScene, Timeline
from longtake.strategies import choose

pytest.importorskip("transformers", reason="transformers is not installed: pip install 'longtake[pipelines]'")
pytestmark = pytest.mark.filterwarnings("ignore")  # other people's libraries deprecate each other


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a small Stable Diffusion."""
    return save_sd(tmp_path_factory.mktemp("pipeline"))


def plan_of(way: str, model: Path, prompt: str = "fox in the meadow") -> Plan:
    line = Timeline((PlannedScene("a", 0, prompt),), 20)
    return choose(way).plan(line, 7, read_manifest(model))


def test_the_image_begins_the_scene(pipeline: Path, tiny_model: Path) -> None:
    way = f"videogen:pipeline={pipeline}:pipeline_steps=2"
    pipelines = choose(way).pipelines
    assert list(pipelines.values()) == [pipeline]
    drawer = ClipSampler(tiny_model, device="cpu", pipelines=pipelines)
    plan = plan_of(way, tiny_model)
    image, small, whole = list(plan.missing((), slice(None)))[:3]
    assert image.op == "imagine"
    (latent,) = drawer([image], [[]])
    assert latent.shape == (1, 2, 4, 4)
    (again,) = drawer([image], [[]])
    assert np.array_equal(again, latent), "the same seed is the same picture"
    other = next(plan_of(way, tiny_model, "frog in the rain").missing((), slice(None)))
    assert not np.array_equal(drawer([other], [[]])[0], latent)
    known = latent[0].astype(np.float16)
    (coarse,) = drawer([small], [[known]])
    (clip,) = drawer([whole], [[known, *coarse.astype(np.float16)]])
    assert np.array_equal(clip[0].astype(np.float16), known)


def test_the_key_holds_the_weights_and_no_path(pipeline: Path, tiny_model: Path, tmp_path: Path) -> None:
    way = f"videogen:pipeline={pipeline}"
    (image, *_) = plan_of(way, tiny_model).missing((), slice(None))
    assert str(pipeline) not in json.dumps(image.params)
    moved = tmp_path / "moved"
    moved.symlink_to(pipeline)
    (same, *_) = plan_of(f"videogen:pipeline={moved}", tiny_model).missing((), slice(None))
    assert same.key == image.key
    with pytest.raises(ModelError, match="holds no diffusers pipeline"):
        digest_of_pipeline(tmp_path)
