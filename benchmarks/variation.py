"""Does chance decide what the prompts leave open, and the prompts what they say?

Draws the sixteen keyframes of test episodes: twice from two seeds, and once more with two prompts swapped.
Says how often both seeds show the characters, place and time of day that are asked for, how far apart their
outfits' hues and landmarks are (chance: 0.25 of the circle, 0.33 of the width), and how often the swapped
scenes swap while the others stay what they were.

    python benchmarks/variation.py --model toon-128 --episodes 8
"""

from __future__ import annotations

import argparse
import json
import random
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track

from longtake.draw.decode import ClipDecoder
from longtake.draw.network import ClipSampler
from longtake.evaluate.measured import Floats32
from longtake.evaluate.probes import Probes, load_probes, probe_frames, probes_of
from longtake.evaluate.signals import shrink
from longtake.manifest import DEFAULT_MODEL, Manifest, find_model, read_manifest
from longtake.plan import Plan, PlannedScene, Timeline
from longtake.strategies import NuwaXL
from longtake.world.edition import world
from longtake.world.episodes import episode_seeds
from longtake.world.facts import Shot
from longtake.world.vocabulary import CHARACTERS, PLACES, TIMES

KEYFRAMES, SPACING = 16, 225
Read = dict[str, Floats32]


def keyframes(
    shots: list[Shot], seed: int, manifest: Manifest, draw: ClipSampler, decode: ClipDecoder
) -> NDArray[np.uint8]:
    """One keyframe per shot, in a clip: `[T, H, W, 3]`."""
    scenes = tuple(PlannedScene(str(k), SPACING * k, shot.caption) for k, shot in enumerate(shots))
    strategy = NuwaXL(manifest, options=NuwaXL.Options(references=0), seed=seed)
    plan = Plan.of(strategy, Timeline(scenes, SPACING * (len(shots) - 1) + 1))
    return decode(draw([plan.keyframes], [[]])[0].astype(np.float16))


def read(frames: NDArray[np.uint8], probes: Probes) -> Read:
    """What the frame probe reads."""
    return probe_frames(probes, np.stack([shrink(frame, 64) for frame in frames]))


def shown(reading: Read, k: int) -> tuple[frozenset[str], str, str]:
    """Characters, place and time of day of frame k as read."""
    cast = frozenset(name for name, count in zip(CHARACTERS, reading["count"][k], strict=True) if count > 0)
    return cast, PLACES[int(reading["place"][k].argmax())], TIMES[int(reading["time"][k].argmax())]


def wanted(shot: Shot) -> tuple[frozenset[str], str, str]:
    """The same of a shot."""
    return frozenset(actor.name for actor in shot.actors), shot.place, shot.time


def hue_gaps(one: Read, other: Read, shots: list[Shot]) -> list[float]:
    """Circle distances of the outfits that both show."""
    gaps = []
    for k, shot in enumerate(shots):
        for actor in shot.actors:
            who = CHARACTERS.index(actor.name)
            if one["count"][k, who] > 0 and other["count"][k, who] > 0:
                gap = abs(float(one["hue"][k, who] - other["hue"][k, who]))
                gaps.append(min(gap, 1 - gap))
    return gaps


def main() -> None:
    """Print one JSON object."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", default=DEFAULT_MODEL, help="a shipped model or a folder")
    parser.add_argument("--episodes", type=int, default=8)
    args = parser.parse_args()
    folder: Path = find_model(args.model)
    manifest = read_manifest(folder)
    cartoon, probes = world(manifest.edition), load_probes(probes_of(manifest.edition))
    draw, decode = ClipSampler(folder), ClipDecoder(folder)
    right: list[bool] = []
    alike: list[bool] = []
    hues: list[float] = []
    landmarks: list[float] = []
    swapped: list[bool] = []
    stayed: list[bool] = []
    episodes = episode_seeds("test", args.episodes)
    for number, episode in enumerate(track(episodes, "episodes", console=Console(stderr=True))):
        shots = [cartoon.shot_at(episode, SPACING * k) for k in range(KEYFRAMES)]
        one, other = (
            read(keyframes(shots, s, manifest, draw, decode), probes) for s in (2 * number, 2 * number + 1)
        )
        for k, shot in enumerate(shots):
            right += [shown(one, k) == wanted(shot), shown(other, k) == wanted(shot)]
            alike.append(shown(one, k) == shown(other, k))
        hues += hue_gaps(one, other, shots)
        landmarks += np.abs(one["landmark"] - other["landmark"]).tolist()
        chance = random.Random(number)
        i, j = chance.choice(
            [(a, b) for a in range(KEYFRAMES) for b in range(a) if wanted(shots[a]) != wanted(shots[b])]
        )
        order = list(range(KEYFRAMES))
        order[i], order[j] = j, i
        turned = read(keyframes([shots[k] for k in order], 2 * number, manifest, draw, decode), probes)
        for k in range(KEYFRAMES):
            (swapped if k in (i, j) else stayed).append(shown(turned, k) == wanted(shots[order[k]]))
    result = {
        "keyframes as asked": np.mean(right),
        "both seeds alike in what is asked": np.mean(alike),
        "hue between seeds (chance 0.25)": np.mean(hues),
        "landmark between seeds (chance 0.33)": np.mean(landmarks),
        "swapped keyframes as asked": np.mean(swapped),
        "the others as asked": np.mean(stayed),
    }
    rounded = {name: round(float(value), 3) for name, value in result.items()}
    print(json.dumps({"model": manifest.name, **rounded}, indent=1))


if __name__ == "__main__":
    main()
