"""Captions tell what is to be seen, in many ways, and nothing of what the episode hides."""

from __future__ import annotations

import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from itertools import pairwise
from pathlib import Path

import pytest

from longtake.conditions.words import words
from longtake.storyboard import load
from longtake.world import edition
from longtake.world.episodes import episode_facts, episode_seeds
from longtake.world.facts import CaptionFacts
from longtake.world.first import WORLD, captions, script
from longtake.world.first.captions import TEMPLATES, caption, read_caption, vocabulary
from longtake.world.first.script import Shot, shot_at
from longtake.world.vocabulary import SPLITS, Split

FRAMES = 3600
SEEDS = range(40)


@cache
def shots(seed: int) -> tuple[Shot, ...]:
    return WORLD.shots(seed, FRAMES)


Patterns = dict[str, re.Pattern[str]]


def patterns(table: Mapping[str, Sequence[str]]) -> Patterns:
    return {
        name: re.compile(rf"\b({'|'.join(phrase for phrase in phrases if phrase)})\b")
        for name, phrases in table.items()
    }


def said(text: str, table: Patterns) -> set[str]:
    """The entries of which a phrase occurs in the text."""
    return {name for name, pattern in table.items() if pattern.search(text)}


def test_every_word_is_in_the_vocabulary() -> None:
    known = vocabulary()
    assert known == sorted(set(known))
    used = {word for seed in SEEDS for shot in shots(seed) for word in words(shot.caption)}
    assert used <= set(known)
    assert len(used) > 0.95 * len(known)  # nor are there words that no caption has


def test_a_caption_tells_place_time_weather_camera_characters_and_actions() -> None:
    verbs = patterns(
        {
            action: [form.format(d="(left|right)") for triple in forms for form in triple]
            for action, forms in captions._VERBS.items()
        }
    )
    places, times = patterns(captions._PLACES), patterns(captions._TIMES)
    rain = patterns({"rain": captions._WEATHERS["rain"]})
    pans = patterns({"left": captions._CAMERA[-1], "right": captions._CAMERA[1]})
    names = patterns({name: [own.lower(), name] for name, own in captions._NAMES.items()})
    for seed in SEEDS:
        for shot in shots(seed):
            text = shot.caption.lower()
            assert said(text, places) == {shot.place}, text
            assert said(text, times) == {shot.time}, text
            assert bool(said(text, rain)) == (shot.weather == "rain"), text
            assert said(text, pans) == {-1: {"left"}, 0: set(), 1: {"right"}}[shot.pan], text
            assert said(text, verbs) == {actor.action for actor in shot.actors}, text
            first_named = {name: found.start() for name, p in names.items() if (found := p.search(text))}
            in_order = sorted(first_named, key=lambda name: first_named[name])
            assert in_order == [actor.name for actor in shot.actors], text  # left to right


def test_a_walker_s_caption_tells_the_way() -> None:
    seen = 0
    for seed in SEEDS:
        for shot in shots(seed):
            if [actor.action for actor in shot.actors] == ["walk"]:
                text = shot.caption.lower().split(" the camera")[0].split(" slow pan")[0]
                way = "left" if shot.actors[0].facing < 0 else "right"
                assert {"left", "right"} & set(words(text)) == {way}
                seen += 1
    assert seen > 50


def test_neighbouring_shots_never_share_a_caption() -> None:
    for seed in range(150):
        assert all(a.caption != b.caption for a, b in pairwise(shots(seed)))


def test_a_shot_can_be_told_in_very_many_ways() -> None:
    shot = shot_at(0, 0)
    told = {caption(shot, random.Random(k)) for k in range(400)}
    assert len(told) > 360
    everything = [shot.caption for seed in SEEDS for shot in shots(seed)]
    assert len(set(everything)) > 0.995 * len(everything)
    sentence = re.compile(r"[A-Z][A-Za-z ,:]*[a-z]\.( [A-Z][a-z ]*\.)?")
    assert all(sentence.fullmatch(text) and not re.search(r"  | [,:]", text) for text in everything)


def test_one_word_order_is_kept_for_validation_and_test() -> None:
    # "{place} {weather} {time} , {who}": no other template has a place and then, but for the weather, a time.
    assert TEMPLATES[-1] == "{place} {weather} {time} , {who}"
    place = "|".join(phrase for phrases in captions._PLACES.values() for phrase in phrases)
    weather = "|".join(phrase for phrases in captions._WEATHERS.values() for phrase in phrases if phrase)
    time = "|".join(phrase for phrases in captions._TIMES.values() for phrase in phrases)
    held_out = re.compile(rf"({place}) (({weather}) )?({time}), ")

    def count(split: Split, episodes: int) -> int:
        told = [shot.caption.lower() for seed in episode_seeds(split, episodes) for shot in shots(seed)]
        return sum(bool(held_out.match(text)) for text in told)

    assert count("train", 100) == 0
    assert count("validation", 20) > 20
    assert count("test", 20) > 20


