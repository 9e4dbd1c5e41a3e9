"""The six places: sky, clock, ground, and one landmark whose position is a latent of the episode."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from longtake.world.facts import LANDMARK, LANDMARK_RANGE, SUN, SUN_RANGE
from longtake.world.first.canvas import Canvas, Colour, circle, mix

HORIZON = 0.60  # height of the far edge of the ground
GROUND = 0.90  # where feet stand

# sky above, sky at the horizon, the light that falls on things (colour, share), sun or moon
_SKY: dict[str, tuple[Colour, Colour, tuple[Colour, float], Colour]] = {
    "morning": ((250, 190, 205), (255, 236, 205), ((255, 220, 200), 0.12), (255, 250, 170)),
    "day": ((95, 180, 250), (190, 230, 255), ((255, 255, 255), 0.0), (255, 230, 60)),
    "evening": ((125, 60, 130), (250, 140, 70), ((120, 40, 40), 0.30), (255, 95, 50)),
    "night": ((12, 16, 50), (40, 46, 100), ((15, 18, 60), 0.62), (240, 240, 225)),
}
_STARS = np.array(
    [(0.08, 0.33), (0.22, 0.26), (0.37, 0.36), (0.52, 0.28), (0.66, 0.37), (0.80, 0.25), (0.93, 0.34)]
)
_GREY: Colour = (120, 128, 142)


def draw_place(
    canvas: Canvas, place: str, time: str, rain: bool, layout: float, clock: float, pan: float
) -> float:
    """Draws everything behind the characters and returns where the landmark stands (0..1).

    `layout` 0..1 places the landmark, `clock` 0..1 the sun or moon on its arc, `pan` shifts the scenery.
    """
    above, below, (light, share), sun = _SKY[time]
    if rain:
        grey = mix(_GREY, (0, 0, 20), 0.65) if time == "night" else _GREY
        above, below, sun = mix(above, grey, 0.65), mix(below, grey, 0.65), mix(sun, grey, 0.4)
        light, share = mix(light, (40, 50, 70), 0.5), share + 0.14

    def lit(colour: Colour) -> Colour:
        return mix(colour, light, share)

    canvas.bands(above, below, HORIZON)
    if time == "night" and not rain:
        for x, y in _STARS:
            canvas.scatter(circle(x, y, 0.011), (225, 225, 240))
    sun_x, sun_y = SUN + SUN_RANGE * clock, 0.19 - 0.09 * math.sin(math.pi * clock)
    canvas.shape(circle(sun_x, sun_y, 0.065), sun)
    if time == "night":  # the bite that makes it a moon
        canvas.shape(circle(sun_x + 0.035, sun_y - 0.015, 0.05), above)
    landmark = LANDMARK + LANDMARK_RANGE * layout + pan
    _PLACES[place](canvas, landmark, pan, lit)
    return landmark


Lit = Callable[[Colour], Colour]


def _hill(canvas: Canvas, x: float, width: float, top: float, colour: Colour) -> None:
    canvas.shape(circle(x, HORIZON + 0.02, width, HORIZON + 0.02 - top), colour)


def _box(canvas: Canvas, left: float, top: float, right: float, bottom: float, colour: Colour) -> None:
    canvas.shape(np.array([(left, top), (right, top), (right, bottom), (left, bottom)]), colour)


def _meadow(canvas: Canvas, x: float, pan: float, lit: Lit) -> None:
    _hill(canvas, 0.15 + pan / 2, 0.40, 0.48, lit((110, 185, 110)))
    _hill(canvas, 0.85 + pan / 2, 0.45, 0.46, lit((90, 170, 100)))
    canvas.strip(lit((105, 200, 80)), HORIZON)
    _box(canvas, x - 0.03, 0.40, x + 0.03, 0.68, lit((120, 75, 40)))
    for dx, dy, r in ((-0.09, 0.38, 0.10), (0.09, 0.38, 0.10), (0, 0.29, 0.12)):
        canvas.shape(circle(x + dx, dy, r), lit((40, 125, 55)))
    for dx in (0.12, 0.5, 0.83):
        canvas.scatter(circle((dx + pan) % 1.0, 0.95, 0.018), lit((255, 240, 120)))


def _beach(canvas: Canvas, x: float, pan: float, lit: Lit) -> None:
    canvas.strip(lit((35, 120, 200)), 0.54, 0.68)
    canvas.strip(lit((225, 240, 250)), 0.67, 0.69)
    canvas.strip(lit((245, 222, 155)), 0.69)
    trunk = np.array([(x - 0.03, 0.76), (x + 0.03, 0.76), (x + 0.05, 0.36), (x + 0.015, 0.36)])
    canvas.shape(trunk, lit((150, 105, 60)))
    for angle in (-0.25, 0.6, 2.5, 3.4):
        tip = np.array([x + 0.03 + 0.19 * math.cos(angle), 0.36 - 0.16 * math.sin(angle) + 0.05])
        middle = np.array([x + 0.03 + 0.10 * math.cos(angle), 0.30 - 0.13 * math.sin(angle)])
        canvas.shape(
            np.array([(x + 0.03, 0.39), tuple(middle), tuple(tip), (x + 0.03, 0.34)]), lit((50, 150, 70))
        )
    canvas.shape(circle(x + 0.03, 0.36, 0.035), lit((110, 70, 40)))


def _desert(canvas: Canvas, x: float, pan: float, lit: Lit) -> None:
    _hill(canvas, 0.30 + pan / 2, 0.50, 0.50, lit((225, 160, 95)))
    _hill(canvas, 0.90 + pan / 2, 0.35, 0.47, lit((210, 145, 80)))
    canvas.strip(lit((240, 185, 105)), HORIZON)
    green = lit((60, 140, 75))
    _box(canvas, x - 0.045, 0.30, x + 0.045, 0.70, green)
    canvas.shape(circle(x, 0.30, 0.045), green)
    for side, low, high in ((-1, 0.50, 0.36), (1, 0.44, 0.31)):
        _box(canvas, min(x, x + side * 0.13), low - 0.03, max(x, x + side * 0.13), low + 0.03, green)
        _box(canvas, x + side * 0.13 - 0.032, high, x + side * 0.13 + 0.032, low + 0.03, green)


def _mountains(canvas: Canvas, x: float, pan: float, lit: Lit) -> None:
    for peak, top, half in ((0.20, 0.36, 0.28), (0.78, 0.32, 0.34)):
        px = peak + pan / 2
        canvas.shape(np.array([(px - half, HORIZON), (px, top), (px + half, HORIZON)]), lit((125, 140, 170)))
        cap = (HORIZON - top) * 0.35
        canvas.shape(
            np.array([(px - half * 0.35, top + cap), (px, top), (px + half * 0.35, top + cap)]),
            lit((245, 248, 255)),
        )
    canvas.strip(lit((236, 243, 252)), HORIZON)
    _box(canvas, x - 0.025, 0.60, x + 0.025, 0.70, lit((105, 70, 45)))
    for top, half in ((0.44, 0.15), (0.34, 0.12), (0.25, 0.09)):
        canvas.shape(np.array([(x - half, top + 0.19), (x, top), (x + half, top + 0.19)]), lit((30, 105, 85)))


def _city(canvas: Canvas, x: float, pan: float, lit: Lit) -> None:
    tops = (0.47, 0.40, 0.50, 0.43, 0.52, 0.45)
    for k, top in ((-1, 0.44), *enumerate(tops), (6, 0.48)) if canvas.wide else enumerate(tops):
        left = -0.12 + 0.22 * k + pan / 2
        _box(canvas, left, top, left + 0.19, HORIZON, lit((140, 150, 175)))
    canvas.strip(lit((105, 108, 118)), HORIZON)
    canvas.strip(lit((165, 168, 176)), HORIZON, 0.66)
    _box(canvas, x - 0.085, 0.30, x + 0.085, 0.67, lit((190, 90, 85)))
    canvas.shape(np.array([(x - 0.10, 0.30), (x, 0.19), (x + 0.10, 0.30)]), lit((90, 60, 80)))
    for row in (0.36, 0.47, 0.58):
        for dx in (-0.045, 0.045):
            _box(canvas, x + dx - 0.024, row - 0.03, x + dx + 0.024, row + 0.03, (255, 230, 140))


def _farm(canvas: Canvas, x: float, pan: float, lit: Lit) -> None:
    _hill(canvas, 0.55 + pan / 2, 0.60, 0.50, lit((150, 175, 80)))
    canvas.strip(lit((165, 120, 70)), HORIZON)
    for k in range(3):
        canvas.strip(lit((140, 98, 55)), 0.70 + 0.10 * k, 0.72 + 0.10 * k)
    _box(canvas, x - 0.14, 0.40, x + 0.14, 0.68, lit((190, 45, 45)))
    roof = np.array([(x - 0.17, 0.41), (x - 0.10, 0.30), (x, 0.25), (x + 0.10, 0.30), (x + 0.17, 0.41)])
    canvas.shape(roof, lit((95, 50, 50)))
    _box(canvas, x - 0.06, 0.50, x + 0.06, 0.68, lit((245, 235, 220)))


_PLACES: dict[str, Callable[[Canvas, float, float, Lit], None]] = {
    "meadow": _meadow,
    "beach": _beach,
    "desert": _desert,
    "mountains": _mountains,
    "city": _city,
    "farm": _farm,
}

_DROPS = np.array(
    [(0.08, 0.10), (0.24, 0.55), (0.38, 0.25), (0.52, 0.75), (0.66, 0.05), (0.80, 0.45), (0.93, 0.85)]
)


def draw_rain(canvas: Canvas, frame: float) -> None:
    """A cloud along the top and drops that fall through the picture in 24 frames."""
    for x in (0.1, 0.35, 0.62, 0.9):
        canvas.scatter(circle(x, 0.0, 0.20, 0.075), (95, 102, 116))
    for x, y in _DROPS:
        for row in (0.0, 0.5):
            top = (y + row + frame / 24) % 1.0
            canvas.scatter(
                np.array([(x, top), (x + 0.012, top), (x - 0.008, top + 0.07), (x - 0.02, top + 0.07)]),
                (175, 205, 240),
            )
