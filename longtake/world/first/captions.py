"""One caption per shot, from a grammar with many words and word orders for the same thing.

The first character named stands on the left. What a caption leaves open (outfit hue, layout, the clock)
is decided by the episode, and what it does not mention (rain, camera) is not there.
"""

from __future__ import annotations

import random
import re
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from longtake.world.facts import CaptionFacts, Shot

_NAMES = {
    "fox": "Ollie",
    "frog": "Pip",
    "penguin": "Nima",
    "rabbit": "Luna",
    "robot": "Bolt",
    "elephant": "Ella",
}
_LOOKS = {
    "fox": "orange",
    "frog": "green",
    "penguin": "blue",
    "rabbit": "pink",
    "robot": "metal",
    "elephant": "purple",
}

# third person | progressive | plural; "{d}" is left or right
_VERBS: dict[str, list[tuple[str, str, str]]] = {
    "walk": [
        ("walks to the {d}", "walking to the {d}", "walk to the {d}"),
        ("walks {d}", "walking {d}", "walk {d}"),
        ("strolls to the {d}", "strolling to the {d}", "stroll to the {d}"),
        ("wanders {d}", "wandering {d}", "wander {d}"),
        ("goes {d} on foot", "going {d} on foot", "go {d} on foot"),
        ("marches {d}", "marching {d}", "march {d}"),
    ],
    "jump": [
        ("jumps", "jumping", "jump"),
        ("jumps up and down", "jumping up and down", "jump up and down"),
        ("hops", "hopping", "hop"),
        ("leaps into the air", "leaping into the air", "leap into the air"),
        ("jumps for joy", "jumping for joy", "jump for joy"),
    ],
    "wave": [
        ("waves", "waving", "wave"),
        ("waves hello", "waving hello", "wave hello"),
        ("waves at us", "waving at us", "wave at us"),
        ("says hello", "saying hello", "say hello"),
        ("raises a hand to greet us", "raising a hand to greet us", "raise a hand to greet us"),
    ],
    "sleep": [
        ("sleeps", "sleeping", "sleep"),
        ("takes a nap", "taking a nap", "take a nap"),
        ("naps", "napping", "nap"),
        ("lies asleep", "lying asleep", "lie asleep"),
        ("dozes", "dozing", "doze"),
        ("rests with closed eyes", "resting with closed eyes", "rest with closed eyes"),
    ],
    "sit": [
        ("sits down", "sitting down", "sit down"),
        ("takes a seat", "taking a seat", "take a seat"),
        ("sits on the ground", "sitting on the ground", "sit on the ground"),
        ("settles down", "settling down", "settle down"),
    ],
    "ball": [
        ("plays with a ball", "playing with a ball", "play with balls"),
        ("drops a ball", "dropping a ball", "drop balls"),
        ("bounces a ball", "bouncing a ball", "bounce balls"),
        ("plays ball", "playing ball", "play ball"),
        ("lets a red ball fall", "letting a red ball fall", "let red balls fall"),
    ],
}
_PLACES = {
    "meadow": [
        "in the meadow",
        "in a green meadow",
        "on the grass",
        "in a field of grass",
        "by the old tree",
    ],
    "beach": [
        "at the beach",
        "by the sea",
        "on the shore",
        "by the palm tree on the beach",
        "at the seaside",
    ],
    "desert": ["in the desert", "among the dunes", "in the hot desert", "by a cactus", "in the dry desert"],
    "mountains": [
        "in the mountains",
        "in the snow",
        "up in the snowy mountains",
        "below the white peaks",
        "by a snowy pine",
    ],
    "city": ["in the city", "in town", "downtown", "on a city street", "by the clock tower in the city"],
    "farm": ["on the farm", "by the barn", "in the farmyard", "in front of the red barn", "at the farm"],
}
_TIMES = {
    "morning": ["in the morning", "at sunrise", "at dawn", "early in the morning", "on a fresh morning"],
    "day": ["during the day", "at noon", "in broad daylight", "at midday", "on a bright day"],
    "evening": ["in the evening", "at sunset", "at dusk", "as the sun goes down", "on a warm evening"],
    "night": ["at night", "by night", "after dark", "under the moon", "late at night"],
}
_WEATHERS = {
    "clear": ["", "", "", "under a clear sky", "in fine weather"],
    "rain": ["in the rain", "while it rains", "as rain falls", "in rainy weather", "under a rainy sky"],
}
_CAMERA = {
    0: [""],
    -1: ["the camera pans left", "the camera moves left", "slow pan to the left"],
    1: ["the camera pans right", "the camera moves right", "slow pan to the right"],
}

# The last template is kept for validation and test: captions whose order was never seen.
TEMPLATES = (
    "{who} {place} {time} {weather}",
    "{time} , {who} {place} {weather}",
    "{place} , {who} {time} {weather}",
    "{who} {weather} , {time} {place}",
    "{weather} {time} , {who} {place}",
    "{time} {place} : {who} {weather}",
    "{place} {weather} {time} , {who}",
)


