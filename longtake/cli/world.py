"""The command that shows the cartoon world, which the models here learn from."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated

import typer
from typer import Option

if TYPE_CHECKING:
    from longtake.world.edition import World

FPS = 12
_RATE = 48_000  # samples a second
_SHEET_FRAMES, _CLIP_FRAMES = 1800, 240  # by default
_SHEET_SIZE, _CLIP_SIZE = 128, 256  # pixels


def world(
    episode: Annotated[int, Option("--episode", help="Its number; each is endless.", min=0, metavar="N")],
    out: Annotated[
        Path,
        Option(
            "--out",
            help="A .png shows every shot; .mp4, with sound, .gif and .webp are clips; .wav is heard alone.",
            metavar="FILE",
        ),
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
    edition: Annotated[
        int | None,
        Option("--edition", help="Which edition.", min=1, metavar="N", show_default="the newest"),
    ] = None,
) -> None:
    """Show the cartoon world that the models here learn from.

    A sheet of an episode's shots beside their captions, or a clip.

    Example: longtake data world --episode 7 --out sheet.png
    """
    from longtake.sound import add_sound, write_wav
    from longtake.video import Codec, contact_sheet, encode_segment, write_animation, write_png
    from longtake.world import edition as editions

    try:
        cartoon = editions.world(editions.CURRENT if edition is None else edition)
    except ModuleNotFoundError as error:
        if error.name != "cv2":
            raise
        remedy = "the cartoon world is drawn with OpenCV: pip install 'longtake[train]'"
        raise typer.BadParameter(remedy, param_hint="data world") from None
    kind = out.suffix.lower()
    if kind == ".png":
        numbers = _shown(cartoon, episode, *_parse_frames(frames, _SHEET_FRAMES))
        pictures = (cartoon.frame(episode, i, size or _SHEET_SIZE) for i in numbers)
        captions = [f"{i:,}: {cartoon.frame_truth(episode, i).caption}" for i in numbers]
        write_png(contact_sheet(pictures, captions), out)
        typer.echo(f"{out}: {len(numbers)} pictures of episode {episode}")
        return
    run, step = _parse_frames(frames, _CLIP_FRAMES)
    clip = (cartoon.frame(episode, i, size or _CLIP_SIZE) for i in run[:: step or 1])
    heard = cartoon.waveform if (step or 1) == 1 else None  # with frames left out nothing is in time
    sound = None
    if heard is not None and kind in {".mp4", ".wav"}:
        sound = heard(episode, run.start / FPS, round(len(run) * _RATE / FPS), rate=_RATE, fps=FPS)
    if kind == ".wav" and sound is None:
        remedy = (
            f"{out}: frames that are left out, and edition 1, make no sound: leave out the step, or --edition"
        )
        raise typer.BadParameter(remedy, param_hint="--out")
    if kind == ".wav" and size is not None:
        raise typer.BadParameter("sound has no pixels: leave it out with a .wav", param_hint="--size")
    if kind == ".mp4":
        with TemporaryDirectory() as aside:
            silent = out if sound is None else Path(aside) / "silent.mp4"
            encode_segment(clip, silent, FPS, Codec())
            if sound is not None:
                add_sound(silent, sound, _RATE, out)
    elif kind in {".gif", ".webp"}:
        write_animation(clip, out, FPS)
    elif sound is not None:
        write_wav(sound, _RATE, out)
    else:
        remedy = f"{out}: name a .png for a sheet, an .mp4, .gif or .webp for a clip, or a .wav for its sound"
        raise typer.BadParameter(remedy, param_hint="--out")
    with_sound = " with sound" if sound is not None and kind == ".mp4" else ""
    typer.echo(f"{out}: {len(run[:: step or 1])} frames of episode {episode}{with_sound}")


def _parse_frames(text: str | None, default: int) -> tuple[range, int | None]:
    """The frames of "A:B", "A:B:STEP" or "COUNT", and the step if one was given."""
    given = re.fullmatch(r"(?:([0-9]{0,12}):)?([0-9]{1,12})(?::([0-9]{1,6}))?", text or str(default))
    if given is None or (given[1] is None and given[3]):
        raise typer.BadParameter(f"{text!r}: give A:B, A:B:STEP or a count", param_hint="--frames")
    frames, step = range(int(given[1] or 0), int(given[2])), int(given[3]) if given[3] else None
    if not frames or step == 0:
        raise typer.BadParameter(f"{text!r} holds no frame: give A:B with A below B", param_hint="--frames")
    return frames, step


def _shown(cartoon: World, episode: int, frames: range, step: int | None) -> list[int]:
    """Every `step`-th frame, or the middle of every shot."""
    return list(frames[::step]) if step else list(_middles(cartoon, episode, frames))


def _middles(cartoon: World, episode: int, frames: range) -> Iterator[int]:
    at = frames.start
    while at < frames.stop:
        stop = min(cartoon.shot_at(episode, at).end, frames.stop)
        yield (at + stop) // 2
        at = stop
