"""Every frame is seen once, wherever chunks end, and what is seen follows from frames and probes alone."""

from __future__ import annotations

import shutil
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest
import torch
from cartoon import CARTOON
from numpy.typing import NDArray

from longtake.evaluate.probes import Probes, _around_peak, load_probes, probe_frames, watch
from longtake.evaluate.readings import Readings, Signals, Watched
from longtake.models.probe import ClipProbe, FrameProbe
from longtake.train.probe import _column

LONGEST = 130
BY_CLIP = ("action", "direction")


@pytest.fixture(scope="module")
def probes(tiny_probes: Path) -> Probes:
    return load_probes(tiny_probes)


@pytest.fixture(scope="module")
def film() -> NDArray[np.uint8]:
    return np.stack([CARTOON.frame(3, number, 64) for number in range(100, 100 + LONGEST)])


@pytest.fixture(scope="module")
def seen(probes: Probes, film: NDArray[np.uint8]) -> Watched:
    return watch(film, probes)


def close(a: NDArray[np.float32], b: NDArray[np.float32]) -> None:
    """Equal but for the last bits of bfloat16, in which a batch may be summed up otherwise."""
    assert a.shape == b.shape
    assert a.size == 0 or np.mean(np.isclose(a, b, rtol=0.01, atol=0.01, equal_nan=True)) > 0.97


