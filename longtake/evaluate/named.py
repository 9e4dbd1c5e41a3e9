"""Distances by networks of published numbers: FVD by I3D, FID by Inception, what CLIP, DINO and LPIPS say.

They see every frame at its full size, a few at a time, and each film once: features are kept. Weights are the
user's; without them a number is not computed, and no other network stands in for it. What is measured so can
be compared under one digest of weights and one of references only, so both go with every number, and N, which
is the same on both sides.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache, partial
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from longtake.evaluate.distances import (
    Distance,
    avg_fid,
    b_fvd,
    b_fvd_literal,
    b_fvd_over_time,
    bootstrap,
    reference_digest,
)
from longtake.evaluate.evaluation import Episode, Line
from longtake.evaluate.features import (
    ClipSim,
    FeatureExtractor,
    WeightsMissing,
    clip_texts,
    clipsim,
    film_features,
    fvd_selfcheck,
    load_extractor,
    lpips,
)
from longtake.evaluate.intervals import interval
from longtake.evaluate.script import Script
from longtake.evaluate.signals import shrink
from longtake.evaluate.sources import Source, in_chunks
from longtake.evaluate.watching import keep
from longtake.manifest import ModelError

Floats = NDArray[np.float32]
NETWORKS = {
    "i3d": "FVD (i3d)",
    "inception": "FID (inception)",
    "clip": "CLIPSIM (clip)",
    "dino": "FD (dino)",
    "lpips": "LPIPS (lpips)",
}  # network -> what there is not without it
NO_WEIGHTS = "no weights: name them with --weights"

_VERSION = 1  # raise it when the same frames and weights give other numbers
_CHUNK = 64  # frames held at a time: whole clips of 16
_PARTS = 10  # of the films' time
_LEAST = 8  # clips in a part of the time: with fewer, a distance is noise
_KID = 1000  # frames on each side, the paper's own number: its cost grows with the square
_SCENE = 8  # frames of a scene that CLIPSIM looks at
_PAIRS = 16  # of so many frames LPIPS compares one

_DEFINITIONS = {
    "Avg-FD": "Frechet distance of the features of all frames of all films to those of all references (as "
    "Avg-FID, arXiv 2303.12346)",
    "KID": "unbiased squared MMD with the kernel (x.y / D + 1)^3 (arXiv 1801.01401) of frames spread evenly "
    f"over films and references, at most {_KID:,} of each; around 0 where both are alike, also below",
    "B-FVD-16": "films in clips of 16 frames that do not overlap, at their own frame rate: Frechet distance "
    "of all clips of all films to all clips of all references (as arXiv 2303.12346)",
    "B-FVD-16 over time": "by how much B-FVD-16 grows from one tenth of the films' time to the next: clips "
    "of a tenth to as many of the references, and a straight line through the ten",
    "B-FVD-16, literal": "k-th clips of all films to k-th clips of all references, and the mean over k: the "
    "sentence of arXiv 2303.12346 to the letter; N is the number of films, so it is bias and little else",
    "CLIPSIM": f"mean cosine of up to {_SCENE} frames of a scene with its prompt, mean over scenes (arXiv "
    "2104.14806); it depends on the style",
    "CLIPSIM rank": "place of a scene's prompt among the prompts of its film, by mean cosine with its "
    "frames: 1 is best; mean over scenes",
    "LPIPS": f"mean over every {_PAIRS}th frame of the distance to the same frame of the reference (arXiv "
    "1801.03924), at 64x64 pixels; the reference has other latents, so that of ground truth is not 0",
}


@dataclass(frozen=True, kw_only=True)
class Networks:
    """The networks that the user has weights of."""

    extractors: Mapping[str, FeatureExtractor]  # by a name in NETWORKS
    not_computed: Mapping[str, str]  # what there is not -> why
    read_texts: Callable[[Sequence[str]], Floats]  # CLIP's features of prompts; only where CLIP is there


@dataclass(frozen=True, kw_only=True)
class NamedDistance:
    """A number of one row by one network, with all that is needed to compare it with another."""

    row: str
    name: str  # such as "B-FVD-16 (i3d)"
    definition: str
    distance: Distance  # nan where there is none, and the note says why
    sha256: str  # of the weights
    references: str  # digest of the references' keys; of CLIPSIM, which has none: of the prompts
    curve: tuple[float, ...] = ()  # the values that a slope over time is of
    scenes: Mapping[str, list[tuple[float, float]]] = field(default_factory=dict)  # film -> similarity, rank


def open_networks(
    weights: Mapping[str, str],  # network -> a file, a folder or a hub id, see `load_extractor`
    sha256: Mapping[str, str],  # network -> of its weights
    allow_download: bool = False,
    device: str = "cpu",
) -> Networks:
    """Load what there are weights of. Raises ModelError where weights that were asked for are not right."""
    found, missing = {}, {}
    for name, what in NETWORKS.items():
        asked = name in weights or name in sha256
        try:
            found[name] = load_extractor(name, weights.get(name), allow_download, sha256.get(name), device)
        except WeightsMissing as error:
            missing[what] = f"no weights: {error}" if asked else NO_WEIGHTS
        except ValueError as error:
            if asked:
                raise ModelError(str(error)) from error
            missing[what] = str(error)  # of a folder of weights that holds more than this report asks for
    texts = partial(clip_texts, weights=weights.get("clip"), allow_download=allow_download)
    return Networks(extractors=found, not_computed=missing, read_texts=texts)


def named_distances(
    episodes: Sequence[Episode],
    lines: Sequence[Line],
    networks: Networks,
    folder: Path,  # that keeps features
    on_done: Callable[[int, int], None] | None = None,  # hears how many films of how many were seen
) -> list[NamedDistance]:
    """Every number of every line that is no control, in the order of lines and networks."""
    if not networks.extractors:
        return []
    lines = [line for line in lines if line.kind != "control"]
    films = {s.key: s for line in lines for side in (line.films, line.references) for s in side.values()}
    for done, source in enumerate(films.values(), start=1):
        features_of(source, networks.extractors, folder)
        if on_done:
            on_done(done, len(films))
    texts = {}
    if "clip" in networks.extractors:
        texts = {e.name: networks.read_texts([shot.caption for shot in e.script.shots]) for e in episodes}
    return [found for line in lines for found in _of_line(line, episodes, networks.extractors, texts, folder)]


def _of_line(
    line: Line,
    episodes: Sequence[Episode],
    extractors: Mapping[str, FeatureExtractor],
    texts: Mapping[str, Floats],
    folder: Path,
) -> Iterator[NamedDistance]:
    scripts = {episode.name: episode.script for episode in episodes if episode.name in line.films}
    pairs = [(line.films[name], line.references[name]) for name in scripts]
    digest = reference_digest({reference.key for _, reference in pairs})
    for name, net in extractors.items():
        if name == "lpips":
            yield _frame_by_frame(line.name, net, pairs, digest, folder)
            continue
        films, references = (
            [features_of(source, {name: net}, folder)[name] for source in side]
            for side in zip(*pairs, strict=True)
        )
        yield from feature_distances(line.name, net, films, references, digest)
        if name == "clip":
            images = dict(zip(scripts, films, strict=True))
            found = {n: scene_similarity(script, texts[n], images[n]) for n, script in scripts.items()}
            prompts = reference_digest(shot.caption for script in scripts.values() for shot in script.shots)
            yield from _similarities(line.name, net, found, prompts)


def features_of(
    source: Source, extractors: Mapping[str, FeatureExtractor], folder: Path
) -> dict[str, Floats]:
    """What the networks but LPIPS see in all frames, or in all clips of 16: `[n, D]` by network.

    `folder` keeps it; what is not kept yet is seen in one pass over the film.
    """
    key = source.key
    nets = {name: net for name, net in extractors.items() if name != "lpips"}
    paths = {name: _path(folder, key, name, net.sha256) for name, net in nets.items()}
    missing = {name: nets[name] for name, path in paths.items() if not path.is_file()}
    if missing:
        parts: dict[str, list[Floats]] = {name: [] for name in missing}
        for chunk in in_chunks(source.frames(), _CHUNK):
            pixels = np.stack(chunk)
            for name, net in missing.items():
                parts[name].append(film_features(net, pixels))
        for name, seen in parts.items():
            keep(paths[name], seen=np.concatenate(seen))
    return {name: _kept(path) for name, path in paths.items()}


def feature_distances(
    row: str, net: FeatureExtractor, films: Sequence[Floats], references: Sequence[Floats], digest: str
) -> list[NamedDistance]:
    """All distances of films to references, whose features `[n, D]` come in pairs of one length.

    Frames: Avg-FD and KID; clips: B-FVD-16 pooled, over time, and to the letter of NUWA-XL. Intervals are
    over films, as in `distances`; wide features have few resamples, as a distance then takes seconds.
    """
    chance, resamples = np.random.default_rng(0), max(20, min(200, 40_000_000 // net.dim**2))
    films, references = ([part for part in side if len(part)] for side in (films, references))
    samples = sum(map(len, films))

    def told(name: str, distance: Distance, curve: tuple[float, ...] = ()) -> NamedDistance:
        label = f"{_label(name, net)} ({net.name})"
        return NamedDistance(row=row, name=label, definition=_DEFINITIONS[name], distance=distance,
                             sha256=net.sha256, references=digest, curve=curve)  # fmt: skip

    pooled = "Avg-FD" if net.kind == "frame" else "B-FVD-16"
    if samples < 4:
        why = f"{samples} {net.kind}s are too few: take longer films, or more"
        return [told(pooled, _none(why, samples, films))]
    distance = (avg_fid if net.kind == "frame" else b_fvd)(films, references, chance, resamples)
    notes = [f"N is below the {net.dim} features: mostly bias"] if samples < net.dim else []
    if net.name == "i3d":
        notes.append(f"selfcheck {_selfcheck(net):.1f}, of the I3D of published numbers 151.2")
    distance = replace(distance, note="; ".join(notes))
    if net.kind == "frame":
        return [told(pooled, distance), told("KID", _kid(films, references, chance, resamples))]
    found = [told(pooled, distance)]
    least = sum(len(film) // _PARTS for film in films)
    if least < _LEAST or any(len(film) < _PARTS for film in films):
        why = f"{least} clips in each of {_PARTS} parts of the time are too few: take longer films, or more"
        found.append(told("B-FVD-16 over time", _none(why, least, films)))
    else:
        over = b_fvd_over_time(films, references, chance, _PARTS, resamples // 4)
        found.append(told("B-FVD-16 over time", over.slope, tuple(over.values.tolist())))
    if len(films) < 2 or len({len(film) for film in films}) > 1:
        why = "needs two films or more, of one length"
        return [*found, told("B-FVD-16, literal", _none(why, len(films), films))]
    return [*found, told("B-FVD-16, literal", b_fvd_literal(films, references))]


def scene_similarity(script: Script, texts: Floats, images: Floats) -> ClipSim:
    """CLIPSIM of a film's scenes: features of their prompts `[S, D]` and of all frames `[N, D]`."""
    ends = zip(script.starts, script.ends, strict=True)
    picked = [np.unique(np.linspace(start, end - 1, _SCENE).round().astype(int)) for start, end in ends]
    return clipsim(texts, [images[numbers] for numbers in picked])


