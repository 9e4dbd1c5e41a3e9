"""Ways to draw long films, compared on the same scripts: drawn here, then measured."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from longtake.draw.model import ModelDrawer
from longtake.evaluate import api
from longtake.evaluate.script import Script
from longtake.evaluate.sources import StoredFilm
from longtake.film import Crew, Film, Progress, open_film
from longtake.film.segments import cut_segments
from longtake.manifest import DEFAULT_MODEL
from longtake.world.edition import world
from longtake.world.vocabulary import Split

if TYPE_CHECKING:
    from longtake.evaluate.report import Report

_log = logging.getLogger("longtake")


def compare_strategies(
    ways: Sequence[str],
    model: str | Path,
    options: api.EvaluateOptions,
    *,
    split: Split = "test",
    episodes: int = 8,
    frames: int = 1024,  # of each episode
    backends: bool = False,
    edition: int | None = None,  # of the world that back ends draw; None: the default model's
) -> Report:
    """Render episodes of the cartoon world in every way, and compare them; all is kept in `options.out`.

    `ways` are strategies with their options, of a model of longtake; or with `backends` back ends,
    whose pipeline `model` is. A model is asked for what it learnt: the world of its edition. Raises as
    `longtake.open` and `evaluate` do.
    """
    if not backends or edition is None:
        edition = api.edition_of(DEFAULT_MODEL if backends else model)
    cartoon = world(edition)
    api.check_options(options, cartoon)
    films: dict[str, dict[str, api.DrawnFilm]] = {way: {} for way in ways}
    scripts = api.episode_scripts(cartoon, split, episodes, frames)
    boards = [
        write_board(script, seed, options.out / "storyboards" / f"{name}-{frames}.yaml")
        for name, seed, script in scripts
    ]

    def hear(drawn: Progress) -> None:
        if options.progress is not None:
            options.progress(drawn.clips, drawn.clips_total, "clips drawn")

    for number, (episode, board) in enumerate(zip(scripts, boards, strict=True), start=1):
        for way in ways:
            how: dict[str, Any] = {"backend": way} if backends else {"strategy": way}
            film = open_film(board, model=model, store=options.out / "store", **how)
            _log.info("episode %d of %d, drawn by %s", number, episodes, way)
            film.draw(0, frames, crew=Crew(workers=options.workers), progress=hear)
            films[way][episode.name] = api.DrawnFilm(film_of(film), film.base)
    by = api.DrawnBy(name=film.drawer.name, digest=film.drawer.digest, model=_folder(film))
    return api.compare(films, scripts, split, by, options)


def film_of(film: Film) -> StoredFilm:
    """The film that was drawn into the store."""
    return StoredFilm(film.store.root, tuple(cut_segments(film.base)), _folder(film))


def _folder(film: Film) -> Path | None:
    """Of the model of longtake that drew; a back end has none."""
    return film.drawer.manifest.folder if isinstance(film.drawer, ModelDrawer) else None


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
