"""Films of the second edition that move wrongly in one known way each.

They are drawn as `controls` are: any frame at once, chance from (control, seed, place) alone.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from longtake.evaluate.script import LEAF, DrawFrame, Script, truth
from longtake.files import seed_of
from longtake.video import Pixels
from longtake.world.episodes import episode_facts
from longtake.world.second import motion
from longtake.world.second.drawing import draw
from longtake.world.second.motion import Pose, Staging
from longtake.world.second.shot import Actor, Shot, Tempo

_STANDS_AT = 45.0  # frames after a scene's beginning: where a walker is that gets no further
_RISE = 0.14  # of the picture's height, over a scene
_MOMENT, _EVERY = 5, 40  # frames: how long somebody else is there, and how often
_QUALITY = 8  # of JPEG, 1..95


def _drawn(script: Script, seed: int, size: int, how: Callable[[Shot, float], dict[str, Any]]) -> DrawFrame:
    """A film whose frames are drawn with `how(shot, frames since it began)`: other arguments of `draw`."""
    hidden = episode_facts(seed)

    def picture(number: int) -> Pixels:
        shot = script.shot(number)
        assert isinstance(shot, Shot), "a shot of another edition"
        return draw(shot, hidden, number, size, **how(shot, number - shot.start))[0]

    return picture


def _restaged(script: Script, seed: int, size: int, change: Callable[[Shot, int], Shot]) -> DrawFrame:
    """A film of other shots: `change(shot, number)`."""
    hidden = episode_facts(seed)

    def picture(number: int) -> Pixels:
        shot = script.shot(number)
        assert isinstance(shot, Shot), "a shot of another edition"
        return draw(change(shot, number), hidden, number, size)[0]

    return picture


def standing_walkers(script: Script, seed: int, size: int) -> DrawFrame:
    """Legs move, and nobody gets on."""

    def stays(shot: Shot, since: float) -> Staging:
        walk = any(actor.action == "walk" for actor in shot.actors)
        return motion.staging(shot, min(since, _STANDS_AT) if walk else since)

    return _drawn(script, seed, size, lambda shot, since: {"staging": stays})


def standing_before_moving_scenery(script: Script, seed: int, size: int) -> DrawFrame:
    """Walkers stand and look at us while the scenery passes."""

    def stands(actor: Actor, since: float) -> Pose:
        return Pose() if actor.action == "walk" else motion.pose(actor, since)

    return _drawn(script, seed, size, lambda shot, since: {"posing": stands})


def sliding(script: Script, seed: int, size: int) -> DrawFrame:
    """Walkers get on without moving their legs."""

    def glides(actor: Actor, since: float) -> Pose:
        return motion.pose(actor, min(since, 3.0) if actor.action == "walk" else since)

    return _drawn(script, seed, size, lambda shot, since: {"posing": glides})


def tempo_changed(script: Script, seed: int, size: int) -> DrawFrame:
    """Everybody moves a quarter more slowly."""
    slow = Tempo(seed=0, pace=4 / 3, even=True)
    return _restaged(script, seed, size, lambda shot, number: replace(
        shot, actors=tuple(replace(actor, tempo=slow) for actor in shot.actors)
    ))  # fmt: skip


def mirrored_half(script: Script, seed: int, size: int) -> DrawFrame:
    """Every second scene, by lot, is seen in a mirror."""
    right = truth(script, seed, size)

    def picture(number: int) -> Pixels:
        flipped = seed_of(f"mirrored {seed} {script.shot(number).start}") % 2
        return np.ascontiguousarray(right(number)[:, ::-1]) if flipped else right(number)

    return picture


def rising(script: Script, seed: int, size: int) -> DrawFrame:
    """The picture drifts upwards over every scene; its lowest row fills what is left free below."""
    right = truth(script, seed, size)

    def picture(number: int) -> Pixels:
        shot = script.shot(number)
        up = round(_RISE * size * (number - shot.start) / (shot.end - shot.start))
        frame = right(number)
        return np.concatenate([frame[up:], np.repeat(frame[-1:], up, axis=0)])

    return picture


def replaced_for_moments(script: Script, seed: int, size: int) -> DrawFrame:
    """For 5 frames of every 40 the first figure is somebody else."""

    def other(shot: Shot, number: int) -> Shot:
        if not shot.actors or (number - shot.start) % _EVERY < _EVERY - _MOMENT:
            return shot
        there = {actor.name for actor in shot.actors}
        others = [name for name in script.world.characters if name not in there]
        moment = (number - shot.start) // _EVERY
        name = others[seed_of(f"replaced {seed} {shot.start} {moment}") % len(others)]
        return replace(shot, actors=(replace(shot.actors[0], name=name), *shot.actors[1:]))

    return _restaged(script, seed, size, other)


def compressed_part(script: Script, seed: int, size: int) -> DrawFrame:
    """The middle third of the film is JPEG of quality 8."""
    right = truth(script, seed, size)

    def picture(number: int) -> Pixels:
        frame = right(number)
        if not script.length / 3 <= number < 2 * script.length / 3:
            return frame
        held = io.BytesIO()
        Image.fromarray(frame).save(held, "JPEG", quality=_QUALITY)
        return np.asarray(Image.open(held).convert("RGB"))

    return picture


def cross_faded(script: Script, seed: int, size: int) -> DrawFrame:
    """Of every 15 frames the first is right, the others fade from it to the next right one."""
    right = truth(script, seed, size)

    def picture(number: int) -> Pixels:
        shot = script.shot(number)
        low = max(number // LEAF * LEAF, shot.start)
        high = min(number // LEAF * LEAF + LEAF, shot.end - 1, script.length - 1)
        if number in (low, high):
            return right(number)
        share = (number - low) / (high - low)
        faded: NDArray[np.float64] = (1 - share) * right(low).astype(float) + share * right(high)
        return np.rint(faded).astype(np.uint8)

    return picture


def ball_blinks(script: Script, seed: int, size: int) -> DrawFrame:
    """Balls are there for 9 frames and gone for 6."""

    def blinks(actor: Actor, since: float) -> Pose:
        pose = motion.pose(actor, since)
        return replace(pose, ball=None) if since % 15 >= 9 else pose

    return _drawn(script, seed, size, lambda shot, since: {"posing": blinks})


def two_suns(script: Script, seed: int, size: int) -> DrawFrame:
    """In every second scene there is another sun, or moon."""
    return _doubled(script, seed, size, 0)


def two_landmarks(script: Script, seed: int, size: int) -> DrawFrame:
    """In every second scene the landmark is there twice."""
    return _doubled(script, seed, size, 1)


def _doubled(script: Script, seed: int, size: int, thing: int) -> DrawFrame:
    def twice(shot: Shot, since: float) -> dict[str, Any]:
        if seed_of(f"two of {thing} {seed} {shot.start}") % 2:
            return {}
        return {"doubled": (0.45, None) if thing == 0 else (None, 0.4)}

    return _drawn(script, seed, size, twice)


MOVING_CONTROLS = (
    ("standing walkers", "Legs move, and nobody gets on.", standing_walkers),
    (
        "standing, scenery moves",
        "Walkers stand still while the scenery passes.",
        standing_before_moving_scenery,
    ),
    ("sliding", "Walkers get on without moving their legs.", sliding),
    ("tempo changed", "Everybody moves a quarter more slowly.", tempo_changed),
    ("mirrored half", "Every second scene is seen in a mirror.", mirrored_half),
    ("rising", "The picture drifts upwards over every scene.", rising),
    ("replaced for moments", "For 5 frames of every 40 a figure is somebody else.", replaced_for_moments),
    ("compressed part", "The middle third is JPEG of quality 8.", compressed_part),
    ("cross-faded", "Of every 15 frames one is right, the others fade from it to the next.", cross_faded),
    ("ball blinks", "Balls are there for 9 frames and gone for 6.", ball_blinks),
    ("two suns", "In every second scene there is another sun or moon.", two_suns),
    ("two landmarks", "In every second scene the landmark is there twice.", two_landmarks),
)
