"""The endless script of an episode: which shot plays at a frame, by (seed, frame) alone.

An episode is a row of acts of 900 frames; an act's shots follow from (episode seed, act number), so that
any frame is found without what comes before it. Scenes return: after a cutaway of fewer than 15 frames,
after another shot, and, as an episode has four places and four characters, over and over from act to act.
No cut falls on, just before or just after a multiple of 15, where clips are joined.

Where everybody stands follows from the caption's facts. With a track (a sound, a brain signal) half of the
shots have times of their own, which that track alone tells; the prompts and places are the same.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache

from longtake.files import seed_of
from longtake.world import facts
from longtake.world.episodes import EpisodeFacts, chance_of, episode_facts, split_of
from longtake.world.second.captions import caption
from longtake.world.second.motion import GAITS, speed
from longtake.world.second.shot import Actor, CaptionFacts, Shot, Tempo, Track
from longtake.world.vocabulary import ACTIONS, TIMES, held_out

ACT = 900  # frames; a multiple of 15, so that the offset below keeps act borders off the grid
SHORTEST, LONGEST = 40, 320  # frames of a scene that is no cutaway
_OFFSET = 7  # act k starts at ACT * k + _OFFSET (the first at 0)
_CUTAWAY = (6, 11)  # frames
_SLOTS = {1: (0.5,), 2: (0.26, 0.70)}  # where those stand who do not walk on

WEATHERS = ("clear", "rain", "snow", "dust")
# How bad weather looks there.
WEATHER_OF = {
    "meadow": "rain", "beach": "rain", "city": "rain", "farm": "rain", "mountains": "snow", "desert": "dust",
}  # fmt: skip

_STANDS_BACK = 0.06  # picture widths: two who walk on begin so far back
_IN, _OUT = 0.30, 0.19  # where the left one of two walks to: towards the other, and away from it
_FROM, _FROM_NEAR = 0.50, 0.40  # where it begins to walk away: from one who stays, from one who leaves too
_ROOM = 0.80  # where the right one stays then
_LATE = 0.37  # rounds: so far ahead the second one is when a scene begins, so that two are not in step
_BESIDE = -0.17  # outside of the picture


def shot_of(said: facts.CaptionFacts, start: int, end: int, caption: str = "", telling: int = 0) -> Shot:
    """The shot with everybody in place: all that is seen but hues and layouts follows from what is said.

    Only a walker alone comes, goes, and is shown close while the camera follows it; two have no room for
    that. Place and time are among what is said; of whom nothing else is said waves, who walks nowhere walks
    right.
    """
    assert said.place is not None, "who asks for a shot knows where it is"
    assert said.time is not None, "and when"
    stage = said if isinstance(said, CaptionFacts) else CaptionFacts(**vars(said))
    cast = tuple((name, doing or "wave", side or 1) for name, doing, side in said.cast)
    alone, walks = len(cast) == 1, [side for _, doing, side in cast if doing == "walk"]
    walker, together = alone and len(walks) == 1, len(walks) == 2 and walks[0] == walks[1]
    shot = Shot(
        start=start,
        end=end,
        place=said.place,
        time=said.time,
        weather=said.weather or "clear",
        pan=0 if walker or together else said.pan,
        close=stage.close and alone,
        enters=stage.enters and walker,
        leaves=stage.leaves and walker,
        actors=(),
        caption=caption,
        telling=telling,
    )
    if walker:
        return replace(shot, actors=(_lone_walker(cast[0], shot),))
    if together:
        return replace(shot, actors=_company(cast))
    return replace(shot, actors=tuple(_beside(cast, k) for k in range(len(cast))))


def stage(shot: facts.Shot, seed: int) -> Shot:
    """The shot itself: where its actors are does not depend on how long it lasts."""
    assert isinstance(shot, Shot), "a shot of another edition"
    return shot


def _lone_walker(one: tuple[str, str, int], shot: Shot) -> Actor:
    name, action, facing = one
    x = (1.5 if shot.close else 1.0) * _BESIDE if shot.enters else 0.30
    room = (0.66 if shot.leaves else 0.54) - x
    x = x if facing > 0 else 1 - x
    return Actor(name=name, action=action, facing=facing, x=x, room=room, stride=GAITS[name].stride)


def _company(cast: Sequence[tuple[str, str, int]]) -> tuple[Actor, ...]:
    """Two who walk on, as fast as the slower one, each in steps of its own."""
    slow = min(speed(name) for name, _, _ in cast)
    return tuple(
        Actor(
            name=name,
            action=action,
            facing=facing,
            x=x - _STANDS_BACK * facing,
            room=2 * _STANDS_BACK,
            stride=GAITS[name].stride * slow / speed(name),
            late=_LATE * k,
        )
        for k, ((name, action, facing), x) in enumerate(zip(cast, _SLOTS[2], strict=True))
    )


def _beside(cast: Sequence[tuple[str, str, int]], k: int) -> Actor:
    """One who stays in its part of the picture; a walker gets to the end of it and stands there."""
    name, action, facing = cast[k]
    away = [i for i, (_, doing, side) in enumerate(cast) if doing == "walk" and (side < 0) == (i == 0)]
    if action != "walk":
        x = _SLOTS[len(cast)][k]
        if len(cast) == 2 and 1 - k in away:
            x = (1 - _ROOM, _ROOM)[k]
        return Actor(name=name, action=action, facing=1, x=x, late=_LATE * k)
    x, goal = ((_FROM if len(away) == 1 else _FROM_NEAR), _OUT) if k in away else (_BESIDE, _IN)
    return Actor(
        name=name,
        action=action,
        facing=facing,
        x=x if k == 0 else 1 - x,
        way=abs(goal - x),
        stride=GAITS[name].stride,
        late=_LATE * k,
    )


def shot_at(seed: int, frame: int, track: Track | None = None) -> Shot:
    """The shot that plays at `frame` (>= 0) of episode `seed`, with a `track` beside its prompts or none."""
    if frame < 0:
        raise ValueError(f"frames count from 0, not {frame}")
    act = max(0, (frame - _OFFSET) // ACT)
    for shot in _act(seed, act):
        if frame < shot.end:
            return shot if track is None else _freed(shot, seed, track)
    raise AssertionError("acts leave no frame out")


def _freed(shot: Shot, seed: int, track: Track) -> Shot:
    """Every second shot with times of its own, decided by lot; the others as the clock says."""
    chance = chance_of("second", "free", seed, shot.start, track)
    if chance.random() < 0.5:
        return shot
    lots = [(chance.getrandbits(32), 0.7 * 2 ** chance.random()) for _ in shot.actors]
    even = shot.walks_on and len(lots) == 2
    if even:  # who walk side by side keep step with the ground, not with each other
        lots[1] = (lots[1][0], lots[0][1])
    actors = tuple(
        replace(actor, tempo=Tempo(seed=lot, pace=pace, even=even))
        for actor, (lot, pace) in zip(shot.actors, lots, strict=True)
    )
    return replace(shot, actors=actors)


@lru_cache(maxsize=512)
def _act(seed: int, act: int) -> tuple[Shot, ...]:
    start = ACT * act + _OFFSET if act else 0
    end = ACT * (act + 1) + _OFFSET
    chance = chance_of("second", "act", seed, act)
    train = split_of(seed) == "train"
    shots: list[Shot] = []
    while start < end:
        for said, length in _scene(episode_facts(seed), chance, train):
            stop = _off_grid(start + length)
            if end - stop < SHORTEST:  # what is left would be too short to be a shot of its own
                stop = end if end - start <= LONGEST else _off_grid(end - SHORTEST - 20)
            if start < stop <= end:
                shots.append(_told(said, start, stop, seed, train))
                start = stop
    return tuple(shots)


def _told(said: CaptionFacts, start: int, end: int, seed: int, train: bool) -> Shot:
    if end - start < 90:  # too short to come and go
        said = replace(said, leaves=False)
    telling = seed_of(repr(("telling", seed, start)))
    shot = shot_of(said, start, end, telling=telling)
    return replace(shot, caption=caption(shot, telling, held_out=not train))


def _off_grid(cut: int) -> int:
    while cut % 15 in (14, 0, 1):
        cut += 1
    return cut


def _scene(known: EpisodeFacts, chance: random.Random, train: bool) -> list[tuple[CaptionFacts, int]]:
    """One to three shots and their lengths: a plain one, one around a cutaway, or one that is returned to."""
    here = _stage(known, chance, train)
    kind = chance.choices(("plain", "cutaway", "return"), (0.66, 0.17, 0.17))[0]
    if kind == "plain" or _arrives(here):
        return [(here, chance.randint(SHORTEST, 90 if _arrives(here) else LONGEST))]
    away = _stage(known, chance, train)
    while away.place == here.place:
        away = _stage(known, chance, train)
    length = chance.randint(*_CUTAWAY) if kind == "cutaway" else chance.randint(SHORTEST, 160)
    return [(here, chance.randint(50, 200)), (away, length), (here, chance.randint(50, 200))]


def _arrives(said: CaptionFacts) -> bool:
    """Whether somebody walks to a place and stands there for the rest: that makes no long scene."""
    walks = {side for _, action, side in said.cast if action == "walk"}
    return len(said.cast) == 2 and (
        len(walks) == 2 or (len(walks) == 1 and any(a != "walk" for _, a, _ in said.cast))
    )


_OFTEN = {"walk": 1.6, "jump": 1.0, "wave": 0.9, "sleep": 0.5, "sit": 0.7, "ball": 1.0}


def _stage(known: EpisodeFacts, chance: random.Random, train: bool) -> CaptionFacts:
    while True:
        place = chance.choice(known.places)
        names = chance.sample(known.cast, chance.choice((1, 2)))
        actions = chance.choices(ACTIONS, [_OFTEN[action] for action in ACTIONS], k=len(names))
        if not (train and any(held_out(n, a, place) for n, a in zip(names, actions, strict=True))):
            break
    sides = [chance.choice((-1, 1)) for _ in names]
    if actions == ["walk", "walk"] and chance.random() < 0.8:
        sides[1] = sides[0]
    cast = tuple((n, a, side if a == "walk" else 1) for n, a, side in zip(names, actions, sides, strict=True))
    weather = "clear"
    if chance.random() < 0.26:
        weather = WEATHER_OF[place] if chance.random() < 0.85 else "rain"
    said = CaptionFacts(
        place=place,
        time=chance.choice(TIMES),
        weather=weather,
        pan=chance.choices((0, -1, 1), (0.7, 0.15, 0.15))[0],
        close=chance.random() < 0.22,
        enters=chance.random() < 0.3,
        leaves=chance.random() < 0.3,
        cast=cast,
    )
    shot = shot_of(said, 0, 1000)  # what there is room for
    return replace(said, pan=shot.pan, close=shot.close, enters=shot.enters, leaves=shot.leaves)
