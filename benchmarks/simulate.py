"""How long does a film take on many workers, and how long if each clip had to wait for the one before it?

Simulates rendering by the events of its workers: no network runs, a task takes as long as measured costs say.
The order of work is the program's own, in two forms. Films of up to `--real` frames are driven by
`longtake.executors.schedule.Schedule` itself, over a store that remembers keys only. Longer ones by
`Arithmetic`: the same rules and the same limits (they are read from the schedule) over numbers instead of
hashed jobs; tests hold that both give the same seconds, whatever the workers do. Beyond two million frames the
time is extrapolated: work goes from left to right through the film and touches few neighbouring subtrees at a
time, so a long film is a row of subtrees of 50,625 frames that each take as long as the ones before. What five
and fifteen of them take gives the time of one more; each further level adds one gap to the path to the first
leaf, and at most a batch of clips that wait. No film takes less than its work divided by its workers.

Beside it stands autoregression: a chain of clips of which each knows the last frame of the one before, every
clip as dear as a leaf. Only decoding and encoding go on beside it, on other workers; of these it gets the fast
ones. Not simulated: references, the time of transfers and of the schedule itself, and that short clips are
cheaper. A worker that dies (`--failures`, per hour of its work) loses its task, which the next free one is
given; it is back after `--recovery` seconds. "First picture" is the first segment that is encoded, "waiting"
the most clips that were drawn and still had a child to be drawn or, as leaves, were not encoded.

    python benchmarks/simulate.py --plot runs/simulate.png
    python benchmarks/simulate.py --frames 50626 --workers 1 64 --stragglers 0.1:4 --failures 2 --startup 3
    python benchmarks/simulate.py --measure toon-128 --frames 3376 --workers 1 2
"""

from __future__ import annotations

import argparse
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cache
from heapq import heapify, heappop, heappush
from itertools import count
from math import inf
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple, Protocol, cast

import numpy as np
from rich.console import Console
from rich.progress import track

from longtake.executors import schedule
from longtake.executors.task import Encode, Paint, Reply
from longtake.film import LEAVES_PER_SEGMENT, Encoding
from longtake.manifest import find_model, read_manifest
from longtake.plan import Plan, Sampling, Scene, Timeline, plan_nuwa_xl
from longtake.plan.tree import Tree
from longtake.store import Store

GAPS = 15  # of a clip
SHORTER = 5 * GAPS**4 + 1, 15 * GAPS**4 + 1  # frames of the films that longer ones are extrapolated from
ARITHMETIC = 2_000_000  # frames of the longest film that is not extrapolated
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")  # as in evaluate/plots.py
COLUMNS = (
    "frames", "workers", "seconds", "speed-up", "efficiency", "chain, s", "chain / tree", "first picture, s",
    "waiting",
)  # fmt: skip

Clip = tuple[int, int]  # level, number


@dataclass(frozen=True, kw_only=True)
class Costs:
    """Seconds of one worker; the defaults are of toon-128 on one core of an AMD EPYC (Zen 4 class)."""

    alone: float = 0.0414  # a network evaluation of a clip
    together: float = 0.0303  # the same per clip, in a batch of `batch`; in smaller ones in between
    batch: int = 3  # clips drawn together at most
    evaluations: tuple[int, int, int] = (8, 4, 3)  # per clip: keyframes, gaps, leaves
    chain: int = 3  # per clip of the autoregressive chain
    decode: float = 0.092  # a leaf
    encode: float = 0.142  # a segment of four leaves; a shorter one its share

    def draw(self, evaluations: int, clips: int) -> float:
        """Of that many clips together: what a further one adds is the same for each."""
        more = (self.batch * self.together - self.alone) / (self.batch - 1) if self.batch > 1 else 0
        return evaluations * (self.alone + (clips - 1) * more)

    def of(self, level: int, depth: int) -> int:
        """Evaluations of a clip."""
        keyframes, gaps, leaves = self.evaluations
        return keyframes if level == 0 else leaves if level == depth - 1 else gaps

    def segment(self, leaves: int) -> float:
        """Of decoding and encoding so many leaves."""
        return leaves * (self.decode + self.encode / LEAVES_PER_SEGMENT)


@dataclass(frozen=True, kw_only=True)
class Crew:
    """Who works, and how badly."""

    workers: int
    startup: float = 0  # s before a worker's first task, and again when it has died
    stragglers: float = 0  # share of the workers that are slow
    factor: float = 1  # how much longer these take
    failures: float = 0  # deaths per hour of a worker's work
    recovery: float = 10  # s until a dead worker is back
    seed: int = 0


