"""The six characters and how they move.

A character stands at (0, 0), looks at us, and is one unit tall; y points up here. The outfit's hue is a
fact of the episode that no caption tells.
"""

from __future__ import annotations

import colorsys
import math
from dataclasses import dataclass

import numpy as np

from longtake.world.first.canvas import Canvas, Colour, Points, circle

HEIGHT = 0.44  # of the picture

_WHITE: Colour = (250, 250, 250)
_BLACK: Colour = (28, 26, 32)
_SKIN: dict[str, Colour] = {
    "fox": (240, 120, 40),
    "frog": (80, 190, 70),
    "penguin": (45, 75, 165),
    "rabbit": (250, 205, 215),
    "robot": (90, 190, 200),
    "elephant": (165, 120, 205),
}


@dataclass(frozen=True, kw_only=True)
class Pose:
    """Where the limbs are at one frame; angles in radians, lengths in body heights."""

    lift: float = 0.0  # feet above the ground
    stride: float = 0.0  # how far the feet are apart, signed
    arm_left: float = -0.9  # 0 = straight out, up is positive
    arm_right: float = -0.9
    seated: float = 0.0  # 0 = stands, 1 = sits
    lying: bool = False
    ball: float | None = None  # height of the ball, None = no ball


def pose(action: str, since: float, phase: float) -> Pose:
    """The pose `since` frames after the shot's start; `phase` 0..1 is where a periodic motion begins."""
    if action == "walk":
        swing = math.sin(2 * math.pi * (since / 12 + phase))
        left, right = -0.9 + 0.5 * swing, -0.9 - 0.5 * swing
        return Pose(stride=0.17 * swing, lift=0.03 * abs(swing), arm_left=left, arm_right=right)
    if action == "jump":
        height = max(0.0, math.sin(2 * math.pi * (since / 20 + phase)))
        return Pose(lift=0.38 * height, arm_left=-0.9 + 1.5 * height, arm_right=-0.9 + 1.5 * height)
    if action == "wave":
        return Pose(arm_right=1.0 + 0.45 * math.sin(2 * math.pi * (since / 12 + phase)))
    if action == "sleep":
        return Pose(lying=True)
    if action == "sit":
        return Pose(seated=min(1.0, max(0.0, (since - 6) / 16)))
    if action == "ball":
        return _ball_pose((since / 40 + phase) % 1.0)
    raise ValueError(f"unknown action {action!r}")


def _ball_pose(u: float) -> Pose:
    """Held high, let go, three dying bounces, rest, and up again by hand: backwards it looks wrong."""
    top, ground = 0.80, 0.09
    if u < 0.15:
        return Pose(arm_right=1.0, ball=top)
    if u < 0.75:
        return Pose(arm_right=0.3, ball=ground + (top - ground) * _bounce((u - 0.15) * 40))
    up = (u - 0.75) / 0.25
    return Pose(arm_right=-0.9 + 1.9 * up, ball=ground + (top - ground) * up)


def _bounce(frames: float) -> float:
    """Height (0..1) of a ball let go `frames` ago: a fall of 6 frames, then bounces of a third each."""
    fall = 6.0
    if frames < fall:
        return 1 - (frames / fall) ** 2
    frames -= fall
    for height in (0.45, 0.2, 0.08):
        flight = 2 * fall * math.sqrt(height)
        if frames < flight:
            return height * (1 - (2 * frames / flight - 1) ** 2)
        frames -= flight
    return 0.0


