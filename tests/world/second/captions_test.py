"""Captions of the second edition: every fact comes back, and pairs differ where their shots do."""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from longtake.conditions.words import words
from longtake.storyboard import load
from longtake.strategies.references import Subjects
from longtake.world.first import captions as first
from longtake.world.second import captions
from longtake.world.second.captions import (
    LONG,
    LONGEST,
    MIDDLE,
    SHORT,
    CaptionFacts,
    caption,
    lexicon,
    read_caption,
    vocabulary,
)
from longtake.world.vocabulary import ACTIONS, CHARACTERS, PLACES, TIMES

WEATHERS = ("clear", "rain", "snow", "dust")
Cast = tuple[tuple[str, str, int], ...]


@dataclass(frozen=True, kw_only=True)
class Told:
    """A shot as captions know it."""

    place: str
    time: str
    weather: str = "clear"
    pan: int = 0
    close: bool = False
    enters: bool = False
    leaves: bool = False
    cast: Cast


def told(chance: random.Random, **known: Any) -> Told:
    """A shot of any facts, some of them known."""
    names = chance.sample(CHARACTERS, chance.choice((1, 2)))
    actions = [chance.choice(ACTIONS) for _ in names]
    if len(names) == 2 and chance.random() < 0.3:
        actions[1] = actions[0]
    sides = [chance.choice((-1, 1)) if action == "walk" else 1 for action in actions]
    cast = known.get("cast", tuple(zip(names, actions, sides, strict=True)))
    walks = any(action == "walk" for _, action, _ in cast)
    shot = Told(
        place=chance.choice(PLACES),
        time=chance.choice(TIMES),
        weather=chance.choice(WEATHERS),
        pan=chance.choice((-1, 0, 0, 1)),
        close=chance.random() < 0.25,
        enters=walks and chance.random() < 0.3,
        leaves=walks and chance.random() < 0.3,
        cast=cast,
    )
    return replace(shot, **known)


def facts(shot: Told) -> CaptionFacts:
    """What a caption of the shot tells: those who do not walk have no direction."""
    return CaptionFacts(
        place=shot.place,
        time=shot.time,
        weather=shot.weather,
        pan=shot.pan,
        close=shot.close,
        enters=shot.enters,
        leaves=shot.leaves,
        cast=tuple((name, action, side if action == "walk" else 0) for name, action, side in shot.cast),
    )


@cache
def drawn(count: int = 6000) -> tuple[Told, ...]:
    chance = random.Random(0)
    return tuple(told(chance) for _ in range(count))


@cache
def captions_of(held_out: bool = False) -> tuple[str, ...]:
    return tuple(caption(shot, k, held_out=held_out) for k, shot in enumerate(drawn()))


# -- every fact comes back -------------------------------------------------------------------------------


@pytest.mark.parametrize("held_out", [False, True])
def test_every_caption_reads_back_to_the_facts_of_its_shot(held_out: bool) -> None:
    for shot, text in zip(drawn(), captions_of(held_out), strict=True):
        assert read_caption(text) == facts(shot), text


def test_every_combination_of_facts_can_be_told() -> None:
    chance = random.Random(1)
    ways = product(PLACES, TIMES, WEATHERS, (-1, 0, 1), (False, True), (False, True), (False, True), (1, 2))
    for telling, (place, time, weather, pan, close, enters, leaves, count) in enumerate(ways):
        names = chance.sample(CHARACTERS, count)
        walker = chance.randrange(count) if enters or leaves else -1
        actions = ["walk" if k == walker else chance.choice(ACTIONS) for k in range(count)]
        cast = tuple((n, a, chance.choice((-1, 1))) for n, a in zip(names, actions, strict=True))
        known = {"close": close, "enters": enters, "leaves": leaves}
        shot = Told(place=place, time=time, weather=weather, pan=pan, cast=cast, **known)
        text = caption(shot, telling, held_out=telling % 2 == 1)
        assert read_caption(text) == facts(shot), text