class Task(NamedTuple):
    """What one worker does at a time: draw clips together, or decode and encode leaves."""

    seconds: float
    clips: tuple[Clip, ...] = ()
    leaves: tuple[int, ...] = ()  # numbers
    real: Any = None  # what the schedule calls it


class Policy(Protocol):
    """What is done next, as `Schedule` tells it."""

    def next(self, idle: int) -> Task | None: ...

    def take(self, task: Task) -> None: ...

    @property
    def finished(self) -> bool: ...


class Result(NamedTuple):
    """How rendering went."""

    seconds: float
    first: float  # s until a segment is encoded
    busy: float  # s of work of all workers, lost work too
    lost: int = 0  # tasks, with the worker that had them
    waiting: int = 0  # most clips at a time


class Real:
    """The program's own schedule, with a store without clips."""

    def __init__(self, plan: Plan, costs: Costs) -> None:
        self._costs, self._depth, self._store = costs, plan.trees[0].depth, _Keys()
        self._schedule = schedule.Schedule(
            plan, slice(None), cast(Store, self._store), lambda event: None, batch=costs.batch,
            encoding=Encoding(decoder="", fps=Fraction(12)),
        )  # fmt: skip

    def next(self, idle: int) -> Task | None:
        match task := self._schedule.next(idle):
            case Paint(jobs):
                clips = tuple((job.place.level, job.place.number) for job in jobs if job.place)
                evaluations = self._costs.of(clips[0][0], self._depth)
                return Task(self._costs.draw(evaluations, len(clips)), clips, (), task)
            case Encode():
                leaves = tuple(job.place.number for job in task.leaves if job.place)
                return Task(self._costs.segment(len(leaves)), (), leaves, task)
        return None

    def take(self, task: Task) -> None:
        if isinstance(task.real, Paint):
            self._store.update(job.key for job in task.real.jobs)
        self._schedule.take(task.real, [Reply("done")] * max(1, len(task.clips)))

    @property
    def finished(self) -> bool:
        return self._schedule.finished


class _Keys(set[str]):
    """As much of a store as the schedule looks at."""

    def get(self, key: str) -> None:
        if key not in self:
            raise KeyError(key)

    def file(self, key: str, suffix: str) -> None:
        """There are no segments."""


