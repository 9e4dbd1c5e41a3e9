"""The random network sees what spoils a picture; weights are run only where they are what the user names."""

from __future__ import annotations

import hashlib
import importlib.util
import random
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from cartoon import CARTOON
from numpy.typing import NDArray
from PIL import Image, ImageFilter
from torch import Tensor, nn

from longtake.evaluate.distances.extractors import RandomVideoNet, film_features
from longtake.evaluate.distances.frechet import Moments, frechet
from longtake.evaluate.distances.networks import (
    WEIGHTS_DIR,
    WeightsMissing,
    clip_texts,
    fvd_selfcheck,
    load_extractor,
    lpips,
)
from longtake.world.episodes import episode_facts, episode_seeds

Pixels = NDArray[np.uint8]

torch.set_num_threads(1)


def world_clips(count: int, hidden: int = 0) -> Pixels:
    """Clips `[count, 16, 64, 64, 3]`, each of an episode of its own, under its latents or others."""
    chance = random.Random(0)
    clips = []
    for seed in episode_seeds("train", count):
        start = chance.randrange(4200)
        numbers = range(start, start + 16)
        clips.append(
            [CARTOON.draw(CARTOON.shot_at(seed, n), episode_facts(seed + hidden), n, 64)[0] for n in numbers]
        )
    return np.array(clips)


def blurred(clips: Pixels, sigma: float) -> Pixels:
    smooth = ImageFilter.GaussianBlur(sigma)
    flat = clips.reshape(-1, 64, 64, 3)
    return np.stack([np.asarray(Image.fromarray(f).filter(smooth)) for f in flat]).reshape(clips.shape)


def noisy(clips: Pixels, sd: float) -> Pixels:
    return rounded(clips + np.random.default_rng(0).normal(0, sd, clips.shape))


def flickering(clips: Pixels, share: float) -> Pixels:
    return rounded(clips * (1 + np.random.default_rng(0).normal(0, share, (*clips.shape[:2], 1, 1, 1))))


def shuffled(clips: Pixels) -> Pixels:
    generator = np.random.default_rng(0)
    return np.stack([clip[generator.permutation(16)] for clip in clips])


def rounded(values: NDArray[np.floating]) -> Pixels:
    return np.rint(values).clip(0, 255).astype(np.uint8)


LEVELS: dict[Callable[[Pixels, float], Pixels], list[float]] = {
    blurred: [0.3, 0.6, 1.2, 2.4],
    noisy: [5, 10, 20, 40],
    flickering: [0.02, 0.05, 0.1, 0.2],
}


@pytest.fixture(scope="module")
def clips() -> Pixels:
    return world_clips(8)


def test_the_random_network_is_the_same_everywhere(clips: Pixels) -> None:
    net = RandomVideoNet()
    assert net.sha256 == "513c55ab4a4fcd915b78b31c3cb960a714c8c92eaf167d7f4183a320a7bb93d9"
    features = net(clips)
    assert features.shape == (8, net.dim) == (8, 70)
    assert features.dtype == np.float32
    np.testing.assert_array_equal(features, RandomVideoNet()(clips))
    np.testing.assert_allclose(np.concatenate([net(clips[:3]), net(clips[3:])]), features, atol=1e-4)
    assert net(clips[:0]).shape == (0, 70)


def test_worse_pictures_are_farther_away(clips: Pixels) -> None:
    """Of the same clips, before and after: content is no excuse."""
    net = RandomVideoNet()
    truth = Moments.of(net(clips))
    for spoil, levels in LEVELS.items():
        found = [frechet(truth, Moments.of(net(spoil(clips, level)))) for level in levels]
        assert (np.diff([0, *found]) > 0).all(), (spoil.__name__, found)
    assert frechet(truth, Moments.of(net(shuffled(clips)))) < frechet(
        truth, Moments.of(net(blurred(clips, 1.2)))
    )


@pytest.mark.slow
def test_worse_pictures_are_farther_from_other_pictures() -> None:
    """From the same scripts under other latents: every level stands out of what latents make, in order."""
    net, clips = RandomVideoNet(), world_clips(128)
    reference = Moments.of(net(world_clips(128, hidden=10**9)))

    def to_reference(pixels: Pixels) -> float:
        return frechet(reference, Moments.of(net(pixels)))

    floor = to_reference(clips)
    for spoil, levels in LEVELS.items():
        found = [floor, *(to_reference(spoil(clips, level)) for level in levels)]
        assert (np.diff(found) > 0).all(), (spoil.__name__, found)
        assert found[3] > 4 * floor
    # A known weakness: the order of frames counts for less than a blur.
    assert to_reference(shuffled(clips)) < to_reference(blurred(clips, 1.2)) / 2
    assert to_reference(clips[:, ::-1]) < to_reference(blurred(clips, 0.6))


