"""The six characters, seen from the front or, when they walk, from the side.

A character stands at (0, 0) and is one unit tall; y points up here, and seen from the side it looks to the
right. The outfit's hue is a fact of the episode that no caption tells.
"""

from __future__ import annotations

import colorsys
import math
from dataclasses import dataclass

import numpy as np

from longtake.world.second.canvas import Canvas, Colour, Light, Points, circle, mix, turned
from longtake.world.second.motion import BALL_RADIUS, HEIGHT, Pose

_WHITE: Colour = (250, 250, 250)
_BLACK: Colour = (28, 26, 32)
_LINE: Colour = (38, 30, 44)  # of every outline
_RED: Colour = (225, 45, 60)
_SKIN: dict[str, Colour] = {
    "fox": (240, 120, 40),
    "frog": (80, 190, 70),
    "penguin": (45, 75, 165),
    "rabbit": (250, 205, 215),
    "robot": (90, 190, 200),
    "elephant": (165, 120, 205),
}
_SHOES: dict[str, Colour] = {
    "fox": (110, 60, 40),
    "frog": (170, 220, 90),
    "penguin": (245, 160, 40),
    "rabbit": (255, 245, 245),
    "robot": (70, 80, 100),
    "elephant": (110, 75, 150),
}


@dataclass(frozen=True)
class Box:
    """What a figure covers, in unit coordinates of the picture; it may reach beyond it."""

    left: float
    top: float
    right: float
    bottom: float


class _Brush:
    """Draws in a character's own coordinates and remembers what was touched."""

    def __init__(self, canvas: Canvas, x: float, ground: float, flip: float, at: Pose, light: Light) -> None:
        self.canvas, self.light = canvas, light
        self.seen: list[Points] = []
        high, broad = 1 - at.squash, 1 / math.sqrt(1 - at.squash)
        if at.lying:  # on its back, head towards the side it looked at; its chest goes up and down
            self.matrix = np.array([(0.0, 0.84 * HEIGHT * high), (HEIGHT * flip, 0.0)])
            self.origin = np.array([x - 0.5 * HEIGHT * flip, ground - 0.17 * HEIGHT])
            return
        c, s = math.cos(at.lean), math.sin(at.lean)
        bent = np.array([(broad, 0.0), (0.0, high)]) @ np.array([(c, -s), (s, c)])
        self.matrix = bent @ np.array([(HEIGHT * flip, 0.0), (0.0, -HEIGHT)])
        self.origin = np.array([x, ground - at.lift * HEIGHT])

    def fill(self, points: Points, colour: Colour, outlined: bool = True) -> None:
        placed = points @ self.matrix + self.origin
        self.seen.append(placed)
        colour = mix(colour, *self.light)
        self.canvas.shape(placed, colour, _LINE if outlined else None)

    def limb(self, x0: float, y0: float, x1: float, y1: float, width: float, colour: Colour) -> None:
        """A straight limb with round ends."""
        half, angle = width / 2, math.atan2(y1 - y0, x1 - x0)
        ends = []
        for x, y, turn in ((x1, y1, angle), (x0, y0, angle + math.pi)):
            turns = turn + _HALF_TURN
            ends.append(np.stack([np.cos(turns), np.sin(turns)], axis=1) * half + _by(x, y))
        self.fill(np.concatenate(ends), colour)

    def box(self) -> Box:
        seen = np.concatenate(self.seen)
        (left, top), (right, bottom) = seen.min(axis=0), seen.max(axis=0)
        return Box(float(left), float(top), float(right), float(bottom))


def _by(x: float, y: float) -> Points:
    """So far to the right and up, to be added to points."""
    return np.array([x, y])


_HALF_TURN = np.linspace(-math.pi / 2, math.pi / 2, 7)