class Arithmetic:
    """The same order over numbers: a clip can start when the one above it is drawn."""

    def __init__(self, tree: Tree, costs: Costs) -> None:
        self._tree, self._costs = tree, costs
        self._leaves = tree.count(tree.depth - 1)
        self._coming = enumerate(_walk(tree, 0, 0))
        self._waiting = 0  # clips that were looked at and have not started
        self._ready: dict[tuple[int, int, bool], list[tuple[int, Clip]]] = {}  # heaps by shape
        self._blocked: dict[Clip, list[tuple[int, Clip]]] = {}  # by the clip above
        self._drawn: set[Clip] = set()  # those with clips below
        self._cut = iter(range(-(-self._leaves // LEAVES_PER_SEGMENT)))
        self._segments: deque[int] = deque()
        self._there: Counter[int] = Counter()  # leaves drawn, by segment
        self._encoded, self._first = 0, True

    def next(self, idle: int) -> Task | None:
        while self._waiting < schedule._AHEAD and (entry := next(self._coming, None)) is not None:
            self._wait(*entry)
        while len(self._segments) < schedule._SEGMENTS and (cut := next(self._cut, None)) is not None:
            self._segments.append(cut)
        return self._next_segment() or self._next_clips(idle)

    def take(self, task: Task) -> None:
        self._encoded += len(task.leaves)
        for clip in task.clips:
            if clip[0] == self._tree.depth - 1:
                self._there[clip[1] // LEAVES_PER_SEGMENT] += 1
                self._first = False
            else:
                self._drawn.add(clip)
                for order, child in self._blocked.pop(clip, ()):
                    heappush(self._ready.setdefault(self._shape(child), []), (order, child))

    @property
    def finished(self) -> bool:
        return self._encoded == self._leaves

    def _wait(self, order: int, clip: Clip) -> None:
        self._waiting += 1
        above = _above(self._tree, clip)
        if above is None or above in self._drawn:
            heappush(self._ready.setdefault(self._shape(clip), []), (order, clip))
        else:
            self._blocked.setdefault(above, []).append((order, clip))

    def _next_segment(self) -> Task | None:
        for k, number in enumerate(self._segments):
            first = number * LEAVES_PER_SEGMENT
            leaves = range(first, min(first + LEAVES_PER_SEGMENT, self._leaves))
            if self._there[number] == len(leaves):
                del self._segments[k]
                return Task(self._costs.segment(len(leaves)), (), tuple(leaves))
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
        return self._costs.of(level, self._tree.depth), frames, level > 0


class Chain:
    """Autoregression: one clip at a time, segments beside it."""

    def __init__(self, length: int, costs: Costs) -> None:
        self._costs, self._clips = costs, max(1, -(-(length - 1) // GAPS))
        self._drawn = self._given = self._encoded = 0
        self._drawing = False

    def next(self, idle: int) -> Task | None:
        if self._drawn < self._clips and not self._drawing:
            self._drawing = True
            return Task(self._costs.draw(self._costs.chain, 1), ((0, self._drawn),))
        stop = min(self._given + LEAVES_PER_SEGMENT, self._clips)
        if self._given < stop <= self._drawn:
            leaves, self._given = tuple(range(self._given, stop)), stop
            return Task(self._costs.segment(len(leaves)), (), leaves)
        return None

    def take(self, task: Task) -> None:
        self._encoded += len(task.leaves)
        if task.clips:
            self._drawn, self._drawing = self._drawn + 1, False

    @property
    def finished(self) -> bool:
        return self._encoded == self._clips


class Shelf:
    """Clips that are drawn and still needed."""

    def __init__(self, tree: Tree) -> None:
        self._tree, self.most = tree, 0
        self._left: dict[Clip, int] = {}  # how many there are to be made of it

    def take(self, task: Task) -> None:
        """Put up what is drawn, take down what is used up."""
        leaf = self._tree.depth - 1
        for level, n in task.clips:
            self._left[level, n] = len(self._tree.below(level, n)) if level < leaf else 1
            self._use(_above(self._tree, (level, n)))
        for n in task.leaves:
            self._use((leaf, n))
        self.most = max(self.most, len(self._left))

    def _use(self, clip: Clip | None) -> None:
        if clip is not None:
            self._left[clip] -= 1
            if not self._left[clip]:
                del self._left[clip]


def simulate(policy: Policy, crew: Crew, tree: Tree | None = None, *, fast_first: bool = False) -> Result:
    """Render a film; what waits is counted where its `tree` is told."""
    chance, shelf, ticket = np.random.default_rng(crew.seed), tree and Shelf(tree), count()
    hours = np.inf if crew.failures == 0 else 1 / crew.failures
    lives = [chance.exponential(3600) * hours for _ in range(crew.workers)]  # s of work until it dies
    slow = chance.permutation(crew.workers) < round(crew.stragglers * crew.workers)
    pace = np.where(np.sort(slow) if fast_first else slow, crew.factor, 1.0).tolist()
    fresh, idle = [True] * crew.workers, list(range(crew.workers))
    heapify(idle)  # the first that was hired is asked first, as in the program's own crew
    events: list[tuple[float, int, int, Task | None, bool]] = []  # when, ticket, worker, task, whether done
    again: deque[Task] = deque()
    now, busy, first, lost = 0.0, 0.0, inf, 0
    while True:
        while idle and (task := again.popleft() if again else policy.next(len(idle))) is not None:
            k = heappop(idle)
            needed = pace[k] * task.seconds + fresh[k] * crew.startup
            spent, fresh[k] = min(needed, lives[k]), False
            lives[k], busy = lives[k] - spent, busy + spent
            heappush(events, (now + spent, next(ticket), k, task, spent == needed))
        if policy.finished:
            return Result(now, first, busy, lost, shelf.most if shelf else 0)
        now = events[0][0]
        while events and events[0][0] == now:
            _, _, k, ended, done = heappop(events)
            if ended is not None and not done:
                again.append(ended)
                lost, lives[k], fresh[k] = lost + 1, chance.exponential(3600) * hours, True
                heappush(events, (now + crew.recovery, next(ticket), k, None, True))
                continue
            heappush(idle, k)
            if ended is not None:
                policy.take(ended)
                first = min(first, now) if ended.leaves else first
                if shelf:
                    shelf.take(ended)


def film(length: int, costs: Costs, sampling: Sequence[Sampling] | None = None, model: str = "") -> Plan:
    """A plan whose clips are sampled in as many steps as they take evaluations."""
    usual = Sampling(sampler="ddim", steps=1, shift=1, text_guidance=1, known_guidance=1, precision="fp32")
    given = sampling or [replace(usual, steps=steps) for steps in costs.evaluations]
    names = "sampling_keyframes", "sampling_gaps", "sampling_leaves"
    line = Timeline((Scene("all", 0, "a fox in the meadow"),), length)
    return plan_nuwa_xl(line, seed=0, model=model, **dict(zip(names, given, strict=True)))


def rendered(length: int, costs: Costs, crew: Crew, real: int = 0) -> Result:
    """By the schedule where the film has at most `real` frames, else by numbers."""
    plan = film(length, costs)
    tree = plan.trees[0]
    return simulate(Real(plan, costs) if length <= real else Arithmetic(tree, costs), crew, tree)


def extrapolated(
    length: int, shorter: dict[int, Result], workers: int, level: tuple[float, int] = (0, 0)
) -> Result:
    """What a long film takes, from two shorter ones; `level`: seconds and waiting clips of one level more."""
    (a, few), (b, many) = shorter.items()
    times, more = (
        (length - b) / (b - a),
        film(length, Costs()).trees[0].depth - film(b, Costs()).trees[0].depth,
    )
    last = [there + times * (there - here) for here, there in zip(few, many, strict=True)]
    seconds = max(last[0] + more * level[0], last[2] / workers)
    first, waiting = many.first + more * level[0], many.waiting + more * level[1]
    return Result(seconds, first, last[2], round(last[3]), waiting)


class Row(NamedTuple):
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
        return [f"{self.frames:,}", f"{self.workers:,}", *map(_short, numbers), f"{self.tree.waiting:,}"]


def table(films: Sequence[int], workers: Sequence[int], costs: Costs, crew: Crew, real: int) -> list[Row]:
    """Every film on every number of workers that is not above that of its clips."""

    @cache
    def tree(frames: int, k: int) -> Result:
        if frames <= max(ARITHMETIC, real):
            return rendered(frames, costs, replace(crew, workers=k), real)
        level = costs.draw(costs.evaluations[1], 1), costs.batch
        return extrapolated(frames, {shorter: tree(shorter, k) for shorter in SHORTER}, k, level)

    @cache
    def chain(frames: int, k: int) -> Result:
        if frames <= ARITHMETIC:
            return simulate(Chain(frames, costs), replace(crew, workers=k), fast_first=True)
        return extrapolated(frames, {shorter: chain(shorter, k) for shorter in SHORTER}, k)

    clips = {frames: film(frames, costs).jobs_total for frames in films}
    wanted = [(frames, k) for frames in films for k in workers if k <= clips[frames]]
    told = track(wanted, "films", console=Console(stderr=True))
    return [Row(frames, k, tree(frames, k), tree(frames, 1), chain(frames, k)) for frames, k in told]


def measured(model: str, costs: Costs) -> Costs:
    """The costs of a model here, in seconds of one core: medians of five."""
    from longtake.ops import Decoder, Operations  # here: nothing else needs torch
    from longtake.video import Codec, encode_segment

    manifest = read_manifest(find_model(model))
    drawer, decoder = Operations(manifest.folder, "cpu")(), Decoder(manifest.folder, "cpu")
    sampling = manifest.keyframes, manifest.gaps, manifest.leaves
    tree = film(GAPS**3 + 1, costs, sampling, manifest.digest).trees[0]
    calls: list[int] = []
    for precision in {one.precision for one in sampling}:
        drawer.net(precision).register_forward_hook(lambda *_: calls.append(1))
    latent = np.zeros(manifest.latents, np.float16)

    def draw(level: int, clips: int) -> Any:
        jobs = [tree.clip(level, n) for n in range(clips)]
        return drawer(jobs, [[latent] * len(job.inputs) for job in jobs])

    def evaluations(level: int) -> int:
        calls.clear()
        draw(level, 1)
        return len(calls)

    found = evaluations(0), evaluations(1), evaluations(2)
    latents = draw(2, 1)[0].astype(np.float16)
    pixels = [*decoder(latents)[:GAPS]] * LEAVES_PER_SEGMENT
    codec = Codec(upscale=max(1, 256 // manifest.size), smooth=True)  # as `longtake render` has it
    with TemporaryDirectory() as folder:
        encode = _seconds(lambda: encode_segment(pixels, Path(folder) / "segment.mp4", 12, codec))
    return replace(
        costs,
        alone=_seconds(lambda: draw(2, 1)) / found[2],
        together=_seconds(lambda: draw(2, costs.batch)) / found[2] / costs.batch,
        evaluations=found,
        chain=found[2],
        decode=_seconds(lambda: decoder(latents)),
        encode=encode,
    )


def plot(rows: Sequence[Row], path: Path) -> None:
    """Speed-up against workers, a line per film; dashed the longest film's chain, over the tree on one worker."""
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


def _seconds(work: Callable[[], Any]) -> float:
    taken = []
    for _ in range(6):
        begin = time.process_time()
        work()
        taken.append(time.process_time() - begin)
    return median(taken[1:])


def _short(value: float) -> str:
    return f"{value:,.3g}" if value < 100 else f"{value:,.0f}"


def _walk(tree: Tree, level: int, n: int) -> Iterator[Clip]:
    """All clips, depth-first."""
    yield level, n
    if level + 1 < tree.depth:
        for child in tree.below(level, n):
            yield from _walk(tree, level + 1, child)


def _above(tree: Tree, clip: Clip) -> Clip | None:
    """The clip that this one fills a gap of."""
    level, n = clip
    if level < 2:
        return (0, 0) if level else None
    return level - 1, n * tree.strides[level - 1] // tree.strides[level - 2]


def _stragglers(text: str) -> tuple[float, float]:
    share, factor = map(float, text.split(":"))
    if not (0 <= share <= 1 and factor >= 1):
        raise ValueError(text)
    return share, factor


def main(argv: Sequence[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    usual, crew = Costs(), Crew(workers=1)
    parser.add_argument("--frames", type=int, nargs="+", default=[1024, 3376, 50626, 10**6, 10**8])
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2, 64, 1000, 10000])
    parser.add_argument("--measure", metavar="MODEL", help="measure its costs here; the others do not count")
    parser.add_argument("--alone", type=float, default=usual.alone, help="s per evaluation of a clip")
    parser.add_argument("--together", type=float, default=usual.together, help="the same in a batch")
    parser.add_argument("--batch", type=int, default=usual.batch, help="clips drawn together at most")
    parser.add_argument(
        "--evaluations", type=int, nargs=3, default=usual.evaluations, metavar=("KEYFRAMES", "GAPS", "LEAVES")
    )
    parser.add_argument(
        "--chain", type=int, default=usual.chain, help="evaluations of an autoregressive clip"
    )
    parser.add_argument("--decode", type=float, default=usual.decode, help="s per leaf")
    parser.add_argument("--encode", type=float, default=usual.encode, help="s per segment of four leaves")
    parser.add_argument("--startup", type=float, default=crew.startup, help="s of a worker")
    parser.add_argument("--stragglers", type=_stragglers, default=(0, 1), metavar="SHARE:FACTOR")
    parser.add_argument("--failures", type=float, default=crew.failures, help="per hour of a worker's work")
    parser.add_argument("--recovery", type=float, default=crew.recovery, help="s until a dead one is back")
    parser.add_argument("--real", type=int, default=200_000, help="frames up to which the schedule is run")
    parser.add_argument("--seed", type=int, default=crew.seed)
    parser.add_argument("--plot", type=Path, metavar="FILE.png")
    asked = parser.parse_args(argv)
    costs = Costs(
        alone=asked.alone, together=asked.together, batch=asked.batch, evaluations=tuple(asked.evaluations),
        chain=asked.chain, decode=asked.decode, encode=asked.encode,
    )  # fmt: skip
    if asked.measure:
        costs = measured(asked.measure, costs)
        print(f"{asked.measure}: {costs}\n")
    crew = Crew(
        workers=1, startup=asked.startup, stragglers=asked.stragglers[0], factor=asked.stragglers[1],
        failures=asked.failures, recovery=asked.recovery, seed=asked.seed,
    )  # fmt: skip
    rows = table(asked.frames, asked.workers, costs, crew, asked.real)
    print("| " + " | ".join(COLUMNS) + " |\n" + "|---" * len(COLUMNS) + "|")
    for row in rows:
        print("| " + " | ".join(row.cells()) + " |")
    if asked.plot:
        plot(rows, asked.plot)


if __name__ == "__main__":
    main()