def test_black_is_not_white() -> None:
    assert fvd_selfcheck(RandomVideoNet()) == pytest.approx(3 * 2**2, abs=1e-3)  # three mean colours, 2 apart


@pytest.mark.parametrize(
    ("pixels", "remedy"),
    [
        (np.zeros((1, 16, 64, 64, 3), dtype=np.float32), "uint8"),
        (np.zeros((16, 64, 64, 3), dtype=np.uint8), "5 axes"),
        (np.zeros((1, 16, 3, 64, 64), dtype=np.uint8), "RGB last"),
        (np.zeros((1, 16, 32, 32, 3), dtype=np.uint8), "shrink first"),
    ],
)
def test_other_pixels_are_refused(pixels: Pixels, remedy: str) -> None:
    with pytest.raises(ValueError, match=remedy):
        RandomVideoNet()(pixels)


def test_a_film_is_cut_in_whole_clips(clips: Pixels) -> None:
    net, film = RandomVideoNet(), clips.reshape(-1, 64, 64, 3)
    np.testing.assert_array_equal(film_features(net, film[:41]), net(clips[:2]))
    assert film_features(net, film[:15]).shape == (0, net.dim)


class TinyI3D(nn.Module):
    """Tells what it is shown: extremes, size, and the mean colours."""

    def forward(
        self, x: Tensor, rescale: bool = True, resize: bool = True, return_features: bool = False
    ) -> Tensor:
        if rescale or resize or not return_features:
            raise RuntimeError("another convention")
        told = torch.stack([x.amin(), x.amax(), torch.tensor(float(x.shape[3] * x.shape[4]))])
        return torch.cat([told.expand(x.shape[0], 3), x.mean(dim=[2, 3, 4])], dim=1)


class TinyInception(nn.Module):
    def forward(self, x: Tensor, return_features: bool = False) -> Tensor:
        return x.mean(dim=[2, 3]) if return_features else x


class TinyVGG(nn.Module):
    def forward(self, x: Tensor, resize_images: bool = True, return_lpips: bool = False) -> Tensor:
        return x.flatten(1) / 255 if return_lpips and not resize_images else x


