"""The command line. What a command needs is imported when it is called, so that help is instant.

Exit codes: 0 done, 1 anything unforeseen, 2 usage, 3 a bad storyboard or file, 130 interrupted and resumable.
Results go to stdout, everything else to stderr.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from typer import Argument, Option

from longtake import __version__
from longtake.manifest import DEFAULT_MODEL

__all__ = ["app", "main"]

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Make a film of any length from a storyboard, by diffusion.",
)
data = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="What models learn from.")
app.add_typer(data, name="data")
store_commands = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Look after what is stored.")
app.add_typer(store_commands, name="store")


class Strategy(StrEnum):
    """How a film is cut into clips."""

    NUWA_XL = "nuwa-xl"


class Split(StrEnum):
    """Episodes of the cartoon world."""

    TRAIN = "train"
    VALIDATION = "validation"
    TEST = "test"


class Preset(StrEnum):
    """How much is evaluated."""

    CI = "ci"
    DEV = "dev"
    RELEASE = "release"


class Executor(StrEnum):
    """Where clips are drawn."""

    LOCAL = "local"
    RAY = "ray"


class Order(StrEnum):
    """What is drawn first."""

    FILM = "film"
    KEYFRAMES_FIRST = "keyframes-first"


class Precision(StrEnum):
    """Numbers that the network computes with."""

    FP32 = "fp32"
    BF16 = "bf16"


Storyboard = Annotated[
    Path, Argument(metavar="STORYBOARD", help="A YAML file of scenes.", show_default=False)
]
StrategyOption = Annotated[Strategy, Option("--strategy", help="How the film is planned.")]
Frames = Annotated[
    int | None, Option("--frames", help="Only the first N frames, as a film of their own.", metavar="N")
]
Span = Annotated[
    str | None, Option("--span", help="Only frames A to B - 1 of the film as planned.", metavar="A:B")
]
Seed = Annotated[int | None, Option("--seed", help="Another seed than the storyboard's.", min=0, metavar="S")]
Model = Annotated[
    str, Option("--model", help="A model that comes with longtake, or a folder.", metavar="NAME|DIR")
]
Steps = Annotated[
    int | None,
    Option("--steps", help="Sampling steps, on all levels.", min=1, metavar="N", show_default="the model's"),
]
Guidance = Annotated[
    float | None,
    Option(
        "--guidance", help="Guidance by the text, on all levels.", metavar="X", show_default="the model's"
    ),
]
PrecisionOption = Annotated[
    Precision | None, Option("--precision", help="Numbers to compute with.", show_default="the model's")
]
StoreOption = Annotated[
    str | None,
    Option(
        "--store",
        help="Folder, or URL such as s3://bucket/films, that keeps clips and pieces of film.",
        metavar="DIR|URL",
        show_default=".longtake beside the storyboard",
    ),
]
Json = Annotated[bool, Option("--json", help="Print one JSON object.")]


def _show_version(asked: bool) -> None:
    if asked:
        typer.echo(f"longtake {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, Option("--version", help="Print the version.", callback=_show_version, is_eager=True)
    ] = False,
    debug: Annotated[bool, Option("--debug", help="Show an error's traceback.")] = False,  # `main` sees to it
) -> None:
    pass


@app.command()
def render(
    storyboard: Storyboard,
    out: Annotated[Path, Option("--out", help="The film to write.", metavar="FILM.mp4")] = Path("film.mp4"),
    strategy: StrategyOption = Strategy.NUWA_XL,
    frames: Frames = None,
    span: Span = None,
    seed: Seed = None,
    model: Model = DEFAULT_MODEL,
    steps: Steps = None,
    guidance: Guidance = None,
    precision: PrecisionOption = None,
    store: StoreOption = None,
    executor: Annotated[Executor, Option("--executor", help="Where clips are drawn.")] = Executor.LOCAL,
    address: Annotated[
        str | None,
        Option("--address", help="A Ray cluster's.", metavar="ADDRESS", show_default="one is started here"),
    ] = None,
    workers: Annotated[
        int | None,
        Option(
            "--workers",
            help="Processes that draw.",
            min=1,
            metavar="K",
            show_default="cores up to 4, with Ray all; one per GPU",
        ),
    ] = None,
    order: Annotated[
        Order, Option("--order", help="From the film's start on, or all of a level before the next one.")
    ] = Order.FILM,
    follow: Annotated[
        Path | None,
        Option(
            "--follow",
            help="Also write an HLS stream there, which can be played while the film is made.",
            metavar="DIR",
        ),
    ] = None,
    sheet: Annotated[
        Path | None,
        Option("--sheet", help="Also write a picture of every scene beside its prompt.", metavar="PNG"),
    ] = None,
    upscale: Annotated[
        int | None,
        Option(
            "--upscale",
            help="Enlarge the frames K times.",
            min=1,
            max=64,
            metavar="K",
            show_default="to 256 pixels",
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Draw what is missing and write the film.

    Clips that are in the store are not drawn again: interrupted at any moment, the
    same command goes on where it was.

    Example: longtake render examples/valley.yaml --out valley.mp4
    """
    from longtake.commands import render as command

    if address is not None and executor is not Executor.RAY:
        raise typer.BadParameter("only goes with --executor ray", param_hint="--address")
    selection = _select(storyboard, strategy, model, frames, seed, steps, guidance, precision, store)
    result = command.render(
        selection,
        out=out,
        span=span,
        executor=executor.value,
        address=address,
        workers=workers,
        order=order.value,
        follow=follow,
        sheet=sheet,
        upscale=upscale,
    )
    _print(*result, as_json)