def draw_character(
    canvas: Canvas, name: str, hue: float, at: Pose, x: float, ground: float, facing: int, light: Light
) -> Box:
    """Draws `name` with its feet at (x, ground); `facing` is -1 or 1, `hue` 0..1 is the outfit's.

    Returns what it covers, the ball left out.
    """
    r, g, b = colorsys.hsv_to_rgb(hue, 0.80, 0.92)
    outfit: Colour = (round(r * 255), round(g * 255), round(b * 255))
    brush = _Brush(canvas, x, ground, float(facing), at, light)
    if at.side:
        _from_the_side(brush, name, outfit, at)
    else:
        _from_the_front(brush, name, outfit, at)
    if at.round is not None:
        for k in range(2):
            above = ground - 0.36 * HEIGHT
            _breath(canvas, x + facing * 0.40 * HEIGHT, above, (at.round + 0.5 * k) % 1.0, facing)
    if at.ball is not None:
        ball = _Brush(canvas, x, ground, float(facing), Pose(), light)
        ball.fill(circle(*at.ball, BALL_RADIUS), _RED)
        ball.fill(circle(*at.ball, 0.5 * BALL_RADIUS), _WHITE, outlined=False)
    return brush.box()


def _from_the_front(brush: _Brush, name: str, outfit: Colour, at: Pose) -> None:
    skin, shoes = _SKIN[name], _SHOES[name]
    drop = 0.20 * at.seated + at.crouch  # sitting lowers the hip onto the ground and stretches the legs
    _tail(brush, name, skin, at, drop)
    if at.seated < 0.5:
        _standing_legs(brush, skin, shoes, at, drop)
    torso = np.array([(-0.16, 0.50), (0.16, 0.50), (0.25, 0.18), (0.0, 0.12), (-0.25, 0.18)]) + _by(0, -drop)
    brush.fill(torso, outfit)
    if at.seated >= 0.5:
        _sitting_legs(brush, skin, shoes, at)
    arms = dict(zip((-1, 1), at.arms, strict=True))
    for side in (side for side in arms if arms[side] <= 0):
        _raised(brush, side, arms[side], drop, skin)
    _FRONT[name](brush, skin, at, at.head - drop)
    for side in (side for side in arms if arms[side] > 0):  # an arm that is up is before the head
        _raised(brush, side, arms[side], drop, skin)


_Z = np.array(
    [
        (-1, -1),
        (1, -1),
        (1, -0.55),
        (-0.35, 0.6),
        (1, 0.6),
        (1, 1),
        (-1, 1),
        (-1, 0.55),
        (0.35, -0.6),
        (-1, -0.6),
    ]
)


def _breath(canvas: Canvas, x: float, y: float, risen: float, facing: int) -> None:
    """A z that rises from a sleeper's head and grows, and is gone after one breath."""
    size = 0.012 + 0.018 * risen
    at = np.array([x + facing * 0.05 * math.sin(2.5 * risen), y - 0.20 * risen])
    canvas.shape(_Z * size + at, _WHITE, _LINE)


def _standing_legs(brush: _Brush, skin: Colour, shoes: Colour, at: Pose, drop: float) -> None:
    for side, (ahead, above) in zip((-1, 1), at.feet, strict=True):
        foot_x, foot_y = ahead + side * 0.12 * at.seated, above + 0.05
        brush.limb(side * 0.09, 0.24 - drop, foot_x, foot_y, 0.11, mix(skin, _BLACK, 0.12))
        brush.fill(circle(foot_x + side * 0.03, foot_y, 0.085, 0.055), shoes)


def _sitting_legs(brush: _Brush, skin: Colour, shoes: Colour, at: Pose) -> None:
    """Before the body and towards us: what is seen of them is the soles."""
    out = 0.13 + 0.10 * (2 * at.seated - 1)
    for side in (-1, 1):
        brush.limb(side * 0.10, 0.12, side * out, 0.08, 0.13, mix(skin, _BLACK, 0.12))
        brush.fill(circle(side * (out + 0.04), 0.095, 0.085, 0.105), shoes)
        brush.fill(circle(side * (out + 0.04), 0.095, 0.045, 0.06), mix(shoes, _BLACK, 0.3), outlined=False)


def _raised(brush: _Brush, side: int, angle: float, drop: float, skin: Colour) -> None:
    long = 0.24 + 0.06 * max(0.0, math.sin(angle))
    hand_x, hand_y = side * (0.15 + long * math.cos(angle)), 0.42 - drop + long * math.sin(angle)
    brush.limb(side * 0.15, 0.42 - drop, hand_x, hand_y, 0.12, skin)