class _Brush:
    """Draws in a character's own coordinates and remembers the box that was touched."""

    def __init__(self, canvas: Canvas, x: float, y: float, flip: float, lying: bool) -> None:
        self.canvas = canvas
        self.seen: list[Points] = []
        if lying:  # on its back, head towards the side it looked at
            self.matrix = np.array([(0.0, 0.8 * HEIGHT), (HEIGHT * flip, 0.0)])
            self.origin = np.array([x - 0.5 * HEIGHT * flip, y - 0.17 * HEIGHT])
        else:
            self.matrix = np.array([(HEIGHT * flip, 0.0), (0.0, -HEIGHT)])
            self.origin = np.array([x, y])

    def fill(self, points: Points, colour: Colour) -> None:
        placed = points @ self.matrix + self.origin
        self.seen.append(placed)
        self.canvas.shape(placed, colour)

    def limb(self, x0: float, y0: float, x1: float, y1: float, width: float, colour: Colour) -> None:
        """A straight limb with a round end."""
        half, angle = width / 2, math.atan2(y1 - y0, x1 - x0)
        nx, ny = -math.sin(angle) * half, math.cos(angle) * half
        turns = angle + _HALF_TURN
        cap = np.stack([np.cos(turns), np.sin(turns)], axis=1) * half + (x1, y1)
        self.fill(np.concatenate([[(x0 + nx, y0 + ny), (x0 - nx, y0 - ny)], cap]), colour)


_HALF_TURN = np.linspace(-math.pi / 2, math.pi / 2, 7)


def draw_character(
    canvas: Canvas, name: str, hue: float, at: Pose, x: float, ground: float, facing: int
) -> tuple[float, float, float, float]:
    """Draws `name` with its feet at (x, ground); `facing` is -1 or 1, `hue` 0..1 is the outfit's.

    Returns the box (left, top, right, bottom) in unit coordinates, the ball left out.
    """
    skin = _SKIN[name]
    r, g, b = colorsys.hsv_to_rgb(hue, 0.80, 0.92)
    outfit: Colour = (round(r * 255), round(g * 255), round(b * 255))
    brush = _Brush(canvas, x, ground - at.lift * HEIGHT, float(facing), at.lying)
    drop = 0.16 * at.seated  # sitting lowers the hip onto the ground and stretches the legs forward
    _tail(brush, name, skin, drop)
    legs: Colour = (245, 160, 40) if name == "penguin" else skin
    for side in (-1, 1):
        foot_x = side * (0.10 + 0.14 * at.seated) + side * at.stride
        brush.limb(side * 0.09, 0.24 - drop, foot_x, 0.03 + 0.02 * at.seated, 0.10, legs)
    torso = np.array([(-0.13, 0.50), (0.13, 0.50), (0.22, 0.17), (-0.22, 0.17)]) - (0, drop)
    brush.fill(torso, outfit)
    brush.fill(circle(0, 0.19 - drop, 0.21, 0.06), outfit)
    for side, angle in ((-1, at.arm_left), (1, at.arm_right)):
        hand_x, hand_y = side * (0.13 + 0.24 * math.cos(angle)), 0.42 + 0.24 * math.sin(angle)
        brush.limb(side * 0.13, 0.42 - drop, hand_x, hand_y - drop, 0.09, skin)
    _HEADS[name](brush, skin, drop)
    _eyes(brush, name, at.lying, drop)
    seen = np.concatenate(brush.seen)
    if at.ball is not None:
        ball = _Brush(canvas, x, ground, float(facing), False)
        ball.fill(circle(0.42, at.ball, 0.095), (225, 45, 60))
        ball.fill(circle(0.42, at.ball, 0.04), _WHITE)
    (left, top), (right, bottom) = seen.min(axis=0), seen.max(axis=0)
    return float(left), float(top), float(right), float(bottom)


def _tail(brush: _Brush, name: str, skin: Colour, drop: float) -> None:
    if name == "fox":
        brush.fill(
            np.array([(-0.15, 0.16), (-0.42, 0.30), (-0.44, 0.50), (-0.30, 0.40), (-0.13, 0.28)]) - (0, drop),
            skin,
        )
        brush.fill(np.array([(-0.42, 0.38), (-0.44, 0.50), (-0.33, 0.44)]) - (0, drop), _WHITE)
    elif name == "rabbit":
        brush.fill(circle(-0.24, 0.22 - drop, 0.075), _WHITE)


