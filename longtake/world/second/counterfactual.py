"""The same shot with one thing changed, and everything else as it was.

What is not changed stays to the pixel where it can: the places and poses of others, hidden facts, the
caption's other words. A scenery that lay behind what is gone is seen.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, get_args

from longtake.files import seed_of
from longtake.world.episodes import EpisodeFacts, split_of
from longtake.world.second.captions import caption
from longtake.world.second.motion import GAITS, speed
from longtake.world.second.script import WEATHER_OF
from longtake.world.second.shot import Actor, Shot
from longtake.world.vocabulary import ACTIONS, CHARACTERS, PLACES, TIMES, held_out

Change = Literal["hour", "weather", "place", "character", "outfit", "action", "more", "fewer"]
CHANGES: tuple[Change, ...] = get_args(Change)
_FREE = (0.15, 0.85)  # where a further figure stands beside one in the middle

Changed = Sequence[tuple[Shot, EpisodeFacts]]


@dataclass(frozen=True, kw_only=True)
class Pair:
    """A shot and what it might have been; each is drawn with facts of its own."""

    change: Change
    before: tuple[Shot, EpisodeFacts]
    after: tuple[Shot, EpisodeFacts]


def counterfactual(shot: Shot, hidden: EpisodeFacts, change: Change, seed: int) -> Pair | None:
    """`shot` with one thing changed, chosen by `seed`, that of its episode, so that splits hold.

    None where it cannot be: an outfit without anybody, one figure more where two are, one fewer where nobody
    is, an action of those who walk side by side.
    """
    chance = random.Random(seed_of(repr(("counterfactual", seed, shot.start, change))))
    train = split_of(seed) == "train"
    changed = _CHANGES[change](shot, hidden)
    changed = [
        (after, facts)
        for after, facts in changed
        if not (train and any(held_out(a.name, a.action, after.place) for a in after.actors))
    ]
    if not changed:
        return None
    after, facts = chance.choice(changed)
    told = caption(after, shot.telling, held_out=not train)
    return Pair(change=change, before=(shot, hidden), after=(replace(after, caption=told), facts))


def _hour(shot: Shot, hidden: EpisodeFacts) -> Changed:
    return [(replace(shot, time=time), hidden) for time in TIMES if time != shot.time]


def _weather(shot: Shot, hidden: EpisodeFacts) -> Changed:
    other = WEATHER_OF[shot.place] if shot.weather == "clear" else "clear"
    return [(replace(shot, weather=other), hidden)]


def _place(shot: Shot, hidden: EpisodeFacts) -> Changed:
    """Weather that only the old place has becomes the new one's."""

    def there(place: str) -> Shot:
        own = shot.weather == WEATHER_OF[shot.place]
        return replace(shot, place=place, weather=WEATHER_OF[place] if own else shot.weather)

    return [(there(place), hidden) for place in PLACES if place != shot.place]


def _character(shot: Shot, hidden: EpisodeFacts) -> Changed:
    """Somebody else does the same in the same outfit, in a gait of its own."""
    names = {actor.name for actor in shot.actors}
    return [
        _anew(shot, hidden, k, name, shot.actors[k].action)
        for k in range(len(shot.actors))
        for name in CHARACTERS
        if name not in names
    ]


def _outfit(shot: Shot, hidden: EpisodeFacts) -> Changed:
    return [
        (shot, replace(hidden, hues={**hidden.hues, actor.name: (hidden.hues[actor.name] + turn) % 1.0}))
        for actor in shot.actors
        for turn in (0.25, 0.5, 0.75)
    ]


def _action(shot: Shot, hidden: EpisodeFacts) -> Changed:
    """One does something else where it is; nobody begins or ceases to walk, which would move the camera."""
    return [
        _anew(shot, hidden, k, actor.name, action)
        for k, actor in enumerate(shot.actors)
        if actor.action != "walk"
        for action in ACTIONS
        if action not in ("walk", actor.action)
    ]


def _anew(shot: Shot, hidden: EpisodeFacts, k: int, name: str, action: str) -> tuple[Shot, EpisodeFacts]:
    """Actor k as `name` at `action`, in the place and the outfit of whom it stands for."""
    old = shot.actors[k]
    new = replace(old, name=name, action=action)
    if action == "walk":  # steps of one's own; two who walk side by side stay together
        slow = speed(old.name) * old.stride / GAITS[old.name].stride
        share = slow / speed(name) if shot.walks_on and len(shot.actors) > 1 else 1.0
        new = replace(new, stride=GAITS[name].stride * share)
    actors = (*shot.actors[:k], new, *shot.actors[k + 1 :])
    hues = {**hidden.hues, name: hidden.hues[old.name]}
    return replace(shot, actors=actors), replace(hidden, hues=hues)


def _more(shot: Shot, hidden: EpisodeFacts) -> Changed:
    """Beside one who stays in the middle, in the free part of the picture."""
    if len(shot.actors) != 1 or shot.actors[0].action == "walk" or shot.close:
        return []
    (here,) = shot.actors
    sides = (0,) if here.action in ("ball", "sleep") else (0, 1)  # balls and heads are on the right
    return [
        (replace(shot, actors=(new, here) if side == 0 else (here, new)), hidden)
        for side in sides
        for name in CHARACTERS
        if name != here.name
        for action in ("jump", "wave", "sit")
        for new in [Actor(name=name, action=action, facing=1, x=_FREE[side], late=0.37 * side)]
    ]


def _fewer(shot: Shot, hidden: EpisodeFacts) -> Changed:
    """Who is left stays where it is; of two who walk side by side both are followed."""
    if not shot.actors or (shot.walks_on and len(shot.actors) == 1):
        return []
    left = [shot.actors[:k] + shot.actors[k + 1 :] for k in range(len(shot.actors))]
    return [(replace(shot, actors=actors), hidden) for actors in left]


_CHANGES = {
    "hour": _hour,
    "weather": _weather,
    "place": _place,
    "character": _character,
    "outfit": _outfit,
    "action": _action,
    "more": _more,
    "fewer": _fewer,
}
