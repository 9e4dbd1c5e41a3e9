"""How fast films are read: one by one and at random, by longtake and by OpenCV, on the same files in one run.

    python benchmarks/ingest.py FOLDER [--model toon-128]

FOLDER holds films. They are ingested into a data set in a temporary folder, whose frames are then read by
decode and by latent. Every decoder has one thread. Figures depend on the machine and on what else it does;
ratios within one run do less.
"""

from __future__ import annotations

import argparse
import os
import random
import tempfile
import time
from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np

from longtake.data.access import frames_of
from longtake.data.filmset import FilmSet, open_films
from longtake.data.framelatents import encode_films, open_latents
from longtake.draw.encode import Encoder
from longtake.ingest.folder import Options, ingest
from longtake.ingest.source import NoFilm, Painter, film_frames, open_source, resampled
from longtake.ingest.take import Recipe
from longtake.manifest import find_model, read_manifest
from longtake.video import read_frames

_JUMPS = 300  # frames read at random
_TIMES = 3  # of which the best counts: other work on the machine only makes it longer


def main() -> None:
    """Prints a table."""
    os.environ["OPENCV_FFMPEG_THREADS"] = "1"
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--model", default="toon-128")
    arguments = parser.parse_args()
    films = [path for path in sorted(arguments.folder.iterdir()) if _is_film(path)]
    manifest = read_manifest(find_model(arguments.model))
    recipe = Recipe(fps=Fraction(12), size=manifest.size, aspect="crop", cut=2.0)
    print("| what | frames/s | ms per frame |\n| --- | --- | --- |")
    _row("sources in order, PyAV, RGB in full size", lambda: sum(_count(path) for path in films))
    _row("sources in order, OpenCV, BGR in full size", lambda: sum(_count_cv2(path) for path in films))
    _row(
        f"sources in order, PyAV, squares of {manifest.size} at 12 frames/s, of source frames",
        lambda: sum(_squares(path, recipe) for path in films),
    )
    with tempfile.TemporaryDirectory() as folder:
        out, begin = Path(folder) / "set", time.perf_counter()
        ingest(arguments.folder, out, Options(recipe=recipe), lambda *_: None)
        seconds, read = time.perf_counter() - begin, sum(map(_count, films))
        made = open_films(out)
        frames = sum(film.row.frames for film in made.all)
        _tell("ingest, one process, of source frames", read, seconds)
        _tell("ingest, one process, of the data set's frames", frames, seconds)
        _random_access(made, frames)
        begin = time.perf_counter()
        shape = manifest.latents
        encoder = Encoder(manifest.folder, "cpu")
        list(encode_films(made, encoder, manifest.decoder_digest, shape, manifest.name))
        _tell("latents encoded", frames, time.perf_counter() - begin)
        held = open_latents(made, manifest.decoder_digest)
        jumps = _jumps(made)
        _row("data set at random, by latent", lambda: sum(len(held.latents(f, [n])) for f, n in jumps))


def _random_access(made: FilmSet, frames: int) -> None:
    size, jumps = made.look.size, _jumps(made)
    whole = [(number, range(made.length(number))) for number in range(len(made.all))]
    _row("data set in order, PyAV", lambda: sum(len(made.frames(f, n, size)) for f, n in whole))
    _row("data set in order, OpenCV", lambda: sum(_count_cv2(film.path) for film in made.all))
    _row("data set at random, PyAV", lambda: sum(len(made.frames(f, [n], size)) for f, n in jumps))
    _row("data set at random, OpenCV", lambda: _jump_cv2(made, jumps))
    _row(
        "data set at random, 16 frames 15 apart, PyAV",
        lambda: sum(len(made.frames(f, _spaced(made, f, n), size)) for f, n in jumps[:60]),
    )
    wrong = sum(_differs(made, film, number) for film, number in jumps)
    print(f"\nOf {len(jumps)} frames at random, {wrong} are other frames than those read in order.\n")


def _jumps(made: FilmSet) -> list[tuple[int, int]]:
    chance = random.Random(0)
    films = [number for number in range(len(made.all)) if made.length(number)]
    chosen = chance.choices(films, [made.length(number) for number in films], k=_JUMPS)
    return [(film, chance.randrange(made.length(film))) for film in chosen]


def _spaced(made: FilmSet, film: int, first: int) -> list[int]:
    return [(first + 15 * k) % made.length(film) for k in range(16)]


_in_order: dict[int, list[np.ndarray]] = {}


def _differs(made: FilmSet, film: int, number: int) -> bool:
    if film not in _in_order:
        _in_order[film] = list(read_frames(made.all[film].path))
    (found,) = frames_of(made.all[film].path, made.numbers_in_file(film, [number]), made.look.fps)
    return not np.array_equal(found, _in_order[film][number])


def _is_film(path: Path) -> bool:
    try:
        with open_source(path):
            return True
    except NoFilm:
        return False


def _count(path: Path) -> int:
    return sum(1 for _ in read_frames(path))


def _count_cv2(path: Path) -> int:
    video, count = cv2.VideoCapture(str(path)), 0
    while video.read()[0]:
        count += 1
    return count


def _squares(path: Path, recipe: Recipe) -> int:
    """Source frames that went by."""
    count = 0
    with open_source(path) as (video, stream):
        paint, last = Painter(stream, recipe.size, recipe.aspect), None
        for _, shown in resampled(film_frames(video, stream, []), recipe.fps):
            if shown.frame is not last:
                paint(shown.frame)
                last = shown.frame
            count = max(count, round(float(shown.end) * float(stream.average_rate or 25)))
    return count


def _jump_cv2(made: FilmSet, jumps: Sequence[tuple[int, int]]) -> int:
    open_ = {film: cv2.VideoCapture(str(made.all[film].path)) for film in {film for film, _ in jumps}}
    count = 0
    for film, number in jumps:
        open_[film].set(cv2.CAP_PROP_POS_FRAMES, number)
        count += open_[film].read()[0]
    return count


def _row(what: str, work: Callable[[], int]) -> None:
    best, count = float("inf"), 0
    for _ in range(_TIMES):
        begin = time.perf_counter()
        count = work()
        best = min(best, time.perf_counter() - begin)
    _tell(what, count, best)


def _tell(what: str, count: int, seconds: float) -> None:
    print(f"| {what} | {count / seconds:,.0f} | {1000 * seconds / count:.2f} |", flush=True)


if __name__ == "__main__":
    main()
