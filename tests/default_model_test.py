"""The shipped model draws what prompts say, and what it draws comes from its weights alone."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file

from longtake.draw.decode import ClipDecoder
from longtake.draw.network import ClipSampler
from longtake.manifest import DEFAULT_MODEL, Manifest, find_model, read_manifest, write_manifest
from longtake.plan import Plan, PlannedScene, Timeline
from longtake.strategies import LevelSampling, NuwaXL

# Hours and places in turn, so that neither goes with a position in the clip.
HOURS = {"at night": 0, "during the day": 1}
PLACES = {"in the meadow": 0, "at the beach": 1, "in the mountains": 2}
PROMPTS = [
    f"Ella the purple elephant waves {place} {hour}."
    for place in ("in the mountains", "in the meadow", "at the beach")
    for hour in (*HOURS, *HOURS)
]


def _keyframes(folder: Path) -> NDArray[np.uint8]:
    """One clip with a prompt of its own for every frame, drawn and decoded: `[T, H, W, 3]`."""
    manifest = read_manifest(folder)
    scenes = tuple(PlannedScene(str(k), 225 * k, prompt) for k, prompt in enumerate(PROMPTS))
    strategy = NuwaXL(manifest, options=NuwaXL.Options(references=0), seed=1)
    plan = Plan.of(strategy, Timeline(scenes, 225 * (len(PROMPTS) - 1) + 1))
    assert plan.keyframes.spec.frames == len(PROMPTS)
    (drawn,) = ClipSampler(folder)([plan.keyframes], [[]])
    return ClipDecoder(folder)(drawn.astype(np.float16))


def _sky(frames: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Brightness of the upper fifth of every frame."""
    return frames[:, : frames.shape[1] // 5].mean(axis=(1, 2, 3))


def _ground(frames: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Mean colour of the lowest eighth of every frame, `[T, 3]`."""
    return frames[:, -frames.shape[1] // 8 :].mean(axis=(1, 2))


def _told_apart(frames: NDArray[np.uint8]) -> tuple[bool, bool]:
    """Are all nights darker than all days; has daylight ground of each place its colour?"""
    night = np.array(["at night" in prompt for prompt in PROMPTS])
    hours = bool(_sky(frames)[night].max() + 40 < _sky(frames)[~night].min())
    colours: dict[str, Callable[[NDArray[np.float64]], bool]] = {
        "in the meadow": lambda c: bool(c[1] > c[0] + 30 and c[1] > c[2] + 30),  # green
        "at the beach": lambda c: bool(c[0] > c[2] + 40 and c[1] > c[2] + 20),  # sand
        "in the mountains": lambda c: bool(c.min() > 190),  # snow
    }
    ground = _ground(frames)
    places = all(
        colours[place](ground[k])
        for k, prompt in enumerate(PROMPTS)
        for place in PLACES
        if place in prompt and not night[k]
    )
    return hours, places


def test_the_shipped_model_follows_its_prompts() -> None:
    assert _told_apart(_keyframes(find_model(DEFAULT_MODEL))) == (True, True)


def test_clips_that_are_drawn_together_are_those_that_are_drawn_alone() -> None:
    """At full size, in bfloat16: there kernels might choose another way for another batch."""
    folder = find_model(DEFAULT_MODEL)
    manifest = read_manifest(folder)
    line = Timeline((PlannedScene("a", 0, PROMPTS[0]), PlannedScene("b", 20, PROMPTS[1])), 61)
    sampling = LevelSampling(keyframes=manifest.leaves, gaps=manifest.gaps, leaves=manifest.leaves)
    plan = Plan.of(NuwaXL(manifest, sampling, NuwaXL.Options(references=0), seed=1), line)
    jobs = [one.leaf for one in plan.shown(slice(None))][:3]
    shape = (2, *manifest.latents)
    ends = [np.random.default_rng(k).normal(size=shape).astype(np.float16) for k in range(len(jobs))]
    draw = ClipSampler(folder)
    together = draw(jobs, [list(pair) for pair in ends])
    for job, pair, clip in zip(jobs, ends, together, strict=True):
        assert np.array_equal(draw([job], [list(pair)])[0], clip)


def test_random_weights_of_the_same_shape_draw_nothing(tmp_path: Path) -> None:
    """Were the picture anywhere but in the weights, this would still follow the prompts."""
    shipped = read_manifest(find_model(DEFAULT_MODEL))
    generator = torch.Generator().manual_seed(0)
    for path in shipped.files:
        source, target = shipped.folder / path, tmp_path / path
        target.parent.mkdir(exist_ok=True)
        if path.startswith("unet/") and path.endswith(".safetensors"):
            weights = load_file(source)
            noise = {
                name: (w.float().std(correction=0) * torch.randn(w.shape, generator=generator)).to(w.dtype)
                for name, w in weights.items()
            }
            save_file(noise, target, metadata={"format": "pt"})
        else:
            target.write_bytes(source.read_bytes())
    told = json.loads((shipped.folder / "manifest.json").read_text())
    (tmp_path / "manifest.json").write_text(json.dumps(told))
    write_manifest(read_manifest(tmp_path))
    assert _told_apart(_keyframes(tmp_path)) == (False, False)


def test_the_shipped_models_fit_the_package() -> None:
    folders = [path.parent for path in find_model(DEFAULT_MODEL).parent.glob("*/manifest.json")]
    sizes = sum(file.stat().st_size for folder in folders for file in folder.rglob("*") if file.is_file())
    assert sizes <= 80e6
    for folder in folders:
        manifest: Manifest = read_manifest(folder)
        manifest.verify()
        assert (folder / "README.md").is_file(), "a model comes with its card"


@pytest.mark.parametrize("part", ["unet", "text", "vae"])
def test_weights_are_safetensors_in_bfloat16(part: str) -> None:
    for file in (find_model(DEFAULT_MODEL) / part).iterdir():
        assert file.suffix in {".json", ".safetensors"}
        if file.suffix == ".safetensors":
            assert {w.dtype for w in load_file(file).values()} == {torch.bfloat16}
