"""Pictures of results: curves over the film, what happens at the planner's borders, scores.

All are PNGs; equal input gives equal bytes. Drawing needs matplotlib, which is an extra and is imported when
something is drawn; nothing here goes through pyplot, whose figures and settings are global.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from longtake.evaluate.catalogue import CATALOGUE
from longtake.evaluate.intervals import film_values, interval
from longtake.evaluate.measured import Curve, Floats, Row
from longtake.evaluate.score import Scale, row_verdict, score
from longtake.evaluate.table import called
from longtake.video import write_png

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


# Okabe and Ito's colours, which the colour-blind can tell apart; black is for ground truth
_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
_TRUTH, _FAILS, _FAINT = "#000000", "#D55E00", "#777777"
_DASHES = ("--", ":", "-.")  # of controls; systems are drawn solid
_RESAMPLES = 500  # for a band: its edge is thinner than the line


class PlotsMissing(ImportError):
    """There is no matplotlib; the message names the remedy."""


def plot_curves(rows: Sequence[Row], path: str | Path) -> None:
    """Every curve that a row has, each in a panel over the film's frames, a line per row.

    A line is the mean over films with its 95 % bootstrap band, which controls lack: there are many of them.
    Films of a row whose bins differ are drawn one by one.
    Raises ValueError where no row has a curve.
    """
    names = list(dict.fromkeys(name for row in rows for name in _curves(row)))
    if not names:
        raise ValueError(f"{path}: there are no curves to draw; measure films that are longer")
    styles = _styles([(row.name, row.kind) for row in rows])
    with _panels(path, len(names)) as panels:
        for axes, name in zip(panels, names, strict=True):
            axes.set(title=name.replace("_", " "), xlabel="film frame")
            for row in rows:
                _draw_curves(axes, _curves(row).get(name, []), (row.name, name), styles[row.name])


def plot_seams(profiles: Mapping[str, Mapping[str, Floats]], path: str | Path) -> None:
    """Change between frames around the planner's borders, a panel per level of the plan, a line per row.

    `profiles` has for every row and level the mean difference to the previous frame at offsets -r..r from a
    border [2 r + 1], values 0..1. The first row is drawn as ground truth. A seam is a peak at offset 0.
    """
    levels = list(dict.fromkeys(level for by_level in profiles.values() for level in by_level))
    if not levels:
        raise ValueError(f"{path}: there are no borders to draw; measure films that were planned")
    kinds = ["reference", *["system"] * (len(profiles) - 1)]
    styles = _styles(list(zip(profiles, kinds, strict=True)))
    with _panels(path, len(levels)) as panels:
        for axes, level in zip(panels, levels, strict=True):
            axes.set(title=level, xlabel="frames from the border", ylabel="mean change to the frame before")
            axes.axvline(0, color=_FAINT, linewidth=0.8, zorder=0)
            for name, by_level in profiles.items():
                if level in by_level:
                    radius = len(by_level[level]) // 2
                    offsets = np.arange(-radius, radius + 1)
                    axes.plot(offsets, by_level[level], label=name, **styles[name])
            axes.set_ylim(bottom=0)


def plot_scores(row: Row, scales: Mapping[str, Scale], path: str | Path) -> None:
    """The row's score in every measure as bars: 1 is ground truth, 0 the control that the bar names.

    Beyond its limit, which a tick marks, a bar has another colour. What has no verdict says why instead.
    """
    held = [name for name in CATALOGUE if name in row.together or any(name in f.measured for f in row.films)]
    names = [name for name in held if CATALOGUE[name].catches]
    if not names:
        raise ValueError(f"{path}: nothing was measured of '{row.name}'")
    with _drawing(path, 9.0, 0.9 + 0.27 * len(names)) as figure:
        axes = figure.add_subplot()
        for place, name in enumerate(names):
            _draw_score(axes, place, film_values(row, name), row_verdict(row, name, scales.get(name)),
                        scales.get(name))  # fmt: skip
            axes.text(1.14, place, CATALOGUE[name].catches[0], va="center", color=_FAINT, fontsize=8)
            if place and CATALOGUE[name].group != CATALOGUE[names[place - 1]].group:
                axes.axhline(place - 0.5, color="#cccccc", linewidth=0.8)
        axes.axvline(1, color=_FAINT, linewidth=0.8)
        axes.text(1.14, -0.9, "0 is the control:", va="center", color=_FAINT, fontsize=8)
        axes.set(xlim=(0, 1.12), ylim=(len(names) - 0.4, -0.6), title=row.name)
        axes.set_xlabel("score: 1 is ground truth, | the limit")
        axes.set_yticks(range(len(names)), [called(name) for name in names], fontsize=8)


def _curves(row: Row) -> dict[str, list[Curve]]:
    """The curves of the films and of the whole set, by name."""
    curves: dict[str, list[Curve]] = {}
    for film in row.films:
        for name, curve in film.curves.items():
            curves.setdefault(name, []).append(curve)
    return curves | {name: [curve] for name, curve in row.curves.items()}


def _draw_curves(
    axes: Axes, curves: Sequence[Curve], names: tuple[str, str], style: Mapping[str, Any]
) -> None:
    if any(not np.array_equal(curve.at, curves[0].at) for curve in curves):
        for number, curve in enumerate(curves):
            axes.plot(curve.at, curve.values, label=names[0] if number == 0 else None, alpha=0.6, **style)
    elif curves:
        at, values = curves[0].at, np.stack([curve.values for curve in curves])  # [B], [F, B]
        generator = np.random.default_rng(list(hashlib.sha256("\0".join(names).encode()).digest()))
        bins = [column[~np.isnan(column)] for column in values.T]
        means = [column.mean() if len(column) else np.nan for column in bins]
        bands = np.array([interval(column, generator, resamples=_RESAMPLES) for column in bins])  # [B, 2]
        axes.plot(at, means, label=names[0], **style)
        if len(curves) > 1 and style["linestyle"] == "-":
            axes.fill_between(at, bands[:, 0], bands[:, 1], color=style["color"], alpha=0.15, linewidth=0)


def _draw_score(axes: Axes, place: int, values: Floats, verdict: str, scale: Scale | None) -> None:
    if verdict in ("not measured", "blind") or scale is None:
        axes.text(0.01, place, verdict, va="center", color=_FAINT, fontsize=8, style="italic")
        return
    shown = max(score(values, scale), 0.004)  # a score of 0 should be seen
    axes.barh(place, shown, height=0.7, color=_FAILS if verdict == "fails" else _COLOURS[0])
    edge = scale.limit if scale.better != "same" else scale.truth + scale.limit
    axes.plot([score(edge, scale)] * 2, [place - 0.42, place + 0.42], color=_TRUTH, linewidth=1.5)


def _styles(named: Sequence[tuple[str, str]]) -> dict[str, dict[str, Any]]:
    """How the lines of rows look, by their names and kinds: twenty or so look different."""
    order = sorted(named, key=lambda one: one[1] == "control")  # controls take the colours that are left
    styles, number = {}, 0
    for name, kind in order:
        turn, colour = divmod(number, len(_COLOURS))
        number += kind != "reference"
        styles[name] = {
            "reference": {"color": _TRUTH, "linewidth": 2.0, "linestyle": "-"},
            "system": {"color": _COLOURS[colour], "linewidth": 1.8, "linestyle": "-"},
            "control": {"color": _COLOURS[colour], "linewidth": 1.0, "linestyle": _DASHES[turn % 3]},
        }[kind]
    return styles


@contextmanager
def _panels(path: str | Path, count: int) -> Iterator[list[Axes]]:
    """Empty panels, two in a row, that share one legend beneath them."""
    columns = min(count, 2)
    lines = -(-count // columns)
    with _drawing(path, 5.0 * columns, 3.0 * lines + 0.8) as figure:
        panels = [figure.add_subplot(lines, columns, place + 1) for place in range(count)]
        yield panels
        handles: dict[str, Any] = {}
        for axes in panels:
            axes.grid(color="#e5e5e5", linewidth=0.6)
            handles.update(
                {label: line for line, label in zip(*axes.get_legend_handles_labels(), strict=True)}
            )
        figure.legend(
            handles.values(), handles.keys(), loc="outside lower center", ncols=2 * columns, frameon=False
        )


@contextmanager
def _drawing(path: str | Path, width: float, height: float) -> Iterator[Figure]:
    """A figure of `width` by `height` inches, written to `path` where the block ends well."""
    try:
        from matplotlib import style
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError as error:
        raise PlotsMissing("drawing needs matplotlib: pip install 'longtake[evaluate]'") from error
    with style.context("default"):  # whatever the user's own settings: equal input, equal bytes
        figure = Figure(figsize=(width, height), dpi=100, layout="constrained")
        canvas = FigureCanvasAgg(figure)
        yield figure
        canvas.draw()  # type: ignore[no-untyped-call]
        picture = np.asarray(canvas.buffer_rgba())  # type: ignore[no-untyped-call]
        write_png(picture[..., :3].copy(), path)
