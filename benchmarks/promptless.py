"""Films that hear no prompt: do their pictures get worse with length, and where do the films wander?

    python benchmarks/promptless.py --out runs/promptless --plot docs/promptless.png

Every way draws the same test episodes by passes without a prompt (`text_guidance=0`), and the probes of
`longtake evaluate` watch them. The place that a third of a film shows most, the share of its frames that do,
and its sharpness over that of the first third. The picture has one film by each of the first two ways.
It resumes.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image

from longtake.commands.draw import draw
from longtake.commands.evaluate import film_of, write_board
from longtake.commands.selection import Selection, note
from longtake.evaluate.readings import Watched
from longtake.evaluate.script import script_of_episode
from longtake.evaluate.sources import StoredFilm, pictures
from longtake.evaluate.watching import Viewing, load_watched, watch_all
from longtake.machine import cores
from longtake.video import reduce, tiled
from longtake.world.script import episode_seeds
from longtake.world.vocabulary import PLACES

COLUMNS = 18  # frames in a row of the picture


def drawn(way: str, episode: int, frames: int, model: str, out: Path) -> StoredFilm:
    """The film, drawn where it lacks clips."""
    board = write_board(script_of_episode(episode, frames), episode, out / f"storyboards/{episode}.yaml")
    strategy = f"{way}:text_guidance=0"
    work = Selection(storyboard=board, strategy=strategy, model=model, store=out / "store").open()
    draw(work, slice(0, frames))
    return film_of(work)


def thirds(seen: Watched) -> Iterator[str]:
    """Of each third of a film what is told of it."""
    sharpness = [float(part.mean()) for part in np.array_split(seen.signals.sharpness, 3)]
    places = np.array_split(seen.readings.place.argmax(axis=1), 3)
    for place, sharp in zip(places, sharpness, strict=True):
        shares = np.bincount(place, minlength=len(PLACES)) / len(place)
        yield f"{PLACES[shares.argmax()]} {shares.max():.2f}, {sharp / sharpness[0]:.2f}"


def sheet(films: list[StoredFilm], frames: int) -> Image.Image:
    """Each film in two rows, at half size."""
    many = 2 * COLUMNS
    shown = [(2 * i + 1) * frames // (2 * many) for i in range(many)]
    small = [reduce(frame, 2) for film in films for frame in pictures(film, shown)]
    apart = [np.pad(one, ((1, 1), (1, 1), (0, 0)), constant_values=255) for one in small]
    return Image.fromarray(tiled(apart, COLUMNS)).quantize(256)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", default="toon-128-undistilled", help="a shipped model or a folder")
    parser.add_argument("--out", type=Path, required=True, help="folder of clips and of what was seen")
    parser.add_argument("--ways", nargs="+", default=["lvdm", "nuwa-xl", "vidrd"])
    parser.add_argument("--episodes", type=int, default=2)
    parser.add_argument("--frames", type=int, default=3376)
    parser.add_argument("--plot", type=Path)
    asked = parser.parse_args()
    films: dict[tuple[str, int], StoredFilm] = {}
    for episode in episode_seeds("test", asked.episodes):
        for way in asked.ways:
            note(f"episode {episode} by {way}")
            films[way, episode] = drawn(way, episode, asked.frames, asked.model, asked.out)
    task = partial(Viewing, folder=asked.out / "seen")
    watch_all(
        map(task, films.values()), cores(), lambda done, total: note(f"{done} of {total} films watched")
    )
    print("| film | first third | second | last |\n|---|---|---|---|")
    for (way, episode), film in films.items():
        print(f"| {episode} by {way} | {' | '.join(thirds(load_watched(task(film))))} |")
    if asked.plot:
        first = episode_seeds("test", 1)[0]
        sheet([films[way, first] for way in asked.ways[:2]], asked.frames).quantize(256).save(
            asked.plot, optimize=True
        )


if __name__ == "__main__":
    main()