@app.command()
def plan(
    storyboard: Storyboard,
    strategy: StrategyOption = Strategy.NUWA_XL,
    frames: Frames = None,
    span: Span = None,
    seed: Seed = None,
    model: Model = DEFAULT_MODEL,
    steps: Steps = None,
    guidance: Guidance = None,
    precision: PrecisionOption = None,
    store: StoreOption = None,
    as_json: Json = False,
) -> None:
    """Tell what a render would draw.

    It answers at once, and says on which level (0 = keyframes) each scene is first seen.

    Example: longtake plan examples/valley.yaml --frames 1024
    """
    from longtake.commands import render as command

    selection = _select(storyboard, strategy, model, frames, seed, steps, guidance, precision, store)
    _print(*command.plan(selection, span=span), as_json)


@app.command()
def keys(
    storyboard: Storyboard,
    out: Annotated[Path, Option("--out", help="The sheet to write.", metavar="SHEET.png")] = Path(
        "sheet.png"
    ),
    strategy: StrategyOption = Strategy.NUWA_XL,
    frames: Frames = None,
    seed: Seed = None,
    model: Model = DEFAULT_MODEL,
    steps: Steps = None,
    guidance: Guidance = None,
    precision: PrecisionOption = None,
    store: StoreOption = None,
    as_json: Json = False,
) -> None:
    """Draw only the keyframes, on one sheet.

    Example: longtake keys examples/valley.yaml --out sheet.png
    """
    from longtake.commands import render as command

    selection = _select(storyboard, strategy, model, frames, seed, steps, guidance, precision, store)
    _print(*command.keys(selection, out=out), as_json)


@app.command()
def peek(
    storyboard: Storyboard,
    when: Annotated[
        str, Argument(metavar="WHEN", help="Frame number, or a time as [hh:]mm:ss.", show_default=False)
    ],
    out: Annotated[Path, Option("--out", help="The picture to write.", metavar="FRAME.png")] = Path(
        "frame.png"
    ),
    strategy: StrategyOption = Strategy.NUWA_XL,
    frames: Frames = None,
    seed: Seed = None,
    model: Model = DEFAULT_MODEL,
    steps: Steps = None,
    guidance: Guidance = None,
    precision: PrecisionOption = None,
    store: StoreOption = None,
    as_json: Json = False,
) -> None:
    """Draw one frame of the film.

    It is the frame as the encoder gets it, and no clip is drawn that it does not need.

    Example: longtake peek examples/valley.yaml 2:30 --out frame.png
    """
    from longtake.commands import render as command

    selection = _select(storyboard, strategy, model, frames, seed, steps, guidance, precision, store)
    _print(*command.peek(selection, when, out=out), as_json)


