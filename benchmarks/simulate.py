"""How long does a film take on many workers, and how long if each clip had to wait for the one before it?

Simulates rendering by the events of its workers: no network runs, a task takes as long as measured costs say.
The order of work is the program's own, in two forms. Films of up to `--real` frames are driven by the class
`Worklist` itself (longtake/film/executors/worklist.py), over a store that knows only keys. Longer ones by
`Arithmetic`: the same rules, with the same limits (read from that file), over numbers instead of hashed jobs;
tests hold that both give the same seconds, whatever befalls the workers. Beyond two million frames time is
extrapolated: work goes through the film from left to right and is in few neighbouring subtrees at a time, so
a long film is a row of subtrees of 50,625 frames; each takes as long as one more of them takes in films of
five to fifteen, and each gap above them as long as it takes alone, as all wait for it. What waits grows by at
most a batch per level. What chance does to the shorter films is done to the long one too. No film takes less
than its work divided by its workers. So found, times are up to a tenth too long.

Beside it stands autoregression: a chain of clips, each of which knows the last frame of the one before and
costs what a leaf costs alone. Only decoding and encoding go on beside it, on other workers; the chain has
fast ones. Not simulated: transfers, the time that the worklist itself takes, references, and that a shorter
clip is cheaper. A worker that dies loses its task, and the next free one is given it. "First picture" is when
a segment is encoded; "waiting" the most clips that were drawn and still had a child to be drawn or, if
leaves, to be encoded.

    python benchmarks/simulate.py --plot runs/simulate.png
    python benchmarks/simulate.py --frames 50626 --workers 1 64 --stragglers 0.1:4 --failures 2 --startup 3
    python benchmarks/simulate.py --measure toon-128 --frames 3376 --workers 1 2
"""

from __future__ import annotations

import argparse
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import Field, dataclass, field, fields, replace
from fractions import Fraction
from functools import cache
from heapq import heappop, heappush
from itertools import count
from math import inf
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import process_time
from timeit import repeat
from types import SimpleNamespace
from typing import Any, NamedTuple, cast

import numpy as np
from rich.console import Console
from rich.progress import track

from longtake.film.executors import worklist
from longtake.film.executors.task import DrawClips, EncodeSegment, Reply
from longtake.film.segments import LEAVES_PER_SEGMENT, Encoding, grouped_leaves
from longtake.manifest import DEFAULT_MODEL, Manifest, find_model, read_manifest
from longtake.plan import Job, Plan, PlannedScene, Sampling, Shown, Timeline
from longtake.plan.tree import Tree
from longtake.store import Store
from longtake.strategies import LevelSampling, NuwaXL

GAPS = 15  # of a clip
SHORTER = 5 * GAPS**4 + 1, GAPS**5 + 1  # frames of the films that longer ones are extrapolated from
ARITHMETIC = 2_000_000  # frames of the longest film that is not extrapolated
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")  # as in evaluate/plots.py
COLUMNS = (
    "frames", "workers", "seconds", "speed-up", "efficiency", "chain, s", "chain / tree", "first picture, s",
    "waiting",
)  # fmt: skip

Clip = tuple[int, int]  # level, number


def option(default: Any, meaning: str, kind: Callable[[str], Any] = float) -> Any:
    """A field that the command line offers."""
    return field(default=default, metadata={"help": f"{meaning} (default: %(default)s)", "type": kind})


def offered(kind: Any) -> list[Field[Any]]:
    """The fields that the command line offers."""
    return [one for one in fields(kind) if one.metadata]


def pair(text: str) -> tuple[float, float]:
    """Of "SHARE:FACTOR"."""
    share, factor = map(float, text.split(":"))
    if not (0 <= share <= 1 <= factor):
        raise ValueError(text)
    return share, factor


