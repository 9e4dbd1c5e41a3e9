"""Any frame of any episode, as a picture of any size and as exact ground truth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from longtake.world.second.canvas import Canvas, Colour, circle, mix
from longtake.world.second.characters import Box, draw_character
from longtake.world.second.motion import BALL_RADIUS, HEIGHT, ZOOM, Pose, pose, rounds, staging
from longtake.world.second.places import (
    GROUND,
    draw_place,
    draw_sky,
    draw_weather,
    light_on_figures,
    seen_at,
)
from longtake.world.second.script import shot_at
from longtake.world.second.shot import Actor, Shot, Track
from longtake.world.script import EpisodeFacts, episode_facts

CLOCK_PERIOD = 4500  # frames in which the sun or moon crosses the sky once
_CLOSE_GROUND = 0.96  # where feet stand in a close shot


@dataclass(frozen=True, kw_only=True)
class ActorTruth:
    """A character in one frame."""

    name: str
    action: str  # what it is there for; a walker that has arrived stands
    doing: str  # the action, or "stand"
    direction: int  # -1 walks left, 1 walks right, 0 does not walk
    phase: float  # 0..1
    hue: float  # 0..1, of the outfit
    x: float  # of the feet, 0..1, may lie outside the picture
    box: tuple[float, float, float, float]  # left, top, right, bottom in 0..1, may reach beyond the picture
    pose: Pose
    contacts: tuple[bool, bool]  # whether each foot stands on the ground
    ball: tuple[float, float] | None  # the middle of its ball in the picture


@dataclass(frozen=True, kw_only=True)
class FrameTruth:
    """Everything that one frame shows."""

    frame: int
    shot: int  # first frame of the shot
    since: float  # frames since the shot began
    until: float  # frames until it ends
    cut: bool  # the shot begins here (never at frame 0)
    caption: str
    place: str
    time: str
    weather: str
    pan: int
    close: bool
    camera: float  # how far the scenery has moved to the left since the shot began, picture widths
    layout: float  # 0..1, the episode's fact about this place
    landmark: float  # where the landmark stands, -0.5..1.5 on the scenery's round, were the shot not close
    clock: float  # 0..1, how far the sun or moon is on its way
    suns: tuple[tuple[float, float], ...]  # where it is in the picture; where things are doubled, twice
    landmarks: tuple[float, ...]  # where landmarks stand in the picture; only those that are in it
    actors: tuple[ActorTruth, ...]  # left to right; each character at most once


def frame(seed: int, number: float, size: int = 64, track: Track | None = None) -> NDArray[np.uint8]:
    """Frame `number` of episode `seed`, or what lies between two: uint8 `[size, size, 3]`, RGB."""
    return draw(shot_at(seed, int(number), track), episode_facts(seed), number, size)[0]


def frame_truth(seed: int, number: int, track: Track | None = None) -> FrameTruth:
    """What frame `number` of episode `seed` shows."""
    return draw(shot_at(seed, number, track), episode_facts(seed), number, 16)[1]


def frames(
    seed: int, numbers: Sequence[float], size: int = 64, track: Track | None = None
) -> NDArray[np.uint8]:
    """Several frames: uint8 `[T, size, size, 3]`."""
    return np.stack([frame(seed, number, size, track) for number in numbers])


def wide_frame(seed: int, number: float, height: int, width: int) -> NDArray[np.uint8]:
    """Frame `number` of episode `seed` with what lies beside it: uint8 `[height, width, 3]`, RGB.

    Its middle is `frame` of the same height but for the smoothing of what crosses the square's edges: a few
    pixels of its two outermost columns. The landmark, the sun and the characters are there once.
    """
    return draw(shot_at(seed, int(number)), episode_facts(seed), number, height, width)[0]


def draw(
    shot: Shot,
    hidden: EpisodeFacts,
    number: float,
    size: int = 64,
    width: int | None = None,
    *,
    doubled: tuple[float | None, float | None] = (None, None),
) -> tuple[NDArray[np.uint8], FrameTruth]:
    """Frame `number` of a film in which `shot` plays then: uint8 `[size, size, 3]`, RGB, and what it shows.

    `number` sets the sun and, from the shot's start on, all motion; nothing else of the film is asked for.
    `width`: pixels of a wider picture, whose middle is the square. `doubled`: so far to the right of the sun
    and of the landmark there is another one, as faulty films have it; never in an episode.
    """
    since = number - shot.start
    clock = (number % CLOCK_PERIOD) / CLOCK_PERIOD
    stage, view = staging(shot, since), _View.of(shot)
    layout, hue = hidden.layouts[shot.place], hidden.hues
    scroll = stage.scroll / view.zoom
    mark = 0.10 + 0.80 * layout - scroll
    canvas = Canvas(size, width)
    suns = draw_sky(canvas, shot.time, shot.weather, clock, scroll, since, doubled[0])
    canvas.view(view.zoom, view.x, view.y)
    soil = draw_place(canvas, shot.place, shot.time, shot.weather, mark, scroll, since, doubled[1])
    light = light_on_figures(shot.time, shot.weather)
    seen = [
        (actor, (x - view.x) / view.zoom, pose(actor, since))
        for actor, x in zip(shot.actors, stage.xs, strict=True)
    ]
    for actor, x, at in seen:
        _shadow(canvas, actor, x, at, mix(soil, (10, 10, 30), 0.28))
    boxes = [
        draw_character(canvas, actor.name, hue[actor.name], at, x, GROUND, actor.facing, light)
        for actor, x, at in seen
    ]
    beside = [0.0] if doubled[1] is None else [0.0, doubled[1]]
    marks = [view.seen(seen_at(mark + more), 0)[0] for more in beside]
    canvas.view(1.0)
    draw_weather(canvas, shot.weather, since)
    actors = tuple(
        _truth(actor, x, at, box, view, since, hue[actor.name])
        for (actor, x, at), box in zip(seen, boxes, strict=True)
    )
    return canvas.pixels(), FrameTruth(
        frame=int(number),
        shot=shot.start,
        since=since,
        until=shot.end - number,
        cut=int(number) == shot.start and number > 0,
        caption=shot.caption,
        place=shot.place,
        time=shot.time,
        weather=shot.weather,
        pan=shot.pan,
        close=shot.close,
        camera=stage.scroll,
        layout=layout,
        landmark=seen_at(mark),
        clock=clock,
        suns=suns,
        landmarks=tuple(x for x in marks if 0 <= x <= 1),
        actors=actors,
    )


@dataclass(frozen=True)
class _View:
    """A point p of the scene is seen at `zoom * p + (x, y)`."""

    zoom: float
    x: float
    y: float

    @classmethod
    def of(cls, shot: Shot) -> _View:
        if not shot.close:
            return cls(1.0, 0.0, 0.0)
        return cls(ZOOM, 0.5 * (1 - ZOOM), _CLOSE_GROUND - GROUND * ZOOM)

    def seen(self, x: float, y: float) -> tuple[float, float]:
        return self.zoom * x + self.x, self.zoom * y + self.y


def _shadow(canvas: Canvas, actor: Actor, x: float, at: Pose, colour: Colour) -> None:
    """On the ground, smaller the higher a figure is: it tells how high."""
    broad = (0.34 if at.lying else 0.17) * HEIGHT * 1.25 / (1 + 1.6 * at.lift)
    canvas.shape(circle(x, GROUND + 0.004, broad, 0.016 / (1 + at.lift)), colour)
    if at.ball is not None:
        beside, high = at.ball
        small = BALL_RADIUS * HEIGHT / (1 + high)
        canvas.shape(circle(x + actor.facing * beside * HEIGHT, GROUND + 0.004, small, 0.012), colour)


def _truth(
    actor: Actor, x: float, at: Pose, box: Box, view: _View, since: float, hue: float
) -> ActorTruth:
    arrived = actor.action == "walk" and not at.side
    ball = None
    if at.ball is not None:
        beside, high = at.ball
        ball = view.seen(x + actor.facing * beside * HEIGHT, GROUND - high * HEIGHT)
    return ActorTruth(
        name=actor.name,
        action=actor.action,
        doing="stand" if arrived else actor.action,
        direction=actor.facing if at.side else 0,
        phase=(rounds(actor, since) + actor.late) % 1.0,
        hue=hue,
        x=view.seen(x, 0)[0],
        box=(*view.seen(box.left, box.top), *view.seen(box.right, box.bottom)),
        pose=at,
        contacts=at.contacts,
        ball=ball,
    )
