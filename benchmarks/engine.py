"""What the engine promises, measured: workers, Ray, time in the model, first picture, memory, seeking.

    python benchmarks/engine.py --model toon-128 --out runs/engine        # speed with the model: 4 minutes
    python benchmarks/engine.py --out runs/engine --parts memory seek     # without it

Speed: the same film by one worker, by two, and by two Ray actors, each with one thread and an empty store,
from the moment the first clip is begun to the closed mp4; ratios of one run. Memory: the peak of the process
that plans, paints, encodes and joins a film of noise, in a process of its own for each length, so that
nothing else is in it. Seeking: the jobs of one frame of the longest film, planned in this process.
"""

from __future__ import annotations

import argparse
import json
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from longtake.draw.drawer import Draw
from longtake.film import Film, open_film
from longtake.film.executors import Event, JobDone, Loaders, SegmentDone, StartWorkers, cluster, local, run
from longtake.film.segments import Encoding, write_film
from longtake.manifest import DEFAULT_MODEL, find_model, read_manifest
from longtake.plan import MAX_FRAMES, ClipSpec, Job, Plan, PlannedScene, Sampling, Timeline
from longtake.store import Store
from longtake.strategies import LevelSampling, NuwaXL

ALL = slice(None)
BATCH = 3  # as `render`
PARTS = ("speed", "memory", "seek")


class Clock:
    """Hears what is done, and when."""

    def __init__(self) -> None:
        self.began: float | None = None  # when the first clip was
        self.first: float | None = None  # when the first segment was there
        self.model = 0.0  # s of workers' time in network, decoder and encoder

    def __call__(self, event: Event) -> None:
        now = time.monotonic()
        if isinstance(event, JobDone):
            self.began = self.began or now - event.seconds
        if isinstance(event, SegmentDone):
            self.first = self.first or now
        if isinstance(event, (JobDone, SegmentDone)):
            self.model += event.seconds


def speed(work: Film, name: str, start: StartWorkers, workers: int, out: Path) -> dict[str, float]:
    """Render the film into an empty store."""
    folder = out / name
    shutil.rmtree(folder, ignore_errors=True)
    store, clock, encoding = Store(folder), Clock(), work.encoding
    loaders = Loaders(work.drawer.load, work.drawer.load_decoder)
    run(work.jobs, ALL, store, loaders, clock, start_workers=start, batch=BATCH, encoding=encoding)
    write_film(work.jobs, store, work.loaded.decode, out / f"{name}.mp4", encoding)
    assert clock.began is not None
    assert clock.first is not None
    wall = time.monotonic() - clock.began
    return {
        "seconds": wall,
        "model": clock.model,
        "share": clock.model / (workers * wall),
        "first": clock.first - clock.began,
    }


def speeds(args: argparse.Namespace) -> None:
    """One worker, two, and two actors, side by side."""
    work = open_film(args.storyboard, model=args.model, store=args.out / "none")
    crews: list[tuple[str, StartWorkers, int]] = [("one", local(1), 1), ("two", local(2), 2)]
    if not args.no_ray:
        crews.append(("ray", cluster(2, None), 2))
    rows = {name: speed(work, name, start, workers, args.out) for name, start, workers in crews}
    films = {(args.out / f"{name}.mp4").read_bytes() for name in rows}
    print("| workers | seconds | times one | in the model, s | of workers x wall | first picture, s |")
    print("|---" * 6 + "|")
    for name, row in rows.items():
        print(
            f"| {name} | {row['seconds']:.1f} | {rows['one']['seconds'] / row['seconds']:.2f} | "
            f"{row['model']:.1f} | {row['share']:.2f} | {row['first']:.2f} |"
        )
    print(f"\nThe films are {'equal' if len(films) == 1 else 'NOT equal'}, byte for byte.")