def _from_the_side(brush: _Brush, name: str, outfit: Colour, at: Pose) -> None:
    """The far arm and leg are darker and behind the body."""
    skin, shoes = _SKIN[name], _SHOES[name]
    drop = at.crouch
    far = mix(skin, _BLACK, 0.3)
    _arm(brush, at.arms[1], drop, far)
    _leg(brush, at.feet[1], drop, far, mix(shoes, _BLACK, 0.3))
    _tail(brush, name, skin, at, drop)
    _leg(brush, at.feet[0], drop, mix(skin, _BLACK, 0.12), shoes)
    torso = np.array([(-0.14, 0.50), (0.15, 0.50), (0.24, 0.19), (0.02, 0.13), (-0.22, 0.19)]) + _by(0, -drop)
    brush.fill(torso, outfit)
    _arm(brush, at.arms[0], drop, skin)
    _SIDE[name](brush, skin, at, at.head - drop)


def _leg(brush: _Brush, foot: tuple[float, float], drop: float, colour: Colour, shoe: Colour) -> None:
    ahead, above = foot
    brush.limb(0.0, 0.24 - drop, ahead, above + 0.06, 0.11, colour)
    brush.fill(circle(ahead + 0.05, above + 0.05, 0.10, 0.055), shoe)


def _arm(brush: _Brush, angle: float, drop: float, colour: Colour) -> None:
    hand_x, hand_y = 0.25 * math.sin(angle), 0.42 - drop - 0.25 * math.cos(angle)
    brush.limb(0.0, 0.42 - drop, hand_x, hand_y, 0.12, colour)


def _tail(brush: _Brush, name: str, skin: Colour, at: Pose, drop: float) -> None:
    back = 0.0 if at.side else 0.02
    if name == "fox":
        bush = np.array([(-0.10, 0.17), (-0.33, 0.24), (-0.42, 0.44), (-0.27, 0.40), (-0.10, 0.28)])
        tip = np.array([(-0.37, 0.34), (-0.42, 0.44), (-0.31, 0.415)])
        for points, colour in ((bush, skin), (tip, _WHITE)):
            brush.fill(turned(points, -0.5 * at.tail, (-0.10, 0.22)) + _by(back, -drop), colour)
    elif name == "rabbit":
        brush.fill(circle(-0.20 + back, 0.24 - drop + 0.03 * at.tail, 0.08), _WHITE)
    elif name == "elephant" and at.side:
        end = (-0.30 + 0.06 * at.tail, 0.20 - drop)
        brush.limb(-0.14, 0.34 - drop, *end, 0.05, skin)
    elif name == "penguin" and at.side:
        tail = np.array([(-0.12, 0.26), (-0.30, 0.16 + 0.04 * at.tail), (-0.12, 0.16)])
        brush.fill(tail + _by(0, -drop), skin)


# -- heads; `up` is how much higher they are than at rest, below 0 lower ------------------------------------


def _ear(points: Points, at: Pose, side: float, about: tuple[float, float]) -> Points:
    """An ear that hangs behind: outwards and down from the front, back from the side."""
    return turned(points, side * 0.45 * at.ears, about)


def _fox_front(brush: _Brush, skin: Colour, at: Pose, up: float) -> None:
    for side in (-1, 1):
        ear = np.array([(side * 0.28, 0.72), (side * 0.25, 1.02), (side * 0.04, 0.88)])
        brush.fill(_ear(ear, at, -side, (side * 0.16, 0.80)) + _by(0, up), skin)
    head = np.array([(-0.31, 0.74), (-0.12, 0.90), (0.12, 0.90), (0.31, 0.74), (0, 0.46)])
    brush.fill(head + _by(0, up), skin)
    for side in (-1, 1):
        cheek = np.array([(side * 0.27, 0.70), (side * 0.08, 0.64), (0, 0.48)])
        brush.fill(cheek + _by(0, up), _WHITE, outlined=False)
    brush.fill(circle(0, 0.51 + up, 0.055), _BLACK, outlined=False)
    _eyes(brush, skin, 0.115, 0.75 + up, at)