_selfcheck = lru_cache(maxsize=1)(fvd_selfcheck)  # it takes as long as a short film


def _path(folder: Path, *told: str) -> Path:
    digest = hashlib.sha256(repr((_VERSION, *told)).encode()).hexdigest()
    return folder / f"{digest}.npz"


def _kept(path: Path) -> Floats:
    with np.load(path, allow_pickle=False) as kept:
        seen: Floats = kept["seen"]
        return seen


def _label(name: str, net: FeatureExtractor) -> str:
    return "Avg-FID" if (name, net.name) == ("Avg-FD", "inception") else name


def _none(why: str, samples: int, films: Sequence[Floats]) -> Distance:
    nan = float("nan")
    return Distance(value=nan, low=nan, high=nan, samples=samples, films=len(films), note=why)


def _kid(
    films: Sequence[Floats], references: Sequence[Floats], chance: np.random.Generator, resamples: int
) -> Distance:
    """`frechet.kid` of frames spread over films; kernels are summed by film, so resamples cost nothing."""
    each = max(_KID // len(films), 4)
    counts = np.array([min(each, len(film)) for film in films])
    x, y = (
        np.concatenate([film[np.arange(n) * len(film) // n] for n, film in zip(counts, side, strict=True)])
        for side in (films, references)
    )

    def kernel(a: Floats, b: Floats) -> NDArray[np.float64]:
        values: NDArray[np.float64] = (a.astype(np.float64) @ b.T.astype(np.float64) / a.shape[1] + 1) ** 3
        return values

    h = kernel(x, x) + kernel(y, y) - kernel(x, y) - kernel(y, x)
    starts = np.cumsum(counts) - counts
    sums = np.add.reduceat(np.add.reduceat(h, starts, axis=0), starts, axis=1)
    diagonals = np.add.reduceat(np.diag(h), starts)

    def distance(chosen: NDArray[np.int64]) -> float:
        n = counts[chosen].sum()
        return float((sums[np.ix_(chosen, chosen)].sum() - diagonals[chosen].sum()) / (n * (n - 1)))

    value = distance(np.arange(len(films)))
    low, high = bootstrap(distance, len(films), chance, resamples if counts.min() > 1 else 0)
    return Distance(value=value, low=low, high=high, samples=len(x), films=len(films))


def _similarities(
    row: str, net: FeatureExtractor, found: Mapping[str, ClipSim], prompts: str
) -> Iterator[NamedDistance]:
    """CLIPSIM and the prompt's rank, with intervals over films, or over the scenes of a single film."""
    scenes = {name: list(zip(*(part.tolist() for part in one), strict=True)) for name, one in found.items()}
    ranks = np.concatenate([one.rank for one in found.values()])
    blind = np.mean([(len(one.rank) + 1) / 2 for one in found.values()])
    notes = {
        "CLIPSIM": "",
        "CLIPSIM rank": f"first for {np.mean(ranks == 1):.0%} of the scenes; {blind:.3g} by chance",
    }
    for name, values in (
        ("CLIPSIM", [one.similarity for one in found.values()]),
        ("CLIPSIM rank", [one.rank for one in found.values()]),
    ):
        means = [float(film.mean()) for film in values]
        several = len(means) > 1
        low, high = interval(means if several else values[0], np.random.default_rng(0))
        note = "; ".join(filter(None, [notes[name], "" if several else "interval over scenes"]))
        distance = Distance(value=float(np.mean(means)), low=low, high=high, samples=len(ranks),
                            films=len(means), note=note)  # fmt: skip
        yield NamedDistance(row=row, name=f"{name} ({net.name})", definition=_DEFINITIONS[name],
                            distance=distance, sha256=net.sha256, references=prompts,
                            scenes=scenes if name == "CLIPSIM" else {})  # fmt: skip


def _frame_by_frame(
    row: str, net: FeatureExtractor, pairs: Sequence[tuple[Source, Source]], digest: str, folder: Path
) -> NamedDistance:
    """LPIPS of frames to the same frames of the reference; `folder` keeps the numbers."""
    films = []
    for film, reference in pairs:
        path = _path(folder, film.key, reference.key, net.name, net.sha256)
        if not path.is_file():
            both = (islice(source.frames(), 0, None, _PAIRS) for source in (film, reference))
            small = ([shrink(frame, net.size) for frame in pair] for pair in zip(*both, strict=True))
            apart = [lpips(net, *np.stack(chunk, axis=1)) for chunk in in_chunks(small, 8)]
            keep(path, seen=np.concatenate(apart))
        films.append(_kept(path))
    means = [float(film.mean()) for film in films]
    low, high = interval(means, np.random.default_rng(0))
    distance = Distance(value=float(np.mean(means)), low=low, high=high, samples=sum(map(len, films)),
                        films=len(films))  # fmt: skip
    return NamedDistance(row=row, name="LPIPS (lpips)", definition=_DEFINITIONS["LPIPS"], distance=distance,
                         sha256=net.sha256, references=digest)  # fmt: skip
