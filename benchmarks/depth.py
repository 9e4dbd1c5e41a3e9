"""Does deeper win (NUWA-XL, table 2c)? The same films by one network, at depth 1, 2 and 3.

A tree of depth d spans 15^d frames; a longer film is a chain of such trees, each of which knows the last
frame of the one before it. So depth 1 is plain autoregression from clip to clip, depth 2 chains trees of 225
frames, and depth 3 draws up to 3,376 frames from one clip of keyframes. No references: the paper has none.

    python benchmarks/depth.py --model toon-128 --out runs/depth --episodes 4 --frames 1024
"""

from __future__ import annotations

import argparse
import json
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path

from rich.console import Console
from rich.progress import track

from longtake.draw.network import Operations
from longtake.evaluate.catalogue import CATALOGUE
from longtake.evaluate.evaluation import Episode, Line, Measuring, evaluate
from longtake.evaluate.script import Script, script_of_episode
from longtake.evaluate.sources import DecodedTruth, Source, StoredFilm, WorldFilm
from longtake.evaluate.table import Header, number, report_json
from longtake.film.executors import Tools, local, run
from longtake.film.segments import Segment, cut_segments
from longtake.machine import cores
from longtake.manifest import Manifest, find_model, read_manifest
from longtake.plan import Plan, Scene, Timeline
from longtake.plan.plan import Piece
from longtake.plan.tree import Tree
from longtake.store import Store
from longtake.strategies.nuwa_xl import NuwaXL
from longtake.world.script import episode_seeds

GAPS = 15  # of a clip
COLUMNS = (
    "scene_accuracy", "count_accuracy", "action_accuracy", "identity_far", "revisit_far", "seam_fine",
    "jolt_fine", "clock_order", "drift_correctness", "drift_saturation", "sharpness", "motion_over_floor",
)  # fmt: skip


def chain(depth: int, timeline: Timeline, manifest: Manifest, seed: int) -> Plan:
    """The film as a row of trees of this depth."""
    strategy = NuwaXL(manifest, options=NuwaXL.Options(references=0), seed=seed)
    trees: list[Tree] = []
    for start in range(0, timeline.length - 1, GAPS**depth):
        length = min(GAPS**depth, timeline.length - 1 - start) + 1
        before = trees[-1] if trees else None
        first = partial(before.origin, before.length - 1) if before else None
        prompt = partial(lambda start, i: timeline.prompt(start + i), start)
        trees.append(Tree(strategy, length, prompt, number=len(trees), first=first))
    pieces = (Piece(tree.number, range(tree.number > 0, tree.length)) for tree in trees)
    return Plan(timeline, strategy, tuple(trees), tuple(pieces))


def draw(depth: int, episode: int, frames: int, model: Path, store: Path) -> tuple[Segment, ...]:
    """Draws what is missing of the film; its segments."""
    script = script_of_episode(episode, frames)
    scenes = tuple(Scene(str(k), shot.start, shot.caption) for k, shot in enumerate(script.shots))
    plan = chain(depth, Timeline(scenes, frames), read_manifest(model), episode)
    run(plan, slice(None), Store(store), Tools(Operations(model)), lambda event: None, hire=local(1), batch=3)
    return tuple(cut_segments(plan))


def main() -> None:
    """Draw and measure what is missing, and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", required=True, help="a shipped model or a folder")
    parser.add_argument("--out", type=Path, required=True, help="folder of clips and of what was seen")
    parser.add_argument("--split", default="test", choices=("validation", "test"))
    parser.add_argument("--episodes", type=int, default=4)
    parser.add_argument("--frames", type=int, default=1024)
    parser.add_argument("--depths", type=int, nargs="+", default=[1, 2, 3])
    asked = parser.parse_args()
    model, seeds = find_model(asked.model), episode_seeds(asked.split, asked.episodes)
    scripts: dict[int, Script] = {seed: script_of_episode(seed, asked.frames) for seed in seeds}
    films: dict[int, dict[str, Source]] = {depth: {} for depth in asked.depths}
    wanted = [(depth, seed) for depth in asked.depths for seed in seeds]
    with ProcessPoolExecutor(cores(), get_context("spawn")) as pool:
        store = asked.out / "store"
        drawing = partial(draw, frames=asked.frames, model=model, store=store)
        drawn = pool.map(drawing, *zip(*wanted, strict=True))
        told = track(drawn, "films", total=len(wanted), console=Console(stderr=True))
        for (depth, seed), segments in zip(wanted, told, strict=True):
            films[depth][str(seed)] = StoredFilm(store, segments, model)
    references = {str(s): WorldFilm("ground truth", scripts[s], s + 1_000_000_000) for s in seeds}
    lines = [Line(f"depth {depth}", "system", films[depth], references) for depth in asked.depths]
    decoded = {str(s): DecodedTruth(scripts[s], s, model) for s in seeds}
    lines.append(Line("ground truth, decoded", "reference", decoded, references))
    true = {str(s): WorldFilm("ground truth", scripts[s], s) for s in seeds}
    lines.append(Line("ground truth", "reference", true, references, floor=True))
    # Borders are those of depth 3 for all, so that the same frames are compared.
    strategy = NuwaXL(read_manifest(model), options=NuwaXL.Options(references=0))
    plan = partial(Plan.of, strategy)
    episodes = [
        Episode(str(s), scripts[s], plan(Timeline((Scene("all", 0, "any"),), asked.frames))) for s in seeds
    ]
    rows = evaluate(episodes, lines, Measuring(asked.out / "seen", workers=cores()))
    report = report_json(rows, Header(facts={"model": read_manifest(model).digest, "episodes": seeds}))
    (asked.out / "report.json").write_text(json.dumps(report, indent=1) + "\n")
    print("| films | " + " | ".join(CATALOGUE[name].label for name in COLUMNS) + " |")
    print("|---" * (1 + len(COLUMNS)) + "|")
    for row in report["rows"]:
        cells = []
        for name in COLUMNS:
            one = row["measures"].get(name, {"value": None})
            text = "–" if one["value"] is None else number(one["value"])
            if one.get("low") is not None:
                text += f" [{number(one['low'])}, {number(one['high'])}]"
            cells.append(text)
        print(f"| {row['name']} | " + " | ".join(cells) + " |")


if __name__ == "__main__":
    main()
