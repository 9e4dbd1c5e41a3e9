"""How the characters move: where everyone is and in which pose, as functions of the scene's clock.

Nothing here is drawn by lot. A pose follows from who does what, from the frames since the scene began and, in
its last 40 frames only, from the frames until it ends. Everybody has a gait of its own. Lengths are in body
heights where a body is spoken of, in picture widths where the picture is.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from longtake.files import seed_of
from longtake.world.second.shot import Actor, Shot, Tempo

HEIGHT = 0.44  # of a body, in pictures
ZOOM = 1.4  # how much larger everything is in a close shot
LEAVING = 40  # frames before the end of a scene in which a walker goes out of the picture
BALL_RADIUS = 0.14
_REACH = 0.48  # how far from the middle of a body its ball is
RUNGS: tuple[float, ...] = tuple(5 * 100 ** (k / 15) for k in range(16))  # 5 to 500 frames in equal ratios


@dataclass(frozen=True, kw_only=True)
class Gait:
    """What is a character's own. Periods are numbers of rungs, for the sake of those who learn to draw this.

    A clock that is told as waves of these 16 periods says in one of them where each round is; of periods that
    lie between them it takes twice as long to learn (docs/log.md). None beats with multiples of 15 frames.
    """

    walk: int  # two steps
    stride: float  # half of the way between the feet at their farthest, in body heights
    jump: int
    height: float  # of a jump, in body heights
    wave: int
    ball: int
    breath: int
    blink: int  # the frame of its first blink


GAITS = {
    "fox": Gait(walk=4, stride=0.133, jump=5, height=0.36, wave=3, ball=7, breath=7, blink=9),
    "frog": Gait(walk=4, stride=0.125, jump=4, height=0.42, wave=4, ball=7, breath=6, blink=17),
    "penguin": Gait(walk=3, stride=0.093, jump=4, height=0.24, wave=2, ball=6, breath=7, blink=25),
    "rabbit": Gait(walk=3, stride=0.101, jump=4, height=0.46, wave=3, ball=6, breath=6, blink=33),
    "robot": Gait(walk=5, stride=0.170, jump=5, height=0.28, wave=4, ball=8, breath=8, blink=41),
    "elephant": Gait(walk=5, stride=0.176, jump=6, height=0.22, wave=5, ball=8, breath=8, blink=13),
}

_BLINKS = 47  # frames from one blink to the next
_SIT_FROM, _SIT_FOR = 6, 16  # frames: when it begins to sit down, and how long that takes


@dataclass(frozen=True, kw_only=True)
class Pose:
    """Where the limbs are at one frame; angles in radians, lengths in body heights."""

    side: bool = False  # seen from the side, as walkers are; else it looks at us
    lift: float = 0.0  # of the whole body above the ground
    feet: tuple[tuple[float, float], tuple[float, float]] = ((-0.11, 0.0), (0.11, 0.0))  # ahead, above ground
    arms: tuple[float, float] = (-0.95, -0.95)  # 0 = straight out, up is positive; from the side 0 hangs down
    squash: float = 0.0  # share by which the body is lower, and broader
    lean: float = 0.0  # forward, or to its left
    seated: float = 0.0  # 0 = stands, 1 = sits
    crouch: float = 0.0  # how far the body has gone down, its feet where they are
    lying: bool = False
    round: float | None = None  # of a sleeper's breath, 0..1
    head: float = 0.0  # how far the head is higher than at rest
    ears: float = 0.0  # how far they hang behind, 1 = as far as they can; below 0 they are thrown up
    tail: float = 0.0  # its angle against that at rest
    blink: bool = False
    ball: tuple[float, float] | None = None  # of its middle: beside the body, above the ground

    @property
    def contacts(self) -> tuple[bool, bool]:
        """Which feet stand on the ground; those of who sits or lies do not."""
        down = not self.lying and self.seated == 0 and self.lift == 0
        return down and self.feet[0][1] == 0, down and self.feet[1][1] == 0


@dataclass(frozen=True, kw_only=True)
class Moment:
    """Something that is heard, or could be."""

    since: float  # frames since the scene began, not a whole number
    kind: str  # step, takeoff, landing, bounce, catch, wave, snore, sit
    who: int  # which of the shot's actors
    strength: float  # 0..1


# -- the clock -------------------------------------------------------------------------------------------


def period(actor: Actor) -> float:
    """Frames of one round of what the actor does; of sitting down, how long that takes."""
    gait = GAITS[actor.name]
    rungs = {"walk": gait.walk, "jump": gait.jump, "wave": gait.wave, "ball": gait.ball, "sleep": gait.breath}
    frames = _SIT_FOR if actor.action == "sit" else RUNGS[rungs[actor.action]]
    return frames * (actor.tempo.pace if actor.tempo else 1.0)


def speed(name: str) -> float:
    """Picture widths a frame that a character walks of its own."""
    return 4 * GAITS[name].stride * HEIGHT / RUNGS[GAITS[name].walk]


def into(actor: Actor, since: float) -> float:
    """How many rounds the actor is into what it does, its lead counted; 0..1 of sitting down."""
    return rounds(actor, since) + _ahead(actor)


def _ahead(actor: Actor) -> float:
    """The rounds that it leads by; one that sits down begins earlier instead."""
    return 0.0 if actor.action == "sit" else actor.late


def rounds(actor: Actor, since: float) -> float:
    """How many rounds the actor has done `since` frames after the scene began."""
    if actor.action == "sit":
        return min(1.0, max(0.0, (since - _sits_from(actor)) / period(actor)))
    if actor.tempo is None:
        return since / period(actor)
    at = since / period(actor)
    k = math.floor(at)
    while _knot(actor.tempo, k) > at:
        k -= 1
    while _knot(actor.tempo, k + 1) <= at:
        k += 1
    low, high = _knot(actor.tempo, k), _knot(actor.tempo, k + 1)
    return k + (at - low) / (high - low)


def _since(actor: Actor, done: float) -> float:
    """Frames since the scene began when `done` rounds are done: what `rounds` undoes."""
    if actor.action == "sit":
        return _sits_from(actor) + done * period(actor)
    if actor.tempo is None:
        return done * period(actor)
    k = math.floor(done)
    low, high = _knot(actor.tempo, k), _knot(actor.tempo, k + 1)
    return (low + (done - k) * (high - low)) * period(actor)


def _sits_from(actor: Actor) -> float:
    first = _SIT_FROM + (40 * _lot(actor.tempo, 0) if actor.tempo else 0)
    return first - actor.late * period(actor)


def _knot(tempo: Tempo, k: int) -> float:
    """When round k begins, in mean periods: somewhere around k, the first with the scene."""
    return k + (0.5 * (_lot(tempo, k) - 0.5) if k > 0 and not tempo.even else 0.0)


def _lot(tempo: Tempo, k: int) -> float:
    return seed_of(f"tempo {tempo.seed} {k}") % 100_003 / 100_003


# -- poses -----------------------------------------------------------------------------------------------


def pose(actor: Actor, since: float) -> Pose:
    """The pose `since` frames (>= 0) after the scene began."""
    gait = GAITS[actor.name]
    blink = (since - gait.blink) % _BLINKS < 3
    u = into(actor, since)
    match actor.action:
        case "walk":
            if actor.way is not None and walked(actor, since) >= actor.way:
                return Pose(blink=blink)
            return _walking(actor, u, blink)
        case "jump":
            return _jumping(u % 1.0, gait.height, blink)
        case "wave":
            swing = math.sin(2 * math.pi * u)
            late = math.sin(2 * math.pi * (u - 0.12))
            return Pose(arms=(-0.95, 0.6 + 0.5 * swing), lean=0.03 * swing, tail=0.2 * late, blink=blink)
        case "sleep":
            breath = 0.5 - 0.5 * math.cos(2 * math.pi * u)
            return Pose(lying=True, round=u % 1.0, arms=(-1.35, -1.35), squash=-0.07 * breath, blink=True)
        case "sit":
            down = _smooth(u)
            nod = 0.008 * math.sin(2 * math.pi * since / RUNGS[gait.breath])
            return Pose(seated=down, head=nod, ears=0.5 * 4 * u * (1 - u), blink=blink)
        case "ball":
            return _playing(u % 1.0, blink)
    raise ValueError(f"unknown action {actor.action!r}")


def _smooth(share: float) -> float:
    """From 0 to 1 with a gentle beginning and end."""
    return share * share * (3 - 2 * share)


def _walking(actor: Actor, u: float, blink: bool) -> Pose:
    """Each foot is on the ground for half of the round, and there it stays where it is."""
    bob = -math.cos(4 * math.pi * u)  # lowest when both feet touch
    behind = -math.cos(4 * math.pi * (u - 0.1))
    swing = math.cos(2 * math.pi * u)
    return Pose(
        side=True,
        feet=(_foot(u % 1.0, actor.stride), _foot((u + 0.5) % 1.0, actor.stride)),
        arms=(-0.75 * swing, 0.75 * swing),
        crouch=0.015 - 0.015 * bob,
        lean=0.05,
        head=0.012 * behind,
        ears=0.35 - 0.3 * behind,
        tail=0.25 * behind,
        blink=blink,
    )


def _foot(at: float, stride: float) -> tuple[float, float]:
    """Ahead of the hip and above the ground: it touches down at 0, is taken up at 0.5."""
    if at < 0.5:
        return stride * (1 - 4 * at), 0.0
    swing = 2 * at - 1
    return -stride * math.cos(math.pi * swing), 0.11 * math.sin(math.pi * swing)


_OFF, _ON = 0.24, 0.80  # parts of a jump's round: in the air between


def _jumping(at: float, height: float, blink: bool) -> Pose:
    """Down, off, an arc, and down again into the knees."""
    if _OFF < at < _ON:
        air = (at - _OFF) / (_ON - _OFF)
        up, fall = 4 * air * (1 - air), 2 * air - 1  # fall: -1 leaves the ground, 1 comes back
        arms = -0.3 + 1.05 * up
        tucked = 0.07 * up
        feet = ((-0.10, tucked), (0.10, tucked))
        return Pose(
            lift=height * up, feet=feet, arms=(arms, arms), squash=-0.07 * abs(fall), ears=-0.9 * fall,
            tail=-0.5 * fall, blink=blink,
        )  # fmt: skip
    # before it leaves the ground it goes down slowly, after it is back it comes up fast
    bent = (
        math.sin(math.pi * (at / _OFF) ** 1.4) if at <= _OFF else math.sin(math.pi * (at - _ON) / (1 - _ON))
    )
    arms = -0.95 - 0.35 * bent
    return Pose(squash=0.16 * bent, arms=(arms, arms), ears=0.5 * bent, tail=0.2 * bent, blink=blink)


_LET_GO, _STOOP, _TAKEN = 0.14, 0.70, 0.82  # parts of a ball's round
_HELD = 0.74  # height of a ball in the hand
_FALL = 0.15  # part of the round that a ball takes from the hand to the ground
_DIES = (0.42, 0.16)  # heights of the bounces, of the first fall's


def _playing(at: float, blink: bool) -> Pose:
    """Held high, let go, dying bounces, rest, and taken up again: backwards it looks wrong."""
    if at < _LET_GO:
        return Pose(arms=(-0.95, 0.75), ball=(_REACH, _HELD), blink=blink)
    if at < _STOOP:
        high = BALL_RADIUS + (_HELD - BALL_RADIUS) * _bounce((at - _LET_GO) / _FALL)
        follows = 0.75 + (0.2 - 0.75) * min(1.0, (at - _LET_GO) / 0.1)
        return Pose(arms=(-0.95, follows), ball=(_REACH, high), blink=blink)
    if at < _TAKEN:
        down = _smooth((at - _STOOP) / (_TAKEN - _STOOP))
        return Pose(
            arms=(-0.95, 0.2 - 1.0 * down), crouch=0.14 * down, lean=0.12 * down, ears=0.5 * down,
            ball=(_REACH, BALL_RADIUS), blink=blink,
        )  # fmt: skip
    up = _smooth((at - _TAKEN) / (1 - _TAKEN))
    high = BALL_RADIUS + (_HELD - BALL_RADIUS) * up
    return Pose(
        arms=(-0.95, -0.8 + 1.55 * up), crouch=0.14 * (1 - up), lean=0.12 * (1 - up),
        ears=-0.4 * up * (1 - up), ball=(_REACH, high), blink=blink,
    )  # fmt: skip


def _bounce(falls: float) -> float:
    """Height (0..1) of a ball let go `falls` times as long ago as it falls; after its bounces it rests."""
    if falls < 1:
        return 1 - falls**2
    falls -= 1
    for height in _DIES:
        flight = 2 * math.sqrt(height)
        if falls < flight:
            return height * (1 - (2 * falls / flight - 1) ** 2)
        falls -= flight
    return 0.0


# -- places ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Staging:
    """Where everything is at one moment, in picture widths."""

    scroll: float  # how far the scenery has moved to the left since the scene began, at the feet
    xs: tuple[float, ...]  # the actors in the picture


def walked(actor: Actor, since: float) -> float:
    """How far over ground a walker has got, in picture widths before any zoom: its feet do not slide."""
    far = 4 * actor.stride * HEIGHT * rounds(actor, since)
    return far if actor.way is None else min(far, actor.way)


def staging(shot: Shot, since: float) -> Staging:
    """Where the actors and the scenery are `since` frames after the scene began.

    One that walks on goes to the middle of the picture or a little beyond, then the camera goes along.
    """
    zoom = ZOOM if shot.close else 1.0
    if not shot.walks_on:
        scroll = 0.10 * shot.pan * (_smooth(min(1.0, max(0.0, since / 90))) - 0.5)
        ways = [a.facing * walked(a, since) if a.action == "walk" else 0.0 for a in shot.actors]
        return Staging(
            scroll=scroll,
            xs=tuple(a.x + way * zoom - scroll for a, way in zip(shot.actors, ways, strict=True)),
        )
    first, last = shot.actors[0], shot.end - shot.start - LEAVING
    far = zoom * walked(first, since)
    shown = _followed(far, first.room)
    if shot.leaves and since > last:  # the camera lags behind and stops, the walker goes out
        followed = zoom * walked(first, max(0.0, last))
        shown = _followed(followed, first.room) + _released(far - followed)
    return Staging(scroll=first.facing * (far - shown), xs=tuple(a.x + a.facing * shown for a in shot.actors))


_KNEE = 0.05  # picture widths over which the camera begins to follow


def _followed(far: float, room: float) -> float:
    """The smaller of the two, without a corner; 0 where nobody has walked."""
    return _KNEE * (math.log1p(math.exp(room / _KNEE)) - math.log1p(math.exp((room - far) / _KNEE)))


def _released(far: float) -> float:
    """As far as it has walked, but for a gentle beginning."""
    soft = 0.06
    return far * far / (2 * soft) if far < soft else far - soft / 2


# -- what is heard ---------------------------------------------------------------------------------------


def moments(shot: Shot, first: float, last: float) -> Iterator[Moment]:
    """What happens from `first` frames after the scene began until before `last`, actor by actor in order."""
    for who, actor in enumerate(shot.actors):
        kinds = _MOMENTS[actor.action]
        begin, end = into(actor, max(0.0, first)), into(actor, last)
        stops = math.inf if actor.way is None else actor.way / (4 * actor.stride * HEIGHT)
        stops = 1.0 if actor.action == "sit" else stops
        for k in range(math.floor(begin) - 1, math.floor(end) + 2):
            for at, kind, strength in kinds:
                done = k + at - _ahead(actor)
                if 0 < done <= stops and first <= (since := _since(actor, done)) < last:
                    yield Moment(since=since, kind=kind, who=who, strength=strength)


def _bounces() -> Iterator[tuple[float, str, float]]:
    at = _LET_GO + _FALL
    yield at, "bounce", 1.0
    for height in _DIES:
        at += 2 * math.sqrt(height) * _FALL
        yield at, "bounce", math.sqrt(height)


# by action: when in its round, what, and how strong
_MOMENTS: dict[str, tuple[tuple[float, str, float], ...]] = {
    "walk": ((0.0, "step", 0.7), (0.5, "step", 0.7)),
    "jump": ((_OFF, "takeoff", 0.6), (_ON, "landing", 1.0)),
    "wave": ((0.25, "wave", 0.5), (0.75, "wave", 0.4)),
    "sleep": ((0.0, "snore", 0.8), (0.5, "snore", 0.5)),
    "sit": ((1.0, "sit", 0.8),),
    "ball": (*_bounces(), (_TAKEN, "catch", 0.5)),
}