@app.command()
def edit(
    storyboard: Storyboard,
    scene: Annotated[
        str | None, Option("--scene", help="Which scene, or the id of a new one.", metavar="ID")
    ] = None,
    prompt: Annotated[
        str | None, Option("--prompt", help="Its new prompt, or that of a new scene.", metavar="TEXT")
    ] = None,
    reroll: Annotated[bool, Option("--reroll", help="Draw the scene from other noise.")] = False,
    move_to: Annotated[
        str | None, Option("--move-to", help="Let the scene start there.", metavar="WHEN")
    ] = None,
    remove: Annotated[bool, Option("--remove", help="Take the scene out.")] = False,
    insert_at: Annotated[
        str | None,
        Option("--insert-at", help="Put a new scene there, or at the 'end'.", metavar="WHEN|end"),
    ] = None,
    frames: Annotated[
        int | None, Option("--frames", help="How long a new scene is.", min=1, metavar="N")
    ] = None,
    pin: Annotated[
        str | None,
        Option("--pin", help="A picture, to become the frame at --at.", metavar="PICTURE"),
    ] = None,
    at: Annotated[str | None, Option("--at", help="Where it is pinned.", metavar="WHEN")] = None,
    undo: Annotated[bool, Option("--undo", help="Take the last edit back.")] = False,
    to: Annotated[
        Path | None,
        Option("--to", help="Find the edits that lead to the scenes of this one.", metavar="STORYBOARD"),
    ] = None,
    out: Annotated[
        Path | None, Option("--out", help="Write there instead.", metavar="FILE", show_default="STORYBOARD")
    ] = None,
    dry_run: Annotated[bool, Option("--dry-run", help="Only tell what it would cost.")] = False,
    strategy: StrategyOption = Strategy.NUWA_XL,
    seed: Seed = None,
    model: Model = DEFAULT_MODEL,
    steps: Steps = None,
    guidance: Guidance = None,
    precision: PrecisionOption = None,
    store: StoreOption = None,
    as_json: Json = False,
) -> None:
    """Change a film; the next render draws only what the change touches.

    The edit is written into the storyboard, after its scenes. WHEN is a frame number
    or a time of the film as it is.

    Examples: longtake edit film.yaml --scene rain --prompt "It snows";
    longtake edit film.yaml --scene rain --reroll;
    longtake edit film.yaml --scene night --move-to 1:30;
    longtake edit film.yaml --scene storm --prompt "It rains" --insert-at 0:21 --frames 120;
    longtake edit film.yaml --pin fox.png --at 0:40;
    longtake edit film.yaml --undo
    """
    from longtake.commands import edit as command

    change = command.change_of(scene, prompt, reroll, move_to, remove, insert_at, frames, pin, at)
    selection = _select(storyboard, strategy, model, None, seed, steps, guidance, precision, store)
    result = command.edit(selection, change=change, undo=undo, to=to, out=out, dry_run=dry_run)
    _print(*result, as_json)


@app.command()
def doctor(
    store: Annotated[Path, Option("--store", help="Folder that would keep clips.", metavar="DIR")] = Path(
        ".longtake"
    ),
    as_json: Json = False,
) -> None:
    """Check what this machine has for longtake.

    Exit code 1 where something essential fails.

    Example: longtake doctor
    """
    from longtake.commands.doctor import examine

    checks = []
    for check in examine(store):
        checks.append(check)
        if not as_json:
            typer.echo(f"{check.state:<4}  {check.name:<7} {check.detail}")
    sound = all(check.state != "fail" for check in checks)
    if as_json:
        typer.echo(json.dumps({"ok": sound, "checks": [check._asdict() for check in checks]}))
    if not sound:
        raise typer.Exit(1)


