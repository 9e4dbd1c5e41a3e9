"""Captions tell what is to be seen, in many ways, and nothing of what the episode hides."""

from __future__ import annotations

import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from itertools import pairwise

import pytest

from longtake.conditioning.text import words
from longtake.data import captions, script
from longtake.data.captions import TEMPLATES, caption, vocabulary
from longtake.data.script import Latents, Shot, episode_seeds, shot_at
from longtake.data.world import frame

FRAMES = 3600
SEEDS = range(40)


@cache
def shots(seed: int) -> list[Shot]:
    found = [shot_at(seed, 0)]
    while found[-1].end < FRAMES:
        found.append(shot_at(seed, found[-1].end))
    return found


def said(text: str, table: Mapping[str, Sequence[str]]) -> set[str]:
    """The entries of which a phrase occurs in the text."""
    low = text.lower()
    return {
        name
        for name, phrases in table.items()
        if any(phrase and re.search(rf"\b{phrase}\b", low) for phrase in phrases)
    }


def test_every_word_is_in_the_vocabulary() -> None:
    known = vocabulary()
    assert known == sorted(set(known))
    used = {word for seed in SEEDS for shot in shots(seed) for word in words(shot.caption)}
    assert used <= set(known)
    assert len(used) > 0.95 * len(known)  # nor are there words that no caption has


def test_a_caption_tells_place_time_weather_camera_characters_and_actions() -> None:
    verbs = {
        action: [form.format(d="(left|right)") for triple in forms for form in triple]
        for action, forms in captions._VERBS.items()
    }
    rain = {"rain": captions._WEATHERS["rain"]}
    pans = {"left": captions._CAMERA[-1], "right": captions._CAMERA[1]}
    for seed in SEEDS:
        for shot in shots(seed):
            text = shot.caption
            assert said(text, captions._PLACES) == {shot.place}, text
            assert said(text, captions._TIMES) == {shot.time}, text
            assert bool(said(text, rain)) == (shot.weather == "rain"), text
            assert said(text, pans) == {-1: {"left"}, 0: set(), 1: {"right"}}[shot.pan], text
            assert said(text, verbs) == {actor.action for actor in shot.actors}, text
            order = [named_at(text, actor.name) for actor in shot.actors]
            assert -1 not in order
            assert order == sorted(order)  # who stands on the left comes first
            others = set(captions._NAMES) - {actor.name for actor in shot.actors}
            assert all(named_at(text, name) == -1 for name in others)


def named_at(text: str, name: str) -> int:
    names = (captions._NAMES[name].lower(), name)
    return min((m.start() for n in names for m in re.finditer(rf"\b{n}\b", text.lower())), default=-1)


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
    assert all(re.fullmatch(r"[A-Z][a-z ,:]*[a-z]\.( [A-Z][a-z ]*\.)?", text) for text in everything)


def test_one_word_order_is_kept_for_validation_and_test() -> None:
    # "{place} {weather} {time} , {who}": no other template has a place and then, but for the weather, a time.
    assert TEMPLATES[-1] == "{place} {weather} {time} , {who}"
    place, weather, time = (
        "|".join(phrase for phrases in table.values() for phrase in phrases if phrase)
        for table in (captions._PLACES, captions._WEATHERS, captions._TIMES)
    )
    held_out = re.compile(rf"^({place}) (({weather}) )?({time}), ")

    def count(split: script.Split, episodes: int) -> int:
        told = [shot.caption.lower() for seed in episode_seeds(split, episodes) for shot in shots(seed)]
        return sum(bool(held_out.match(text)) for text in told)

    assert count("train", 100) == 0
    assert count("validation", 20) > 20
    assert count("test", 20) > 20


def test_hues_and_layouts_change_the_picture_and_no_caption(monkeypatch: pytest.MonkeyPatch) -> None:
    told, seen = shots(5), frame(5, 100, 32)

    def other(seed: int) -> Latents:
        hidden = script.Latents(
            hues={name: (hue + 0.4) % 1 for name, hue in truth.hues.items()},
            layouts={place: 1 - x for place, x in truth.layouts.items()},
            cast=truth.cast,
            places=truth.places,
        )
        return replace(hidden)

    truth = script.latents(5)
    script._act.cache_clear()
    monkeypatch.setattr(script, "latents", other)
    monkeypatch.setattr("longtake.data.world.latents", other)
    shots.cache_clear()
    assert shots(5) == told
    assert (frame(5, 100, 32) != seen).any()
    script._act.cache_clear()
    shots.cache_clear()
