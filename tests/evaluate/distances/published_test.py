"""Named networks: without weights nothing is made up; every number tells N, weights and references."""

from __future__ import annotations

import hashlib
import json
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
from cartoon import CARTOON
from numpy.typing import NDArray
from torch import Tensor, nn

from longtake.evaluate.distances.extractors import FeatureExtractor, film_features
from longtake.evaluate.distances.frechet import Moments, frechet, kid
from longtake.evaluate.distances.networks import WEIGHTS_DIR
from longtake.evaluate.distances.published import (
    NETWORKS,
    NO_WEIGHTS,
    Networks,
    clipsim,
    feature_distances,
    features_of,
    open_networks,
    published_distances,
    scene_similarity,
)
from longtake.evaluate.distances.sets import NetworkDistance, reference_digest
from longtake.evaluate.rows import Episode, Line
from longtake.evaluate.script import script_of_prompts
from longtake.evaluate.table import Header, markdown, report_json
from longtake.manifest import ModelError
from longtake.video import Pixels

torch.set_num_threads(1)


class TinyI3D(nn.Module):
    def forward(self, x: Tensor, rescale: bool, resize: bool, return_features: bool) -> Tensor:
        return x[:, :, :, ::32, ::32].mean(dim=[2, 3, 4])


class TinyInception(nn.Module):
    def forward(self, x: Tensor, return_features: bool) -> Tensor:
        return x.mean(dim=[2, 3])


class TinyVGG(nn.Module):
    def forward(self, x: Tensor, resize_images: bool, return_lpips: bool) -> Tensor:
        return x.mean(dim=[2, 3]) / 255