@pytest.mark.parametrize("length", [1, 15, 16, 17, 64, 65, LONGEST])
def test_every_frame_of_a_film_of_any_length_is_seen(
    length: int, probes: Probes, film: NDArray[np.uint8], seen: Watched
) -> None:
    short = watch(iter(film[:length]), probes)
    rows = {"features": -(-length // 4), "clip_features": length // 16}
    for field in fields(Readings):
        table = getattr(short.readings, field.name)
        assert len(table) == rows.get(field.name, length), field.name
        assert table.shape[1:] == getattr(seen.readings, field.name).shape[1:]
        assert table.dtype == np.float32
        # a longer film begins with the same readings, but those of the end, which are read with what follows
        known = length // 16 * 16 if field.name in BY_CLIP else len(table)
        close(table[:known], getattr(seen.readings, field.name)[:known])
    for field in fields(Signals):
        table = getattr(short.signals, field.name)
        assert np.array_equal(table, getattr(seen.signals, field.name)[:length]), field.name
    assert short.motion_features.shape == (length // 16, seen.motion_features.shape[1])
    close(short.motion_features, seen.motion_features[: length // 16])


@pytest.mark.parametrize("length", [17, 70, LONGEST])
def test_the_end_is_read_with_the_frames_before_it(
    length: int, probes: Probes, film: NDArray[np.uint8]
) -> None:
    rest = length % 16
    whole = watch(film[:length], probes).readings
    end = watch(film[length - 16 : length], probes).readings
    for name in BY_CLIP:
        close(getattr(whole, name)[-rest:], getattr(end, name)[-rest:])


def test_chunks_are_read_as_the_whole(probes: Probes, film: NDArray[np.uint8], seen: Watched) -> None:
    for name, table in probe_frames(probes, film).items():
        close(table, getattr(seen.readings, name))


def test_readings_are_probabilities_and_shares(seen: Watched) -> None:
    read = seen.readings
    for table in (read.place, read.time, read.weather, read.action, read.direction):
        np.testing.assert_allclose(table.sum(axis=-1), 1, atol=1e-5)
    for table in (read.presence, read.hue, read.landmark, read.clock):
        assert ((table >= 0) & (table <= 1)).all()
        assert table.std(axis=0).max() > 0.005  # they are of this film, not constants
    assert (read.count == np.rint(read.count)).all()
    assert np.array_equal(read.count > 0, read.presence > 0.5)


def test_the_same_film_is_seen_the_same(probes: Probes, film: NDArray[np.uint8], seen: Watched) -> None:
    again = watch(film, probes)
    for field in fields(Readings):
        one, other = getattr(again.readings, field.name), getattr(seen.readings, field.name)
        assert np.array_equal(one, other, equal_nan=True)
    assert np.array_equal(again.motion_features, seen.motion_features)


def test_larger_pictures_are_averaged_down(probes: Probes, film: NDArray[np.uint8]) -> None:
    small = watch(film[:16], probes)
    squares = watch(film[:16].repeat(3, axis=1).repeat(3, axis=2), probes)
    for field in fields(Readings):
        one, other = getattr(squares.readings, field.name), getattr(small.readings, field.name)
        assert np.array_equal(one, other, equal_nan=True)
    assert np.array_equal(squares.signals.difference, small.signals.difference)
    odd = watch([np.asarray(CARTOON.frame(3, 100 + number, 100)) for number in range(16)], probes)
    assert np.abs(odd.signals.luminance - small.signals.luminance).max() < 0.02


def test_a_film_without_frames_or_with_too_small_ones_is_refused(probes: Probes) -> None:
    with pytest.raises(ValueError, match="no frame"):
        watch(iter(()), probes)
    with pytest.raises(ValueError, match="too small"):
        watch([CARTOON.frame(3, 0, 48)], probes)


def test_missing_probes_are_named_with_the_remedy(tiny_probes: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"frame-0 holds no probe: train one with `longtake train probe`"):
        load_probes(tmp_path)
    shutil.copytree(tiny_probes / "frame-0", tmp_path / "frame-0")
    with pytest.raises(ValueError, match=r"clip-0 holds no probe"):
        load_probes(tmp_path)
    with pytest.raises(ValueError, match=r"frame-7 holds no probe"):
        load_probes(tiny_probes, seed=7)


@pytest.mark.parametrize("part", ["frame-0", "clip-0"])
def test_probes_are_known_by_their_weights(tiny_probes: Path, tmp_path: Path, part: str) -> None:
    same = Path(shutil.copytree(tiny_probes, tmp_path / "probes"))
    digest = load_probes(tiny_probes).sha256
    assert load_probes(same).sha256 == digest
    assert load_probes(same, seed=1).sha256 != digest
    file = same / part / "diffusion_pytorch_model.safetensors"
    data = bytearray(file.read_bytes())
    data[-1] ^= 1
    file.write_bytes(data)
    assert load_probes(same).sha256 != digest


def test_what_a_probe_says_is_what_is_read(film: NDArray[np.uint8]) -> None:
    """A probe without eyes, whose last layer's biases say a rabbit with a hue of 0.3 at the fourth place."""
    blind = FrameProbe(width=8)
    with torch.no_grad():
        for weights in blind.parameters():
            weights.zero_()
        assert blind.maps.bias is not None
        blind.maps.bias[:6] = torch.tensor([-5.0, -5, -5, 5, -5, -5])
        angle = torch.tensor(0.3 * 2 * torch.pi)
        blind.maps.bias[6 + 2 * 3 : 6 + 2 * 3 + 2] = 0.5 * torch.stack([angle.cos(), angle.sin()])
        blind.answers.bias[3] = blind.answers.bias[6 + 1] = blind.answers.bias[10 + 1] = 9.0
    read = probe_frames(Probes(blind, ClipProbe(width=8), ""), film[:5])
    assert (read["presence"][:, 3] > 0.99).all()
    assert (np.delete(read["presence"], 3, axis=1) < 0.01).all()
    assert read["count"].tolist() == [[0, 0, 0, 1, 0, 0]] * 5
    np.testing.assert_allclose(read["hue"][:, 3], 0.3, atol=0.003)
    assert [read[name].argmax(axis=1).tolist() for name in ("place", "time", "weather")] == [
        [3] * 5,
        [1] * 5,
        [1] * 5,
    ]


def test_a_place_that_was_learnt_as_columns_is_read_back() -> None:
    middles = (torch.arange(16) + 0.5) / 16
    for x in np.linspace(0.04, 0.96, 47).tolist():
        logits = (_column(x) + 1e-6).log()[None]
        logits[0, (int(16 * x) + 8) % 16] = -2.0  # a faint ghost far away
        assert (_around_peak(logits) * middles).sum().item() == pytest.approx(x, abs=2e-3)
