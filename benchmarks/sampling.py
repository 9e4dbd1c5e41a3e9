"""What is decided only when films are drawn: guidance, steps, references, clips of 16 or of 8 frames.

Draws the same validation episodes with one model, one thing changed at a time, measures them as `longtake
evaluate` does, and prints one table. Clips that two arms share are drawn once; finished arms are kept.

    python benchmarks/sampling.py --model toon-128 --out runs/sampling --episodes 4 --frames 1024
"""

from __future__ import annotations

import argparse
import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from longtake.commands.evaluate import Options, evaluate_strategies
from longtake.evaluate.catalogue import CATALOGUE
from longtake.evaluate.table import number
from longtake.manifest import Manifest, find_model, read_manifest, write_manifest

Change = Callable[[Manifest], Manifest]
COLUMNS = (
    "scene_accuracy", "count_accuracy", "action_accuracy", "direction_accuracy", "identity_far",
    "revisit_far", "seam_coarse", "jolt_coarse", "seam_fine", "jolt_fine", "clock_order", "lag_ratio",
    "motion", "motion_over_floor",
)  # fmt: skip


def level(name: str, **changes: Any) -> Change:
    """An arm that samples one level ("keyframes", "gaps", "leaves") otherwise."""
    return lambda manifest: replace(manifest, **{name: replace(getattr(manifest, name), **changes)})


def all_levels(**changes: Any) -> Change:
    """An arm that samples every level otherwise."""

    def change(manifest: Manifest) -> Manifest:
        for name in ("keyframes", "gaps", "leaves"):
            manifest = level(name, **changes)(manifest)
        return manifest

    return change


ARMS: dict[str, Change] = {
    "as shipped": lambda manifest: manifest,
    "keyframes: text guidance 1": level("keyframes", text_guidance=1.0),
    "keyframes: text guidance 2": level("keyframes", text_guidance=2.0),
    "keyframes: text guidance 5": level("keyframes", text_guidance=5.0),
    "keyframes: 4 steps": level("keyframes", steps=4),
    "keyframes: 16 steps": level("keyframes", steps=16),
    "keyframes: shift 3": level("keyframes", shift=3.0),
    "gaps: text guidance 1": level("gaps", text_guidance=1.0),
    "gaps: text guidance 3": level("gaps", text_guidance=3.0),
    "gaps: known guidance 1.5": level("gaps", known_guidance=1.5),
    "gaps: 4 steps": level("gaps", steps=4),
    "gaps: 8 steps": level("gaps", steps=8),
    "gaps: shift 0.5": level("gaps", shift=0.5),
    "gaps: shift 2": level("gaps", shift=2.0),
    "leaves: text guidance 1.5": level("leaves", text_guidance=1.5),
    "leaves: 2 steps": level("leaves", steps=2),
    "leaves: 8 steps": level("leaves", steps=8),
    "leaves: shift 0.7": level("leaves", shift=0.7),
    "leaves: shift 1": level("leaves", shift=1.0),
    "leaves: shift 1.5": level("leaves", shift=1.5),
    "leaves: shift 2": level("leaves", shift=2.0),
    "leaves: 4 steps, shift 1.5": level("leaves", steps=4, shift=1.5),
    "dpm-2m": all_levels(sampler="dpm-2m"),
    "no references": lambda manifest: replace(manifest, references=0),
    "one reference": lambda manifest: replace(manifest, references=1),
    "clips of 8 frames": lambda manifest: replace(manifest, clip_length=8),
}


def measure(name: str, model: Path, out: Path, split: Any, episodes: int, frames: int) -> dict[str, Any]:
    """The report of one arm's films; a finished one is read."""
    arm = out / "".join(letter if letter.isalnum() else "-" for letter in name)
    written = arm / "report.json"
    if not written.exists():
        folder = arm / "model"
        shutil.copytree(model, folder, dirs_exist_ok=True)
        write_manifest(ARMS[name](read_manifest(folder)))
        for shared in ("store", "seen"):  # clips, and what was seen of ground truth
            (out / shared).mkdir(parents=True, exist_ok=True)
            if not (arm / shared).exists():
                (arm / shared).symlink_to((out / shared).absolute())
        options = Options(out=arm, controls="none", probes=None, workers=None)
        evaluate_strategies(["nuwa-xl"], str(folder), split, episodes, frames, options)
    report: dict[str, Any] = json.loads(written.read_text())
    return report


def row(report: dict[str, Any], kind: str) -> list[str]:
    """The cells of the first row of that kind."""
    measures = next(one for one in report["rows"] if one["kind"] == kind)["measures"]
    return [cell(measures[name]) if name in measures else "–" for name in COLUMNS]


def cell(found: dict[str, Any]) -> str:
    """A value with its interval, where there are films enough for one."""
    if found["value"] is None:
        return "–"
    text = number(found["value"])
    return text if found["low"] is None else f"{text} [{number(found['low'])}, {number(found['high'])}]"


def main() -> None:
    """Draw and measure what is missing, and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", required=True, help="a shipped model or a folder")
    parser.add_argument("--out", type=Path, required=True, help="folder of films and reports")
    parser.add_argument("--arms", default="all", help=f"all, or some of: {'; '.join(ARMS)}")
    parser.add_argument("--split", default="validation", choices=("validation", "test"))
    parser.add_argument("--episodes", type=int, default=4)
    parser.add_argument("--frames", type=int, default=1024)
    asked = parser.parse_args()
    names = list(ARMS) if asked.arms == "all" else [name.strip() for name in asked.arms.split(";")]
    model = find_model(asked.model)
    lines = [
        "| arm | " + " | ".join(CATALOGUE[name].label for name in COLUMNS) + " |",
        "|---" * (1 + len(COLUMNS)) + "|",
    ]
    for name in names:
        report = measure(name, model, asked.out, asked.split, asked.episodes, asked.frames)
        lines.append(f"| {name} | " + " | ".join(row(report, "system")) + " |")
        print(lines[-1], flush=True)
    lines.append("| ground truth, decoded | " + " | ".join(row(report, "reference")) + " |")
    print("\n".join(["", *lines]))


if __name__ == "__main__":
    main()