def plan_of(frames: int) -> Plan:
    """A film with a scene every 100 frames or so."""
    scenes = min(frames // 100 + 1, 10_000)
    starts = sorted({k * frames // scenes for k in range(scenes)})
    once = Sampling(sampler="ddim", steps=1, shift=1, text_guidance=1, known_guidance=1, precision="fp32")
    sampling = LevelSampling(keyframes=once, gaps=once, leaves=once)
    line = Timeline(tuple(PlannedScene(str(start), start, f"scene {start}") for start in starts), frames)
    model, plain = read_manifest(find_model(DEFAULT_MODEL)), NuwaXL.Options(references=0)
    return Plan.of(NuwaXL(model, sampling, plain, seed=1), line)


def noise() -> Draw:
    """Clips of noise between their known frames."""

    def draw(
        jobs: Sequence[Job], inputs: Sequence[Sequence[NDArray[np.float16]]]
    ) -> list[NDArray[np.float32]]:
        clips = []
        for job, given in zip(jobs, inputs, strict=True):
            assert isinstance(job.spec, ClipSpec)
            rng = np.random.default_rng(job.spec.seed)
            clip = rng.normal(size=(job.spec.frames, 16, 8, 8)).astype(np.float32)
            for at, latent in zip(job.spec.known, given, strict=False):
                clip[at] = latent
            clips.append(clip)
        return clips

    return draw


def grey(latents: NDArray[np.float16]) -> NDArray[np.uint8]:
    """Latents as grey squares of 64 pixels."""
    picture = np.clip(128 + 40 * latents[:, 0].astype(np.float32), 0, 255).astype(np.uint8)
    return picture.repeat(8, 1).repeat(8, 2)[..., None].repeat(3, 3)


def peak(frames: int, out: Path) -> None:
    """Make a film of noise in this process and tell the most memory it had, in MB."""
    plan, folder = plan_of(frames), out / f"noise-{frames}"
    shutil.rmtree(folder, ignore_errors=True)
    store, encoding = Store(folder), Encoding(decoder="grey", fps=Fraction(12))
    loaders = Loaders(noise, lambda: grey)
    run(plan, ALL, store, loaders, lambda event: None, start_workers=local(1), batch=BATCH, encoding=encoding)
    film = write_film(plan, store, grey, folder / "film.mp4", encoding)
    assert film.frames == frames
    size = sum(entry.size for entry in store.entries() if entry.is_clip)
    files = max(len(list(part.iterdir())) for part in folder.glob("??"))
    facts = {
        "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "clip_bytes": size,
        "files": files,
    }
    shutil.rmtree(folder)
    print(json.dumps(facts))


def memory(args: argparse.Namespace) -> None:
    """Films of several lengths, each in a process of its own."""
    print("| frames | peak, MB | of the shortest | clips, MB per minute of film | most files in a folder |")
    print("|---" * 5 + "|")
    first = None
    for frames in (3376, 50_626):
        command = [sys.executable, __file__, "--out", str(args.out), "--peak", str(frames)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        facts = json.loads(done.stdout.splitlines()[-1])
        first = first or facts["peak"]
        minute = facts["clip_bytes"] / 1e6 / (frames / 12 / 60)
        cells = f"{facts['peak']:.0f}", f"{facts['peak'] / first:.3f}", f"{minute:.2f}", str(facts["files"])
        print(f"| {frames:,} | {' | '.join(cells)} |")


def seek() -> None:
    """Frames of the longest film, each from a plan that knows nothing yet."""
    print("| frame of 15^7 + 1 | jobs | ms, plan and jobs |")
    print("|---" * 3 + "|")
    for frame in (0, MAX_FRAMES // 3, MAX_FRAMES - 1):
        begin = time.process_time()
        jobs = list(plan_of(MAX_FRAMES).missing((), slice(frame, frame + 1)))
        print(f"| {frame:,} | {len(jobs)} | {1000 * (time.process_time() - begin):.1f} |")


def main() -> None:
    """Measure the parts that are asked for, and print tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, required=True, help="folder of stores and films")
    parser.add_argument("--model", default=DEFAULT_MODEL)
    parser.add_argument("--storyboard", type=Path, default=Path("examples/valley.yaml"))
    parser.add_argument("--parts", nargs="+", default=list(PARTS), choices=PARTS)
    parser.add_argument("--no-ray", action="store_true")
    parser.add_argument("--peak", type=int, help=argparse.SUPPRESS)
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    if args.peak:
        peak(args.peak, args.out)
        return
    if "speed" in args.parts:
        speeds(args)
    if "memory" in args.parts:
        memory(args)
    if "seek" in args.parts:
        seek()


if __name__ == "__main__":
    main()
