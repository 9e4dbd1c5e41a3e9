"""Pictures of the cartoon world that the default model is trained on."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import typer

from longtake.video import Codec, contact_sheet, encode_segment, write_animation, write_png

FPS = 12
_SHEET_FRAMES, _CLIP_FRAMES = 1800, 240  # by default
_SHEET_SIZE, _CLIP_SIZE = 128, 256  # pixels


def show_world(episode: int, *, frames: str | None, size: int | None, out: Path) -> str:
    """Write a contact sheet (.png) or a clip (.mp4, .gif, .webp) of an episode; what was done."""
    try:
        from longtake.world import drawing as world
    except ModuleNotFoundError as error:
        if error.name != "cv2":
            raise
        told = "the cartoon world is drawn with OpenCV: pip install 'longtake[train]'"
        raise typer.BadParameter(told, param_hint="data world") from None
    kind = out.suffix.lower()
    if kind == ".png":
        numbers = _shown(episode, *_parse_frames(frames, _SHEET_FRAMES))
        pictures = (world.frame(episode, i, size or _SHEET_SIZE) for i in numbers)
        captions = [f"{i:,}: {world.frame_truth(episode, i).caption}" for i in numbers]
        write_png(contact_sheet(pictures, captions), out)
        return f"{out}: {len(numbers)} pictures of episode {episode}"
    run, step = _parse_frames(frames, _CLIP_FRAMES)
    clip = (world.frame(episode, i, size or _CLIP_SIZE) for i in run[:: step or 1])
    if kind == ".mp4":
        encode_segment(clip, out, FPS, Codec())
    elif kind in {".gif", ".webp"}:
        write_animation(clip, out, FPS)
    else:
        told = f"{out}: name a .png for a sheet, or an .mp4, .gif or .webp for a clip"
        raise typer.BadParameter(told, param_hint="--out")
    return f"{out}: {len(run[:: step or 1])} frames of episode {episode}"


def _parse_frames(text: str | None, default: int) -> tuple[range, int | None]:
    """The frames of "A:B", "A:B:STEP" or "COUNT", and the step if one was given."""
    given = re.fullmatch(r"(?:([0-9]{0,12}):)?([0-9]{1,12})(?::([0-9]{1,6}))?", text or str(default))
    if given is None or (given[1] is None and given[3]):
        raise typer.BadParameter(f"{text!r}: give A:B, A:B:STEP or a count", param_hint="--frames")
    frames, step = range(int(given[1] or 0), int(given[2])), int(given[3]) if given[3] else None
    if not frames or step == 0:
        raise typer.BadParameter(f"{text!r} holds no frame: give A:B with A below B", param_hint="--frames")
    return frames, step


def _shown(episode: int, frames: range, step: int | None) -> list[int]:
    """Every `step`-th frame, or the middle of every shot."""
    return list(frames[::step]) if step else list(_middles(episode, frames))


def _middles(episode: int, frames: range) -> Iterator[int]:
    from longtake.world.script import shot_at

    at = frames.start
    while at < frames.stop:
        stop = min(shot_at(episode, at).end, frames.stop)
        yield (at + stop) // 2
        at = stop
