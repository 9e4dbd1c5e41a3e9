"""The command line. What a command needs is imported when it is called, so that help is instant.

Exit codes: 0 done, 1 anything unforeseen, 2 usage, 3 a bad storyboard or file, 130 interrupted and resumable.
Results go to stdout, everything else to stderr.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Sequence
from typing import Annotated, Any

import typer
from typer import Option
from typer.core import TyperCommand

from longtake import __version__
from longtake.cli import data, doctor, edit, evaluate, films, inflate, store, train, world
from longtake.cli.options import takes_film
from longtake.cli.progress import Interrupted, Notes
from longtake.errors import OptionError

__all__ = ["app", "main"]


class _Command(TyperCommand):
    """A choice that the library refuses is told as one that the command line refuses."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except OptionError as error:
            hint = error.option and f"--{error.option}"
            raise typer.BadParameter(str(error), ctx=ctx, param_hint=hint) from None


app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Make a film of any length from a storyboard, by diffusion.",
)
for _command in (films.render, films.plan, films.keys, films.peek):
    app.command(cls=_Command)(takes_film(_command))
app.command(cls=_Command)(takes_film(edit.edit, without=("frames",)))
_store = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Look after what is stored.")
_store.command()(store.verify)
_store.command(cls=_Command)(takes_film(store.gc, without=("strategy", "frames"), storyboard=False))
app.add_typer(_store, name="store")
for _other in (train.train, inflate.inflate, evaluate.evaluate, doctor.doctor):
    app.command(cls=_Command)(_other)
_data = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="What models learn from.")
for _of_data in (world.world, data.ingest, data.export, data.storyboard):
    _data.command(cls=_Command)(_of_data)
app.add_typer(_data, name="data")


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


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command line (default: the process's); its exit code."""
    given = sys.argv[1:] if arguments is None else list(arguments)
    log, notes = logging.getLogger("longtake"), Notes()
    log.addHandler(notes)
    log.setLevel(logging.INFO)
    log.propagate = False
    try:
        typer.main.get_command(app).main(given, prog_name="longtake")
    except SystemExit as done:
        return done.code if isinstance(done.code, int) else int(done.code is not None)
    except Exception as error:
        if "--debug" in given:
            raise
        return _report(error)
    finally:
        log.removeHandler(notes)
        log.propagate = True
    return 0


_EXTRAS = {  # module -> what it is needed for, the extra that brings it
    "cv2": ("the cartoon world is drawn with OpenCV", "evaluate"),
    "ray": ("--executor ray needs Ray", "ray"),
    "obstore": ("a store at a URL needs obstore", "cloud"),
    "scenedetect": ("shots are found by scenedetect", "data"),
    "pysubs2": ("captions are read by pysubs2", "data"),
}


def _report(error: Exception) -> int:
    """One line on stderr, and the exit code."""
    from longtake.data.cues import CueError
    from longtake.data.tables import DataSetError
    from longtake.film.executors import WorkerDied
    from longtake.manifest import ModelError
    from longtake.store import CorruptClip
    from longtake.storyboard import StoryboardError
    from longtake.strategies import CannotDraw
    from longtake.video import VideoError

    text = " ".join(str(error).split())
    if isinstance(error, Interrupted):
        typer.echo(text, err=True)
        return 130
    if isinstance(error, OSError):  # of a file, or of a full disk
        where = f"{error.filename}: " if error.filename is not None else ""
        typer.echo(f"error: {where}{error.strerror or text}", err=True)
        return 3
    known = (StoryboardError, ModelError, VideoError, CorruptClip, CannotDraw, DataSetError, CueError)
    if isinstance(error, known):
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