@dataclass(frozen=True, kw_only=True)
class Costs:
    """What tasks cost; by default toon-128 on one core of an AMD EPYC (Zen 4 class)."""

    alone: float = option(0.0414, "s of a network evaluation of a clip")
    together: float = option(0.0303, "the same per clip in a full batch; in smaller ones in between")
    batch: int = option(3, "clips drawn together at most", int)
    keyframes: int = option(8, "evaluations of the clip of keyframes", int)
    gaps: int = option(4, "evaluations of a gap", int)
    leaves: int = option(3, "evaluations of a leaf, and of a clip of the chain", int)
    decode: float = option(0.092, "s to decode a leaf")
    encode: float = option(0.142, "s to encode a segment of four leaves, a shorter one its share")

    def draw(self, evaluations: int, clips: int = 1) -> float:
        """Seconds for so many clips together: each after the first adds the same."""
        more = (self.batch * self.together - self.alone) / max(1, self.batch - 1)
        return evaluations * (self.alone + (clips - 1) * more)

    def evaluations(self, level: int, depth: int) -> int:
        """Of a clip."""
        return self.keyframes if level == 0 else self.leaves if level == depth - 1 else self.gaps

    def segment(self, leaves: int) -> float:
        """Seconds to decode and encode so many leaves."""
        return leaves * (self.decode + self.encode / LEAVES_PER_SEGMENT)


@dataclass(frozen=True, kw_only=True)
class Workforce:
    """Who works, and what befalls them."""

    workers: int = 1
    startup: float = option(0.0, "s before a worker's first task, and again after its death")
    stragglers: tuple[float, float] = option((0.0, 1.0), "SHARE:FACTOR of workers that are slower", pair)
    failures: float = option(0.0, "deaths per hour of a worker's work")
    recovery: float = option(10.0, "s until a dead worker is back")
    seed: int = option(0, "of what is left to chance", int)


class Task(NamedTuple):
    """What one worker does at a time: draw clips together, or decode and encode leaves."""

    seconds: float
    clips: tuple[Clip, ...] = ()
    leaves: tuple[int, ...] = ()  # numbers
    real: Any = None  # what the worklist calls it


class Result(NamedTuple):
    """How rendering went."""

    seconds: float
    first: float  # s until a segment is encoded
    busy: float  # s of work of all workers, lost work too
    lost: int  # tasks, with the worker that had them
    waiting: int  # most clips at a time


class Real:
    """The program's own worklist, with a store without clips."""

    def __init__(self, plan: Plan, costs: Costs) -> None:
        self._costs, self._depth, self._store = costs, plan.trees[0].depth, Keys()
        self._worklist = worklist.Worklist(
            plan, slice(None), cast(Store, self._store), lambda event: None, batch=costs.batch,
            encoding=Encoding(decoder="", fps=Fraction(12)),
        )  # fmt: skip

    def next(self, idle: int) -> Task | None:
        match task := self._worklist.next(idle):
            case DrawClips(jobs):
                clips = tuple((job.place.level, job.place.number) for job in jobs if job.place)
                evaluations = self._costs.evaluations(clips[0][0], self._depth)
                return Task(self._costs.draw(evaluations, len(clips)), clips, (), task)
            case EncodeSegment():
                leaves = tuple(job.place.number for job in task.leaves if job.place)
                return Task(self._costs.segment(len(leaves)), (), leaves, task)
        return None

    def take(self, task: Task) -> None:
        if isinstance(task.real, DrawClips):
            self._store.update(job.key for job in task.real.jobs)
        self._worklist.settle(task.real, [Reply("done")] * max(1, len(task.clips)))


class Keys(set[str]):
    """As much of a store as the worklist looks at."""

    def get(self, key: str) -> None:
        if key not in self:
            raise KeyError(key)

    def file(self, key: str, suffix: str) -> None:
        """There are no segments."""


