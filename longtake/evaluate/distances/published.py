"""Distances by networks of published numbers: FVD by I3D, FID by Inception, what CLIP, DINO and LPIPS say.

They see every frame at its full size, a few at a time, and each film once: features are kept. Weights are the
user's; without them a number is not computed, and no other network stands in for it. What is measured so can
be compared under one digest of weights and one of references only, so both go with every number, and N, which
is the same on both sides.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from longtake.evaluate.distances.extractors import FeatureExtractor, film_features
from longtake.evaluate.distances.networks import (
    WeightsMissing,
    clip_texts,
    fvd_selfcheck,
    load_extractor,
    lpips,
)
from longtake.evaluate.distances.sets import (
    Distance,
    NetworkDistance,
    b_fvd_literal,
    b_fvd_over_time,
    kernel_distance,
    pooled_distance,
    reference_digest,
    too_short,
)
from longtake.evaluate.intervals import interval
from longtake.evaluate.kept import keep, kept_path, load_kept
from longtake.evaluate.measured import Floats32
from longtake.evaluate.rows import Episode, Line
from longtake.evaluate.script import Script
from longtake.evaluate.signals import shrink
from longtake.evaluate.sources import Source, in_chunks
from longtake.manifest import ModelError

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
    read_texts: Callable[[Sequence[str]], Floats32]  # CLIP's features of prompts; only where CLIP is there


def open_networks(
    weights: Mapping[str, str],  # network -> a file, a folder or a hub id, see `load_extractor`
    sha256: Mapping[str, str],  # network -> of its weights
    allow_download: bool = False,
    device: str = "cpu",
) -> Networks:
    """Load what there are weights of. Raises ModelError where weights that the user names are not right."""
    extractors, missing = {}, {}
    for name, what in NETWORKS.items():
        wanted = name in weights or name in sha256
        try:
            extractors[name] = load_extractor(
                name, weights.get(name), allow_download, sha256.get(name), device
            )
        except WeightsMissing as error:
            missing[what] = f"no weights: {error}" if wanted else NO_WEIGHTS
        except ValueError as error:
            if wanted:
                raise ModelError(str(error)) from error
            missing[what] = str(error)  # of a folder of weights that holds more than this report asks for
    texts = partial(clip_texts, weights=weights.get("clip"), allow_download=allow_download)
    return Networks(extractors=extractors, not_computed=missing, read_texts=texts)


def published_distances(
    episodes: Sequence[Episode],
    lines: Sequence[Line],
    networks: Networks,
    folder: Path,  # that keeps features
    on_done: Callable[[int, int], None] | None = None,  # hears how many films of how many were seen
) -> list[NetworkDistance]:
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
    return [one for line in lines for one in _of_line(line, episodes, networks.extractors, texts, folder)]


def _of_line(
    line: Line,
    episodes: Sequence[Episode],
    extractors: Mapping[str, FeatureExtractor],
    texts: Mapping[str, Floats32],
    folder: Path,
) -> Iterator[NetworkDistance]:
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
            similar = {n: scene_similarity(script, texts[n], images[n]) for n, script in scripts.items()}
            prompts = reference_digest(shot.caption for script in scripts.values() for shot in script.shots)
            yield from _similarities(line.name, net, similar, prompts)


def features_of(
    source: Source, extractors: Mapping[str, FeatureExtractor], folder: Path
) -> dict[str, Floats32]:
    """What the networks but LPIPS see in all frames, or in all clips of 16: `[n, D]` by network.

    `folder` keeps it; what is not kept yet is seen in one pass over the film.
    """
    key = source.key
    nets = {name: net for name, net in extractors.items() if name != "lpips"}
    paths = {name: kept_path(folder, _VERSION, key, name, net.sha256) for name, net in nets.items()}
    missing = {name: nets[name] for name, path in paths.items() if not path.is_file()}
    if missing:
        parts: dict[str, list[Floats32]] = {name: [] for name in missing}
        for chunk in in_chunks(source.frames(), _CHUNK):
            pixels = np.stack(chunk)
            for name, net in missing.items():
                parts[name].append(film_features(net, pixels))
        for name, seen in parts.items():
            keep(paths[name], seen=np.concatenate(seen))
    return {name: load_kept(path)["seen"] for name, path in paths.items()}


def feature_distances(
    row: str, net: FeatureExtractor, films: Sequence[Floats32], references: Sequence[Floats32], digest: str
) -> list[NetworkDistance]:
    """All distances of films to references, whose features `[n, D]` come in pairs of one length.

    Frames: Avg-FD and KID; clips: B-FVD-16 pooled, over time, and to the letter of NUWA-XL. Intervals are
    over films, as in `sets`; wide features have few resamples, as a distance then takes seconds.
    """
    chance, resamples = np.random.default_rng(0), max(20, min(200, 40_000_000 // net.dim**2))
    films, references = ([part for part in side if len(part)] for side in (films, references))
    samples = sum(map(len, films))

    def named(name: str, distance: Distance, curve: tuple[float, ...] = ()) -> NetworkDistance:
        label = f"{_label(name, net)} ({net.name})"
        return NetworkDistance(row=row, name=label, definition=_DEFINITIONS[name], distance=distance,
                               sha256=net.sha256, references=digest, curve=curve)  # fmt: skip

    pooled = "Avg-FD" if net.kind == "frame" else "B-FVD-16"
    if samples < 4:
        why = f"{samples} {net.kind}s are too few: take longer films, or more"
        return [named(pooled, _none(why, samples, films))]
    distance = pooled_distance(films, references, chance, resamples)
    notes = [f"N is below the {net.dim} features: mostly bias"] if samples < net.dim else []
    if net.name == "i3d":
        notes.append(f"selfcheck {_selfcheck(net):.1f}, of the I3D of published numbers 151.2")
    distance = replace(distance, note="; ".join(notes))
    if net.kind == "frame":
        kernel = kernel_distance(films, references, chance, _KID, resamples)
        return [named(pooled, distance), named("KID", kernel)]
    distances = [named(pooled, distance)]
    why_not, least = too_short(films)
    if why_not:
        distances.append(named("B-FVD-16 over time", _none(why_not, least, films)))
    else:
        over = b_fvd_over_time(films, references, chance, resamples=resamples // 4)
        distances.append(named("B-FVD-16 over time", over.slope, tuple(over.values.tolist())))
    if len(films) < 2 or len({len(film) for film in films}) > 1:
        why = "needs two films or more, of one length"
        return [*distances, named("B-FVD-16, literal", _none(why, len(films), films))]
    return [*distances, named("B-FVD-16, literal", b_fvd_literal(films, references))]


class ClipSim(NamedTuple):
    """Per scene of a film; nan for a scene without frames."""

    similarity: NDArray[np.float64]  # [S] mean cosine of its frames with its prompt, -1..1
    rank: NDArray[np.float64]  # [S] place of its prompt among the film's prompts, 1 is best


def clipsim(text_features: NDArray[np.floating], image_features: Sequence[NDArray[np.floating]]) -> ClipSim:
    """CLIPSIM (arXiv 2104.14806) of S scenes: features of prompts `[S, D]`, of each scene's frames `[n, D]`.

    A similarity depends on the network and the style; the rank of the right prompt, by mean similarity to the
    same frames, does not. Prompts that occur twice share a rank.
    """
    texts = _unit(text_features)
    assert len(texts) == len(image_features)
    tables = [(_unit(images) @ texts.T).mean(axis=0) if len(images) else None for images in image_features]
    nan = float("nan")
    similarity = [nan if t is None else t[s] for s, t in enumerate(tables)]
    rank = [nan if t is None else 1 + (t > t[s] + 1e-6).sum() for s, t in enumerate(tables)]
    return ClipSim(np.array(similarity, dtype=np.float64), np.array(rank, dtype=np.float64))


def _unit(features: NDArray[np.floating]) -> NDArray[np.float64]:
    x = features.astype(np.float64)
    unit: NDArray[np.float64] = x / np.linalg.norm(x, axis=1, keepdims=True)
    return unit


def scene_similarity(script: Script, texts: Floats32, images: Floats32) -> ClipSim:
    """CLIPSIM of a film's scenes: features of their prompts `[S, D]` and of all frames `[N, D]`."""
    ends = zip(script.starts, script.ends, strict=True)
    picked = [np.unique(np.linspace(start, end - 1, _SCENE).round().astype(int)) for start, end in ends]
    return clipsim(texts, [images[numbers] for numbers in picked])