def test_every_template_tells_every_fact(monkeypatch: pytest.MonkeyPatch) -> None:
    chance = random.Random(2)
    for group, lengths in ((SHORT, (100, 0, 0)), (MIDDLE, (0, 100, 0)), (LONG, (0, 0, 100))):
        monkeypatch.setattr(captions, "LENGTHS", lengths)
        for template in group:
            name = ("SHORT", "MIDDLE", "LONG")[(SHORT, MIDDLE, LONG).index(group)]
            monkeypatch.setattr(captions, name, (template, template))
            for telling in range(40):
                shot = told(chance)
                text = caption(shot, telling)
                assert read_caption(text) == facts(shot), text
        monkeypatch.undo()


def test_no_phrase_is_misheard_beside_another() -> None:
    """Whatever stands side by side in a caption: an action, a place, a time and weather, in any order."""
    tables = ("place", captions._PLACES), ("time", captions._TIMES), ("weather", captions._WEATHERS)
    adverbs = [
        (kind, value, phrase)
        for kind, table in tables
        for value, phrases in table.items()
        for phrase in phrases
        if phrase
    ]
    for action, forms in captions._ACTIONS.items():
        for phrase in captions._in_all_forms(forms):
            said, side = captions._each_way(phrase)[-1]
            for kind, value, adverb in adverbs:
                found = read_caption(f"Pip {said} {adverb}")
                assert found.cast == (("frog", action, side),), f"{said} {adverb}"
                assert getattr(found, kind) == value, f"{said} {adverb}"
    for (kind, value, phrase), (other, meaning, after) in product(adverbs, adverbs):
        if kind != other:
            found = read_caption(f"{phrase} {after}")
            assert (getattr(found, kind), getattr(found, other)) == (value, meaning), f"{phrase} {after}"


def test_nobody_can_be_told_of() -> None:
    for telling in range(200):
        shot = told(random.Random(telling), cast=(), enters=False, leaves=False)
        text = caption(shot, telling)
        assert read_caption(text) == facts(shot), text


def test_only_who_walks_comes_and_goes() -> None:
    shot = Told(place="farm", time="day", cast=(("fox", "wave", 1),), enters=True)
    with pytest.raises(AssertionError, match="only who walks"):
        caption(shot, 0)


# -- the words -------------------------------------------------------------------------------------------


def test_every_word_is_in_the_vocabulary() -> None:
    known = vocabulary()
    assert known == sorted(set(known))
    assert {word for text in captions_of() + captions_of(True) for word in words(text)} <= set(known)
    assert set(first.vocabulary()) <= set(known)  # people's storyboards


def test_held_out_phrases_are_of_words_that_training_uses() -> None:
    learnt = {word for text in captions_of() for word in words(text)}
    assert {word for text in captions_of(True) for word in words(text)} <= learnt


def test_held_out_phrases_and_orders_are_told_only_where_allowed() -> None:
    tables = (captions._PLACES, captions._TIMES, captions._WEATHERS)
    last = [phrases[-1] for table in tables for phrases in table.values()]
    last += [
        said
        for phrases in captions._ACTIONS.values()
        for phrase in captions._in_all_forms(phrases[-1:])
        for said, _ in captions._each_way(phrase)
    ]
    pattern = re.compile(rf"\b({'|'.join(last)}|our friend the \w+)\b")

    def share(texts: Sequence[str]) -> float:
        return sum(bool(pattern.search(text.lower())) for text in texts) / len(texts)

    assert share(captions_of()) == 0
    assert 0.1 < share(captions_of(True)) < 0.4
    # "{place} {weather} {time} , {who}": no other short caption begins with a place and weather.
    place = "|".join(phrase for phrases in captions._PLACES.values() for phrase in phrases)
    weather = "|".join(phrase for phrases in captions._WEATHERS.values() for phrase in phrases if phrase)
    order = re.compile(rf"(close-up\. |a? ?close (shot|view)\. )?({place}) ({weather}) ")
    assert not any(order.match(text.lower()) for text in captions_of())
    assert any(order.match(text.lower()) for text in captions_of(True))


