"""The six places: sky, ground, and scenery in layers that go around, with one landmark.

The scenery is a band of `ROUND` picture widths that comes again: while the camera goes along, what is near
passes faster than what is far, and after a round everything is back. Where the landmark stands when a scene
begins is a fact of the episode; whatever else is near stands at fixed distances from it. Light belongs to
the hour; trees, waves and clouds move by the scene's clock.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from longtake.world.facts import SUN, SUN_RANGE
from longtake.world.second.canvas import ROUND, Canvas, Colour, Light, box, circle, mix

HORIZON = 0.60  # height of the far edge of the ground
GROUND = 0.90  # where feet stand
FAR = 0.35  # of the scenery's speed: how fast hills pass
_CLOUDS = 0.12  # the same of clouds
_WIND = 0.0011  # picture widths a frame that clouds drift to the right

# sky above, sky at the horizon, the light that falls on things (colour, share), sun or moon
_SKY: dict[str, tuple[Colour, Colour, tuple[Colour, float], Colour]] = {
    "morning": ((250, 188, 205), (255, 236, 200), ((255, 205, 170), 0.16), (255, 250, 170)),
    "day": ((88, 175, 250), (192, 232, 255), ((255, 255, 255), 0.0), (255, 230, 60)),
    "evening": ((120, 58, 130), (250, 140, 70), ((130, 45, 50), 0.32), (255, 95, 50)),
    "night": ((12, 16, 50), (40, 46, 100), ((15, 18, 60), 0.60), (240, 240, 225)),
}
_LIGHT_ON_FIGURES = 0.4  # of the light's share: outfits must stay known
_STARS = np.array(
    [(0.08, 0.33), (0.22, 0.26), (0.37, 0.36), (0.52, 0.28), (0.66, 0.37), (0.80, 0.25), (0.93, 0.34)]
)
_GREY: Colour = (120, 128, 142)
_SNOWY: Colour = (205, 212, 224)
_DUSTY: Colour = (214, 170, 110)


@dataclass(frozen=True)
class Scenery:
    """What a place's drawing needs to know."""

    canvas: Canvas
    mark: float  # where the landmark stands, some whole rounds left or right of where it is seen
    scroll: float  # how far the scenery has moved to the left, at the feet
    since: float  # frames since the scene began
    night: bool  # windows are lit
    light: Light
    marks: tuple[float, ...]  # so far right of `mark` there are landmarks: 0, and in faulty films another

    def lit(self, colour: Colour) -> Colour:
        """The colour under the light of the hour."""
        return mix(colour, *self.light)

    def near(self, offset: float, reach: float) -> list[float]:
        """Where something is seen that stands `offset` right of the landmark, `reach` wide each way."""
        return list(self.canvas.everywhere(self.mark + offset, reach))

    def landmarks(self, reach: float) -> list[float]:
        """Where the landmark is seen, `reach` wide each way."""
        return [x for offset in self.marks for x in self.near(offset, reach)]

    def far(self, x: float, reach: float) -> list[float]:
        """The same of something far away, at x when nothing has moved."""
        return list(self.canvas.everywhere(x - FAR * self.scroll, reach))

    def sway(self, period: float, far: float, phase: float = 0.0) -> float:
        """How far something is bent by the wind: `far` to each side in `period` frames."""
        return far * math.sin(2 * math.pi * (self.since / period + phase))


def seen_at(x: float) -> float:
    """Where something of the scenery is next to the picture: within a round from -0.5."""
    return (x + 0.5) % ROUND - 0.5


def light_on_figures(time: str, weather: str) -> Light:
    """What the hour and the weather make of the characters' colours."""
    light, share = _light(time, weather)
    return light, _LIGHT_ON_FIGURES * share


def _light(time: str, weather: str) -> Light:
    light, share = _SKY[time][2]
    if weather == "rain":
        return mix(light, (40, 50, 70), 0.5), share + 0.14
    if weather == "snow":
        return mix(light, _SNOWY, 0.4), share + 0.10
    if weather == "dust":
        return mix(light, _DUSTY, 0.5), share + 0.24
    return light, share