TINY = {"i3d": TinyI3D, "inception": TinyInception, "lpips": TinyVGG}


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Files of networks that see mean colours, in a folder of weights."""
    folder = tmp_path_factory.mktemp("weights")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        for name, kind in TINY.items():
            torch.jit.script(kind()).save(str(folder / f"{name}.pt"))  # type: ignore[no-untyped-call]
    return {name: str(folder / f"{name}.pt") for name in TINY}


@pytest.fixture(autouse=True)
def no_folder_of_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(WEIGHTS_DIR, raising=False)


def sha256_of(weights: dict[str, str]) -> dict[str, str]:
    return {name: hashlib.sha256(Path(file).read_bytes()).hexdigest() for name, file in weights.items()}


@pytest.fixture
def networks(weights: dict[str, str]) -> Networks:
    return open_networks(weights, sha256_of(weights))


@dataclass(frozen=True, eq=False)
class Film:
    """Frames in memory."""

    pixels: Pixels
    broken: bool = False  # its end cannot be read

    @property
    def key(self) -> str:
        return hashlib.sha256(self.pixels.tobytes()).hexdigest()

    def frames(self) -> Iterator[Pixels]:
        yield from self.pixels
        if self.broken:
            raise OSError("the disk is gone")


@dataclass(frozen=True, eq=False)
class Gone(Film):
    """A film that was seen before, and cannot be seen again."""

    def frames(self) -> Iterator[Pixels]:
        raise AssertionError("seen twice")


def noise(seed: int, frames: int = 100, brighter: float = 0.0, height: int = 64) -> Film:
    """Frames of one colour each, drawn by chance, `brighter` towards the end."""
    colours = np.random.default_rng(seed).normal(100, 20, (frames, 1, 1, 3))
    colours += brighter * np.linspace(0, 1, frames)[:, None, None, None]
    return Film(np.broadcast_to(colours.clip(0, 255), (frames, height, 64, 3)).astype(np.uint8))


def rows_of(films: dict[str, list[Film]], references: list[Film]) -> tuple[list[Episode], list[Line]]:
    """Lines by name, the kind after a colon."""
    names = [f"film {i}" for i in range(len(references))]
    script = script_of_prompts(CARTOON, [(0, "a fox"), (40, "a frog"), (70, "a fox")], 100)
    matches = dict(zip(names, references, strict=True))
    lines = [
        Line(name.split(":")[0], name.split(":")[1], dict(zip(names, made, strict=True)), matches)
        for name, made in films.items()
    ]
    return [Episode(name, script, None) for name in names], lines


def by_name(found: list[NetworkDistance]) -> dict[tuple[str, str], NetworkDistance]:
    return {(one.row, one.name): one for one in found}


def test_without_weights_every_network_is_told_and_nothing_measured(tmp_path: Path) -> None:
    none = open_networks({}, {})
    assert none.not_computed == dict.fromkeys(NETWORKS.values(), NO_WEIGHTS)
    assert len(none.not_computed) == 5
    episodes, lines = rows_of({"ours:system": [Gone(noise(0).pixels)]}, [Gone(noise(1).pixels)])
    assert published_distances(episodes, lines, none, tmp_path) == []
    text = markdown([], {}, Header(facts={}, not_computed=none.not_computed))
    assert text.count(": not computed: no weights: name them with --weights") == 5
    assert "named networks" not in text


def test_wrong_weights_are_an_error_and_missing_ones_are_not(
    weights: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ModelError, match="its sha256 is"):
        open_networks(weights, {**sha256_of(weights), "i3d": "0" * 64})
    with pytest.raises(ModelError, match="which is code"):
        open_networks(weights, {})
    (tmp_path / "i3d.pt").write_bytes(b"no network")
    broken = {"i3d": str(tmp_path / "i3d.pt")}
    with pytest.raises(ModelError, match="no TorchScript"):
        open_networks(broken, sha256_of(broken))
    found = open_networks({"i3d": str(tmp_path / "nowhere.pt")}, {"i3d": "0" * 64})
    assert found.not_computed["FVD (i3d)"].startswith("no weights: ")
    assert "nowhere.pt is not there" in found.not_computed["FVD (i3d)"]
    monkeypatch.setenv(WEIGHTS_DIR, str(tmp_path))  # holds a file that nobody asked for
    assert "sha256" in open_networks({}, {}).not_computed["FVD (i3d)"]


def test_features_are_of_whole_films_and_seen_once(networks: Networks, tmp_path: Path) -> None:
    film = noise(0, 150, height=96)
    seen = features_of(film, networks.extractors, tmp_path)
    assert list(seen) == ["i3d", "inception"]
    assert (len(seen["inception"]), len(seen["i3d"])) == (150, 9)
    for name, features in seen.items():
        np.testing.assert_allclose(features, film_features(networks.extractors[name], film.pixels), rtol=1e-5)
    again = features_of(Gone(film.pixels), networks.extractors, tmp_path)
    for name, features in seen.items():
        np.testing.assert_array_equal(features, again[name])


def test_features_of_a_film_that_broke_off_are_not_kept(networks: Networks, tmp_path: Path) -> None:
    with pytest.raises(OSError, match="disk"):
        features_of(Film(noise(0).pixels, broken=True), networks.extractors, tmp_path)
    assert not list(tmp_path.iterdir())


def test_every_row_but_controls_is_measured_with_all_that_a_comparison_needs(
    networks: Networks, tmp_path: Path
) -> None:
    ours, references = [noise(1), noise(2, brighter=60)], [noise(3), noise(4)]
    episodes, lines = rows_of(
        {
            "ours:system": ours,
            "ground truth:reference": [noise(5), noise(6)],
            "frozen:control": [Gone(noise(7).pixels)] * 2,
        },
        references,
    )
    told: list[tuple[int, int]] = []
    found = published_distances(episodes, lines, networks, tmp_path, lambda *done: told.append(done))
    assert told[-1] == (6, 6)
    names = ["B-FVD-16 (i3d)", "B-FVD-16 over time (i3d)", "B-FVD-16, literal (i3d)",
             "Avg-FID (inception)", "KID (inception)", "LPIPS (lpips)"]  # fmt: skip
    assert [(one.row, one.name) for one in found] == [
        (row, name) for row in ("ours", "ground truth") for name in names
    ]
    shas = {name: net.sha256 for name, net in networks.extractors.items()}
    for one in found:
        assert one.sha256 == shas[one.name.split("(")[1][:-1]]
        assert one.references == reference_digest(film.key for film in references)
        assert one.definition
    frames = by_name(found)["ours", "Avg-FID (inception)"].distance
    assert (frames.samples, frames.films) == (200, 2)
    assert frames.low <= frames.value <= frames.high
    pooled = [
        Moments.of(np.concatenate([film.pixels[:, 0, 0] for film in side])) for side in (ours, references)
    ]
    assert frames.value == pytest.approx(frechet(*pooled), rel=1e-3)
    clips = by_name(found)["ours", "B-FVD-16 (i3d)"].distance
    assert (clips.samples, clips.films) == (12, 2)
    assert "selfcheck 12.0" in clips.note  # three mean colours, 2 apart
    again = published_distances(episodes, lines, networks, tmp_path)
    assert repr(again) == repr(found)  # of which some are nan


def test_lpips_compares_the_same_frames(networks: Networks, tmp_path: Path) -> None:
    film, reference = noise(1, 40), noise(2, 40)
    (found,) = (
        one
        for one in published_distances(*rows_of({"ours:system": [film]}, [reference]), networks, tmp_path)
        if one.name == "LPIPS (lpips)"
    )
    apart = (film.pixels[::16, 0, 0].astype(float) - reference.pixels[::16, 0, 0]) / 255
    assert found.distance.value == pytest.approx(np.square(apart).sum(axis=1).mean(), rel=1e-4)
    assert (found.distance.samples, found.distance.films) == (3, 1)


def net_of(kind: str, dim: int = 3, name: str = "dino") -> FeatureExtractor:
    return FeatureExtractor(name=name, sha256="ab", size=64, kind=kind, dim=dim, see=lambda x: x)  # type: ignore[arg-type]


def drawn(seed: int, films: int, n: int, drift: float = 0.0) -> list[NDArray[np.float32]]:
    generator = np.random.default_rng(seed)
    times = drift * np.linspace(0, 1, n)[:, None]
    return [(generator.normal(size=(n, 3)) + times).astype(np.float32) for _ in range(films)]


def test_kid_is_about_zero_for_equal_distributions_and_grows_with_the_difference() -> None:
    net = net_of("frame")
    films = {shift: drawn(1, 4, 150, shift) for shift in (0.0, 2.0)}
    references = drawn(2, 4, 150)
    same, apart = (
        by_name(feature_distances("", net, side, references, ""))["", "KID (dino)"] for side in films.values()
    )
    whole = kid(np.concatenate(films[0.0]), np.concatenate(references))
    assert (same.distance.samples, same.distance.value) == (600, pytest.approx(whole))
    assert same.distance.low < 0 < same.distance.high
    assert apart.distance.low > 0.5
    long = feature_distances("", net, drawn(1, 1, 3000), drawn(2, 1, 3000), "")[1].distance
    assert (long.samples, abs(long.value) < 0.05) == (1000, True)


def test_films_that_grow_worse_have_a_slope() -> None:
    net = net_of("clip", name="net")
    flat, rising = (
        by_name(feature_distances("", net, drawn(1, 4, 50, drift), drawn(2, 4, 50), ""))[
            "", "B-FVD-16 over time (net)"
        ]
        for drift in (0.0, 3.0)
    )
    assert len(rising.curve) == 10
    assert rising.distance.samples == 20
    assert rising.distance.low > 0.5
    assert abs(flat.distance.value) < 0.1


def test_a_number_that_cannot_be_had_is_told_and_is_none() -> None:
    found = by_name(feature_distances("", net_of("clip", 400, "net"), drawn(1, 1, 9), drawn(2, 1, 9), ""))
    assert "N is below the 400 features" in found["", "B-FVD-16 (net)"].distance.note
    for name, why in (("B-FVD-16 over time (net)", "too few"), ("B-FVD-16, literal (net)", "two films")):
        assert np.isnan(found["", name].distance.value)
        assert why in found["", name].distance.note
    (short,) = feature_distances("", net_of("frame"), drawn(1, 1, 3), drawn(2, 1, 3), "")
    assert np.isnan(short.distance.value)
    assert "too few" in short.distance.note


def test_films_without_a_clip_do_no_harm() -> None:
    films, references = [*drawn(1, 2, 4), *drawn(1, 1, 0)], [*drawn(2, 2, 4), *drawn(2, 1, 0)]
    pooled = feature_distances("", net_of("clip", name="net"), films, references, "")[0].distance
    assert (pooled.samples, pooled.films) == (8, 2)
    assert np.isfinite(pooled.low)


def test_clipsim_tells_similarity_and_rank() -> None:
    texts = np.array([[2.0, 0, 0], [0, 1, 0], [0, 1, 0], [1, 1, 0]])  # the second occurs twice
    images = [
        np.array([[3.0, 0, 0], [0, 0, 5]]),  # one frame right, one of nothing: 1/2
        np.array([[0.0, 2, 0]]),
        np.array([[1.0, 0, 0]]),  # shows the first prompt; the last one, too, is nearer than its own
        np.zeros((0, 3)),
    ]
    found = clipsim(texts, images)
    np.testing.assert_allclose(found.similarity, [0.5, 1, 0, np.nan], atol=1e-12)
    np.testing.assert_array_equal(found.rank, [1, 1, 3, np.nan])


def test_scenes_are_compared_with_the_prompts_of_the_film() -> None:
    script = script_of_prompts(CARTOON, [(0, "a fox"), (40, "a frog"), (70, "a fox")], 100)
    texts = np.array([[1, 0, 0], [0, 1, 0], [1, 0, 0]], dtype=np.float32)
    images = np.zeros((100, 3), dtype=np.float32)
    images[:40, 0] = images[40:, 0] = 1  # the second scene shows the first prompt
    found = scene_similarity(script, texts, images)
    np.testing.assert_allclose(found.similarity, [1, 0, 1])
    np.testing.assert_array_equal(found.rank, [1, 3, 1])


def test_clip_tells_similarity_rank_and_distances(tmp_path: Path) -> None:
    net = FeatureExtractor(
        name="clip", sha256="cd", size=64, kind="frame", dim=3, see=lambda x: x.mean(dim=(2, 3))
    )
    told = {"a fox": [1.0, 0, 0], "a frog": [0, 1.0, 0]}
    networks = Networks(
        extractors={"clip": net},
        not_computed={},
        read_texts=lambda prompts: np.array([told[prompt] for prompt in prompts], dtype=np.float32),
    )
    pixels = np.zeros((100, 64, 64, 3), dtype=np.uint8)
    pixels[:40, ..., 0] = pixels[40:70, ..., 1] = pixels[70:, ..., 0] = 200
    found = by_name(
        published_distances(*rows_of({"ours:system": [Film(pixels)]}, [noise(0)]), networks, tmp_path)
    )
    assert {name for _, name in found} == {
        "Avg-FD (clip)",
        "KID (clip)",
        "CLIPSIM (clip)",
        "CLIPSIM rank (clip)",
    }
    similarity, rank = found["ours", "CLIPSIM (clip)"], found["ours", "CLIPSIM rank (clip)"]
    assert (similarity.distance.value, rank.distance.value) == pytest.approx((1, 1))
    assert (rank.distance.samples, rank.distance.films) == (3, 1)
    assert "first for 100% of the scenes; 2 by chance" in rank.distance.note
    np.testing.assert_allclose(similarity.scenes["film 0"], np.ones((3, 2)))
    assert similarity.references == reference_digest(["a fox", "a frog", "a fox"])


def test_the_report_shows_value_interval_number_definition_and_digests() -> None:
    found = feature_distances("ours | odd", net_of("frame"), drawn(1, 3, 40), drawn(2, 3, 40), "refs")
    found += feature_distances(
        "ours | odd", net_of("clip", name="net"), drawn(1, 1, 3), drawn(2, 1, 3), "refs"
    )
    text = markdown([], {}, Header(facts={}), found)
    section = text.split("## distances by named networks")[1].split("\n## ")[0]
    one = found[0].distance
    assert (
        rf"| ours \| odd | Avg-FD (dino) | {one.value:.4g} [{one.low:.4g}, {one.high:.4g}] | 120 | 3 |  |"
        in section
    )
    assert "| B-FVD-16 (net) | – | 3 | 1 | 3 clips are too few" in section
    assert "- Avg-FD (dino): Frechet distance" in section
    assert "sha256 of the weights ab" in section
    assert "references of ours | odd: refs" in section
    told = json.loads(json.dumps(report_json([], Header(facts={}), {}, found), allow_nan=False))["named"]
    assert [one["value"] is None for one in told] == [False, False, True]
    needed = "row name definition value low high samples films sha256 references note"
    assert told[0].keys() >= set(needed.split())
    assert report_json([], Header(facts={}))["named"] == []