_selfcheck = lru_cache(maxsize=1)(fvd_selfcheck)  # it takes as long as a short film


def _label(name: str, net: FeatureExtractor) -> str:
    return "Avg-FID" if (name, net.name) == ("Avg-FD", "inception") else name


def _none(why: str, samples: int, films: Sequence[Floats32]) -> Distance:
    nan = float("nan")
    return Distance(value=nan, low=nan, high=nan, samples=samples, films=len(films), note=why)


def _similarities(
    row: str, net: FeatureExtractor, films: Mapping[str, ClipSim], prompts: str
) -> Iterator[NetworkDistance]:
    """CLIPSIM and the prompt's rank, with intervals over films, or over the scenes of a single film."""
    scenes = {name: list(zip(*(part.tolist() for part in one), strict=True)) for name, one in films.items()}
    ranks = np.concatenate([one.rank for one in films.values()])
    blind = np.mean([(len(one.rank) + 1) / 2 for one in films.values()])
    notes = {
        "CLIPSIM": "",
        "CLIPSIM rank": f"first for {np.mean(ranks == 1):.0%} of the scenes; {blind:.3g} by chance",
    }
    for name, values in (
        ("CLIPSIM", [one.similarity for one in films.values()]),
        ("CLIPSIM rank", [one.rank for one in films.values()]),
    ):
        means = [float(film.mean()) for film in values]
        several = len(means) > 1
        low, high = interval(means if several else values[0], np.random.default_rng(0))
        note = "; ".join(filter(None, [notes[name], "" if several else "interval over scenes"]))
        distance = Distance(value=float(np.mean(means)), low=low, high=high, samples=len(ranks),
                            films=len(means), note=note)  # fmt: skip
        yield NetworkDistance(row=row, name=f"{name} ({net.name})", definition=_DEFINITIONS[name],
                            distance=distance, sha256=net.sha256, references=prompts,
                            scenes=scenes if name == "CLIPSIM" else {})  # fmt: skip


def _frame_by_frame(
    row: str, net: FeatureExtractor, pairs: Sequence[tuple[Source, Source]], digest: str, folder: Path
) -> NetworkDistance:
    """LPIPS of frames to the same frames of the reference; `folder` keeps the numbers."""
    films = []
    for film, reference in pairs:
        path = kept_path(folder, _VERSION, film.key, reference.key, net.name, net.sha256)
        if not path.is_file():
            both = (islice(source.frames(), 0, None, _PAIRS) for source in (film, reference))
            small = ([shrink(frame, net.size) for frame in pair] for pair in zip(*both, strict=True))
            apart = [lpips(net, *np.stack(chunk, axis=1)) for chunk in in_chunks(small, 8)]
            keep(path, seen=np.concatenate(apart))
        films.append(load_kept(path)["seen"])
    means = [float(film.mean()) for film in films]
    low, high = interval(means, np.random.default_rng(0))
    distance = Distance(value=float(np.mean(means)), low=low, high=high, samples=sum(map(len, films)),
                        films=len(films))  # fmt: skip
    return NetworkDistance(row=row, name="LPIPS (lpips)", definition=_DEFINITIONS["LPIPS"], distance=distance,
                         sha256=net.sha256, references=digest)  # fmt: skip
