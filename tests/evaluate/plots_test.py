"""Pictures appear, of a sane size and always with the same bytes; without matplotlib the remedy is told."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from longtake.evaluate.measured import Curve, FilmResult, Measured, Row, not_measured
from longtake.evaluate.plots import PlotsMissing, plot_curves, plot_scores, plot_seams
from longtake.evaluate.score import Scale

AT = np.array([50.0, 150.0, 250.0])


def row(name: str, kind: str, at: tuple[float, ...] = (0.0, 0.0)) -> Row:
    """Two films whose bins are shifted by `at`, the last bin of the second one empty."""
    chance = np.random.default_rng(len(name))
    films = tuple(
        FilmResult(
            str(i),
            {"tau": Measured(0.4), "flicker": Measured(1.0), "motion": not_measured("too short")},
            {"saturation": Curve(AT + shift, np.where(i * AT > 200, np.nan, chance.random(3)))},
        )
        for i, shift in enumerate(at)
    )
    together = {"frames_over_floor": Measured(2.0)}
    return Row(name, kind, films, together, {"fd_motion": Curve(AT, chance.random(3))})


ROWS = [row("ground truth", "reference"), row("ours", "system"), row("uneven", "system", (0.0, 7.0))]
ROWS.append(row("drifts", "control"))
SCALES = {
    "tau": Scale(better="high", truth=1.0, bad=-1.0, limit=0.8),
    "frames_over_floor": Scale(better="low", truth=2.0, bad=9.0, limit=3.0),
    "flicker": Scale(better="low", truth=2.0, bad=2.0, limit=float("nan"), blind="no worse"),
}


def size(path: Path) -> tuple[int, int]:
    with Image.open(path) as picture:
        assert (picture.format, picture.mode) == ("PNG", "RGB")
        assert len(np.unique(np.asarray(picture))) > 16  # something is drawn
        return picture.size


def test_curves_are_drawn_and_drawn_again_alike(tmp_path: Path) -> None:
    plot_curves(ROWS, tmp_path / "new" / "curves.png")
    width, height = size(tmp_path / "new" / "curves.png")
    assert (width, height) == (1000, 380)  # two panels side by side
    plot_curves(ROWS, tmp_path / "again.png")
    assert (tmp_path / "again.png").read_bytes() == (tmp_path / "new" / "curves.png").read_bytes()


def test_seams_have_a_panel_per_level(tmp_path: Path) -> None:
    flat = np.full(31, 0.02)
    step = flat + 0.05 * (np.arange(31) == 15)
    plot_seams({"ground truth": {"coarse": flat, "fine": flat}, "ours": {"fine": step}}, tmp_path / "two.png")
    plot_seams({"ground truth": {"fine": flat}}, tmp_path / "one.png")
    assert size(tmp_path / "two.png") == (1000, 380)
    assert size(tmp_path / "one.png") == (500, 380)


def test_scores_have_a_bar_per_measure(tmp_path: Path) -> None:
    plot_scores(ROWS[1], SCALES, tmp_path / "scores.png")
    assert size(tmp_path / "scores.png") == (900, round(100 * (0.9 + 4 * 0.27)))


def test_nothing_to_draw_is_said(tmp_path: Path) -> None:
    bare = Row("ours", "system", ())
    with pytest.raises(ValueError, match="no curves"):
        plot_curves([bare], tmp_path / "x.png")
    with pytest.raises(ValueError, match="no borders"):
        plot_seams({}, tmp_path / "x.png")
    with pytest.raises(ValueError, match="nothing was measured"):
        plot_scores(bare, {}, tmp_path / "x.png")
    assert not list(tmp_path.iterdir())


def test_without_matplotlib_the_remedy_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(PlotsMissing, match=r"pip install 'longtake\[evaluate\]'"):
        plot_scores(ROWS[1], SCALES, tmp_path / "scores.png")


def test_neither_matplotlib_nor_torch_is_imported_before_something_is_drawn() -> None:
    code = "import sys, longtake.evaluate.plots; assert not {'matplotlib', 'torch'} & set(sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
