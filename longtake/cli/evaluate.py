"""The command that measures films."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from typer import Argument, Option

from longtake.cli.options import (
    STRATEGY,
    FilmOptions,
    Frames,
    Json,
    Model,
    Preset,
    Split,
    StrategyOption,
    show,
)
from longtake.cli.progress import Bar, resumable
from longtake.manifest import DEFAULT_MODEL

if TYPE_CHECKING:
    from longtake.evaluate import api
    from longtake.evaluate.distances.published import Networks
    from longtake.evaluate.report import Report
    from longtake.evaluate.sources import GivenFilm

PRESETS = {"ci": (2, 256), "dev": (8, 1024), "release": (32, 3376)}  # episodes, frames of each


def evaluate(
    film: Annotated[
        Path | None,
        Argument(
            metavar="[FILM|DIR]",
            help="A film, a folder of films of one storyboard, or a folder of PNG frames.",
            show_default=False,
        ),
    ] = None,
    storyboard: Annotated[
        Path | None, Option("--storyboard", help="What the films were rendered from.", metavar="STORYBOARD")
    ] = None,
    real: Annotated[
        Path | None,
        Option("--real", help="Instead of a storyboard: a folder of real videos beside them.", metavar="DIR"),
    ] = None,
    strategy: StrategyOption = STRATEGY,
    strategies: Annotated[
        str | None,
        Option("--strategies", help="Instead of FILM: render episodes by these and compare.", metavar="A,B"),
    ] = None,
    backend: Annotated[
        str | None,
        Option(
            "--backend",
            help="Instead of FILM: render episodes by this pretrained pipeline, --model, and measure them.",
            metavar="NAME[:OPTION=VALUE...]",
        ),
    ] = None,
    split: Annotated[Split, Option("--split", help="Which episodes.")] = Split.TEST,
    preset: Annotated[
        Preset, Option("--preset", help="2 episodes of 256 frames, 8 of 1,024, or 32 of 3,376.")
    ] = Preset.DEV,
    episodes: Annotated[
        int | None,
        Option("--episodes", help="How many.", min=1, metavar="N", show_default="the preset's"),
    ] = None,
    frames: Frames = None,
    model: Model = DEFAULT_MODEL,
    controls: Annotated[
        str, Option("--controls", help="Films that must fail: all, none, or names.", metavar="A,B")
    ] = "all",
    edition: Annotated[
        int | None,
        Option(
            "--edition",
            help="Which edition of the cartoon world stands beside the film, or a back end draws.",
            min=1,
            metavar="N",
            show_default="the model's; with --backend the default model's",
        ),
    ] = None,
    probes: Annotated[
        Path | None,
        Option("--probes", help="Folder of other probes.", metavar="DIR", show_default="longtake's own"),
    ] = None,
    weights: Annotated[
        list[str] | None,
        Option(
            "--weights",
            help="Also measure by this network: i3d, inception, clip, dino, lpips. Repeatable.",
            metavar="NET=PATH",
        ),
    ] = None,
    sha256: Annotated[
        list[str] | None,
        Option(
            "--sha256",
            help="What its weights must be; i3d, inception and lpips are code and need it.",
            metavar="NET=SHA",
        ),
    ] = None,
    allow_download: Annotated[
        bool,
        Option(
            "--allow-download",
            help="A PATH of clip or dino may be fetched from the hub.",
        ),
    ] = False,
    memorised: Annotated[
        bool,
        Option(
            "--memorised/--no-memorised",
            help="Look films up among training clips of longtake's own models; takes minutes at first.",
        ),
    ] = True,
    out: Annotated[Path, Option("--out", help="Folder of the report; it resumes.", metavar="DIR")] = Path(
        "report"
    ),
    workers: Annotated[
        int | None, Option("--workers", help="Processes.", min=1, metavar="K", show_default="one per core")
    ] = None,
    as_json: Json = False,
) -> None:
    """Measure films beside ground truth and controls that must fail.

    Writes a table in markdown, JSON and plots. Missing weights of a named network are said, never replaced.

    Examples: longtake evaluate film.mp4 --storyboard examples/valley.yaml --out report;
    longtake evaluate film.mp4 --real videos --out report;
    longtake evaluate --strategies nuwa-xl --preset ci --out report
    """
    if (film is None) == (strategies is None and backend is None):
        raise typer.BadParameter("name either a film or --strategies", param_hint="FILM")
    if sum(option is not None for option in (strategies, backend, storyboard, real)) != 1:
        needs = "a film needs either --storyboard, what it should show, or --real; --strategies neither"
        raise typer.BadParameter(needs, param_hint="--storyboard")
    for option, value in (("--frames", frames), ("--probes", probes), ("--edition", edition)):
        if real is not None and value is not None:
            raise typer.BadParameter("only goes with --storyboard or --strategies", param_hint=option)
    if strategies is not None and edition is not None:
        needs = "a model is evaluated in the edition that it learnt: leave it out with --strategies"
        raise typer.BadParameter(needs, param_hint="--edition")
    try:
        from longtake.evaluate.api import chosen_controls

        chosen = chosen_controls(controls)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--controls") from None
    networks = _networks(weights or (), sha256 or (), allow_download)
    with _running(out, chosen, probes, networks, workers, memorised) as options:
        if film is None:
            count, length = PRESETS[preset.value]
            ways = [name.strip() for name in strategies.split(",")] if strategies else [backend or ""]
            count, length, backends = episodes or count, frames or length, strategies is None
            report = _compared(ways, model, options, split.value, count, length, backends, edition)
        elif real is not None:
            report = _beside_real(film, real, options)
        else:
            assert storyboard is not None
            planned = FilmOptions(
                storyboard=storyboard, strategy=strategy, model=model, frames=frames, store=str(out / "store")
            )
            report = _beside_truth(film, planned, edition, options)
    show(report.content, report.summary, as_json)


def _compared(
    ways: Sequence[str],
    model: str,
    options: api.EvaluateOptions,
    split: str,
    episodes: int,
    frames: int,
    backends: bool,
    edition: int | None,
) -> Report:
    from longtake.errors import OptionError
    from longtake.evaluate.compare import compare_strategies
    from longtake.strategies import choose
    from longtake.world.vocabulary import SPLITS

    (of,) = [each for each in SPLITS if each == split]
    for way in ways if not backends else ():
        try:
            choose(way)
        except ValueError as error:
            raise OptionError(str(error), "strategies") from None
    return compare_strategies(
        ways,
        model,
        options,
        split=of,
        episodes=episodes,
        frames=frames,
        backends=backends,
        edition=edition,
    )


def _beside_real(path: Path, real: Path, options: api.EvaluateOptions) -> Report:
    from longtake.evaluate import api
    from longtake.manifest import ModelError
    from longtake.video import VideoError

    try:
        return api.beside_real_videos(_films(path, "FILM"), _films(real, "--real"), path.stem, options)
    except (VideoError, ModelError):
        raise
    except ValueError as error:
        raise VideoError(str(error)) from error


def _beside_truth(
    path: Path, planned: FilmOptions, edition: int | None, options: api.EvaluateOptions
) -> Report:
    import logging

    from longtake.evaluate import api
    from longtake.world.edition import world

    films = _films(path, "FILM")
    cartoon = world(api.edition_of(planned.model) if edition is None else edition)
    api.check_options(options, cartoon)
    film = planned.open()
    for missing in api.unread_scenes(api.script_of_board(cartoon, film.storyboard, film.base)):
        logging.getLogger("longtake").warning("%s", missing)
    return api.beside_truth(films, film.storyboard, planned.storyboard.name, film.base, cartoon, options)


def _films(path: Path, hint: str) -> dict[str, GivenFilm]:
    """Videos by name: one, or those of a folder. `hint` says what the user named them as."""
    from longtake.evaluate.sources import films_of

    try:
        return films_of(path)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint=hint) from None


@contextmanager
def _running(
    out: Path,
    controls: Sequence[str] | Literal["all"],
    probes: Path | None,
    networks: Networks,
    workers: int | None,
    memorised: bool,
) -> Iterator[api.EvaluateOptions]:
    """The options as the library takes them, with a bar; Ctrl-C says how to go on."""
    from longtake.evaluate import api

    kept = out / "seen"
    with Bar() as bar, resumable(f"run the same command again to go on; {kept} keeps what was seen"):
        yield api.EvaluateOptions(
            out=out,
            controls=controls,
            probes=probes,
            networks=networks,
            workers=workers,
            memorised=memorised,
            progress=bar.counted,
        )


def _networks(weights: Sequence[str], sha256: Sequence[str], allow_download: bool) -> Networks:
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

    named = by_name(weights, "--weights"), by_name(sha256, "--sha256")
    return open_networks(*named, allow_download, best_device())