@store_commands.command()
def verify(
    store: Annotated[str, Option("--store", help="Which one.", metavar="DIR|URL")] = ".longtake",
    drop: Annotated[bool, Option("--drop", help="Remove what is damaged.")] = False,
    as_json: Json = False,
) -> None:
    """Read everything that is stored against its checksums.

    Exit code 1 where something is damaged and stays.

    Example: longtake store verify --store examples/.longtake
    """
    from longtake.commands import store as command

    report, told = command.verify(store, drop=drop)
    _print(report, told, as_json)
    if report["damaged"] and not drop:
        raise typer.Exit(1)


@store_commands.command()
def gc(
    storyboards: Annotated[
        list[Path], Argument(metavar="STORYBOARD...", help="The films to keep.", show_default=False)
    ],
    strategy: StrategyOption = Strategy.NUWA_XL,
    seed: Seed = None,
    model: Model = DEFAULT_MODEL,
    steps: Steps = None,
    guidance: Guidance = None,
    precision: PrecisionOption = None,
    store: StoreOption = None,
    dry_run: Annotated[bool, Option("--dry-run", help="Only tell what would go.")] = False,
    as_json: Json = False,
) -> None:
    """Remove what none of the named films needs.

    Name all films of the folder, with the options that they are rendered with.

    Example: longtake store gc film.yaml --dry-run
    """
    from longtake.commands import store as command
    from longtake.commands.selection import STORE

    where = store or str(storyboards[0].parent / STORE)
    selections = [
        _select(board, strategy, model, None, seed, steps, guidance, precision, where)
        for board in storyboards
    ]
    _print(*command.gc(selections, where=where, dry_run=dry_run), as_json)


@data.command()
def world(
    episode: Annotated[int, Option("--episode", help="Its number; each is endless.", min=0, metavar="N")],
    out: Annotated[
        Path,
        Option("--out", help="A .png shows every shot; .mp4, .gif and .webp are clips.", metavar="FILE"),
    ] = Path("sheet.png"),
    frames: Annotated[
        str | None,
        Option(
            "--frames", help="Which frames.", metavar="A:B[:STEP]|COUNT", show_default="1800; in a clip 240"
        ),
    ] = None,
    size: Annotated[
        int | None,
        Option(
            "--size",
            help="Pixels per side.",
            min=16,
            max=2048,
            metavar="N",
            show_default="128; in a clip 256",
        ),
    ] = None,
) -> None:
    """Show the cartoon world that the models here learn from.

    A sheet of an episode's shots beside their captions, or a clip.

    Example: longtake data world --episode 7 --out sheet.png
    """
    from longtake.commands.world import show_world

    typer.echo(show_world(episode, frames=frames, size=size, out=out))


@app.command()
def train(
    stage: Annotated[
        str,
        Argument(
            metavar="STAGE|all",
            help="Which part to train; a wrong name gets the list. 'all': what leads to a model.",
            show_default=False,
        ),
    ],
    recipe: Annotated[str, Option("--recipe", help="The whole configuration, by name.", metavar="NAME")],
    out: Annotated[Path, Option("--out", help="Folder of the run; it resumes what is there.", metavar="DIR")],
    device: Annotated[
        str | None, Option("--device", help="As torch names it.", show_default="an accelerator, else cpu")
    ] = None,
    preset: Annotated[
        Preset | None,
        Option("--preset", help="With all: how much is evaluated, as for evaluate.", show_default="dev"),
    ] = None,
    begin: Annotated[
        str | None,
        Option(
            "--from",
            help="Begin with the networks of this model: autoencoder and text encoder as they are.",
            metavar="NAME|DIR",
            show_default="random weights",
        ),
    ] = None,
) -> None:
    """Train all of a recipe, or one stage.

    All: the stages in order, the evaluation of the model in DIR/package, and its card there.
    Stopped at any moment, the same command goes on from the last checkpoint.

    Examples: longtake train all --recipe toon-64 --out runs/toon-64;
    longtake train autoencoder --recipe toon-64 --out runs/toon-64;
    longtake train all --recipe toon-128 --from toon-128-undistilled --out runs/longer
    """
    from longtake.commands.train import run

    run(stage, recipe, out, device, preset and preset.value, begin)