def saved(net: nn.Module, file: Path) -> str:
    """Writes the network as TorchScript; its sha256."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        torch.jit.script(net).save(str(file))  # type: ignore[no-untyped-call]
    return hashlib.sha256(file.read_bytes()).hexdigest()


def test_i3d_is_shown_clips_as_the_port_wants_them(tmp_path: Path) -> None:
    digest = saved(TinyI3D(), tmp_path / "net.pt")
    net = load_extractor("i3d", str(tmp_path / "net.pt"), sha256=digest.upper())
    assert (net.kind, net.dim, net.sha256) == ("clip", 6, digest)
    clips = np.zeros((2, 10, 32, 64, 3), dtype=np.uint8)
    clips[..., 16:48, 0] = 255  # the middle is red; left and right are cropped off
    features = net(clips)
    np.testing.assert_allclose(features[:, :3], [[-1, 1, 224 * 224]] * 2, atol=1e-5)
    np.testing.assert_allclose(features[:, 3:], [[1, -1, -1]] * 2, atol=0.02)
    assert fvd_selfcheck(net) == pytest.approx(2 * 2**2 + 3 * 2**2)
    with pytest.raises(ValueError, match="10 frames"):
        net(clips[:, :9])


def test_inception_and_lpips_see_whole_numbers(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (40, 64, 64, 3)).astype(np.uint8)
    digest = saved(TinyInception(), tmp_path / "inception.pt")
    inception = load_extractor("inception", str(tmp_path / "inception.pt"), sha256=digest)
    np.testing.assert_allclose(inception(pixels), pixels.mean(axis=(1, 2)), rtol=1e-5)

    digest = saved(TinyVGG(), tmp_path / "lpips.pt")
    vgg = load_extractor("lpips", str(tmp_path / "lpips.pt"), sha256=digest)
    other = pixels.copy()
    other[:, 0, 0, 0] = 255 - pixels[:, 0, 0, 0]
    apart = np.square(pixels[:, 0, 0, 0].astype(float) / 127.5 - 1)
    np.testing.assert_allclose(lpips(vgg, pixels, other), apart, atol=1e-5)
    assert (lpips(vgg, pixels, pixels) == 0).all()


def test_torchscript_is_run_only_if_it_is_known(tmp_path: Path) -> None:
    file = tmp_path / "net.pt"
    digest = saved(TinyI3D(), file)
    with pytest.raises(ValueError, match="which is code"):
        load_extractor("i3d", str(file))
    with pytest.raises(ValueError, match=f"its sha256 is {digest}"):
        load_extractor("i3d", str(file), sha256="0" * 64)
    with pytest.raises(ValueError, match="another network's"):
        load_extractor("inception", str(file), sha256=digest)
    file.write_bytes(b"no network")
    with pytest.raises(ValueError, match="no TorchScript"):
        load_extractor("i3d", str(file), sha256=hashlib.sha256(b"no network").hexdigest())
    with pytest.raises(ValueError, match="no network 'vgg'"):
        load_extractor("vgg")


def test_weights_are_looked_for_in_the_folder_of_weights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    digest = saved(TinyInception(), tmp_path / "inception.pt")
    monkeypatch.delenv(WEIGHTS_DIR, raising=False)
    with pytest.raises(WeightsMissing, match=WEIGHTS_DIR):
        load_extractor("inception", sha256=digest)
    monkeypatch.setenv(WEIGHTS_DIR, str(tmp_path))
    assert load_extractor("inception", sha256=digest).sha256 == digest
    for name in ("i3d", "clip", "dino"):
        with pytest.raises(WeightsMissing, match=str(tmp_path)):
            load_extractor(name, sha256=digest)


def test_missing_models_are_told(tmp_path: Path) -> None:
    with pytest.raises(WeightsMissing, match="allow the download"):
        load_extractor("clip", "longtake/there-is-no-such-model")
    with pytest.raises(WeightsMissing, match="allow the download"):
        clip_texts(["a fox"], str(tmp_path / "nowhere"))
    with pytest.raises(WeightsMissing, match="save_pretrained"):
        load_extractor("dino", str(tmp_path))
    (tmp_path / "model.safetensors").write_bytes(b"")
    with pytest.raises(ValueError, match="not what you expect"):
        load_extractor("dino", str(tmp_path), sha256="0" * 64)


@pytest.mark.skipif(importlib.util.find_spec("transformers") is not None, reason="transformers is there")
def test_a_missing_package_is_told(tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").write_bytes(b"")
    with pytest.raises(WeightsMissing, match="pip install transformers"):
        load_extractor("clip", str(tmp_path))


def test_transformers_see_frames(tmp_path: Path, clips: Pixels) -> None:
    transformers = pytest.importorskip("transformers")
    torch.manual_seed(0)
    small = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    sizes = {"image_size": 32, "patch_size": 16}
    config = transformers.CLIPConfig(
        text_config={**small, "vocab_size": 20}, vision_config={**small, **sizes}, projection_dim=8
    )
    transformers.CLIPModel(config).save_pretrained(tmp_path / "clip")
    vit = transformers.ViTConfig(**small, **sizes)
    transformers.ViTModel(vit).save_pretrained(tmp_path / "vit")
    dino = transformers.Dinov2Config(
        hidden_size=16, num_hidden_layers=1, num_attention_heads=2, image_size=28, patch_size=14
    )
    transformers.Dinov2Model(dino).save_pretrained(tmp_path / "dino")
    for name, folder, dim, size in (
        ("clip", "clip", 8, 32),
        ("dino", "vit", 16, 32),
        ("dino", "dino", 16, 224),
    ):
        net = load_extractor(name, str(tmp_path / folder))
        features = net(clips[0])
        assert (net.kind, net.size, features.shape) == ("frame", size, (16, dim))
        weights = (tmp_path / folder / "model.safetensors").read_bytes()
        assert net.sha256 == hashlib.sha256(weights).hexdigest()
        np.testing.assert_array_equal(features, load_extractor(name, str(tmp_path / folder))(clips[0]))
        assert np.abs(features - net(255 - clips[0])).max() > 1e-4