def draw_sky(
    canvas: Canvas, time: str, weather: str, clock: float, scroll: float, since: float, doubled: float | None
) -> tuple[tuple[float, float], ...]:
    """The sky down to the horizon: `clock` 0..1 is how far the sun or moon is on its arc. Where it stands.

    `doubled`: so far to the right of it there is another one.
    """
    above, below, _, sun = _SKY[time]
    haze = {"rain": _GREY, "snow": _SNOWY, "dust": _DUSTY}.get(weather)
    if haze:
        haze = mix(haze, (0, 0, 20), {"night": 0.65, "evening": 0.25}.get(time, 0.0))
        above, below, sun = mix(above, haze, 0.65), mix(below, haze, 0.65), mix(sun, haze, 0.45)
    canvas.bands(above, below, HORIZON)
    if time == "night" and weather == "clear":
        for x, y in _STARS:
            for beside in (-1, 0, 1) if canvas.width > canvas.size else (0,):
                canvas.shape(circle(x + beside, y, 0.012), (225, 225, 240))
    sun_x, sun_y = SUN + SUN_RANGE * clock, 0.19 - 0.09 * math.sin(math.pi * clock)
    suns = [(sun_x, sun_y)] if doubled is None else [(sun_x, sun_y), ((sun_x + doubled) % 1.0, sun_y)]
    for x, y in suns:
        if time in ("morning", "evening"):
            canvas.shape(circle(x, y, 0.10), mix(above, sun, 0.35))
        canvas.shape(circle(x, y, 0.065), sun)
        if time == "night":  # the bite that makes it a moon
            canvas.shape(circle(x + 0.035, y - 0.015, 0.05), above)
    cloud = mix(below, (255, 255, 255) if time in ("morning", "day") else (235, 190, 200), 0.75)
    cloud = mix(below, (120, 120, 170), 0.25) if time == "night" else cloud
    if weather == "clear":
        for k, (x, y) in enumerate(((0.30, 0.30), (0.95, 0.37), (1.62, 0.28))):
            at = x + _WIND * since - _CLOUDS * scroll
            for here in canvas.everywhere(at, 0.16):
                canvas.shape(circle(here, y, 0.11 + 0.02 * (k % 2), 0.035), cloud)
                canvas.shape(circle(here - 0.02, y - 0.03, 0.055, 0.04), cloud)
    if weather == "rain":
        for x in (0.1, 0.35, 0.62, 0.9):
            for beside in (-1, 0, 1) if canvas.width > canvas.size else (0,):
                canvas.shape(
                    circle(x + beside, 0.0, 0.20, 0.075),
                    mix((95, 102, 116), (0, 0, 20), 0.4 * (time == "night")),
                )
    return tuple(suns)


def draw_place(
    canvas: Canvas,
    place: str,
    time: str,
    weather: str,
    mark: float,
    scroll: float,
    since: float,
    doubled: float | None = None,
) -> Colour:
    """Everything between the sky and the characters; returns the colour of the ground under them.

    `mark` is where the landmark stands, in whole rounds more or less; `doubled`: so far to the right of it
    there is another one.
    """
    marks = (0.0,) if doubled is None else (doubled, 0.0)
    scenery = Scenery(canvas, mark, scroll, since, time == "night", _light(time, weather), marks)
    return scenery.lit(_PLACES[place](scenery))


def _hills(s: Scenery, hills: tuple[tuple[float, float, float, Colour], ...]) -> None:
    """Far hills: (x, half width, height of the top, colour)."""
    for x, half, top, colour in hills:
        for here in s.far(x, half):
            s.canvas.shape(circle(here, HORIZON + 0.02, half, HORIZON + 0.02 - top), s.lit(colour))


def _meadow(s: Scenery) -> Colour:
    grass = (105, 200, 80)
    _hills(s, ((0.15, 0.40, 0.48, (110, 185, 110)), (0.85, 0.45, 0.46, (90, 170, 100)),
               (1.50, 0.42, 0.50, (102, 180, 105))))  # fmt: skip
    s.canvas.strip(s.lit(grass), HORIZON)
    s.canvas.strip(s.lit((92, 184, 72)), 0.80)
    for offset, colour in ((0.62, (240, 120, 150)), (1.36, (255, 225, 90))):
        for x in s.near(offset, 0.12):
            for dx in (-0.07, 0.0, 0.07):
                s.canvas.shape(circle(x + dx, 0.735, 0.026), s.lit(colour))
                s.canvas.shape(circle(x + dx, 0.735, 0.010), s.lit((250, 250, 240)))
    for x in s.near(1.0, 0.14):  # a bush
        for dx, r in ((-0.07, 0.06), (0.07, 0.06), (0.0, 0.08)):
            s.canvas.shape(circle(x + dx + s.sway(53, 0.004), 0.66, r), s.lit((60, 150, 70)))
    for x in s.landmarks(0.24):  # the old tree
        s.canvas.shape(box(x - 0.03, 0.40, x + 0.03, 0.70), s.lit((120, 75, 40)))
        bent = s.sway(53, 0.012)
        for dx, dy, r in ((-0.09, 0.38, 0.10), (0.09, 0.38, 0.10), (0.0, 0.29, 0.12)):
            s.canvas.shape(circle(x + dx + bent, dy, r), s.lit((40, 125, 55)))
    return 92, 184, 72


