"""The endless script of an episode: which shot plays at a frame, by (seed, frame) alone.

An episode is a row of acts of 900 frames; an act's shots follow from (episode seed, act number), so that
any frame is found without what comes before it. Scenes return: after a cutaway of fewer than 15 frames,
after another shot of up to 150 frames, and, as an episode has four places and four characters, over and
over from act to act. No cut falls on, just before or just after a multiple of 15, where clips are joined.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from functools import lru_cache

from longtake.world import facts
from longtake.world.episodes import EpisodeFacts, chance_of, episode_facts, split_of
from longtake.world.first.captions import caption
from longtake.world.vocabulary import ACTIONS, TIMES, held_out

WEATHERS = ("clear", "rain")
ACT = 900  # frames; a multiple of 15, so that the offset below keeps act borders off the grid
_OFFSET = 7  # act k starts at ACT * k + _OFFSET (the first at 0)


@dataclass(frozen=True, kw_only=True)
class Actor(facts.Actor):
    """One character of a shot."""

    travel: float  # how far a walker gets until the shot ends
    phase: float  # 0..1, of a periodic motion


@dataclass(frozen=True, kw_only=True)
class Shot(facts.Shot):
    """A stretch of frames with one caption."""

    actors: tuple[Actor, ...]  # left to right


def shot_at(seed: int, frame: int) -> Shot:
    """The shot that plays at `frame` (>= 0) of episode `seed`."""
    if frame < 0:
        raise ValueError(f"frames count from 0, not {frame}")
    act = max(0, (frame - _OFFSET) // ACT)
    for shot in _act(seed, act):
        if frame < shot.end:
            return shot
    raise AssertionError("acts leave no frame out")


def shot_of(said: facts.CaptionFacts, start: int, end: int, prompt: str) -> Shot:
    """The shot from `start` to `end` that shows what `prompt` said; place and time are among that."""
    assert said.place is not None, "who asks for a shot knows where it is"
    assert said.time is not None, "and when"
    actors = tuple(
        Actor(name=name, action=doing or "wave", facing=side, x=0.5, travel=0.0, phase=0.0)
        for name, doing, side in said.cast
    )
    shot = Shot(
        start=start, end=end, place=said.place, time=said.time, weather=said.weather or "clear",
        pan=said.pan, actors=actors, caption=prompt,
    )  # fmt: skip
    return stage(shot, 0)


def stage(shot: facts.Shot, seed: int) -> Shot:
    """The shot with its actors in their places; chance follows from `seed` and the shot's start."""
    assert isinstance(shot, Shot), "a shot of another edition"
    chance = chance_of("stage", seed, shot.start)
    actors = tuple(
        replace(actor, phase=chance.random(), facing=actor.facing or chance.choice((-1, 1)))
        for actor in shot.actors
    )
    return _spread(replace(shot, actors=actors), chance)


@lru_cache(maxsize=512)
def _act(seed: int, act: int) -> tuple[Shot, ...]:
    start = ACT * act + _OFFSET if act else 0
    end = ACT * (act + 1) + _OFFSET
    chance = chance_of("act", seed, act)
    train = split_of(seed) == "train"
    shots: list[Shot] = []
    while start < end:
        for shot, length in _scene(episode_facts(seed), chance, train):
            stop = _off_grid(start + length)
            if end - stop < 40:  # what is left would be too short to be a shot of its own
                stop = end
            if start < stop <= end:
                placed = _spread(replace(shot, start=start, end=stop), chance)
                shots.append(replace(placed, caption=caption(placed, chance, held_out=not train)))
                start = stop
    return tuple(shots)


def _off_grid(cut: int) -> int:
    while cut % 15 in (14, 0, 1):
        cut += 1
    return cut


def _scene(known: EpisodeFacts, chance: random.Random, train: bool) -> list[tuple[Shot, int]]:
    """One to three shots and their lengths: a plain one, one around a cutaway, or one that is returned to."""
    here = _stage(known, chance, train)
    kind = chance.choices(("plain", "cutaway", "return"), (0.55, 0.2, 0.25))[0]
    if kind == "plain":
        return [(here, chance.randint(50, 260))]
    away = _stage(known, chance, train)
    while away.place == here.place:
        away = _stage(known, chance, train)
    length = chance.randint(6, 11) if kind == "cutaway" else chance.randint(20, 140)
    return [(here, chance.randint(50, 130)), (away, length), (here, chance.randint(50, 130))]


def _stage(known: EpisodeFacts, chance: random.Random, train: bool) -> Shot:
    while True:
        place = chance.choice(known.places)
        names = chance.sample(known.cast, chance.choice((1, 2)))
        actions = [chance.choice(ACTIONS) for _ in names]
        if not (train and any(held_out(n, a, place) for n, a in zip(names, actions, strict=True))):
            break
    actors = tuple(
        Actor(name=n, action=a, facing=chance.choice((-1, 1)), x=0.5, travel=0.0, phase=chance.random())
        for n, a in zip(names, actions, strict=True)
    )
    return Shot(
        start=0,
        end=0,
        place=place,
        time=chance.choice(TIMES),
        weather="rain" if chance.random() < 0.2 else "clear",
        pan=chance.choices((0, -1, 1), (0.7, 0.15, 0.15))[0],
        actors=actors,
        caption="",
    )


def _spread(shot: Shot, chance: random.Random) -> Shot:
    """Gives every actor a place: one alone the middle, two a half each; walkers cross their part."""
    single = len(shot.actors) == 1
    actors = []
    for k, actor in enumerate(shot.actors):
        middle = 0.5 if single else (0.26, 0.74)[k]
        reach = 0.24 if single else 0.10
        x = middle + chance.uniform(-0.04, 0.04)
        if actor.action == "walk":
            travel = min(2 * reach, 0.012 * (shot.end - shot.start)) * actor.facing
            actors.append(replace(actor, x=middle - travel / 2, travel=travel))
        else:
            actors.append(replace(actor, x=x, travel=0.0, facing=1 if single else (1, -1)[k]))
    return replace(shot, actors=tuple(actors))
