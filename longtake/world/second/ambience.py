"""What a scene sounds like behind its events: wind, sea, traffic, rain, and animals now and then.

A bed is noise in blocks of two seconds, one begun each second: partials half a hertz apart, whose phases
follow from the block's number, the same at any rate. Over it go calls, whose times follow from numbered
slots. Every second is worked out as a whole, so that a stretch has the bits that it has in a longer one.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from longtake.files import seed_of
from longtake.world.second.script import WEATHERS
from longtake.world.second.synth import (
    BAND,
    Envelope,
    Layer,
    Ring,
    Sound,
    Sweep,
    add_voice,
    band,
    chances,
    mixed,
    panned,
    turns,
    voice,
)
from longtake.world.vocabulary import PLACES, TIMES

SWELL = 7.0  # seconds from wave to wave; the loudest moments are whole multiples after the scene's beginning
_LOUD = -30.0  # dB of full scale, root mean square
_LONGEST = 2  # seconds that a call may last
_FINE = 64  # points in a second between which loudness goes straight
_ALIKE = 0.5  # correlation of left and right

Times = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class _Scene:
    """One background."""

    place: str
    time: str
    weather: str
    seed: int
    since: float  # second of the film at which the scene began

    def hash(self, *what: object) -> int:
        return seed_of(f"{self.seed} {self.place} {what}")


def ambience(
    place: str,
    time: str,
    weather: str,
    start: float,
    samples: int,
    rate: int,
    channels: int,
    seed: int,
    since: float,
) -> Sound:
    """`samples` samples from second `start` of the film (the nearest sample): `[samples, channels]`.

    `since` is the second at which the scene began: its waves count from there, all else from the film's
    start. The root mean square is about -30 dB of full scale. Ends are not faded: where scenes meet, ask for
    a little more of both and crossfade.
    """
    for given, known in ((place, PLACES), (time, TIMES), (weather, WEATHERS)):
        if given not in known:
            raise ValueError(f"{given!r} is none of {', '.join(known)}")
    scene = _Scene(place=place, time=time, weather=weather, seed=seed, since=since)
    begin, stereo = round(start * rate), np.zeros((2, samples), np.float32)
    for second in range(begin // rate, -(-(begin + samples) // rate)):
        low, high = max(begin, second * rate), min(begin + samples, (second + 1) * rate)
        piece = _second(scene, second, rate)[:, low - second * rate : high - second * rate]
        stereo[:, low - begin : high - begin] = piece
    return mixed([stereo.T], channels)


@lru_cache(32)
def _second(scene: _Scene, second: int, rate: int) -> Sound:
    """One whole second: `[2, rate]`."""
    total = np.zeros((2, rate), np.float32)
    fine, here = np.arange(_FINE + 1) / _FINE, np.arange(rate) / rate
    for motion, bed in _beds(scene).items():
        ends = _block(scene, motion, bed, second - 1, rate)[:, rate:]
        begins = _block(scene, motion, bed, second, rate)[:, :rate]
        gains = [np.interp(here, fine, gain) for gain in _MOTIONS[motion](scene, second + fine)]
        total += (ends + begins) * np.stack(gains).astype(np.float32)
    for call, loud, slot, every in _calls(scene, second):
        first, sound, x = _call(scene, call, slot, every, rate)
        add_voice(total, second * rate, first, np.float32(10 ** (loud / 20)) * sound, x)
    if scene.weather == "rain":
        for before in (second - 1, second):
            _add_drops(total, scene, before, second * rate, rate)
    return total


# -- beds ---------------------------------------------------------------------------------------------------

Bed = tuple[tuple[float, float, float], ...]  # lowest and highest pitch in hertz, dB beside the others

_QUIET_BEDS: dict[str, dict[str, Bed]] = {
    "meadow": {"still": ((90, 380, -4.0),), "gust": ((180, 800, 0.0), (1600, 5500, -6.0))},
    "beach": {"still": ((80, 450, -7.0),), "swell": ((60, 380, -2.0),), "hiss": ((500, 4200, 0.0),)},
    "desert": {"gust": ((80, 330, 0.0),), "whistle": ((520, 590, -6.0),)},
    "mountains": {"gust": ((140, 700, 0.0),), "whistle": ((980, 1080, -7.0),), "still": ((60, 160, -5.0),)},
    "city": {"still": ((40, 170, 0.0), (350, 2200, -9.0)), "passing": ((140, 1100, -2.0),)},
    "farm": {"still": ((100, 300, 0.0), (1200, 3200, -10.0)), "gust": ((150, 600, -2.0),)},
}
_RAIN: dict[str, Bed] = {"still": ((900, 8500, 4.0), (220, 900, -3.0))}
_SNOW: Bed = ((70, 240, 3.0), (4500, 9000, -17.0))
_DUST: dict[str, Bed] = {"rough": ((110, 850, 8.0), (2400, 6500, 1.0)), "whistle": ((640, 720, 0.0),)}
_LOUDER = {"clear": 0.0, "rain": 1.0, "snow": 0.0, "dust": 1.0}  # dB


@lru_cache(64)
def _beds_of(place: str, time: str, weather: str) -> dict[str, Bed]:
    """The beds by how they move, their dB made those of full scale."""
    beds = dict(_QUIET_BEDS[place])
    for motion, bed in {"rain": _RAIN, "dust": _DUST}.get(weather, {}).items():
        beds[motion] = beds.get(motion, ()) + bed
    if weather == "snow":  # it takes the highs away, and is hardly heard itself
        dull = {motion: [(low, 420.0, db) for low, _, db in bed if low < 300] for motion, bed in beds.items()}
        beds = {motion: tuple(bed) for motion, bed in dull.items() if bed}
        beds["still"] = (*beds.get("still", ()), *_SNOW)
    sum_of = sum(10 ** (db / 10) for bed in beds.values() for _, _, db in bed)
    shift = _LOUD + _LOUDER[weather] - (1.0 if time == "night" else 0.0) - 10 * math.log10(sum_of)
    return {motion: tuple((low, high, db + shift) for low, high, db in bed) for motion, bed in beds.items()}


def _beds(scene: _Scene) -> dict[str, Bed]:
    return _beds_of(scene.place, scene.time, scene.weather)


@lru_cache(16)
def _block(scene: _Scene, motion: str, bed: Bed, number: int, rate: int) -> Sound:
    """The noise that begins with second `number`: it rises for a second, then falls: `[2, 2 * rate]`."""
    shape = _shape(bed)[: int(2 * BAND * rate) + 1]
    one, other = (shape * turns(scene.hash(motion, number, k), len(shape)) for k in range(2))
    both = math.sqrt((1 + _ALIKE) / 2) * one
    apart = math.sqrt((1 - _ALIKE) / 2) * other
    noise = np.fft.irfft(np.stack([both + apart, both - apart]), 2 * rate, norm="forward")
    return np.asarray(noise * _window(rate), np.float32)


@lru_cache(32)
def _shape(bed: Bed) -> Sound:
    powers = [10 ** (db / 10) * np.square(band(low, high, 0.5)) for low, high, db in bed]
    return np.asarray(np.sqrt(np.sum(powers, axis=0)), np.float32)


@lru_cache(4)
def _window(rate: int) -> Sound:
    return np.asarray(np.sin(np.arange(2 * rate) * (math.pi / 2 / rate)), np.float32)


# -- how beds move: gains of left and right, their mean power near 1 --------------------------------------


def _still(scene: _Scene, at: Times) -> Times:
    return np.ones((2, len(at)))


def _gust(scene: _Scene, at: Times) -> Times:
    slow, fast = _wander(scene.hash("gust"), at, 3.1), _wander(scene.hash("puff"), at, 0.9)
    return _twice((0.25 + 1.2 * slow + 0.3 * fast) / 1.05)


def _whistle(scene: _Scene, at: Times) -> Times:
    """It only comes with the strongest gusts."""
    return _twice(2.0 * _wander(scene.hash("gust"), at, 3.1) ** 2)


def _rough(scene: _Scene, at: Times) -> Times:
    slow, fast = _wander(scene.hash("gust"), at, 1.7), _wander(scene.hash("puff"), at, 0.21)
    return _twice((0.2 + 0.8 * slow) * (0.5 + 1.2 * fast) / 0.75)


def _swell(scene: _Scene, at: Times) -> Times:
    return _twice(_wave(scene, at, 1.3, 0.0) / 0.62)


def _hiss(scene: _Scene, at: Times) -> Times:
    """Foam: after the wave, and steeper."""
    return _twice((0.12 + _wave(scene, at, 2.6, 0.05)) / 0.57)


def _wave(scene: _Scene, at: Times, steep: float, late: float) -> Times:
    waves = (at - scene.since) / SWELL - late
    phase = 2 * math.pi * waves
    warped = phase + 0.7 * np.cos(phase) - 0.7  # it comes faster than it goes
    return np.exp(steep * (np.cos(warped) - 1)) * (0.7 + 0.6 * _wander(scene.hash("wave"), waves + 0.5, 1.0))


def _passing(scene: _Scene, at: Times) -> Times:
    """Cars, from one side to the other."""
    gains = np.full((2, len(at)), 0.3)
    for slot in range(math.floor((at[0] - 8) / 9), math.floor((at[-1] + 8) / 9) + 1):
        chance = random.Random(scene.hash("car", slot))
        if chance.random() < (0.3 if scene.time == "night" else 0.75):
            far = (at - 9 * (slot + chance.random())) / chance.uniform(0.7, 1.6)
            side = chance.choice((-0.25, 0.25))
            where = np.array([panned(0.5 + side * x) for x in np.clip(far, -2, 2)]).T
            gains += 1.9 * where / (1 + far**2)
    return gains


def _twice(gain: Times) -> Times:
    return np.stack([gain, gain])


_MOTIONS: dict[str, Callable[[_Scene, Times], Times]] = {
    "still": _still, "gust": _gust, "whistle": _whistle, "rough": _rough, "swell": _swell, "hiss": _hiss,
    "passing": _passing,
}  # fmt: skip


def _wander(seed: int, at: Times, step: float) -> Times:
    """A smooth way between chances of 0..1 that are `step` apart."""
    knot = np.floor(at / step).astype(np.int64)
    first = int(knot.min())
    knots = chances(seed, first, int(knot.max()) - first + 2)
    part = at / step - knot
    part = part * part * (3 - 2 * part)
    return knots[knot - first] * (1 - part) + knots[knot - first + 1] * part


# -- calls -----------------------------------------------------------------------------------------------


def _calls(scene: _Scene, second: int) -> Iterator[tuple[str, float, int, float]]:
    """Those that may reach into the second: what, how loud (dB), slot, seconds of a slot."""
    for call, (every, share, loud) in _callers(scene).items():
        slots = range(math.floor((second - _LONGEST) / every), math.ceil((second + 1) / every))
        for slot in slots:
            if random.Random(scene.hash(call, slot)).random() < share:
                yield call, loud, slot, every


def _callers(scene: _Scene) -> dict[str, tuple[float, float, float]]:
    """Who calls: seconds of a slot, in how many of them, peak in dB of full scale."""
    place, time = scene.place, scene.time
    if place == "city":
        return {"horn": (11.0, 0.3 if time == "night" else 0.6, -27.0)}
    if scene.weather in ("snow", "dust"):
        return {}
    callers: dict[str, tuple[float, float, float]] = {}
    dry = scene.weather == "clear"
    if dry and time == "night" and place in ("meadow", "farm", "desert"):
        callers |= {f"cricket {k}": (0.42 + 0.05 * k, 0.9, -31.0 - 2 * k) for k in range(2)}
    if dry and time == "night" and place in ("meadow", "mountains", "farm"):
        callers["owl"] = (9.0, 0.6, -24.0)
    if dry and time != "night" and place in ("meadow", "mountains", "farm"):
        often = {"morning": 0.9, "day": 0.6, "evening": 0.35}[time]
        callers["bird"] = (1.4, often, -26.0) if place != "mountains" else (4.0, often, -28.0)
    if dry and time != "night" and place == "beach":
        callers["gull"] = (6.0, 0.6, -27.0)
    if place == "farm" and time != "night":
        callers |= {"hen": (4.0, 0.6, -24.0), "cow": (12.0, 0.6, -22.0)}
        if time == "morning":
            callers["cock"] = (15.0, 0.6, -27.0)
    return callers


@lru_cache(256)
def _call(scene: _Scene, call: str, slot: int, every: float, rate: int) -> tuple[int, Sound, float]:
    """First sample and samples of the call in a slot, of peaks near 1, and where it stands."""
    chance = random.Random(scene.hash(call, slot))
    chance.random()
    time, x = every * (slot + chance.random()), chance.random()
    name = call.partition(" ")[0]
    if name == "cricket":  # stays where it is, and keeps its pitch
        chance = random.Random(scene.hash(call))
        x = chance.random()
    return (*voice(_MAKERS[name](chance), time, rate), x)


def _cricket(chance: random.Random) -> Iterator[Layer]:
    pitch = chance.uniform(3900, 4900)
    chirp = Envelope(swell=0.17, flutter=chance.uniform(26, 34), depth=1.0)
    yield Sweep(pitch=pitch, to=1.02 * pitch, swing=0.1, level=1.0, envelope=chirp)


def _owl(chance: random.Random) -> Iterator[Layer]:
    pitch = chance.uniform(360, 440)
    for delay, length in ((0.0, 0.35), (0.55, 0.2), (0.8, 0.75)):
        hoot = Envelope(delay=delay, swell=length)
        yield Sweep(pitch=pitch, to=0.9 * pitch, swing=0.4, level=0.9, envelope=hoot, overtones=(1.0, 0.15))


def _bird(chance: random.Random) -> Iterator[Layer]:
    """The same note some times, or a few."""
    low = chance.uniform(2300, 4200)
    song = [(chance.uniform(0.8, 1.3), chance.uniform(0.75, 1.4)) for _ in range(chance.randrange(1, 4))]
    length = chance.uniform(0.06, 0.16)
    for k in range(chance.randrange(2, 7)):
        begin, glide = song[k % len(song)]
        note = Envelope(delay=1.35 * length * k, swell=length)
        yield Sweep(pitch=low * begin, to=low * begin * glide, swing=length / 2, level=0.9, envelope=note)


def _gull(chance: random.Random) -> Iterator[Layer]:
    pitch = chance.uniform(1050, 1350)
    for k in range(chance.randrange(2, 5)):
        cry = Envelope(delay=0.38 * k, swell=0.36)
        yield Sweep(
            pitch=1.3 * pitch, to=0.75 * pitch, swing=0.25, level=0.5, envelope=cry,
            overtones=(1.0, 0.7, 0.4, 0.2),
        )  # fmt: skip


def _hen(chance: random.Random) -> Iterator[Layer]:
    pitch, delay = chance.uniform(420, 520), 0.0
    count = chance.randrange(3, 6)
    for k in range(count):
        last = k == count - 1
        cluck = Envelope(delay=delay, swell=0.3 if last else 0.09)
        yield Sweep(
            pitch=pitch, to=pitch * (1.7 if last else 1.25), swing=0.08, level=0.45, envelope=cluck,
            overtones=(1.0, 0.7, 0.5, 0.35, 0.2),
        )  # fmt: skip
        delay += chance.uniform(0.17, 0.3)


def _cow(chance: random.Random) -> Iterator[Layer]:
    pitch = chance.uniform(125, 160)
    moo = Envelope(swell=chance.uniform(1.3, 1.9))
    tones = (0.6, 0.8, 0.9, 0.7, 0.5, 0.3, 0.2, 0.12)
    yield Sweep(pitch=0.75 * pitch, to=pitch, swing=0.3, level=0.4, envelope=moo, overtones=tones)


def _cock(chance: random.Random) -> Iterator[Layer]:
    pitch = chance.uniform(520, 640)
    for delay, length, to in ((0.0, 0.18, 1.2), (0.24, 0.2, 1.35), (0.5, 0.3, 1.6), (0.85, 0.8, 1.1)):
        crow = Envelope(delay=delay, swell=length)
        yield Sweep(
            pitch=1.35 * pitch, to=to * pitch, swing=0.2, level=0.4, envelope=crow,
            overtones=(1.0, 0.9, 0.6, 0.4),
        )  # fmt: skip


def _horn(chance: random.Random) -> Iterator[Layer]:
    """Two tones, far away."""
    pitch, twice = chance.uniform(330, 420), chance.random() < 0.4
    for delay in (0.0, 0.45) if twice else (0.0,):
        toot = Envelope(delay=delay, swell=0.4 if twice else chance.uniform(0.6, 1.1))
        for tone in (pitch, 1.26 * pitch):
            tones = (1.0, 0.6, 0.3, 0.1)
            yield Sweep(pitch=tone, to=tone, swing=1.0, level=0.4, envelope=toot, overtones=tones)


_MAKERS: dict[str, Callable[[random.Random], Iterator[Layer]]] = {
    "cricket": _cricket, "owl": _owl, "bird": _bird, "gull": _gull, "hen": _hen, "cow": _cow, "cock": _cock,
    "horn": _horn,
}  # fmt: skip


def _add_drops(stereo: Sound, scene: _Scene, second: int, begin: int, rate: int) -> None:
    """The drops that fall in a second and are heard singly."""
    lots = chances(scene.hash("drops", second), 0, 5 * 28).reshape(-1, 5)
    for when, pitch, decay, loud, x in lots.tolist():
        tone = (900 * 4.5**pitch, 0.002 + 0.004 * decay, 0.008 + 0.06 * loud**6)
        add_voice(stereo, begin, *voice([Ring(tones=(tone,))], second + when, rate), x)
