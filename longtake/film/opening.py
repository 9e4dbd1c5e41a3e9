"""From a storyboard to a film."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from numbers import Integral
from pathlib import Path
from typing import Any

from longtake.draw.backends import Backend
from longtake.draw.backends.chosen import choose_backend, find_pipeline
from longtake.draw.backends.drawer import PipelineDrawer
from longtake.draw.drawer import Drawer
from longtake.draw.model import ModelDrawer
from longtake.errors import OptionError
from longtake.film.film import Film
from longtake.manifest import DEFAULT_MODEL, find_model, read_manifest
from longtake.store import Store, open_store
from longtake.storyboard import Storyboard, load, to_yaml, with_frames
from longtake.strategies import Strategy, choose

STORE = ".longtake"  # folder beside the storyboard: films of one folder share their clips
DEFAULT_STRATEGY = "nuwa-xl"
_LARGEST, _MOST_TIMES = 8192, 64  # pixels per side; as many times larger
_CHECKSUMS = "checksums.json"  # in the store: those of weights, which take long

_log = logging.getLogger("longtake")


def open_film(
    storyboard: str | Path | Storyboard,
    *,
    model: str | Path = DEFAULT_MODEL,
    strategy: str | type[Strategy] = DEFAULT_STRATEGY,
    backend: str | Backend | None = None,
    store: str | Path | Store | None = None,
    frames: int | None = None,
    seed: int | None = None,
    steps: int | None = None,
    guidance: float | None = None,
    precision: str | None = None,
    size: int | None = None,
    fps: float | None = None,
    enlarged: int | None = None,
    allow_download: bool = False,
) -> Film:
    """The film of a storyboard. Nothing is drawn yet.

    Args:
        storyboard: a YAML file, or a `Storyboard` made in Python; then pictures lie in the current folder.
        model: a model that comes with longtake, or a folder; of a back end the folder of its pipeline, or its
            id on the hub.
        strategy: how the film is planned, `NAME[:OPTION=VALUE...]` or `MODULE:CLASS[:OPTION=VALUE...]`
            (docs/strategies.md), or a class of one's own that derives from `longtake.strategies.Strategy`.
        backend: instead of a strategy, a pretrained pipeline that draws, `NAME[:OPTION=VALUE...]` or
            `MODULE:NAME[:OPTION=VALUE...]`, or a `Backend` of one's own (docs/backends.md).
        store: folder or URL that keeps clips and pieces of film; None: `.longtake` beside the storyboard.
        frames: only the first so many frames, as a film of their own.
        seed: another one than the storyboard's.
        steps, guidance, precision: of the sampling, on all levels; None: the model's. `guidance` is by the
            text, `precision` "fp32" or "bf16".
        size: pixels per side, the model's or its HD decoder's, or a multiple; None: the model's.
        fps: frames per second, a multiple of the storyboard's; those between are drawn.
        enlarged: how many times frames are enlarged, instead of `size`.
        allow_download: whether a back end's model may be fetched from the hub.

    Raises `StoryboardError`, `ModelError`, and `OptionError` for what does not go together; all are
    `ValueError`s that tell the remedy.
    """
    path = None if isinstance(storyboard, Storyboard) else Path(storyboard).absolute()
    board = storyboard if isinstance(storyboard, Storyboard) else load(storyboard)
    text = to_yaml(board) if path is None else path.read_text(encoding="utf-8-sig")
    folder = Path.cwd() if path is None else path.parent
    if frames is not None:
        board, note = with_frames(board, _whole(frames, "frames"))
        if note:
            _log.info("%s", note)
    if seed is not None:
        if not 0 <= _whole(seed, "seed") < 2**63:
            raise OptionError(f"{seed}: give a number from 0 to below 2**63", "seed")
        board = board.model_copy(update={"seed": _whole(seed, "seed")})
    kept = _opened(folder / STORE if store is None else store)
    choices = {"steps": steps, "guidance": guidance, "precision": precision}
    drawer: Drawer
    if backend is None:
        drawer = _model(str(model), strategy, choices)
    else:
        if strategy != DEFAULT_STRATEGY:
            raise OptionError("goes without --backend, which plans in its own way", "strategy")
        drawer = _pipeline(str(model), backend, choices, kept, allow_download=allow_download)
    if size is not None:
        if enlarged is not None:
            raise OptionError("goes without size", "enlarged")
        if not 1 <= _whole(size, "size") <= _LARGEST:
            raise OptionError(f"{size}: give 1 to {_LARGEST} pixels", "size")
        drawer, enlarged = drawer.sized(_whole(size, "size"))
    elif enlarged is not None:
        enlarged = _whole(enlarged, "enlarged")
        if not 1 <= enlarged <= _MOST_TIMES:
            raise OptionError(f"{enlarged}: give 1 to {_MOST_TIMES}", "enlarged")
    film = Film(
        storyboard=board,
        drawer=drawer,
        store=kept,
        folder=folder,
        path=path,
        text=text,
        enlarged=enlarged and int(enlarged),
    )
    if isinstance(drawer, PipelineDrawer):
        _remember(kept, drawer.known)
    return film if fps is None else film.at(fps)


def _whole(number: object, option: str) -> int:
    """A whole number of whatever type. Raises `OptionError`."""
    if isinstance(number, bool) or not isinstance(number, Integral):
        raise OptionError(f"{number!r}: give a whole number", option)
    return int(number)


def _opened(store: str | Path | Store) -> Store:
    if isinstance(store, Store):
        return store
    try:
        return open_store(store if "://" in str(store) else Path(store).absolute())
    except ValueError as error:
        raise OptionError(str(error), "store") from None


def _model(model: str, strategy: str | type[Strategy], choices: Mapping[str, Any]) -> ModelDrawer:
    fields = {
        "steps": choices["steps"],
        "text_guidance": choices["guidance"],
        "precision": choices["precision"],
    }
    manifest = read_manifest(find_model(model))
    try:
        chosen = choose(strategy)
    except ValueError as error:
        raise OptionError(str(error), "strategy") from None
    sampling = {name: value for name, value in fields.items() if value is not None}
    return ModelDrawer(manifest=manifest, strategy=chosen, sampling=sampling)


def _pipeline(
    model: str, backend: str | Backend, choices: Mapping[str, Any], store: Store, *, allow_download: bool
) -> PipelineDrawer:
    if model == DEFAULT_MODEL:
        remedy = "name the folder or the id of a pipeline: a back end has none of its own"
        raise OptionError(remedy, "model")
    fields = {"steps": choices["steps"], "guidance": choices["guidance"], "dtype": choices["precision"]}
    try:
        chosen = choose_backend(backend, **fields)
    except ValueError as error:
        raise OptionError(str(error), "backend") from None
    folder = find_pipeline(model, chosen.backend, allow_download=allow_download)
    return PipelineDrawer(chosen=chosen, folder=folder, known=_remembered(store))


def _remembered(store: Store) -> dict[str, str]:
    """Checksums of weights as the store noted them down."""
    try:
        checksums: dict[str, str] = json.loads(store.read_note(_CHECKSUMS) or "{}")
    except ValueError:  # not ours: they are computed anew
        return {}
    return checksums


def _remember(store: Store, known: Mapping[str, str]) -> None:
    """Note checksums down that are new."""
    if known != _remembered(store):
        store.write_note(_CHECKSUMS, json.dumps(known, indent=1) + "\n")
