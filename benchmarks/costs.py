"""What a film costs by every strategy: jobs, critical path, evaluations of the network, seconds, bytes.

    python benchmarks/costs.py --model toon-128-undistilled --out runs/costs --frames 1024

The same storyboard by each way into an empty store, by one worker and then by two, each with one thread, from
the first clip begun to the closed mp4; all in one run. An evaluation is one pass of the network over one clip
of 16 frames at full size: shorter clips, and those at half size, count for their share of its cells, guidance
for another pass. The critical path is the longest row of jobs each of which needs the one before it.
`--no-render` only counts.
"""

from __future__ import annotations

import argparse
import shutil
import time
from pathlib import Path

from rich.console import Console
from rich.table import Table

from longtake.data.footage import CLIP_FRAMES
from longtake.film import Film, open_film
from longtake.film.executors import Event, JobDone, Loaders, local, run
from longtake.film.segments import write_film
from longtake.manifest import DEFAULT_MODEL
from longtake.plan import ClipSpec, Job, Plan
from longtake.store import Store

ALL = slice(None)
WAYS = ("nuwa-xl", "lvdm", "vidrd", "videogen")
_BATCH = 3  # as `render`


def evaluations(job: Job) -> float:
    """Passes of the network over a whole clip that a job is worth."""
    spec = job.spec
    if not isinstance(spec, ClipSpec) or spec.is_given:
        return 0.0
    chosen = spec.sampling
    passes = 1 + (chosen.text_guidance != 1) + (chosen.known_guidance != 1 and bool(spec.known))
    return float(chosen.steps * passes * spec.frames_seen / CLIP_FRAMES / 4**spec.halved)


def critical_path(plan: Plan) -> tuple[int, float]:
    """The longest row of jobs, and its evaluations where that is longest."""
    longest: dict[str, tuple[int, float]] = {}
    for job in plan.missing((), ALL):  # each after those that it needs
        before = [longest[key] for key in {frame.key for frame in job.inputs}]
        jobs = max((count for count, _ in before), default=0)
        evaluated = max((cost for _, cost in before), default=0.0)
        longest[job.key] = jobs + 1, evaluated + evaluations(job)
    return max(count for count, _ in longest.values()), max(cost for _, cost in longest.values())


def seconds(work: Film, folder: Path, workers: int) -> float:
    """From the first clip begun to the closed mp4, into an empty store."""
    shutil.rmtree(folder, ignore_errors=True)
    began: list[float] = []

    def hear(event: Event) -> None:
        if isinstance(event, JobDone) and not began:
            began.append(time.monotonic() - event.seconds)

    store, encoding = Store(folder), work.encoding
    loaders = Loaders(work.drawer.load, work.drawer.load_decoder)
    run(work.jobs, ALL, store, loaders, hear, start_workers=local(workers), batch=_BATCH, encoding=encoding)
    write_film(work.jobs, store, work.loaded.decode, folder.with_suffix(".mp4"), encoding)
    return time.monotonic() - began[0]


def stored(folder: Path) -> int:
    """Bytes of all clips."""
    return sum(path.stat().st_size for path in folder.glob("??/*.safetensors"))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", default=DEFAULT_MODEL, help="a shipped model or a folder")
    parser.add_argument("--storyboard", type=Path, default=Path("examples/valley.yaml"))
    parser.add_argument("--frames", type=int, default=1024)
    parser.add_argument("--ways", nargs="+", default=WAYS, help="as --strategy takes them")
    parser.add_argument("--out", type=Path, required=True, help="folder of stores and films")
    parser.add_argument("--no-render", action="store_true")
    args = parser.parse_args()
    columns = ["way", "jobs", "longest row, jobs", "longest row, evaluations", "evaluations per frame"]
    if not args.no_render:
        columns += ["s per frame, 1 worker", "2 workers", "times as fast", "kB of clips per frame"]
    table = Table(*columns)
    for way in args.ways:
        work = open_film(args.storyboard, strategy=way, model=args.model, frames=args.frames, store=args.out)
        jobs = list(work.jobs.missing((), ALL))
        row, evaluated = critical_path(work.jobs)
        per_frame = sum(map(evaluations, jobs)) / args.frames
        cells = [way, str(len(jobs)), str(row), f"{evaluated:.0f}", f"{per_frame:.3f}"]
        if not args.no_render:
            folder = args.out / way.replace(":", "-")
            one = seconds(work, folder, 1)
            size = stored(folder)
            two = seconds(work, folder, 2)
            cells += [f"{one / args.frames:.4f}", f"{two / args.frames:.4f}", f"{one / two:.2f}"]
            cells.append(f"{size / args.frames / 1000:.1f}")
        table.add_row(*cells)
    Console(width=160).print(table)


if __name__ == "__main__":
    main()