def _fox_side(brush: _Brush, skin: Colour, at: Pose, up: float) -> None:
    ear = np.array([(-0.22, 0.80), (-0.16, 1.06), (0.03, 0.88)])
    brush.fill(_ear(ear, at, 1, (-0.10, 0.82)) + _by(0, up), skin)
    head = np.array([(-0.22, 0.84), (0.04, 0.90), (0.19, 0.74), (0.42, 0.61), (0.20, 0.52), (-0.12, 0.50),
                     (-0.26, 0.66)])  # fmt: skip
    brush.fill(head + _by(0, up), skin)
    muzzle = np.array([(0.12, 0.66), (0.40, 0.60), (0.20, 0.53), (-0.06, 0.52)])
    brush.fill(muzzle + _by(0, up), _WHITE, outlined=False)
    brush.fill(circle(0.41, 0.61 + up, 0.055), _BLACK, outlined=False)
    _eye(brush, skin, 0.08, 0.74 + up, at)


def _frog_front(brush: _Brush, skin: Colour, at: Pose, up: float) -> None:
    for side in (-1, 1):
        brush.fill(circle(side * 0.18, 0.87 + up, 0.13), skin)
    brush.fill(circle(0, 0.68 + up, 0.33, 0.20), skin)
    _smile(brush, 0.0, 0.65 + up, 0.17)
    _eyes(brush, skin, 0.18, 0.89 + up, at)


def _frog_side(brush: _Brush, skin: Colour, at: Pose, up: float) -> None:
    brush.fill(circle(0.06, 0.87 + up, 0.13), skin)
    brush.fill(circle(0.05, 0.68 + up, 0.32, 0.20), skin)
    _smile(brush, 0.21, 0.65 + up, 0.11)
    _eye(brush, skin, 0.09, 0.89 + up, at)


def _penguin_front(brush: _Brush, skin: Colour, at: Pose, up: float) -> None:
    brush.fill(circle(0, 0.73 + up, 0.27, 0.27), skin)
    for side in (-1, 1):
        brush.fill(circle(side * 0.10, 0.71 + up, 0.13, 0.16), _WHITE, outlined=False)
    _eyes(brush, skin, 0.10, 0.78 + up, at)
    brush.fill(np.array([(-0.09, 0.67), (0.09, 0.67), (0, 0.53)]) + _by(0, up), (250, 165, 40))


def _penguin_side(brush: _Brush, skin: Colour, at: Pose, up: float) -> None:
    brush.fill(np.array([(0.16, 0.73), (0.16, 0.60), (0.42, 0.655)]) + _by(0, up), (250, 165, 40))
    brush.fill(circle(0, 0.73 + up, 0.26, 0.27), skin)
    brush.fill(circle(0.12, 0.70 + up, 0.12, 0.17), _WHITE, outlined=False)
    _eye(brush, skin, 0.11, 0.78 + up, at)


def _rabbit_front(brush: _Brush, skin: Colour, at: Pose, up: float) -> None:
    for side in (-1, 1):
        for points, colour in (
            (circle(side * 0.12, 1.02, 0.09, 0.22), skin),
            (circle(side * 0.12, 1.02, 0.04, 0.15), (235, 120, 150)),
        ):
            brush.fill(
                _ear(points, at, -side, (side * 0.12, 0.84)) + _by(0, up), colour, outlined=colour == skin
            )
    brush.fill(circle(0, 0.68 + up, 0.26, 0.22), skin)
    brush.fill(circle(0, 0.62 + up, 0.05, 0.04), (225, 85, 120), outlined=False)
    _smile(brush, 0.0, 0.58 + up, 0.07)
    _eyes(brush, skin, 0.11, 0.74 + up, at)


def _rabbit_side(brush: _Brush, skin: Colour, at: Pose, up: float) -> None:
    for points, colour in (
        (circle(-0.08, 1.02, 0.09, 0.22), skin),
        (circle(-0.06, 1.02, 0.04, 0.15), (235, 120, 150)),
    ):
        ear = turned(points, 0.25 + 0.5 * at.ears, (-0.06, 0.84))
        brush.fill(ear + _by(0, up), colour, outlined=colour == skin)
    brush.fill(circle(0.03, 0.68 + up, 0.26, 0.21), skin)
    brush.fill(circle(0.27, 0.66 + up, 0.05, 0.045), (225, 85, 120), outlined=False)
    _eye(brush, skin, 0.12, 0.74 + up, at)


