"""The strategies over one network, at equal evaluations per frame, by length: tables in Markdown, and curves.

    python benchmarks/strategies.py --model toon-128-undistilled --out runs/strategies \
        --lengths 256 1024 3376 --episodes 8 8 4 --plot docs/strategies.png

Every way draws the same test episodes at every length with `longtake evaluate` (which resumes); the tables
and the curves are read from its reports. By default each way has the steps that bring it to half an
evaluation per frame (`benchmarks/costs.py` counts them); `--ways` takes others.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt

from longtake.evaluate.api import EvaluateOptions, chosen_controls
from longtake.evaluate.compare import compare_strategies
from longtake.evaluate.table import bold, number
from longtake.manifest import DEFAULT_MODEL

WAYS = (
    "nuwa-xl:leaves.steps=6:gaps.steps=11",
    "lvdm:leaves.steps=7",
    "vidrd",
    "videogen",
)
MEASURES = {
    "scene_accuracy": "scenes right",
    "count_accuracy": "counts right",
    "action_accuracy": "actions",
    "identity_far": "identity",
    "identity_reached": "identity, in reach",
    "identity_unreached": "identity, no reach",
    "revisit_near": "revisit < 15",
    "revisit_far": "revisit > 225",
    "seam_fine": "seams, fine",
    "jolt_fine": "jolts, fine",
    "seam_coarse": "seams, coarse",
    "jolt_coarse": "jolts, coarse",
    "clock_order": "clock",
    "drift_correctness": "drift, right",
    "drift_saturation": "drift, colour",
    "drift_contrast": "drift, contrast",
    "fd_drift": "FD drift",
    "lag_ratio": "lag ratio",
    "motion": "motion",
    "sharpness": "sharpness",
    "motion_over_floor": "FD motion / floor",
}
TRUTH = ("ground truth, decoded", "ground truth")
ReportContent = dict[str, Any]


def cell(row: ReportContent, measure: str) -> str:
    measured = row["measures"].get(measure, {})
    value, low, high = (measured.get(name) for name in ("value", "low", "high"))
    if value is None:
        return "–"
    return f"{value:.3f}" if low is None else f"{value:.3f} [{low:.3f}, {high:.3f}]"


def table(report: ReportContent, names: list[str]) -> str:
    """A row for every measure, a column for every way."""
    rows = [next(row for row in report["rows"] if row["name"] == name) for name in names]
    lines = [["", *short(names)], ["---"] * (len(names) + 1)]
    lines += [[title, *(cell(row, measure) for row in rows)] for measure, title in MEASURES.items()]
    return markdown(lines)


def faults(report: ReportContent) -> str:
    """A row for every control, a column for every measure; bold where it is beyond the measure's limit."""
    rows = [row for row in report["rows"] if row["kind"] == "control"]
    lines = [["", *MEASURES.values()], ["---"] * (len(MEASURES) + 1)]
    lines += [[row["name"], *(verdict(row, measure) for measure in MEASURES)] for row in rows]
    return markdown(lines)


def markdown(lines: list[list[str]]) -> str:
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def verdict(row: ReportContent, measure: str) -> str:
    measured = row["measures"].get(measure, {})
    if measured.get("value") is None:
        return "–"
    text = number(measured["value"])
    return bold(text, measured["verdict"])


def short(ways: list[str]) -> list[str]:
    """Without their options, where that tells them apart."""
    names = [way.partition(":")[0] for way in ways]
    return [name if names.count(name) == 1 else way for name, way in zip(names, ways, strict=True)]


def draw_curves(reports: dict[int, ReportContent], ways: list[str], path: Path) -> None:
    """One panel per measure: value by length, with intervals."""
    shown = ["scene_accuracy", "action_accuracy", "identity_far", "revisit_far", "seam_fine", "sharpness"]
    lines = [*ways, *TRUTH[:1]]
    figure, panels = plt.subplots(2, 3, figsize=(12, 6), layout="constrained")
    for measure, panel in zip(shown, panels.flat, strict=True):
        for way, name in zip(lines, short(lines), strict=True):
            points = []
            for length, report in sorted(reports.items()):
                row = next(row for row in report["rows"] if row["name"] == way)
                measured = row["measures"].get(measure, {})
                if measured.get("value") is not None:
                    points.append((length, measured["value"], measured.get("low"), measured.get("high")))
            if not points:
                continue
            lengths, values, lows, highs = zip(*points, strict=True)
            style = {"color": "grey", "linestyle": "--"} if way in TRUTH else {"marker": "o"}
            (drawn,) = panel.plot(lengths, values, label=name, **style)
            if None not in lows and way not in TRUTH:
                panel.fill_between(lengths, lows, highs, alpha=0.12, color=drawn.get_color())
        panel.set_xscale("log")
        panel.set_xticks(sorted(reports), [f"{length:,}" for length in sorted(reports)])
        panel.minorticks_off()
        panel.set_title(MEASURES[measure])
    panels[0, 0].legend(fontsize=8)
    figure.supxlabel("frames of the film")
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", default=DEFAULT_MODEL, help="a shipped model or a folder")
    parser.add_argument("--out", type=Path, required=True, help="folder of films and reports")
    parser.add_argument("--ways", nargs="+", default=list(WAYS), help="as --strategy takes them")
    parser.add_argument("--lengths", type=int, nargs="+", default=[256, 1024, 3376])
    parser.add_argument("--episodes", type=int, nargs="+", default=[8], help="of all lengths, or of each")
    parser.add_argument("--controls", default="none")
    parser.add_argument("--plot", type=Path)
    args = parser.parse_args()
    episodes = args.episodes * (len(args.lengths) if len(args.episodes) == 1 else 1)
    reports: dict[int, ReportContent] = {}
    for length, count in zip(args.lengths, episodes, strict=True):
        options = EvaluateOptions(out=args.out / str(length), controls=chosen_controls(args.controls))
        compare_strategies(args.ways, args.model, options, episodes=count, frames=length)
        reports[length] = json.loads((args.out / str(length) / "report.json").read_text())
    for (length, report), count in zip(reports.items(), episodes, strict=True):
        print(f"\n{length:,} frames, {count} films\n")
        print(table(report, [*args.ways, *TRUTH]))
        if any(row["kind"] == "control" for row in report["rows"]):
            print(f"\n{faults(report)}")
    if args.plot:
        draw_curves(reports, args.ways, args.plot)


if __name__ == "__main__":
    main()
