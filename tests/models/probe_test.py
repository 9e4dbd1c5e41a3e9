"""The probes find figures as peaks of a map: where the heat is they read, and two peaks are two figures."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from longtake.models.probe import PROBE_SIZE, ClipProbe, FrameProbe, count_peaks, heat_pool


def shaken(net: Any, std: float = 0.2) -> Any:
    """All parameters random, so that everything has a say."""
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for weights in net.parameters():
            weights.copy_(std * torch.randn(weights.shape, generator=generator))
    return net.eval()


def pictures(*shape: int, seed: int = 0) -> Tensor:
    drawn = torch.rand(*shape, 3, PROBE_SIZE, PROBE_SIZE, generator=torch.Generator().manual_seed(seed))
    return 2 * drawn - 1


@pytest.fixture(scope="module")
def frame_probe() -> FrameProbe:
    net: FrameProbe = shaken(FrameProbe(width=8))
    return net


@pytest.fixture(scope="module")
def clip_probe() -> ClipProbe:
    net: ClipProbe = shaken(ClipProbe(width=8))
    return net


def bells(*middles: tuple[float, float], width: float = 0.8, cells: int = 16) -> Tensor:
    """Logits [1, 1, cells, cells]: a bell of `width` cells at every middle (row, column), -5 far off."""
    axis = torch.arange(cells, dtype=torch.float32)
    squares = [(axis[:, None] - row) ** 2 + (axis - column) ** 2 for row, column in middles]
    near = torch.stack([torch.exp(-square / (2 * width**2)) for square in squares] or [torch.zeros(16, 16)])
    return (10 * near.amax(0) - 5)[None, None]


# -- peaks -----------------------------------------------------------------------------------------------


def test_separate_peaks_are_counted_and_a_broad_one_is_one() -> None:
    assert count_peaks(bells()).tolist() == [[0]]
    assert count_peaks(bells((4, 4))).tolist() == [[1]]
    assert count_peaks(bells((4, 4), (4, 8))).tolist() == [[2]]
    assert count_peaks(bells((4, 4), (12, 3), (9, 11))).tolist() == [[3]]
    assert count_peaks(bells((7, 8), width=4)).tolist() == [[1]]
    assert count_peaks(bells((0, 0), (15, 15))).tolist() == [[2]]  # at the edge of the picture too


def test_a_peak_as_high_as_its_neighbours_is_one() -> None:
    """A figure whose middle lies between cells, or whose logits are too high to be told apart."""
    assert count_peaks(bells((4, 4.5))).tolist() == [[1]]
    assert count_peaks(bells((4.5, 4.5), (10.5, 3))).tolist() == [[2]]
    sure = 40 * bells((7, 8), (7, 13), width=1.6)
    assert (sure.sigmoid() == 1).sum() > 10
    assert count_peaks(sure).tolist() == [[2]]
    assert count_peaks(sure.bfloat16()).tolist() == [[2]]
    assert count_peaks(torch.full((1, 1, 16, 16), 3.0)).tolist() == [[1]]


def test_only_what_is_more_likely_than_the_bar_is_a_peak() -> None:
    heat = bells((4, 4)) - 4.0  # at most 1: a probability of 0.73
    assert [count_peaks(heat, above).item() for above in (0.5, 0.7, 0.75)] == [1, 1, 0]
    assert count_peaks(heat - 1.01).item() == 0


def test_characters_are_counted_each_on_its_own_map() -> None:
    heat = torch.cat([bells((4, 4)), bells(), bells((4, 4), (4, 12))], dim=1)
    assert count_peaks(torch.cat([heat, heat.flip(1)])).tolist() == [[1, 0, 2], [2, 0, 1]]


def test_values_are_picked_where_the_heat_is() -> None:
    heat = 4 * torch.cat([bells((4, 4)), bells((9, 2))], dim=1)
    values = torch.randn(1, 2, 5, 16, 16, generator=torch.Generator().manual_seed(0))
    values[0, 0, :, 3:6, 3:6] = torch.arange(5.0)[:, None, None]
    values[0, 1, :, 8:11, 1:4] = -torch.arange(5.0)[:, None, None]
    pooled = heat_pool(heat, values)
    assert pooled.shape == (1, 2, 5)
    torch.testing.assert_close(pooled[0], torch.stack([torch.arange(5.0), -torch.arange(5.0)]))
    # with no figure anywhere it is the mean of all
    torch.testing.assert_close(heat_pool(torch.zeros(1, 2, 16, 16), values), values.mean((-2, -1)))


# -- networks --------------------------------------------------------------------------------------------


def test_the_frame_probe_answers_for_every_picture(frame_probe: FrameProbe) -> None:
    look = frame_probe(pictures(3))
    shapes = [tuple(part.shape) for part in look]
    assert shapes == [(3, 6, 16, 16), (3, 6, 2), (3, 6), (3, 4), (3, 2), (3, 16), (3, 16), (3, 32)]
    assert all(part.isfinite().all() for part in look)
    other = FrameProbe(characters=2, places=3, times=5, weathers=4, width=8)(pictures(1))
    assert [tuple(part.shape[1:]) for part in other[:5]] == [(2, 16, 16), (2, 2), (3,), (5,), (4,)]


@pytest.mark.parametrize("frames", [1, 3, 16])
def test_the_clip_probe_answers_for_every_frame(clip_probe: ClipProbe, frames: int) -> None:
    look = clip_probe(pictures(2, frames))
    shapes = [tuple(part.shape) for part in look]
    assert shapes == [(2, frames, 6, 8, 8), (2, frames, 6, 6), (2, frames, 6, 3), (2, 48)]
    assert all(part.isfinite().all() for part in look)


@pytest.mark.parametrize("precision", [torch.float32, torch.bfloat16])
def test_a_picture_is_read_alike_alone_and_among_others(
    frame_probe: FrameProbe, clip_probe: ClipProbe, precision: torch.dtype
) -> None:
    close: dict[str, Any] = {"rtol": 1e-4, "atol": 1e-4}
    if precision == torch.bfloat16:
        close = {"rtol": 0.05, "atol": 0.05}
    nets: tuple[tuple[nn.Module, Tensor], ...] = (frame_probe, pictures(5)), (clip_probe, pictures(5, 4))
    for net, x in nets:
        with torch.inference_mode(), torch.autocast("cpu", precision, enabled=precision != torch.float32):
            together, alone, pair = net(x), net(x[2:3]), net(x[1:3])
        for among, one, two in zip(together, alone, pair, strict=True):
            torch.testing.assert_close(one[0], among[2], **close)
            torch.testing.assert_close(two[1], among[2], **close)


def test_a_frame_of_a_clip_is_read_with_its_neighbours(clip_probe: ClipProbe) -> None:
    clips = pictures(1, 16)
    other = clips.clone()
    other[0, 9] = -other[0, 9]
    with torch.inference_mode():
        moved = (clip_probe(clips).action != clip_probe(other).action).flatten(2).any(-1)[0]
    assert moved[5:14].all()


def test_at_first_hardly_any_cell_holds_a_figure() -> None:
    torch.manual_seed(0)
    with torch.no_grad():
        for net, x in ((FrameProbe(width=8), pictures(2)), (ClipProbe(width=8), pictures(1, 4))):
            assert net(x).heat.sigmoid().mean() < 0.05


def test_probes_come_back_from_their_folder(
    frame_probe: FrameProbe, clip_probe: ClipProbe, tmp_path: Path
) -> None:
    for net, x in ((frame_probe, pictures(1)), (clip_probe, pictures(1, 2))):
        net.save_pretrained(tmp_path, safe_serialization=True)
        again = type(net).from_pretrained(tmp_path, low_cpu_mem_usage=False, local_files_only=True)
        assert again.config.width == 8
        kept, own = again.state_dict(), net.state_dict()
        assert kept.keys() == own.keys()
        assert all(torch.equal(kept[name], own[name]) for name in own)
        for a, b in zip(again.eval()(x), net(x), strict=True):
            torch.testing.assert_close(a, b)