def _robot_front(brush: _Brush, skin: Colour, at: Pose, up: float) -> None:
    top = (-0.16 * at.ears, 1.07 + up)
    brush.limb(0, 0.88 + up, *top, 0.05, (70, 80, 95))
    brush.fill(circle(*top, 0.075), (235, 60, 60))
    brush.fill(np.array([(-0.28, 0.92), (0.28, 0.92), (0.28, 0.50), (-0.28, 0.50)]) + _by(0, up), skin)
    _smile(brush, 0.0, 0.64 + up, 0.15)
    _eyes(brush, skin, 0.13, 0.77 + up, at)


def _robot_side(brush: _Brush, skin: Colour, at: Pose, up: float) -> None:
    top = (-0.05 - 0.16 * at.ears, 1.07 + up)
    brush.limb(-0.02, 0.88 + up, *top, 0.05, (70, 80, 95))
    brush.fill(circle(*top, 0.075), (235, 60, 60))
    brush.fill(np.array([(0.18, 0.70), (0.38, 0.68), (0.38, 0.61), (0.18, 0.60)]) + _by(0, up), (70, 80, 95))
    brush.fill(np.array([(-0.25, 0.92), (0.25, 0.92), (0.25, 0.50), (-0.25, 0.50)]) + _by(0, up), skin)
    _eye(brush, skin, 0.12, 0.77 + up, at)


def _elephant_front(brush: _Brush, skin: Colour, at: Pose, up: float) -> None:
    for side in (-1, 1):
        ear = circle(side * 0.29, 0.74, 0.16, 0.21)
        brush.fill(_ear(ear, at, -side, (side * 0.18, 0.82)) + _by(0, up), (135, 90, 175))
    brush.fill(circle(0, 0.73 + up, 0.23, 0.23), skin)
    _eyes(brush, skin, 0.115, 0.80 + up, at)
    brush.limb(0, 0.66 + up, 0.03 + 0.05 * at.tail, 0.42 + up, 0.13, skin)


def _elephant_side(brush: _Brush, skin: Colour, at: Pose, up: float) -> None:
    brush.limb(0.30, 0.60 + up, 0.37 + 0.03 * at.tail, 0.38 + up, 0.11, skin)
    brush.limb(0.14, 0.70 + up, 0.31, 0.60 + up, 0.14, skin)
    brush.fill(circle(0.02, 0.73 + up, 0.24, 0.23), skin)
    ear = circle(-0.13, 0.72, 0.15, 0.20)
    brush.fill(_ear(ear, at, 1, (-0.04, 0.84)) + _by(0, up), (135, 90, 175))
    _eye(brush, skin, 0.13, 0.80 + up, at)


_FRONT = {
    "fox": _fox_front,
    "frog": _frog_front,
    "penguin": _penguin_front,
    "rabbit": _rabbit_front,
    "robot": _robot_front,
    "elephant": _elephant_front,
}
_SIDE = {
    "fox": _fox_side,
    "frog": _frog_side,
    "penguin": _penguin_side,
    "rabbit": _rabbit_side,
    "robot": _robot_side,
    "elephant": _elephant_side,
}


def _eyes(brush: _Brush, skin: Colour, out: float, height: float, at: Pose) -> None:
    for side in (-1, 1):
        _eye(brush, skin, side * out, height, at, look=0.015)


def _eye(brush: _Brush, skin: Colour, x: float, y: float, at: Pose, look: float = 0.03) -> None:
    """Open, or a lid with its lashes as a bow below."""
    if not at.blink:
        brush.fill(circle(x, y, 0.085), _WHITE, outlined=False)
        brush.fill(circle(x + look, y, 0.052), _BLACK, outlined=False)
        return
    brush.fill(circle(x, y, 0.085), mix(skin, _BLACK, 0.15), outlined=False)
    brush.fill(
        np.concatenate([_BOW * (0.08, -0.045), _BOW[::-1] * (0.08, -0.015)]) + _by(x, y),
        _BLACK,
        outlined=False,
    )


def _smile(brush: _Brush, x: float, y: float, half: float) -> None:
    """A mouth that is `half` as broad, open a little."""
    brush.fill(_BOW * (half, -0.07) + _by(x, y), (110, 30, 40), outlined=False)


_BOW = np.stack([np.linspace(-1, 1, 9), np.sqrt(1 - np.linspace(-1, 1, 9) ** 2)], axis=1)
