"""Any frame of any episode, as a picture of any size and as exact ground truth."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from longtake.world import facts
from longtake.world.episodes import EpisodeFacts
from longtake.world.facts import ActorTruth, FrameTruth
from longtake.world.first.canvas import Canvas
from longtake.world.first.characters import draw_character, pose
from longtake.world.first.places import GROUND, draw_place, draw_rain
from longtake.world.first.script import Actor, Shot

CLOCK_PERIOD = 4500  # frames in which the sun or moon crosses the sky once
_CLOCK_STEPS = 225  # it moves in steps of 20 frames, so that a still picture is really still
PAN = 0.16  # how far a camera pan shifts the scenery over a shot


def camera(shot: facts.Shot, number: float) -> float:
    """How far the scenery is shifted at frame `number`, in picture widths."""
    return -shot.pan * PAN * ((number - shot.start) / (shot.end - shot.start) - 0.5)


def draw(
    shot: facts.Shot, hidden: EpisodeFacts, number: float, size: int = 64, width: int | None = None
) -> tuple[NDArray[np.uint8], FrameTruth]:
    """Frame `number` of a film in which `shot` plays then: uint8 `[size, size, 3]`, RGB, and what it shows.

    `number` sets the clock and, from the shot's start on, all motion; nothing else of the film is asked for.
    `width`: pixels of a wider picture, whose middle is the square.
    """
    assert isinstance(shot, Shot), "a shot of another edition"
    whole = int(number)
    clock = (whole % CLOCK_PERIOD) * _CLOCK_STEPS // CLOCK_PERIOD / (_CLOCK_STEPS - 1)
    shift = camera(shot, number)
    canvas = Canvas(size, width)
    layout = hidden.layouts[shot.place]
    rain = shot.weather == "rain"
    landmark = draw_place(canvas, shot.place, shot.time, rain, layout, clock, shift)
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
        camera=shift,
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