class Arithmetic:
    """The same order over numbers: a clip can start when the one above it is drawn."""

    def __init__(self, tree: Tree, costs: Costs) -> None:
        self._tree, self._costs = tree, costs
        self._coming = enumerate(walk(tree, 0, 0))
        self._waiting = 0  # clips that were looked at and have not started
        self._ready: dict[tuple[int, int, bool], list[tuple[int, Clip]]] = {}  # heaps by shape
        self._blocked: dict[Clip, list[tuple[int, Clip]]] = {}  # by the clip above
        self._drawn: set[Clip] = set()  # those with clips below
        self._cut = segments(tree.count(tree.depth - 1))
        self._segments: deque[tuple[int, ...]] = deque()
        self._there: set[int] = set()  # leaves that are drawn and not encoded
        self._first = True  # no leaf has been drawn yet
        self._working, self._ahead = 0, worklist._AHEAD

    def next(self, idle: int) -> Task | None:
        self._ahead = max(self._ahead, worklist._AHEAD_EACH * (idle + self._working))
        while self._waiting < self._ahead and (entry := next(self._coming, None)) is not None:
            self._wait(*entry)
        while len(self._segments) < worklist._SEGMENTS and (cut := next(self._cut, None)) is not None:
            self._segments.append(cut)
        task = self._next_segment() or self._next_clips(idle)
        self._working += task is not None
        return task

    def take(self, task: Task) -> None:
        self._working -= 1
        for clip in task.clips:
            if clip[0] == self._tree.depth - 1:
                self._there.add(clip[1])
                self._first = False
            else:
                self._drawn.add(clip)
                for order, child in self._blocked.pop(clip, ()):
                    heappush(self._ready.setdefault(self._shape(child), []), (order, child))

    def _wait(self, order: int, clip: Clip) -> None:
        self._waiting += 1
        parent = above(self._tree, clip)
        if parent is None or parent in self._drawn:
            heappush(self._ready.setdefault(self._shape(clip), []), (order, clip))
        else:
            self._blocked.setdefault(parent, []).append((order, clip))

    def _next_segment(self) -> Task | None:
        for k, leaves in enumerate(self._segments):
            if self._there.issuperset(leaves):
                del self._segments[k]
                self._there.difference_update(leaves)
                return Task(self._costs.segment(len(leaves)), (), leaves)
        return None

    def _next_clips(self, idle: int) -> Task | None:
        heaps = [(heap[0], shape) for shape, heap in self._ready.items() if heap]
        if not heaps:
            return None
        shape = min(heaps)[1]
        share = -(-sum(map(len, self._ready.values())) // idle)
        most = 1 if self._first else max(1, min(self._costs.batch, share))
        heap = self._ready[shape]
        clips = tuple(heappop(heap)[1] for _ in range(min(most, len(heap))))
        self._waiting -= len(clips)
        return Task(self._costs.draw(shape[0], len(clips)), clips)

    def _shape(self, clip: Clip) -> tuple[int, int, bool]:
        level, strides = clip[0], self._tree.strides
        frames = strides[level - 1] // strides[level] if level else 0
        return self._costs.evaluations(level, self._tree.depth), frames, level > 0


class LeftToRight:
    """Autoregression: one clip at a time, segments beside it."""

    def __init__(self, length: int, costs: Costs) -> None:
        self._costs, self._clips = costs, max(1, -(-(length - 1) // GAPS))
        self._segments = deque(segments(self._clips))
        self._drawn, self._drawing = 0, False

    def next(self, idle: int) -> Task | None:
        if self._drawn < self._clips and not self._drawing:
            self._drawing = True
            return Task(self._costs.draw(self._costs.leaves), ((0, self._drawn),))
        if self._segments and self._segments[0][-1] < self._drawn:
            leaves = self._segments.popleft()
            return Task(self._costs.segment(len(leaves)), (), leaves)
        return None

    def take(self, task: Task) -> None:
        if task.clips:
            self._drawn, self._drawing = self._drawn + 1, False


def segments(leaves: int) -> Iterator[tuple[int, ...]]:
    """The numbers of the leaves that are encoded together, as `longtake/film/segments.py` cuts them."""
    shown = (Shown(cast(Job, None), range(0), 0, 0, n) for n in range(leaves))
    plan = SimpleNamespace(shown=lambda span: shown)
    return (tuple(one.number for one in group) for group in grouped_leaves(cast(Plan, plan), slice(None)))


class Shelf:
    """Clips that are drawn and still needed."""

    def __init__(self, tree: Tree) -> None:
        self._tree, self.most = tree, 0
        self.left: dict[Clip, int] = {}  # how many there are to be made of it

    def take(self, task: Task) -> None:
        """Put up what is drawn, take down what is used up."""
        leaf = self._tree.depth - 1
        for level, n in task.clips:
            self.left[level, n] = len(self._tree.below(level, n)) if level < leaf else 1
            self._use(above(self._tree, (level, n)))
        for n in task.leaves:
            self._use((leaf, n))
        self.most = max(self.most, len(self.left))

    def _use(self, clip: Clip | None) -> None:
        if clip is not None:
            self.left[clip] -= 1
            if not self.left[clip]:
                del self.left[clip]


Policy = Real | Arithmetic | LeftToRight


def simulate(
    policy: Policy, crew: Workforce, tree: Tree | None = None, *, fast_first: bool = False
) -> Result:
    """Render a film; what waits is counted where its `tree` is told."""
    chance, ticket, shelf = np.random.default_rng(crew.seed), count(), Shelf(tree) if tree else None

    def life() -> float:  # s of work until a worker dies
        return chance.exponential(3600 / crew.failures) if crew.failures else inf

    share, factor = crew.stragglers
    slow = chance.permutation(crew.workers) < round(share * crew.workers)
    pace = np.where(np.sort(slow) if fast_first else slow, factor, 1.0).tolist()
    lives, fresh = [life() for _ in pace], [True for _ in pace]
    idle = list(range(crew.workers))  # a heap: the first hired goes first, as in film/executors/local.py
    events: list[tuple[float, int, int, Task | None, bool]] = []  # when, ticket, worker, task, whether done
    again: deque[Task] = deque()
    now, end, first, busy, lost = 0.0, 0.0, inf, 0.0, 0
    while True:
        while idle and (task := again.popleft() if again else policy.next(len(idle))) is not None:
            k = heappop(idle)
            needed = pace[k] * task.seconds + fresh[k] * crew.startup
            spent, fresh[k] = min(needed, lives[k]), False
            lives[k], busy = lives[k] - spent, busy + spent
            heappush(events, (now + spent, next(ticket), k, task, spent == needed))
        if not events:
            assert shelf is None or not shelf.left  # all was encoded
            return Result(end, first, busy, lost, shelf.most if shelf else 0)
        now = events[0][0]
        while events and events[0][0] == now:
            _, _, k, ended, done = heappop(events)
            if not done:
                assert ended is not None
                again.append(ended)
                lost, lives[k], fresh[k] = lost + 1, life(), True
                heappush(events, (now + crew.recovery, next(ticket), k, None, True))
                continue
            heappush(idle, k)
            if ended is not None:  # else it is back from the dead
                policy.take(ended)
                end = now
                first = min(first, now) if ended.leaves else first
                if shelf:
                    shelf.take(ended)


def film(length: int, costs: Costs, model: Manifest | None = None) -> Plan:
    """A plan whose clips are sampled in as many steps as they take evaluations, or as a model likes it."""
    usual = Sampling(sampler="ddim", steps=1, shift=1, text_guidance=1, known_guidance=1, precision="fp32")
    steps = costs.keyframes, costs.gaps, costs.leaves
    keyframes, gaps, leaves = (replace(usual, steps=n) for n in steps)
    sampling = None if model else LevelSampling(keyframes=keyframes, gaps=gaps, leaves=leaves)
    drawn_by, options = model or read_manifest(find_model(DEFAULT_MODEL)), NuwaXL.Options(references=0)
    line = Timeline((PlannedScene("all", 0, "a fox in the meadow"),), length)
    return Plan.of(NuwaXL(drawn_by, sampling, options), line)


def rendered(length: int, costs: Costs, crew: Workforce, real: int = 0) -> Result:
    """By the worklist where the film has at most `real` frames, else by numbers."""
    plan = film(length, costs)
    tree = plan.trees[0]
    return simulate(Real(plan, costs) if length <= real else Arithmetic(tree, costs), crew, tree)


def extrapolated(
    length: int, shorter: dict[int, Result], crew: Workforce, gap: float = 0, batch: int = 0
) -> Result:
    """What a long film takes, from two shorter ones; `gap`: seconds of those that its further levels have."""
    (a, few), (b, many) = shorter.items()
    tree, times = film(length, Costs()).trees[0], (length - b) / (b - a)
    deeper = tree.depth - film(b, Costs()).trees[0].depth
    gaps = gap * sum(map(tree.count, range(1, 1 + deeper)))
    seconds = many.seconds + times * (many.seconds - few.seconds) + gaps
    busy = many.busy + times * (many.busy - few.busy) + gaps
    lost = round(many.lost + times * (many.lost - few.lost))
    waiting = many.waiting + deeper * batch
    return Result(max(seconds, busy / crew.workers), many.first + deeper * gap, busy, lost, waiting)


class Simulated(NamedTuple):
    """A line of the table."""

    frames: int
    workers: int
    tree: Result
    alone: Result  # the tree on one worker
    chain: Result

    @property
    def speedup(self) -> float:
        """Over one worker."""
        return self.alone.seconds / self.tree.seconds

    def cells(self) -> list[str]:
        """As `COLUMNS` names them."""
        efficiency, ratio = self.speedup / self.workers, self.chain.seconds / self.tree.seconds
        numbers = self.tree.seconds, self.speedup, efficiency, self.chain.seconds, ratio, self.tree.first
        return [f"{self.frames:,}", f"{self.workers:,}", *map(short, numbers), f"{self.tree.waiting:,}"]


def table(
    films: Sequence[int], workers: Sequence[int], costs: Costs, crew: Workforce, real: int
) -> list[Simulated]:
    """Every film on every number of workers that is not above that of its clips."""

    @cache
    def tree(frames: int, k: int) -> Result:
        if frames <= max(ARITHMETIC, real):
            return rendered(frames, costs, replace(crew, workers=k), real)
        shorter = {n: tree(n, k) for n in SHORTER}
        return extrapolated(frames, shorter, replace(crew, workers=k), costs.draw(costs.gaps), costs.batch)

    @cache
    def chain(frames: int, k: int) -> Result:
        if frames <= ARITHMETIC:
            return simulate(LeftToRight(frames, costs), replace(crew, workers=k), fast_first=True)
        return extrapolated(frames, {n: chain(n, k) for n in SHORTER}, replace(crew, workers=k))

    clips = {frames: film(frames, costs).jobs_total for frames in films}
    wanted = [(frames, k) for frames in films for k in workers if k <= clips[frames]]
    shown = track(wanted, "films", console=Console(stderr=True))
    return [Simulated(frames, k, tree(frames, k), tree(frames, 1), chain(frames, k)) for frames, k in shown]


def measured(model: str, costs: Costs) -> Costs:
    """What a model costs here, in CPU seconds of one thread."""
    from longtake.draw.decode import ClipDecoder  # here: nothing else needs torch
    from longtake.draw.network import ClipSampler
    from longtake.video import Codec, encode_segment

    manifest = read_manifest(find_model(model))
    drawer, decoder = ClipSampler(manifest.folder, "cpu"), ClipDecoder(manifest.folder, "cpu")
    sampling = manifest.keyframes, manifest.gaps, manifest.leaves
    tree = film(GAPS**3 + 1, costs, manifest).trees[0]
    passes = [1 + (one.text_guidance != 1) + (one.known_guidance != 1) for one in sampling]
    passes[0] = 1 + (manifest.keyframes.text_guidance != 1)  # nothing is known
    keyframes, gaps, leaves = (one.steps * n for one, n in zip(sampling, passes, strict=True))

    def draw(level: int, clips: int = 1) -> Any:
        jobs, latent = [tree.clip(level, n) for n in range(clips)], np.zeros(manifest.latents, np.float16)
        return drawer(jobs, [[latent] * len(job.inputs) for job in jobs])

    latents = draw(2)[0].astype(np.float16)
    pixels = [*decoder(latents)[:GAPS]] * LEAVES_PER_SEGMENT
    codec = Codec(upscale=max(1, 256 // manifest.size), smooth=True)  # as `longtake render` has it
    with TemporaryDirectory() as folder:
        encode = cpu_seconds(lambda: encode_segment(pixels, Path(folder) / "segment.mp4", 12, codec))
    alone, batch = cpu_seconds(lambda: draw(2)), cpu_seconds(lambda: draw(2, costs.batch))
    return replace(
        costs, alone=alone / leaves, together=batch / leaves / costs.batch, keyframes=keyframes, gaps=gaps,
        leaves=leaves, decode=cpu_seconds(lambda: decoder(latents)), encode=encode,
    )  # fmt: skip


def cpu_seconds(work: Callable[[], Any]) -> float:
    """Median CPU seconds, after one call that does not count."""
    return median(repeat(work, timer=process_time, repeat=6, number=1)[1:])


def plot(rows: Sequence[Simulated], path: Path) -> None:
    """Speed-up over the tree on one worker, a line per film; dashed the chain of the last one."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6, 4.5), dpi=100, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    axes.set(xscale="log", yscale="log", xlabel="workers", ylabel="speed-up over one worker")
    axes.grid(color="#e5e5e5", linewidth=0.6)
    films = list(dict.fromkeys(row.frames for row in rows))
    for k, frames in enumerate(films):
        points = [(row.workers, row.speedup) for row in rows if row.frames == frames]
        axes.plot(*zip(*points, strict=True), "o-", color=COLOURS[k % 6], label=f"{frames:,} frames")
    points = [(row.workers, row.alone.seconds / row.chain.seconds) for row in rows if row.frames == films[-1]]
    axes.plot(*zip(*points, strict=True), "k--", label="autoregressive")
    axes.legend(frameon=False)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path)


def short(value: float) -> str:
    return f"{value:,.3g}" if value < 100 else f"{value:,.0f}"


def walk(tree: Tree, level: int, n: int) -> Iterator[Clip]:
    """All clips, depth-first."""
    yield level, n
    if level + 1 < tree.depth:
        for child in tree.below(level, n):
            yield from walk(tree, level + 1, child)


def above(tree: Tree, clip: Clip) -> Clip | None:
    """The clip that this one fills a gap of."""
    level, n = clip
    if level < 2:
        return (0, 0) if level else None
    return level - 1, n * tree.strides[level - 1] // tree.strides[level - 2]


def main(argv: Sequence[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--frames", type=int, nargs="+", default=[1024, 3376, 50626, 10**6, 10**8])
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2, 64, 1000, 10000])
    parser.add_argument("--real", type=int, default=200_000, help="frames up to which the worklist is run")
    parser.add_argument("--measure", metavar="MODEL", help="its costs here, in place of all but --batch")
    parser.add_argument("--plot", type=Path, metavar="FILE.png")
    for one in (*offered(Costs), *offered(Workforce)):
        parser.add_argument(f"--{one.name}", default=one.default, **one.metadata)
    args = parser.parse_args(argv)
    costs = Costs(**{one.name: getattr(args, one.name) for one in offered(Costs)})
    crew = Workforce(**{one.name: getattr(args, one.name) for one in offered(Workforce)})
    if args.measure:
        costs = measured(args.measure, costs)
        print(f"{args.measure}: {costs}\n")
    rows = table(args.frames, args.workers, costs, crew, args.real)
    print("| " + " | ".join(COLUMNS) + " |\n" + "|---" * len(COLUMNS) + "|")
    for row in rows:
        print("| " + " | ".join(row.cells()) + " |")
    if args.plot:
        plot(rows, args.plot)


if __name__ == "__main__":
    main()