def _beach(s: Scenery) -> Colour:
    s.canvas.strip(s.lit((35, 120, 200)), 0.54, 0.68)
    for x in s.far(0.7, 0.10):  # a sail
        s.canvas.shape(
            np.array([(x - 0.07, 0.55), (x + 0.07, 0.55), (x + 0.04, 0.58), (x - 0.04, 0.58)]),
            s.lit((170, 80, 60)),
        )
        s.canvas.shape(np.array([(x, 0.54), (x, 0.44), (x + 0.06, 0.54)]), s.lit((250, 250, 245)))
    swell = s.sway(82, 0.010)
    s.canvas.strip(s.lit((245, 222, 155)), 0.67)
    s.canvas.strip(s.lit((35, 120, 200)), 0.62, 0.675 + swell)
    s.canvas.strip(s.lit((228, 242, 250)), 0.67 + swell, 0.695 + swell)
    s.canvas.strip(s.lit((236, 210, 140)), 0.82)
    for x in s.near(0.55, 0.08):  # a shell
        s.canvas.shape(circle(x, 0.765, 0.045, 0.028), s.lit((250, 190, 170)))
    for x in s.near(1.0, 0.15):  # a rock
        s.canvas.shape(circle(x, 0.70, 0.10, 0.06), s.lit((130, 125, 130)))
    for x in s.near(1.45, 0.1):  # a starfish
        turns = np.linspace(0, 2 * math.pi, 10, endpoint=False)
        reach = np.where(np.arange(10) % 2, 0.022, 0.055)
        star = np.stack([np.cos(turns) * reach + x, 0.775 + np.sin(turns) * reach * 0.7], axis=1)
        s.canvas.shape(star, s.lit((235, 110, 70)))
    for x in s.landmarks(0.26):  # the palm
        bent = s.sway(61, 0.014)
        trunk = np.array(
            [(x - 0.03, 0.76), (x + 0.03, 0.76), (x + 0.05 + bent, 0.36), (x + 0.015 + bent, 0.36)]
        )
        s.canvas.shape(trunk, s.lit((150, 105, 60)))
        top = x + 0.03 + bent
        for angle in (-0.25, 0.6, 2.5, 3.4):
            angle += s.sway(61, 0.05, 0.1)
            tip = (top + 0.19 * math.cos(angle), 0.41 - 0.16 * math.sin(angle))
            middle = (top + 0.10 * math.cos(angle), 0.30 - 0.13 * math.sin(angle))
            s.canvas.shape(np.array([(top, 0.39), middle, tip, (top, 0.34)]), s.lit((50, 150, 70)))
        s.canvas.shape(circle(top, 0.36, 0.035), s.lit((110, 70, 40)))
    return 236, 210, 140


def _desert(s: Scenery) -> Colour:
    _hills(s, ((0.30, 0.50, 0.50, (225, 160, 95)), (0.95, 0.35, 0.47, (210, 145, 80)),
               (1.60, 0.45, 0.51, (218, 152, 88))))  # fmt: skip
    s.canvas.strip(s.lit((240, 185, 105)), HORIZON)
    s.canvas.strip(s.lit((230, 172, 92)), 0.80)
    for x in s.near(0.55, 0.12):  # a red rock
        s.canvas.shape(
            np.array([(x - 0.11, 0.70), (x - 0.06, 0.60), (x + 0.05, 0.62), (x + 0.10, 0.70)]),
            s.lit((180, 95, 65)),
        )
    for x in s.near(1.02, 0.09):  # a dry bush
        for angle in (0.5, 1.1, 1.7, 2.4):
            tip = (x + 0.09 * math.cos(angle) + s.sway(47, 0.005), 0.71 - 0.12 * math.sin(angle))
            s.canvas.shape(np.array([(x - 0.014, 0.71), (x + 0.014, 0.71), tip]), s.lit((140, 110, 60)))
    for x in s.near(1.48, 0.08):  # bones
        s.canvas.shape(circle(x, 0.75, 0.045, 0.034), s.lit((245, 240, 225)))
        s.canvas.shape(circle(x + 0.012, 0.745, 0.010), s.lit((120, 100, 80)))
    green = s.lit((60, 140, 75))
    for x in s.landmarks(0.20):  # the cactus
        s.canvas.shape(box(x - 0.045, 0.30, x + 0.045, 0.71), green)
        s.canvas.shape(circle(x, 0.30, 0.045), green)
        for side, low, high in ((-1, 0.50, 0.36), (1, 0.44, 0.31)):
            s.canvas.shape(
                box(min(x, x + side * 0.13), low - 0.03, max(x, x + side * 0.13), low + 0.03), green
            )
            s.canvas.shape(box(x + side * 0.13 - 0.032, high, x + side * 0.13 + 0.032, low + 0.03), green)
    return 230, 172, 92