def test_captions_are_long_and_short_and_never_too_long() -> None:
    lengths = [len(words(text)) for text in captions_of() + captions_of(True)]
    assert max(lengths) <= LONGEST
    spoken = [len(text.split()) for text in captions_of()]
    assert 0.3 < sum(n < 20 for n in spoken) / len(spoken) < 0.5
    assert 0.15 < sum(n >= 40 for n in spoken) / len(spoken) < 0.25
    assert sum(n <= 8 for n in spoken) > 50
    assert len(SHORT) + len(MIDDLE) + len(LONG) > 40


def test_no_choice_of_words_is_too_long(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every template with the longest words for everything."""

    @cache
    def longest_of(options: tuple[str, ...]) -> str:
        return max(options, key=lambda option: len(words(option)))

    def longest(self: Any, slot: str, options: Sequence[Any]) -> Any:
        if slot == "template":
            return template
        if slot == "length":
            return length
        if slot in ("together", "leaves along"):
            return options[-1]
        if slot.startswith("tense"):
            return "ing"
        return longest_of(options) if isinstance(options[0], str) else options[0]

    def details(self: Any, slots: frozenset[str]) -> frozenset[str]:
        room = len(kept(self, slots | set(captions._DETAILS)))
        there = slots & set(captions._DETAILS) - ({"still"} if self.shot.pan else set())
        return frozenset(sorted(there, key=lambda slot: -len(words(self._words(slot))))[:room])

    kept = captions._Telling._details
    monkeypatch.setattr(captions._Telling, "one", longest)
    monkeypatch.setattr(captions._Telling, "_details", details)
    casts: list[Cast] = [
        (("elephant", "walk", 1),),
        (("elephant", "walk", 1), ("penguin", "wave", 1)),
        (("elephant", "walk", 1), ("robot", "walk", 1)),
    ]
    scenes = [(place, "evening", "snow") for place in ("meadow", "mountains", "city", "farm")]
    scenes += [("beach", "morning", "dust"), ("desert", "night", "rain"), ("beach", "day", "clear")]
    shots = [
        Told(
            place=place,
            time=time,
            weather=weather,
            pan=pan,
            close=close,
            enters=enters,
            leaves=leaves,
            cast=cast,
        )
        for (place, time, weather), cast in product(scenes, casts)
        for pan, (close, enters, leaves) in product((0, 1), product((False, True), repeat=3))
    ]
    for length, group in ((0, SHORT), (70, MIDDLE), (99, LONG)):  # noqa: B007
        for template, shot in product(group, shots):  # noqa: B007
            text = caption(shot, 0, held_out=True)
            assert len(words(text)) <= LONGEST, text


def test_captions_are_sentences() -> None:
    sentence = re.compile(r"[A-Z][A-Za-z ,:'-]*[a-z]")
    for text in captions_of() + captions_of(True):
        assert text.endswith(".")
        assert all(sentence.fullmatch(part) for part in text[:-1].split(". ")), text
        assert not re.search(r"  | [,:.]|[,:.]{2}|\b(a [aeiou]|an [^aeiou]|is is|and and)|, ?:", text), text
        assert not re.search(r"\b(\w+) \1\b", text), text


def test_a_shot_can_be_told_in_very_many_ways() -> None:
    shot = drawn()[0]
    assert len({caption(shot, k) for k in range(1000)}) > 980
    assert len(set(captions_of())) > 0.999 * len(captions_of())
    assert caption(shot, 5) == caption(shot, 5)


# -- pairs -----------------------------------------------------------------------------------------------


def without(text: str, *kinds: str) -> list[str]:
    """The words of a caption but for phrases of these kinds."""
    tokens = re.findall(r"[a-z0-9']+|[,:.;!?]", text.lower())
    for one in captions._hear(tokens):
        if one.kind in kinds:
            tokens[one.start : one.end] = ["#"] * (one.end - one.start)
    return [token for token in tokens if token not in "#,:."]


def pairs(count: int = 1000) -> Iterator[tuple[random.Random, Told, int]]:
    for telling in range(count):
        chance = random.Random(f"pair {telling}")
        yield chance, told(chance), telling


def test_another_place_changes_only_what_tells_the_place() -> None:
    place = ("place", "place hint", "snowy ground")
    for _, shot, telling in pairs():
        text = caption(shot, telling)
        for other in PLACES:
            changed = caption(replace(shot, place=other), telling)
            assert without(text, *place) == without(changed, *place)


def test_another_hour_changes_only_what_tells_the_hour() -> None:
    for _, shot, telling in pairs():
        told_at = [without(caption(replace(shot, time=time), telling), "time") for time in TIMES]
        plain = [[word for word in text if word not in ("it", "is")] for text in told_at]  # it is night
        assert all(text == plain[0] for text in plain)


def test_other_weather_changes_only_what_tells_the_weather() -> None:
    """At night it may also take the stars."""
    for _, shot, telling in pairs():
        kinds = ("weather", "time") if shot.time == "night" else ("weather",)
        text = [word for word in without(caption(shot, telling), *kinds) if word != "and"]
        for other in WEATHERS:
            changed = without(caption(replace(shot, weather=other), telling), *kinds)
            assert text == [word for word in changed if word != "and"]


def nameless(text: str) -> list[str]:
    """The words of a caption, whoever is named."""
    own = {name.lower(): "Name" for name, _, _ in captions._CHARACTERS.values()}
    looks = {look: "look" for _, look, _ in captions._CHARACTERS.values()}
    said = dict.fromkeys(("she", "him", "his", "her", "its"), "he")
    plain = {"an": "a"} | own | looks | said | dict.fromkeys(CHARACTERS, "name")
    text = text.lower()
    for phrase in (phrase for phrases in captions._LOOKS.values() for phrase in phrases):
        text = text.replace(phrase, "looks")
    passing = "comes|enters|steps|appears|leaves|exits|goes|disappears|passes"
    text = re.sub(rf"\bit (looks|{passing})\b", r"he \1", text)
    text = re.sub(r"\b(next to|beside|then|finally|at last|in the end|at first) it\b", r"\1 he", text)
    return [plain.get(word, word) for word in words(text)]


def test_somebody_else_changes_only_names_and_looks() -> None:
    for chance, shot, telling in pairs():
        k = chance.randrange(len(shot.cast))
        other = chance.choice([name for name in CHARACTERS if name not in {name for name, _, _ in shot.cast}])
        cast = list(shot.cast)
        cast[k] = (other, *shot.cast[k][1:])
        changed = caption(replace(shot, cast=tuple(cast)), telling)
        assert nameless(caption(shot, telling)) == nameless(changed)


def test_another_action_changes_only_what_that_one_does() -> None:
    """Where two do the same and are told of together, it is what both do."""
    for chance, shot, telling in pairs():
        k = chance.randrange(len(shot.cast))
        name, action, _ = shot.cast[k]
        others = {doing for i, (_, doing, _) in enumerate(shot.cast) if i != k}
        if action == "walk" or action in others:
            continue
        cast = list(shot.cast)
        cast[k] = (name, chance.choice(sorted({*ACTIONS} - {"walk", action, *others})), 1)
        text, changed = caption(shot, telling), caption(replace(shot, cast=tuple(cast)), telling)
        assert without(text, "action") == without(changed, "action")
        if len(cast) == 2:  # the other one's words are as they were
            assert any(len(set(part)) == 1 for part in zip(acts(text), acts(changed), strict=True))


def acts(text: str) -> list[str]:
    tokens = re.findall(r"[a-z0-9']+|[,:.;!?]", text.lower())
    return [" ".join(tokens[one.start : one.end]) for one in captions._hear(tokens) if one.kind == "action"]


def test_another_camera_leaves_the_first_words_as_they_were() -> None:
    for _, shot, telling in pairs(300):
        if shot.pan:
            left, right = (caption(replace(shot, pan=pan), telling) for pan in (-1, 1))
            ways = {(a, b) for a, b in zip(words(left), words(right), strict=True) if a != b}
            assert ways == {("left", "right")}


# -- who and where ---------------------------------------------------------------------------------------


def test_subjects_are_those_of_the_caption_and_no_others() -> None:
    subjects = Subjects(lexicon())
    assert set(lexicon()) == {*CHARACTERS, *PLACES}
    for shot, text in zip(drawn() + drawn(), captions_of() + captions_of(True), strict=True):
        assert subjects.of(text) == {shot.place, *(name for name, _, _ in shot.cast)}, text


def test_subjects_of_the_first_edition_s_captions_are_found() -> None:
    subjects = Subjects(lexicon())
    for shot, text in first_captions():
        assert subjects.of(text) == {shot.place, *(name for name, _, _ in shot.cast)}, text


def test_hidden_facts_are_not_told() -> None:
    clothes = "outfit|dress|shirt|trousers|wears|wearing|clothes|jacket|suit"
    assert not re.search(rf"\b({clothes})\b", " ".join(vocabulary()))


# -- texts that nobody has made by this grammar ----------------------------------------------------------


def first_captions() -> Iterator[tuple[Told, str]]:
    chance = random.Random(3)
    for _ in range(2000):
        shot = told(chance, weather=chance.choice(("clear", "rain")), close=False, enters=False, leaves=False)
        yield shot, first.caption(shot, chance, held_out=True)


def test_captions_of_the_first_edition_are_understood() -> None:
    for shot, text in first_captions():
        assert read_caption(text) == facts(shot), text


def test_the_prompts_of_the_examples_are_understood() -> None:
    examples = Path(__file__).parents[3] / "examples"
    prompts = [scene.prompt for path in sorted(examples.glob("*.yaml")) for scene in load(path).scenes]
    prompts += re.findall(r'prompt="([^"]*)"', (examples / "library.py").read_text())
    assert len(prompts) > 20
    for prompt in prompts:
        heard, before = read_caption(prompt), first.read_caption(prompt)
        assert None not in (heard.place, heard.time, heard.weather), prompt
        assert heard.cast
        assert all(action is not None for _, action, _ in heard.cast), prompt
        assert heard.time == before.time or before.time is None  # it does not know "by day"
        assert (heard.place, heard.weather, heard.pan) == (before.place, before.weather, before.pan)
        assert heard.cast == before.cast
        assert (heard.close, heard.enters, heard.leaves) == (False, False, False), prompt
        assert set(words(prompt)) <= set(vocabulary())


def heard(text: str) -> dict[str, Any]:
    """What is understood of a text, without what is not."""
    nothing = {"place": None, "time": None, "weather": "clear", "pan": 0, "cast": ()}
    nothing |= {"close": False, "enters": False, "leaves": False}
    return {key: value for key, value in vars(read_caption(text)).items() if value != nothing[key]}


def test_what_is_not_said_is_not_known() -> None:
    assert heard("The fox sleeps.") == {"cast": (("fox", "sleep", 0),)}
    assert heard("ELLA IN TOWN!") == {"place": "city", "cast": (("elephant", None, 0),)}
    assert heard("At night, in the rain.") == {"time": "night", "weather": "rain"}
    for text in (
        "",
        "...",
        "A dragon flies over Paris.",
        "foxes and frogs",
        "on the left",
        "The waves roll.",
    ):
        assert heard(text) == {"weather": None}


@pytest.mark.parametrize(
    ("text", "cast"),
    [
        ("Ollie sits on the right and Pip waves on the left", "frog wave 0, fox sit 0"),
        ("Ollie, on the right, sits down and Pip, on the left, waves", "frog wave 0, fox sit 0"),
        ("On the right sits the fox, seated. On the left Pip waves", "frog wave 0, fox sit 0"),
        ("Luna waves. To her left, Bolt jumps.", "robot jump 0, rabbit wave 0"),
        ("Luna waves, and on her right Bolt jumps.", "rabbit wave 0, robot jump 0"),
        ("To the left of the frog a fox walks right", "fox walk 1, frog walk 1"),
        ("right: the fox sleeping, left: Pip walking left", "frog walk -1, fox sleep 0"),
        ("The fox walks left. On the left the frog waves.", "frog wave 0, fox walk -1"),
        ("Ollie and Pip stand in town. Pip waves and Ollie walks to the right.", "fox walk 1, frog wave 0"),
        ("The fox slowly walks over the grass to the left", "fox walk -1"),
        ("The fox walks.", "fox walk 0"),
        ("A sleeping elephant and a frog that goes left", "elephant sleep 0, frog walk -1"),
        ("The fox, right, waves; Pip, left, jumps", "frog jump 0, fox wave 0"),
        ("The robot turns right and waves", "robot wave 0"),
        ("Ella runs to the right and then sits down", "elephant walk 1"),
        ("The camera follows the fox as he walks to the right", "fox walk 1"),
        ("The camera slowly moves to the left while Pip walks right", "frog walk 1"),
        ("Ollie comes into the picture from the left", "fox walk 1"),
        ("Nima leaves the scene to the left while Pip sleeps", "penguin walk -1, frog sleep 0"),
        ("The robot and the fox walk left", "robot walk -1, fox walk -1"),
        ("It waves at us, the robot", "robot None 0"),
        ("Pip listens to the waves by the sea and takes a nap", "frog sleep 0"),
    ],
)
def test_who_does_what_in_free_words(text: str, cast: str) -> None:
    found = read_caption(text).cast
    assert ", ".join(f"{name} {action} {side}" for name, action, side in found) == cast


def test_the_camera_in_free_words() -> None:
    assert heard("The camera slowly moves to the left while Pip sleeps")["pan"] == -1
    assert heard("Panning right over the dunes") == {"place": "desert", "pan": 1}
    assert "pan" not in heard("The camera follows Ollie, who walks to the left")
    assert "pan" not in heard("The camera stands still. On the left Pip waves")
    assert heard("A close-up of Pip the frog") == {"close": True, "cast": (("frog", None, 0),)}
    assert "close" not in heard("Ollie sits close to the barn with closed eyes")
    assert heard("The fox walks in from the right") == {"enters": True, "cast": (("fox", "walk", -1),)}
    assert heard("Pip walks left and out of the picture")["cast"] == (("frog", "walk", -1),)
    assert "leaves" not in heard("Pip sleeps below the leaves of the old tree")


def test_snow_lies_in_the_mountains_and_falls_elsewhere() -> None:
    assert heard("Nima waves in the snow")["place"] == "mountains"
    assert heard("Nima waves in the snow")["cast"] == (("penguin", "wave", 0),)
    assert "weather" not in heard("Nima waves in the snow in the mountains")
    assert heard("Nima waves in the snow in the city") == {
        "place": "city",
        "weather": "snow",
        "cast": (("penguin", "wave", 0),),
    }
    assert heard("mountains, night, snow") == {"place": "mountains", "time": "night", "weather": "snow"}


def test_the_longest_of_overlapping_phrases_counts() -> None:
    assert read_caption("Pip by the clock tower in the city").place == "city"
    assert heard("The frog sits on the ground by the palm tree on the beach") == {
        "place": "beach",
        "cast": (("frog", "sit", 0),),
    }
    assert heard("Early in the morning the frog jumps up and down") == {
        "time": "morning",
        "cast": (("frog", "jump", 0),),
    }
    text = "The fox walks to the right. Slow pan to the left."
    assert heard(text) == {"pan": -1, "cast": (("fox", "walk", 1),)}


def test_texts_of_any_words_are_read() -> None:
    """Nothing that is made of known words is too strange."""
    chance = random.Random(4)
    known = [*vocabulary(), *CHARACTERS, "left", "right", "camera", "on", "the"]
    for _ in range(1000):
        read_caption(" ".join(chance.choices(known, k=chance.randrange(40))))
    counts = Counter(word for text in captions_of() for word in words(text))
    assert min(counts[name] for name in (*CHARACTERS, "left", "right", "night", "rain", "snow")) > 100