@app.command()
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
    strategies: Annotated[
        str | None,
        Option("--strategies", help="Instead of FILM: render episodes by these and compare.", metavar="A,B"),
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
        bool, Option("--allow-download", help="A PATH of clip or dino may be fetched from the hub.")
    ] = False,
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
    from longtake.commands import evaluate as command

    options = command.Options(
        out=out,
        controls=controls,
        probes=probes,
        workers=workers,
        weights=weights or (),
        sha256=sha256 or (),
        allow_download=allow_download,
    )
    if (film is None) == (strategies is None):
        raise typer.BadParameter("name either a film or --strategies", param_hint="FILM")
    if sum(option is not None for option in (strategies, storyboard, real)) != 1:
        said = "a film needs either --storyboard, what it should show, or --real; --strategies neither"
        raise typer.BadParameter(said, param_hint="--storyboard")
    if strategies is not None:
        count, length = command.PRESETS[preset.value]
        asked = [name.strip() for name in strategies.split(",")]
        report, told = command.evaluate_strategies(
            asked, model, split.value, episodes or count, frames or length, options
        )
    elif real is not None:
        if frames is not None:
            raise typer.BadParameter("only goes with --storyboard or --strategies", param_hint="--frames")
        assert film is not None
        report, told = command.evaluate_real(film, real, options)
    else:
        assert film is not None
        assert storyboard is not None
        selection = _select(
            storyboard, Strategy.NUWA_XL, model, frames, None, None, None, None, str(out / "store")
        )
        report, told = command.evaluate_films(film, selection, options)
    _print(report, told, as_json)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command line (default: the process's); its exit code."""
    given = sys.argv[1:] if arguments is None else list(arguments)
    try:
        typer.main.get_command(app).main(given, prog_name="longtake")
    except SystemExit as done:
        return done.code if isinstance(done.code, int) else int(done.code is not None)
    except Exception as error:
        if "--debug" in given:
            raise
        return _report(error)
    return 0


_EXTRAS = {  # module -> what it is needed for, the extra that brings it
    "cv2": ("the cartoon world is drawn with OpenCV", "evaluate"),
    "ray": ("--executor ray needs Ray", "ray"),
    "obstore": ("a store at a URL needs obstore", "cloud"),
}


def _report(error: Exception) -> int:
    """One line on stderr, and the exit code."""
    from longtake.commands.draw import Interrupted
    from longtake.executors import WorkerDied
    from longtake.manifest import ModelError
    from longtake.store import CorruptClip
    from longtake.storyboard import StoryboardError
    from longtake.video import VideoError

    text = " ".join(str(error).split())
    if isinstance(error, Interrupted):
        typer.echo(text, err=True)
        return 130
    if isinstance(error, OSError):  # of a file, or of a full disk
        where = f"{error.filename}: " if error.filename is not None else ""
        typer.echo(f"error: {where}{error.strerror or text}", err=True)
        return 3
    if isinstance(error, (StoryboardError, ModelError, VideoError, CorruptClip)):
        typer.echo(f"error: {text}", err=True)
        return 3
    if isinstance(error, ModuleNotFoundError) and error.name in _EXTRAS:
        need, extra = _EXTRAS[error.name]
        typer.echo(f"error: {need}: pip install 'longtake[{extra}]'", err=True)
        return 3
    if isinstance(error, WorkerDied):
        typer.echo(f"error: {text}", err=True)
        return 1
    typer.echo(f"error: {type(error).__name__}: {text} (longtake --debug ... shows where)", err=True)
    return 1


def _select(
    storyboard: Path,
    strategy: Strategy,
    model: str,
    frames: int | None,
    seed: int | None,
    steps: int | None,
    guidance: float | None,
    precision: Precision | None,
    store: str | None,
) -> Any:
    from longtake.commands.selection import Selection

    return Selection(
        storyboard=storyboard,
        strategy=strategy.value,
        model=model,
        frames=frames,
        seed=seed,
        steps=steps,
        guidance=guidance,
        precision=precision and precision.value,
        store=store,
    )


def _print(report: dict[str, Any], told: str, as_json: bool) -> None:
    typer.echo(json.dumps(report) if as_json else told)