def _mountains(s: Scenery) -> Colour:
    for peak, top, half in ((0.20, 0.36, 0.28), (0.78, 0.32, 0.34), (1.42, 0.38, 0.30)):
        for x in s.far(peak, half):
            s.canvas.shape(
                np.array([(x - half, HORIZON), (x, top), (x + half, HORIZON)]), s.lit((125, 140, 170))
            )
            cap = (HORIZON - top) * 0.35
            snow = np.array([(x - half * 0.35, top + cap), (x, top), (x + half * 0.35, top + cap)])
            s.canvas.shape(snow, s.lit((245, 248, 255)))
    s.canvas.strip(s.lit((236, 243, 252)), HORIZON)
    s.canvas.strip(s.lit((222, 232, 246)), 0.80)
    for offset, tall in ((0.55, 0.18), (1.45, 0.22)):  # small firs
        for x in s.near(offset, 0.08):
            fir = np.array([(x - 0.07, 0.69), (x + s.sway(67, 0.006), 0.69 - tall), (x + 0.07, 0.69)])
            s.canvas.shape(fir, s.lit((52, 125, 105)))
    for x in s.near(1.0, 0.12):  # a rock under snow
        s.canvas.shape(circle(x, 0.71, 0.10, 0.07), s.lit((120, 125, 140)))
        s.canvas.shape(circle(x, 0.67, 0.075, 0.035), s.lit((250, 252, 255)))
    for x in s.landmarks(0.17):  # the pine
        s.canvas.shape(box(x - 0.025, 0.60, x + 0.025, 0.71), s.lit((105, 70, 45)))
        for k, (top, half) in enumerate(((0.44, 0.15), (0.34, 0.12), (0.25, 0.09))):
            bent = s.sway(67, 0.004 * (k + 1))
            s.canvas.shape(
                np.array([(x - half, top + 0.19), (x + bent, top), (x + half, top + 0.19)]),
                s.lit((30, 105, 85)),
            )
    return 222, 232, 246


def _city(s: Scenery) -> Colour:
    window = (255, 230, 140) if s.night else s.lit((185, 205, 225))
    tops = (0.47, 0.40, 0.50, 0.43, 0.52, 0.45, 0.41, 0.49)
    for k, top in enumerate(tops):
        for x in s.far(0.25 * k, 0.11):
            s.canvas.shape(box(x - 0.10, top, x + 0.10, HORIZON), s.lit((140, 150, 175)))
            for dx in (-0.045, 0.045):
                s.canvas.shape(box(x + dx - 0.018, top + 0.03, x + dx + 0.018, top + 0.06), window)
    s.canvas.strip(s.lit((165, 168, 176)), HORIZON)
    s.canvas.strip(s.lit((105, 108, 118)), 0.70)
    for k in range(8):  # the line along the street
        for x in s.near(0.25 * k, 0.07):
            s.canvas.shape(box(x - 0.06, 0.775, x + 0.06, 0.795), s.lit((235, 235, 225)))
    for x in s.near(0.55, 0.06):  # a lamp
        s.canvas.shape(box(x - 0.012, 0.44, x + 0.012, 0.69), s.lit((60, 62, 75)))
        s.canvas.shape(circle(x, 0.43, 0.035), (255, 235, 150) if s.night else s.lit((235, 235, 220)))
    for x in s.near(1.0, 0.08):  # a hydrant
        s.canvas.shape(box(x - 0.03, 0.63, x + 0.03, 0.71), s.lit((220, 60, 55)))
        s.canvas.shape(circle(x, 0.63, 0.036), s.lit((220, 60, 55)))
    for x in s.near(1.45, 0.12):  # a tree in a box
        s.canvas.shape(box(x - 0.06, 0.64, x + 0.06, 0.71), s.lit((150, 95, 60)))
        s.canvas.shape(circle(x + s.sway(59, 0.006), 0.58, 0.08), s.lit((70, 150, 80)))
    for x in s.landmarks(0.12):  # the clock tower
        s.canvas.shape(box(x - 0.085, 0.30, x + 0.085, 0.70), s.lit((190, 90, 85)))
        s.canvas.shape(np.array([(x - 0.10, 0.30), (x, 0.19), (x + 0.10, 0.30)]), s.lit((90, 60, 80)))
        s.canvas.shape(circle(x, 0.36, 0.05), s.lit((250, 245, 230)))
        s.canvas.shape(np.array([(x - 0.008, 0.36), (x, 0.325), (x + 0.008, 0.36)]), (40, 40, 50))
        s.canvas.shape(np.array([(x, 0.352), (x + 0.03, 0.36), (x, 0.368)]), (40, 40, 50))
        for row in (0.47, 0.58):
            for dx in (-0.045, 0.045):
                s.canvas.shape(box(x + dx - 0.024, row - 0.03, x + dx + 0.024, row + 0.03), window)
    return 105, 108, 118


