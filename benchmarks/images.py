"""Do keyframes look like the pictures that a storyboard gives?

Draws the sixteen keyframes of test episodes, without pictures and with the first frame of every scene given
as it really is, and compares outfits, characters and places with the episode.

    python benchmarks/images.py --model toon-128 --episodes 4
"""

from __future__ import annotations

import argparse

import numpy as np
from rich.console import Console
from rich.progress import track
from rich.table import Table

from longtake.draw.decode import ClipDecoder
from longtake.draw.network import ClipSampler
from longtake.evaluate.probes import Probes, load_probes, probe_frames, probes_of
from longtake.evaluate.signals import shrink
from longtake.manifest import DEFAULT_MODEL, Manifest, find_model, read_manifest
from longtake.plan import ClipSpec, EncodeSpec, Job, Plan, PlannedScene, Timeline
from longtake.strategies import NuwaXL
from longtake.world.edition import world
from longtake.world.episodes import episode_facts, episode_seeds
from longtake.world.vocabulary import CHARACTERS, PLACES

FRAMES = 3376


def film(episode: int, manifest: Manifest, given: bool) -> tuple[Plan, dict[str, Job]]:
    """The episode as a film, and the jobs of its pictures by key."""
    cartoon = world(manifest.edition)
    shots = cartoon.shots(episode, FRAMES)
    starts = [max(shot.start, 0) for shot in shots]
    scenes = (
        PlannedScene(str(start), start, shot.caption) for start, shot in zip(starts, shots, strict=True)
    )
    plan = Plan.of(NuwaXL(manifest, seed=episode), Timeline(tuple(scenes), FRAMES))
    pictures: dict[int, Job] = {}
    for start in starts if given else ():
        pixels = cartoon.frame(episode, start, manifest.size).tobytes()
        pictures[start] = Job(EncodeSpec.of(pixels, encoder=manifest.decoder_digest))
    return plan.with_pictures(pictures), {job.key: job for job in pictures.values()}


def likeness(
    episode: int, manifest: Manifest, draw: ClipSampler, decode: ClipDecoder, probes: Probes, given: bool
) -> tuple[list[float], list[bool], list[bool]]:
    """Of the keyframes that are drawn: hues' distances to the true ones, casts right, places right."""
    plan, pictures = film(episode, manifest, given)
    job = plan.keyframes
    assert isinstance(job.spec, ClipSpec)
    known = [draw([pictures[key]], [[]])[0][0].astype(np.float16) for key, _ in job.inputs]
    pixels = decode(draw([job], [known])[0].astype(np.float16))
    readings = probe_frames(probes, np.stack([shrink(picture, 64) for picture in pixels]))
    hues, gaps, casts, places = episode_facts(episode).hues, list[float](), list[bool](), list[bool]()
    for k, number in enumerate(plan.trees[0].frames(0, 0)):
        if k in job.spec.known:
            continue
        shot, count = world(manifest.edition).shot_at(episode, number), readings["count"][k]
        casts.append(
            {name for name, n in zip(CHARACTERS, count, strict=True) if n > 0}
            == {actor.name for actor in shot.actors}
        )
        places.append(PLACES[int(readings["place"][k].argmax())] == shot.place)
        for actor in shot.actors:
            who = CHARACTERS.index(actor.name)
            if count[who] > 0:
                apart = abs(float(readings["hue"][k, who]) - hues[actor.name])
                gaps.append(min(apart, 1 - apart))
    return gaps, casts, places


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", default=DEFAULT_MODEL, help="a shipped model or a folder")
    parser.add_argument("--episodes", type=int, default=4)
    args = parser.parse_args()
    folder = find_model(args.model)
    manifest = read_manifest(folder)
    draw, decode = ClipSampler(folder), ClipDecoder(folder)
    probes = load_probes(probes_of(manifest.edition))
    table = Table("pictures", "hue's distance (chance 0.25)", "cast right", "place right")
    for given in (False, True):
        episodes = track(episode_seeds("test", args.episodes), "with pictures" if given else "without")
        rows = [likeness(episode, manifest, draw, decode, probes, given) for episode in episodes]
        shares = (f"{np.mean([one for row in rows for one in row[k]]):.3f}" for k in range(3))
        table.add_row("given" if given else "none", *shares)
    Console().print(table)


if __name__ == "__main__":
    main()
