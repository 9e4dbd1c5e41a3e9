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
from longtake.commands.evaluate import write_board
from longtake.commands.selection import Selection, note
from longtake.cores import cores
from longtake.data.script import episode_seeds
from longtake.data.vocabulary import PLACES
from longtake.evaluate.readings import Seen
from longtake.evaluate.script import script_of_episode
from longtake.evaluate.sources import StoredFilm, pictures
from longtake.evaluate.watching import Task, load_seen, watch_all
from longtake.film import cut_segments

COLUMNS, SIDE = 18, 66  # of the picture: frames in a row, pixels from one to the next


def drawn(way: str, episode: int, frames: int, model: str, out: Path) -> StoredFilm:
    """The film, drawn where it lacks clips."""
    board = write_board(script_of_episode(episode, frames), episode, out / f"storyboards/{episode}.yaml")
    strategy = f"{way}:text_guidance=0"
    work = Selection(storyboard=board, strategy=strategy, model=model, store=out / "store").open()
    draw(work, slice(0, frames))
    return StoredFilm(work.store.root, tuple(cut_segments(work.plan)), work.manifest.folder)


def thirds(seen: Seen) -> Iterator[str]:
    """Of each third of a film what is told of it."""
    sharpness = [float(part.mean()) for part in np.array_split(seen.signals.sharpness, 3)]
    places = np.array_split(seen.readings.place.argmax(axis=1), 3)
    for place, sharp in zip(places, sharpness, strict=True):
        shares = np.bincount(place, minlength=len(PLACES)) / len(place)
        yield f"{PLACES[shares.argmax()]} {shares.max():.2f}, {sharp / sharpness[0]:.2f}"


def sheet(films: list[StoredFilm], frames: int) -> Image.Image:
    """Each film in two rows."""
    many = 2 * COLUMNS
    whole = Image.new("RGB", (COLUMNS * SIDE, len(films) * 2 * SIDE + 8 * (len(films) - 1)), "white")
    for row, film in enumerate(films):
        shown = pictures(film, [(2 * i + 1) * frames // (2 * many) for i in range(many)])
        for i, pixels in enumerate(shown):
            small = Image.fromarray(pixels).resize((SIDE - 2, SIDE - 2), Image.Resampling.LANCZOS)
            whole.paste(small, ((i % COLUMNS) * SIDE, row * (2 * SIDE + 8) + (i // COLUMNS) * SIDE))
    return whole.quantize(256)


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
    task = partial(Task, folder=asked.out / "seen")
    watch_all(
        map(task, films.values()), cores(), lambda done, total: note(f"{done} of {total} films watched")
    )
    print("| film | first third | second | last |\n|---|---|---|---|")
    for (way, episode), film in films.items():
        print(f"| {episode} by {way} | {' | '.join(thirds(load_seen(task(film))))} |")
    if asked.plot:
        first = episode_seeds("test", 1)[0]
        sheet([films[way, first] for way in asked.ways[:2]], asked.frames).save(asked.plot, optimize=True)


if __name__ == "__main__":
    main()