def test_hues_and_layouts_change_the_picture_and_no_caption(monkeypatch: pytest.MonkeyPatch) -> None:
    told = [shot_at(5, n) for n in range(0, FRAMES, 50)]
    seen, truth = WORLD.frame(5, 100, 32), episode_facts(5)
    hues = {name: (hue + 0.4) % 1 for name, hue in truth.hues.items()}
    other = replace(truth, hues=hues, layouts={place: 1 - x for place, x in truth.layouts.items()})
    monkeypatch.setattr(script, "episode_facts", lambda seed: other)
    monkeypatch.setattr(edition, "episode_facts", lambda seed: other)
    script._act.cache_clear()
    assert [shot_at(5, n) for n in range(0, FRAMES, 50)] == told
    assert (WORLD.frame(5, 100, 32) != seen).any()
    script._act.cache_clear()


# -- reading ---------------------------------------------------------------------------------------------


def facts(shot: Shot) -> CaptionFacts:
    """What a caption of the shot tells: those who do not walk have no direction."""
    cast = tuple((a.name, a.action, a.facing if a.action == "walk" else 0) for a in shot.actors)
    return CaptionFacts(place=shot.place, time=shot.time, weather=shot.weather, pan=shot.pan, cast=cast)


@pytest.mark.parametrize("split", SPLITS)
def test_every_caption_reads_back_to_the_facts_of_its_shot(split: Split) -> None:
    for seed in episode_seeds(split, 6):
        for shot in shots(seed):
            assert read_caption(shot.caption) == facts(shot), shot.caption


def test_every_way_of_telling_reads_back() -> None:
    chance = random.Random(0)
    here = [shot for seed in range(8) for shot in shots(seed) if len(shot.actors) == 2]
    for shot in chance.sample(here, 100):
        text = caption(shot, chance, held_out=True)
        assert read_caption(text) == facts(shot), text


def told(**known: object) -> CaptionFacts:
    base: dict[str, object] = {"place": None, "time": None, "weather": "clear", "pan": 0, "cast": ()}
    return CaptionFacts(**{**base, **known})  # type: ignore[arg-type]


def test_what_is_not_said_is_not_known() -> None:
    assert read_caption("The fox sleeps.") == told(cast=(("fox", "sleep", 0),))
    assert read_caption("ELLA IN TOWN!") == told(place="city", cast=(("elephant", None, 0),))
    assert read_caption("At night, in the rain.") == told(time="night", weather="rain")
    assert read_caption("The camera pans left.") == told(pan=-1)
    for text in ("", "...", "A dragon flies over Paris.", "foxes and frogs"):
        assert read_caption(text) == told(weather=None)


def test_the_longest_of_overlapping_phrases_counts() -> None:
    assert read_caption("Pip by the clock tower in the city").place == "city"
    # "on the grass" is a place, "sits on the ground" an action; "by the palm tree on the beach" one place
    assert read_caption("The frog sits on the ground by the palm tree on the beach") == told(
        place="beach", cast=(("frog", "sit", 0),)
    )
    # "early in the morning" holds "in the morning", "jumps up and down" holds "jumps"
    assert read_caption("Early in the morning the frog jumps up and down") == told(
        time="morning", cast=(("frog", "jump", 0),)
    )
    # the camera moves left, the fox walks to the right, and neither turns the other
    text = "The fox walks to the right. Slow pan to the left."
    assert read_caption(text) == told(pan=-1, cast=(("fox", "walk", 1),))


def test_a_character_does_what_comes_next_after_its_name() -> None:
    text = "Ollie the fox walks left while the robot waves hello"
    assert read_caption(text).cast == (("fox", "walk", -1), ("robot", "wave", 0))
    assert read_caption("The robot and the fox walk left").cast == (
        ("robot", "walk", -1),
        ("fox", "walk", -1),
    )
    assert read_caption("It waves at us, the robot").cast == (("robot", None, 0),)


def test_the_prompts_of_the_examples_are_understood() -> None:
    examples = sorted((Path(__file__).parents[3] / "examples").glob("*.yaml"))
    assert "valley.yaml" in {path.name for path in examples}
    for path in examples:
        for scene in load(path).scenes:
            heard = read_caption(scene.prompt)
            assert None not in (heard.place, heard.time, heard.weather), scene.prompt
            assert heard.cast, scene.prompt
            assert all(action is not None for _, action, _ in heard.cast), scene.prompt