def _farm(s: Scenery) -> Colour:
    _hills(s, ((0.10, 0.45, 0.51, (160, 182, 88)), (0.75, 0.50, 0.49, (150, 175, 80)),
               (1.45, 0.45, 0.52, (158, 180, 84))))  # fmt: skip
    s.canvas.strip(s.lit((165, 120, 70)), HORIZON)
    for k in range(3):
        s.canvas.strip(s.lit((140, 98, 55)), 0.72 + 0.10 * k, 0.74 + 0.10 * k)
    for x in s.near(0.62, 0.22):  # a fence
        for dx in (-0.18, -0.06, 0.06, 0.18):
            s.canvas.shape(box(x + dx - 0.014, 0.58, x + dx + 0.014, 0.70), s.lit((235, 225, 205)))
        for y in (0.61, 0.66):
            s.canvas.shape(box(x - 0.21, y - 0.010, x + 0.21, y + 0.010), s.lit((235, 225, 205)))
    for x in s.near(1.05, 0.12):  # hay
        s.canvas.shape(circle(x, 0.65, 0.085, 0.075), s.lit((235, 200, 90)))
        s.canvas.shape(circle(x, 0.65, 0.045, 0.04), s.lit((205, 165, 65)))
    for x in s.near(1.48, 0.12):  # corn
        for dx in (-0.07, 0.0, 0.07):
            bent = s.sway(49, 0.008, 2 * dx)
            s.canvas.shape(
                np.array([(x + dx - 0.02, 0.71), (x + dx + bent, 0.52), (x + dx + 0.02, 0.71)]),
                s.lit((90, 160, 60)),
            )
    for x in s.landmarks(0.19):  # the barn
        s.canvas.shape(box(x - 0.14, 0.40, x + 0.14, 0.70), s.lit((190, 45, 45)))
        roof = np.array([(x - 0.17, 0.41), (x - 0.10, 0.30), (x, 0.25), (x + 0.10, 0.30), (x + 0.17, 0.41)])
        s.canvas.shape(roof, s.lit((95, 50, 50)))
        s.canvas.shape(box(x - 0.06, 0.50, x + 0.06, 0.70), s.lit((245, 235, 220)))
        s.canvas.shape(
            box(x - 0.03, 0.33, x + 0.03, 0.39), (255, 230, 140) if s.night else s.lit((245, 235, 220))
        )
    return 165, 120, 70


_PLACES: dict[str, Callable[[Scenery], Colour]] = {
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


def draw_weather(canvas: Canvas, weather: str, since: float) -> None:
    """What falls, or flies, through the picture, by the scene's clock."""
    if weather == "clear":
        return
    sides = (-1, 0, 1) if canvas.width > canvas.size else (-1, 0)  # a streak may reach in from the left
    for k, (x, y) in enumerate(_DROPS):
        for row in (0.0, 0.5):
            for beside in sides:
                at = x + beside
                if weather == "rain":
                    top = (y + row + since / 23) % 1.0
                    drop = [(at, top), (at + 0.012, top), (at - 0.008, top + 0.07), (at - 0.02, top + 0.07)]
                    canvas.shape(np.array(drop), (175, 205, 240))
                elif weather == "snow":
                    top = (y + row + since / 83) % 1.0
                    drift = 0.03 * math.sin(2 * math.pi * (since / 71 + k / 7 + row))
                    canvas.shape(circle(at + drift, top, 0.017), (252, 253, 255))
                else:
                    along = (x + row + since / 38) % 1.0 + beside
                    high = (y + row) % 1.0
                    streak = [(along, high), (along + 0.16, high - 0.008), (along + 0.16, high + 0.006)]
                    canvas.shape(np.array(streak), (236, 200, 140))
