"""Any frame of any episode, as a picture of any size and as exact ground truth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from longtake.world.canvas import Canvas
from longtake.world.characters import draw_character, pose
from longtake.world.places import GROUND, draw_place, draw_rain
from longtake.world.script import Actor, EpisodeFacts, Shot, episode_facts, shot_at

CLOCK_PERIOD = 4500  # frames in which the sun or moon crosses the sky once
_CLOCK_STEPS = 225  # it moves in steps of 20 frames, so that a still picture is really still
PAN = 0.16  # how far a camera pan shifts the scenery over a shot


@dataclass(frozen=True, kw_only=True)
class ActorTruth:
    """A character in one frame."""

    name: str
    action: str
    direction: int  # -1 walks left, 1 walks right, 0 does not walk
    phase: float  # 0..1
    hue: float  # 0..1, of the outfit
    x: float  # 0..1, of the feet
    box: tuple[float, float, float, float]  # left, top, right, bottom in 0..1, may reach beyond the picture


@dataclass(frozen=True, kw_only=True)
class FrameTruth:
    """Everything that one frame shows."""

    frame: int
    shot: int  # first frame of the shot
    cut: bool  # the shot begins here (never at frame 0)
    caption: str
    place: str
    time: str
    weather: str
    pan: int
    camera: float  # shift of the scenery
    layout: float  # 0..1, the episode's fact about this place
    landmark: float  # where the landmark stands in the picture
    clock: float  # 0..1
    actors: tuple[ActorTruth, ...]  # left to right; each character at most once


def frame(seed: int, number: float, size: int = 64) -> NDArray[np.uint8]:
    """Frame `number` of episode `seed`, or what lies between two: uint8 `[size, size, 3]`, RGB."""
    return draw(shot_at(seed, int(number)), episode_facts(seed), number, size)[0]


def frame_truth(seed: int, number: int) -> FrameTruth:
    """What frame `number` of episode `seed` shows."""
    return draw(shot_at(seed, number), episode_facts(seed), number, 16)[1]


def frames(seed: int, numbers: Sequence[float], size: int = 64) -> NDArray[np.uint8]:
    """Several frames: uint8 `[T, size, size, 3]`."""
    return np.stack([frame(seed, number, size) for number in numbers])


def wide_frame(seed: int, number: float, height: int, width: int) -> NDArray[np.uint8]:
    """Frame `number` of episode `seed` with what lies beside it: uint8 `[height, width, 3]`, RGB.

    Its middle is `frame` of the same height but for the smoothing of what crosses the square's edges: a few
    pixels of its two outermost columns. The landmark, the sun and the characters are there once.
    """
    return draw(shot_at(seed, int(number)), episode_facts(seed), number, height, width)[0]


def draw(
    shot: Shot, hidden: EpisodeFacts, number: float, size: int = 64, width: int | None = None
) -> tuple[NDArray[np.uint8], FrameTruth]:
    """Frame `number` of a film in which `shot` plays then: uint8 `[size, size, 3]`, RGB, and what it shows.

    `number` sets the clock and, from the shot's start on, all motion; nothing else of the film is asked for.
    `width`: pixels of a wider picture, whose middle is the square.
    """
    whole = int(number)
    clock = (whole % CLOCK_PERIOD) * _CLOCK_STEPS // CLOCK_PERIOD / (_CLOCK_STEPS - 1)
    done = (number - shot.start) / (shot.end - shot.start)
    camera = -shot.pan * PAN * (done - 0.5)
    canvas = Canvas(size, width)
    layout = hidden.layouts[shot.place]
    rain = shot.weather == "rain"
    landmark = draw_place(canvas, shot.place, shot.time, rain, layout, clock, camera)
    actors = tuple(_act(canvas, actor, shot, number, hidden.hues[actor.name]) for actor in shot.actors)
    if rain:
        draw_rain(canvas, number)
    return canvas.pixels(), FrameTruth(
        frame=whole,
        shot=shot.start,
        cut=whole == shot.start and whole > 0,
        caption=shot.caption,
        place=shot.place,
        time=shot.time,
        weather=shot.weather,
        pan=shot.pan,
        camera=camera,
        layout=layout,
        landmark=landmark,
        clock=clock,
        actors=actors,
    )


def _act(canvas: Canvas, actor: Actor, shot: Shot, number: float, hue: float) -> ActorTruth:
    since = number - shot.start
    x = actor.x + actor.travel * since / (shot.end - shot.start)
    box = draw_character(
        canvas, actor.name, hue, pose(actor.action, since, actor.phase), x, GROUND, actor.facing
    )
    periods = {"walk": 12, "jump": 20, "wave": 12, "ball": 40}
    phase = (since / periods[actor.action] + actor.phase) % 1.0 if actor.action in periods else 0.0
    walks = actor.action == "walk"
    return ActorTruth(
        name=actor.name,
        action=actor.action,
        direction=actor.facing if walks else 0,
        phase=phase,
        hue=hue,
        x=x,
        box=box,
    )