def _fox(brush: _Brush, skin: Colour, drop: float) -> None:
    for side in (-1, 1):
        brush.fill(
            np.array([(side * 0.27, 0.72), (side * 0.24, 1.02), (side * 0.04, 0.88)]) - (0, drop), skin
        )
    brush.fill(
        np.array([(-0.30, 0.74), (-0.12, 0.90), (0.12, 0.90), (0.30, 0.74), (0, 0.46)]) - (0, drop), skin
    )
    for side in (-1, 1):
        brush.fill(np.array([(side * 0.27, 0.70), (side * 0.08, 0.64), (0, 0.47)]) - (0, drop), _WHITE)
    brush.fill(circle(0, 0.50 - drop, 0.05), _BLACK)


def _frog(brush: _Brush, skin: Colour, drop: float) -> None:
    for side in (-1, 1):
        brush.fill(circle(side * 0.17, 0.87 - drop, 0.13), skin)
    brush.fill(circle(0, 0.68 - drop, 0.34, 0.20), skin)
    brush.limb(-0.19, 0.60 - drop, 0.19, 0.60 - drop, 0.045, (30, 90, 40))


def _penguin(brush: _Brush, skin: Colour, drop: float) -> None:
    brush.fill(circle(0, 0.72 - drop, 0.26, 0.27), skin)
    for side in (-1, 1):
        brush.fill(circle(side * 0.10, 0.70 - drop, 0.13, 0.16), _WHITE)
    brush.fill(np.array([(-0.09, 0.66), (0.09, 0.66), (0, 0.52)]) - (0, drop), (250, 165, 40))


def _rabbit(brush: _Brush, skin: Colour, drop: float) -> None:
    for side in (-1, 1):
        brush.fill(circle(side * 0.12, 1.02 - drop, 0.085, 0.24), skin)
        brush.fill(circle(side * 0.12, 1.02 - drop, 0.04, 0.17), (235, 120, 150))
    brush.fill(circle(0, 0.68 - drop, 0.25, 0.22), skin)
    brush.fill(circle(0, 0.60 - drop, 0.05, 0.04), (225, 85, 120))


def _robot(brush: _Brush, skin: Colour, drop: float) -> None:
    brush.limb(0, 0.88 - drop, 0, 1.04 - drop, 0.05, (70, 80, 95))
    brush.fill(circle(0, 1.06 - drop, 0.07), (235, 60, 60))
    brush.fill(np.array([(-0.28, 0.92), (0.28, 0.92), (0.28, 0.50), (-0.28, 0.50)]) - (0, drop), skin)
    brush.fill(np.array([(-0.17, 0.61), (0.17, 0.61), (0.17, 0.55), (-0.17, 0.55)]) - (0, drop), (50, 60, 75))


def _elephant(brush: _Brush, skin: Colour, drop: float) -> None:
    for side in (-1, 1):
        brush.fill(circle(side * 0.30, 0.74 - drop, 0.17, 0.21), (135, 90, 175))
    brush.fill(circle(0, 0.73 - drop, 0.23, 0.23), skin)
    brush.limb(0, 0.66 - drop, 0.03, 0.40 - drop, 0.13, skin)


_HEADS = {
    "fox": _fox,
    "frog": _frog,
    "penguin": _penguin,
    "rabbit": _rabbit,
    "robot": _robot,
    "elephant": _elephant,
}
_EYES = {
    "fox": (0.11, 0.75),
    "frog": (0.17, 0.89),
    "penguin": (0.10, 0.77),
    "rabbit": (0.10, 0.74),
    "robot": (0.13, 0.76),
    "elephant": (0.11, 0.79),
}


def _eyes(brush: _Brush, name: str, closed: bool, drop: float) -> None:
    out, height = _EYES[name]
    for side in (-1, 1):
        if closed:
            brush.limb(side * out - 0.06, height - drop, side * out + 0.06, height - drop, 0.045, _BLACK)
        else:
            brush.fill(circle(side * out, height - drop, 0.075), _WHITE)
            brush.fill(circle(side * out + 0.02, height - drop, 0.042), _BLACK)