def caption(shot: Shot, chance: random.Random, *, held_out: bool = False) -> str:
    """Words for `shot`, drawn by `chance`; `held_out` allows the word order that training never uses."""
    template = chance.choice(TEMPLATES if held_out else TEMPLATES[:-1])
    words = template.format(
        who=_who(shot.cast, chance),
        place=chance.choice(_PLACES[shot.place]),
        time=chance.choice(_TIMES[shot.time]),
        weather=chance.choice(_WEATHERS[shot.weather]),
    )
    camera = chance.choice(_CAMERA[shot.pan])
    text = " ".join(words.split()).replace(" ,", ",").replace(" :", ":").strip(" ,:")
    text = text.replace(",,", ",")
    sentences = [text, camera] if camera else [text]
    return " ".join(s[0].upper() + s[1:] + "." for s in sentences)


def _subject(name: str, chance: random.Random) -> str:
    own, look = _NAMES[name], _LOOKS[name]
    article = "an" if look[0] in "aeiou" else "a"
    known = [own, f"{own} the {name}", f"the {name}", f"the {look} {name}", f"{own} the {look} {name}"]
    return chance.choice([*known, f"{article} {look} {name}"])


def _who(cast: Sequence[tuple[str, str, int]], chance: random.Random) -> str:
    subjects = [_subject(name, chance) for name, _, _ in cast]
    sides = ["left" if direction < 0 else "right" for _, _, direction in cast]
    if len(cast) == 2 and cast[0][1:] == cast[1][1:] and chance.random() < 0.7:
        third, progressive, plural = chance.choice(_VERBS[cast[0][1]])
        verb = chance.choice([plural, f"are {progressive}", f"both {plural}"]).format(d=sides[0])
        return f"{subjects[0]} and {subjects[1]} {verb}"
    clauses = []
    for subject, side, (_, action, _) in zip(subjects, sides, cast, strict=True):
        third, progressive, _ = chance.choice(_VERBS[action])
        clauses.append(f"{subject} {chance.choice([third, f'is {progressive}'])}".format(d=side))
    return chance.choice([" and ", " while ", ", and "]).join(clauses)


def vocabulary() -> list[str]:
    """Every word that a caption can contain, sorted: what a text encoder for this world must know."""
    tables = [*_PLACES.values(), *_TIMES.values(), *_WEATHERS.values(), *_CAMERA.values()]
    phrases = [phrase for table in tables for phrase in table]
    phrases += [form for forms in _VERBS.values() for triple in forms for form in triple]
    phrases += [
        *_NAMES,
        *_NAMES.values(),
        *_LOOKS.values(),
        "a an the and while both is are left right",
        *TEMPLATES,
    ]
    plain = re.sub(r"\{\w+\}", " ", " ".join(phrases)).lower()
    return sorted({*re.findall(r"[a-z']+", plain), ".", ",", ":"})


def lexicon() -> dict[str, list[str]]:
    """Who and where: for every character and place the words that name it, without what leads up to them."""
    named = {name: [_NAMES[name].lower(), name] for name in _NAMES}
    leading = re.compile(r"^((in front of|up in|in|on|at|by|among|below) )(a |the )?")
    placed = {
        place: sorted({leading.sub("", phrase) for phrase in phrases}) for place, phrases in _PLACES.items()
    }
    return named | placed


def read_caption(text: str) -> CaptionFacts:
    """The facts in a caption of this grammar, or in any text that uses its phrases.

    Of phrases that overlap the longest counts. A character does what comes next after its name.
    """
    heard = _hear(" ".join(re.findall(r"[a-z']+", text.lower())))
    first = {kind: value for _, kind, value in reversed(heard)}
    names = {str(value): at for at, kind, value in reversed(heard) if kind == "name"}
    cast: list[tuple[str, str | None, int]] = []
    for name in sorted(names, key=names.__getitem__):
        doing = [value for at, kind, value in heard if kind == "action" and at > names[name]]
        action, side = doing[0] if doing else (None, 0)
        cast.append((name, action, side))
    return CaptionFacts(
        place=first.get("place"),
        time=first.get("time"),
        weather=first.get("weather", "clear" if heard else None),
        pan=first.get("pan", 0),
        cast=tuple(cast),
    )


def _hear(words: str) -> list[tuple[int, str, Any]]:
    """(position, kind, value) of every known phrase, in order."""
    heard: list[tuple[int, str, Any]] = []
    for phrase, kind, value in _phrases():
        heard.extend((match.start(), kind, value) for match in re.finditer(rf"\b{phrase}\b", words))
        words = re.sub(rf"\b{phrase}\b", lambda match: "#" * len(match[0]), words)
    return sorted(heard, key=lambda phrase: phrase[0])


@cache
def _phrases() -> tuple[tuple[str, str, Any], ...]:
    """(phrase, kind, what it means), longest first."""
    tables: tuple[tuple[str, Mapping[Any, list[str]]], ...] = (
        ("place", _PLACES),
        ("time", _TIMES),
        ("weather", _WEATHERS),
        ("pan", _CAMERA),
        ("name", {name: [_NAMES[name].lower(), name] for name in _NAMES}),
    )
    phrases = [
        (p, kind, value) for kind, table in tables for value, words in table.items() for p in words if p
    ]
    for action, forms in _VERBS.items():
        for form in {form for triple in forms for form in triple}:
            for side, d in ((-1, "left"), (1, "right")) if "{d}" in form else ((0, ""),):
                phrases.append((form.format(d=d), "action", (action, side)))
    return tuple(sorted(phrases, key=lambda entry: -len(entry[0])))
