"""Do the measures catch what they must? Fixes limits on validation episodes, makes the table on test ones.

    python benchmarks/controls.py --frames 256 1024 3376 --episodes 8 6 3 --out runs/controls --fix

writes the limits of an edition of the world (with `--fix`, `evaluate/scales-EDITION.json`) and, for every
length, the table of all controls on test episodes, with what each measure must catch and does not.
docs/controls.md holds that of the greatest length. Interrupted, the same command goes on.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from rich.console import Console

from longtake.evaluate.api import edition_of
from longtake.evaluate.catalogue import CATALOGUE, measures_of
from longtake.evaluate.controls import controls_of
from longtake.evaluate.gates import gates_of
from longtake.evaluate.measured import Row
from longtake.evaluate.probes import load_probes, probes_of
from longtake.evaluate.report import scales_file
from longtake.evaluate.rows import Episode, Line, Measuring, measure_lines
from longtake.evaluate.score import Scale, fix_scales, from_json, missed, row_verdict, to_json
from longtake.evaluate.script import Script, script_of_episode
from longtake.evaluate.sources import WorldFilm
from longtake.evaluate.table import Header, markdown
from longtake.manifest import DEFAULT_MODEL, find_model, read_manifest
from longtake.plan import Plan, PlannedScene, Timeline
from longtake.strategies import NuwaXL
from longtake.world.edition import World, world
from longtake.world.episodes import episode_seeds
from longtake.world.vocabulary import Split

TRUTH = "ground truth"


def planned(script: Script) -> Plan:
    """How a film of the script is cut into clips; nothing is drawn."""
    scenes = tuple(PlannedScene(f"{k}", shot.start, shot.caption) for k, shot in enumerate(script.shots))
    strategy = NuwaXL(read_manifest(find_model(DEFAULT_MODEL)), options=NuwaXL.Options(references=0))
    return Plan.of(strategy, Timeline(scenes, script.length))


def measured(cartoon: World, split: Split, count: int, frames: int, truths: int, how: Measuring) -> list[Row]:
    """Ground truth, `truths` times with different latents, and all controls, on episodes of the split."""
    seeds = episode_seeds(split, count)
    scripts = {f"{split}-{seed}": script_of_episode(cartoon, seed, frames) for seed in seeds}
    episodes = [Episode(name, script, planned(script)) for name, script in scripts.items()]

    def films(control: str, shift: int = 0) -> dict[str, WorldFilm]:
        pairs = zip(scripts.items(), seeds, strict=True)
        return {name: WorldFilm(control, script, seed + shift) for (name, script), seed in pairs}

    references = films(TRUTH, 1_000_000_000)
    lines = [
        Line(
            TRUTH if not k else f"{TRUTH} {k + 1}",
            "reference",
            films(TRUTH, k * 10_000_000),
            references,
            floor=not k,
        )
        for k in range(truths)
    ]
    lines += [
        Line(name, "control", films(name), references) for name in controls_of(cartoon) if name != TRUTH
    ]
    return measure_lines(episodes, lines, how)


def caught(rows: list[Row], scales: dict[str, Scale]) -> list[str]:
    """Per row, the measures that fail it."""
    lines = []
    for row in rows:
        failed = [name for name in CATALOGUE if row_verdict(row, name, scales.get(name)) == "fails"]
        lines.append(f"- {row.name}: {', '.join(failed) or 'none'}")
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--frames", type=int, nargs="+", default=[256, 1024, 3376])
    parser.add_argument("--episodes", type=int, nargs="+", default=[8, 6, 3], help="for each length")
    parser.add_argument("--truths", type=int, default=3, help="sets of ground truth that fix the limits")
    parser.add_argument("--out", type=Path, default=Path("runs/controls"))
    parser.add_argument("--edition", type=int, default=edition_of(DEFAULT_MODEL), help="of the cartoon world")
    parser.add_argument("--probes", type=Path, help="folder of other probes than longtake's own")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--fix", action="store_true", help="measure validation episodes and write the scales")
    args = parser.parse_args()
    console = Console(stderr=True)
    cartoon, scales = world(args.edition), scales_file(args.edition)
    probes = args.probes or probes_of(args.edition)
    known = from_json(scales.read_text()) if scales.is_file() else {}
    for frames, count in zip(args.frames, args.episodes, strict=True):
        with console.status(f"{frames} frames") as status:

            def show(done: int, total: int, frames: int = frames) -> None:
                status.update(f"{frames} frames: {done} of {total} films watched")

            how = Measuring(args.out / "seen", probes, workers=args.workers, on_done=show)
            if args.fix:
                rows = measured(cartoon, "validation", count, frames, args.truths, how)
                truths = [row for row in rows if row.kind == "reference"]
                known[frames] = fix_scales(truths, [row for row in rows if row.kind == "control"])
                scales.write_text(to_json(dict(sorted(known.items()))))
            rows = measured(cartoon, "test", count, frames, 1, how)
        gates = gates_of(load_probes(probes), cartoon, how.folder)
        facts = {
            "world": f"edition {args.edition}",
            "split": "test",
            "episodes": count,
            "frames": frames,
            "probes on ground truth": gates,
        }
        text = markdown(rows, known[frames], Header(facts=facts), measures=measures_of(cartoon))
        slipped = [f"- {control}: {name}" for control, name in missed(rows, known[frames])]
        path = args.out / f"controls-{frames}.md"
        path.write_text("\n".join([text, "", "## caught by", "", *caught(rows, known[frames]), ""]))
        print(f"{path}\n" + "\n".join(caught(rows, known[frames])))
        print("passed a measure that should fail it:\n" + ("\n".join(slipped) or "- none"))


if __name__ == "__main__":
    main()
