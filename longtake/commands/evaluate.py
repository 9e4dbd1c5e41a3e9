"""Measuring films: what the command line adds to `evaluate.api`, and the drawing of what is compared."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer
import yaml

from longtake.commands.artists import ModelArtist
from longtake.commands.draw import draw, resumable
from longtake.commands.progress import Bar
from longtake.commands.selection import Selection, Work, note
from longtake.evaluate.script import Script
from longtake.evaluate.sources import GivenFilm, StoredFilm, films_of
from longtake.film.segments import cut_segments
from longtake.manifest import ModelError
from longtake.strategies.chosen import parse_way
from longtake.video import VideoError
from longtake.world.vocabulary import Split

if TYPE_CHECKING:  # it imports torch, which takes long
    from longtake.evaluate import api
    from longtake.evaluate.distances.published import Networks

PRESETS = {"ci": (2, 256), "dev": (8, 1024), "release": (32, 3376)}  # episodes, frames of each

Report = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Options:
    """What all ways to evaluate share, as the command line has it."""

    out: Path  # folder of the report
    controls: str  # "all", "none", or names with commas
    probes: Path | None  # None: those that come with longtake
    workers: int | None  # None: one per core
    weights: Sequence[str] = ()  # of named networks: "NET=PATH"
    sha256: Sequence[str] = ()  # "NET=SHA"
    allow_download: bool = False
    memorised: bool = True  # whether films are looked up among training clips


def evaluate_films(path: Path, selection: Selection, options: Options) -> tuple[Report, str]:
    """Measure the film, or every film of a folder, against the storyboard that they show."""
    from longtake.evaluate import api

    films = _films(path, "FILM")
    with _running(options) as run:
        api.check_options(run)
        work = selection.open()
        for missing in api.unread_scenes(api.script_of_board(work.board, work.plan)):
            note(missing, "warning")
        report = api.beside_truth(films, work.board, selection.storyboard.name, work.plan, run)
    return report.content, report.summary


def evaluate_real(path: Path, real: Path, options: Options) -> tuple[Report, str]:
    """Measure the film, or every film of a folder, beside real videos of anything."""
    from longtake.evaluate import api

    films, videos = _films(path, "FILM"), _films(real, "--real")
    with _running(options) as run:
        try:
            report = api.beside_real_videos(films, videos, path.stem, run)
        except (VideoError, ModelError):
            raise
        except ValueError as error:
            raise VideoError(str(error)) from error
    return report.content, report.summary


def evaluate_strategies(
    strategies: Sequence[str],
    model: str,
    split: Split,
    count: int,  # episodes
    frames: int,  # of each
    options: Options,
) -> tuple[Report, str]:
    """Render episodes of the split by every strategy, and compare them on the same scripts."""
    from longtake.evaluate import api

    for strategy in strategies:
        try:
            parse_way(strategy)
        except ValueError as error:
            raise typer.BadParameter(str(error), param_hint="--strategies") from None
    films: dict[str, dict[str, api.DrawnFilm]] = {strategy: {} for strategy in strategies}
    with _running(options) as run:
        api.check_options(run)
        scripts = api.episode_scripts(split, count, frames)
        for number, (name, seed, script) in enumerate(scripts, start=1):
            board = write_board(script, seed, options.out / "storyboards" / f"{name}-{frames}.yaml")
            for strategy in strategies:
                note(f"episode {number} of {count}, drawn by {strategy}")
                work = Selection(
                    storyboard=board, strategy=strategy, model=model, store=options.out / "store"
                ).open()
                with resumable(f"{work.store.root} keeps every clip; run the same command again to go on"):
                    draw(work, slice(0, frames), workers=options.workers)
                films[strategy][name] = api.DrawnFilm(film_of(work), work.plan)
        by = api.DrawnBy(name=work.artist.name, digest=work.artist.digest, model=_folder(work))
        report = api.compare(films, scripts, split, by, run)
    return report.content, report.summary


def _films(path: Path, hint: str) -> dict[str, GivenFilm]:
    """Videos by name: one, or those of a folder. `hint` says what the user named them as."""
    try:
        return films_of(path)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint=hint) from None


@contextmanager
def _running(options: Options) -> Iterator[api.Options]:
    """The options as the library takes them, with a bar; Ctrl-C says how to go on."""
    from longtake.evaluate import api

    try:
        controls = api.chosen_controls(options.controls)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--controls") from None
    kept = options.out / "seen"
    with Bar() as bar, resumable(f"run the same command again to go on; {kept} keeps what was seen"):
        yield api.Options(
            out=options.out,
            controls=controls,
            probes=options.probes,
            networks=_networks(options),
            workers=options.workers,
            memorised=options.memorised,
            progress=lambda done, total, what: bar.show(done, total, f"{done} of {total} {what}"),
        )


def _networks(options: Options) -> Networks:
    """The named networks that there are weights of, opened before anything takes long."""
    from longtake.draw.load import best_device
    from longtake.evaluate.distances.published import NETWORKS, open_networks

    def by_name(pairs: Sequence[str], option: str) -> dict[str, str]:
        values = dict(pair.partition("=")[::2] for pair in pairs)
        for name, value in values.items():
            if name not in NETWORKS or not value:
                known = ", ".join(NETWORKS)
                raise typer.BadParameter(f"{name!r}: give NET=..., NET one of {known}", param_hint=option)
        return values

    weights, sha256 = by_name(options.weights, "--weights"), by_name(options.sha256, "--sha256")
    return open_networks(weights, sha256, options.allow_download, best_device())


def film_of(work: Work) -> StoredFilm:
    """The film that was drawn into the store."""
    return StoredFilm(work.store.root, tuple(cut_segments(work.plan)), _folder(work))


def _folder(work: Work) -> Path | None:
    """Of the model of longtake that drew; a back end has none."""
    return work.artist.manifest.folder if isinstance(work.artist, ModelArtist) else None


def write_board(script: Script, seed: int, path: Path) -> Path:
    """The storyboard of a script, for the planners."""
    scenes = [
        {"id": f"shot-{k:03}", "at": shot.start, "prompt": shot.caption}
        for k, shot in enumerate(script.shots)
    ]
    board = {
        "title": path.stem,
        "video": {"fps": 12, "frames": script.length},
        "seed": seed,
        "scenes": scenes,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.safe_dump(board, sort_keys=False, allow_unicode=True), encoding="utf-8")
    return path
