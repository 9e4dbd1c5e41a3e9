"""Any frame of any episode, as a picture of any size and as exact ground truth."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from longtake.world import facts
from longtake.world.episodes import EpisodeFacts
from longtake.world.facts import LANDMARK, LANDMARK_RANGE
from longtake.world.second.canvas import Canvas, Colour, circle, mix
from longtake.world.second.characters import Box, draw_character
from longtake.world.second.motion import BALL_RADIUS, HEIGHT, ZOOM, Pose, Staging, into, pose, staging
from longtake.world.second.places import (
    GROUND,
    draw_place,
    draw_sky,
    draw_weather,
    light_on_figures,
    seen_at,
)
from longtake.world.second.shot import Actor, Shot

CLOCK_PERIOD = 4500  # frames in which the sun or moon crosses the sky once
HERE, GONE = 0.4, 0.12  # share of a figure in the picture from which it is there, up to which it is not
_CLOSE_GROUND = 0.96  # where feet stand in a close shot

Spots = tuple[tuple[float, float], ...]  # x and y in the picture


@dataclass(frozen=True, kw_only=True)
class ActorTruth(facts.ActorTruth):
    """A character in one frame; its feet may be outside the picture."""

    pose: Pose
    stride: float  # of a walker: half of the way between its feet at their farthest, in body heights
    contacts: tuple[bool, bool]  # whether each foot stands on the ground
    ball: tuple[float, float] | None  # the middle of its ball in the picture

    @property
    def busy(self) -> bool:
        return self.action != "walk" or self.pose.side


@dataclass(frozen=True, kw_only=True)
class FrameTruth(facts.FrameTruth):
    """Everything that one frame shows.

    `camera` and `landmark` are in picture widths of a shot that is not close; the landmark is within a round
    of the scenery, -0.5..1.5.
    """

    since: float  # frames since the shot began
    until: float  # frames until it ends
    zoom: float  # how much larger than in a shot that is not close everything is
    suns: Spots  # where it is in the picture; where things are doubled, twice
    landmarks: tuple[float, ...]  # the same of the landmark, which may stand beside the picture
    actors: tuple[ActorTruth, ...]

    @property
    def things(self) -> tuple[Spots, Spots, Spots]:
        """Where in the picture there are balls, suns or moons, and landmarks, whose height is not told."""
        balls = tuple(
            actor.ball for actor in self.actors if actor.ball is not None and 0 <= actor.ball[0] <= 1
        )
        return balls, self.suns, tuple((x, 0.5) for x in self.landmarks if 0 <= x <= 1)


def camera(shot: facts.Shot, number: float) -> float:
    """How far the scenery is shifted at frame `number`, in picture widths of a shot that is not close."""
    assert isinstance(shot, Shot), "a shot of another edition"
    return -staging(shot, number - shot.start).scroll / _View.of(shot).zoom


def draw(
    shot: facts.Shot,
    hidden: EpisodeFacts,
    number: float,
    size: int = 64,
    width: int | None = None,
    *,
    doubled: tuple[float | None, float | None] = (None, None),
    posing: Callable[[Actor, float], Pose] = pose,
    staging: Callable[[Shot, float], Staging] = staging,
) -> tuple[NDArray[np.uint8], FrameTruth]:
    """Frame `number` of a film in which `shot` plays then: uint8 `[size, size, 3]`, RGB, and what it shows.

    `number` sets the sun and, from the shot's start on, all motion; nothing else of the film is asked for.
    `width`: pixels of a wider picture, whose middle is the square. `doubled`: so far to the right of the sun
    and of the landmark there is another one; `posing` and `staging`: which pose an actor has, and where all
    are, so many frames after the shot began. Faulty films have others, an episode never.
    """
    assert isinstance(shot, Shot), "a shot of another edition"
    since = number - shot.start
    clock = (number % CLOCK_PERIOD) / CLOCK_PERIOD
    stage, view = staging(shot, since), _View.of(shot)
    layout, hue = hidden.layouts[shot.place], hidden.hues
    scroll = stage.scroll / view.zoom
    mark = LANDMARK + LANDMARK_RANGE * layout - scroll
    canvas = Canvas(size, width)
    suns = draw_sky(canvas, shot.time, shot.weather, clock, scroll, since, doubled[0])
    canvas.view(view.zoom, view.x, view.y)
    soil = draw_place(canvas, shot.place, shot.time, shot.weather, mark, scroll, since, doubled[1])
    light = light_on_figures(shot.time, shot.weather)
    seen = [
        (actor, (x - view.x) / view.zoom, posing(actor, since))
        for actor, x in zip(shot.actors, stage.xs, strict=True)
    ]
    for actor, x, at in seen:
        _shadow(canvas, actor, x, at, mix(soil, (10, 10, 30), 0.28))
    boxes = [
        draw_character(canvas, actor.name, hue[actor.name], at, x, GROUND, actor.facing, light)
        for actor, x, at in seen
    ]
    beside = [0.0] if doubled[1] is None else [0.0, doubled[1]]
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
        zoom=view.zoom,
        camera=-scroll,
        layout=layout,
        landmark=seen_at(mark),
        clock=clock,
        suns=suns,
        landmarks=tuple(view.seen(seen_at(mark + more), 0)[0] for more in beside),
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


def _truth(actor: Actor, x: float, at: Pose, box: Box, view: _View, since: float, hue: float) -> ActorTruth:
    ball = None
    if at.ball is not None:
        beside, high = at.ball
        ball = view.seen(x + actor.facing * beside * HEIGHT, GROUND - high * HEIGHT)
    return ActorTruth(
        name=actor.name,
        action=actor.action,
        direction=actor.facing if at.side else 0,
        phase=into(actor, since) % 1.0,
        hue=hue,
        x=view.seen(x, 0)[0],
        box=(*view.seen(box.left, box.top), *view.seen(box.right, box.bottom)),
        pose=at,
        stride=actor.stride,
        contacts=at.contacts,
        ball=ball,
    )
