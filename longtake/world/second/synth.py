"""The instrument: how an event of the cartoon sounds, at any time and any rate, in one or two channels.

A sound is a function of continuous time: a sum of ringing tones, sweeps and noises that is worked out at the
times of the samples. What would lie above 0.45 of the rate is left out, so that a film sounds alike at any
rate. Sample k of a film is that of second k / rate. An event is always worked out as a whole, so that a
sample has the same bits whether it is asked for alone or with others. One channel is the mean of the two.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from longtake.files import seed_of
from longtake.world.vocabulary import CHARACTERS, PLACES

Sound = NDArray[np.float32]

KINDS = ("step", "takeoff", "landing", "bounce", "catch", "wave", "snore", "sit")
BAND = 0.45  # of the rate: no partial lies above
LONGEST = 4.0  # seconds: no event is as long
_HIGHEST = 20_000.0  # hertz: noises end there, whatever the rate
_REFERENCE = 28_000  # the rate at which an event's peak is found
_KNEE = 0.7  # below this a sum of sounds stays as it is
_WIDTH = 0.8  # of the arc between the loudspeakers that the picture takes


@dataclass(frozen=True, kw_only=True)
class Event:
    """Something that is heard."""

    time: float  # seconds from the film's start
    kind: str  # one of KINDS
    who: str  # fox, frog, penguin, rabbit, robot, elephant
    place: str  # meadow, beach, desert, mountains, city, farm: the ground
    x: float  # 0..1 from left to right, may lie outside
    strength: float  # 0..1
    seed: int  # timbre of this one event


def events_sound(events: Iterable[Event], start: float, samples: int, rate: int, channels: int) -> Sound:
    """`samples` samples from second `start` (the nearest sample) of what happens: `[samples, channels]`.

    Events that are over or have not begun are silent, so any that reach into the stretch will do.
    """
    begin = round(start * rate)
    stereo = np.zeros((2, samples), np.float32)
    for event in sorted(events, key=_order):
        if begin / rate - LONGEST < event.time < (begin + samples) / rate:
            add_voice(stereo, begin, *burst(event, rate), event.x)
    return mixed([stereo.T], channels)


def _order(event: Event) -> tuple[float, str, str, str, float, float, int]:
    return event.time, event.kind, event.who, event.place, event.x, event.strength, event.seed


@lru_cache(512)
def burst(event: Event, rate: int) -> tuple[int, Sound]:
    """The number of the event's first sample, the first that is not before it, and all its samples `[N]`."""
    layers, gain = _timbre(event.kind, event.who, event.place, event.strength, event.seed)
    first, sound = voice(layers, event.time, rate)
    sound = np.asarray(gain * sound, np.float32)
    sound.flags.writeable = False
    return first, sound


def mixed(parts: Iterable[Sound], channels: int) -> Sound:
    """The sum of stereo sounds `[N, 2]`, in one or two channels and gently kept within -1..1."""
    if channels not in (1, 2):
        raise ValueError(f"{channels} channels; give 1 or 2")
    total = limited(sum(parts, start=np.zeros((), np.float32)))
    return total if channels == 2 else total.mean(axis=1, keepdims=True)


def limited(sound: Sound) -> Sound:
    """Sample by sample: as it is up to 0.7, ever nearer to 1 beyond."""
    over = np.abs(sound) - np.float32(_KNEE)
    if not (over > 0).any():
        return sound
    room = np.float32(1 - _KNEE)
    bent = np.sign(sound) * (_KNEE + room * np.tanh(np.maximum(over, 0) / room))
    return np.where(over > 0, bent, sound).astype(np.float32)


def add_voice(stereo: Sound, begin: int, first: int, sound: Sound, x: float) -> None:
    """Adds a sound that stands at x to the stretch `[2, N]` of the film that begins with sample `begin`."""
    low, high = max(begin, first), min(begin + stereo.shape[1], first + len(sound))
    if low < high:
        for channel, gain in zip(stereo, panned(x), strict=True):
            channel[low - begin : high - begin] += np.float32(gain) * sound[low - first : high - first]


def panned(x: float) -> tuple[float, float]:
    """Gains of left and right: of constant power, 1 and 1 in the middle; fainter out of the picture."""
    angle = math.pi / 4 + (min(1.0, max(0.0, x)) - 0.5) * _WIDTH * math.pi / 2
    far = math.sqrt(2) * math.exp(-2 * max(0.0, -x, x - 1))
    return far * math.cos(angle), far * math.sin(angle)


# -- what sounds are made of -------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Envelope:
    """How loud something is as time goes by; seconds."""

    delay: float = 0.0  # after the sound's beginning
    attack: float = 0.001  # to 63 %
    decay: float = 0.05  # to 37 %
    swell: float = 0.0  # a rise and fall of this length, instead of attack and decay
    flutter: float = 0.0  # hertz, of a trembling
    depth: float = 0.0  # 0..1, of that
    grains: tuple[tuple[float, float, float], ...] = ()  # when, how loud, decay: it crackles

    @property
    def length(self) -> float:
        return self.swell or 6 * self.decay

    def at(self, t: Sound) -> Sound:
        """How loud, at times since the delay (>= 0)."""
        if self.swell:
            loud = np.square(np.sin(np.float32(math.pi / self.swell) * np.minimum(t, np.float32(self.swell))))
        else:
            loud = -np.expm1(t / np.float32(-self.attack)) * np.exp(t / np.float32(-self.decay))
        if self.depth:
            loud *= 1 - np.float32(self.depth) * np.square(np.cos(np.float32(math.pi * self.flutter) * t))
        if self.grains:
            rough = np.zeros(len(t), np.float32)
            for when, level, decay in self.grains:
                low, high = np.searchsorted(t, (when, when + 7 * decay))
                since = t[low:high] - np.float32(when)
                rough[low:high] += np.float32(level) * -np.expm1(since * -2000) * np.exp(since / -decay)
            loud *= rough
        return np.asarray(loud, np.float32)


@dataclass(frozen=True, kw_only=True)
class Ring:
    """Tones that begin at once and die away."""

    tones: tuple[tuple[float, float, float], ...]  # pitch in hertz, decay in seconds, level
    delay: float = 0.0
    turn: float = 0.0  # phase at the beginning, in radians: 0 from rest, half pi with a click

    def at(self, since: float, count: int, rate: int) -> Sound:
        heard = np.array([tone for tone in self.tones if tone[0] < BAND * rate]).reshape(-1, 3)
        z = (2j * math.pi * heard[:, :1] - 1 / heard[:, 1:2]) / rate  # per sample
        start = heard[:, 2:] * np.exp(z * since * rate + 1j * (self.turn - math.pi / 2))
        rows = start * np.exp(z * np.arange(0, count, 256))
        row = np.exp(z * np.arange(256))
        waves = np.concatenate([rows.real, -rows.imag]).T @ np.concatenate([row.real, row.imag])
        return np.asarray(waves.reshape(-1)[:count], np.float32)


@dataclass(frozen=True, kw_only=True)
class Sweep:
    """A tone whose pitch moves, and its overtones."""

    pitch: float  # hertz
    to: float  # where the pitch tends
    swing: float  # seconds in which it goes 63 % of the way
    level: float
    envelope: Envelope
    overtones: tuple[float, ...] = (1.0,)  # levels of its multiples

    def at(self, since: float, count: int, rate: int) -> Sound:
        t = since + np.arange(count) / rate
        turns = self.to * t - (self.pitch - self.to) * self.swing * np.expm1(t / -self.swing)
        phase = np.asarray(2 * math.pi * (turns - np.floor(turns)), np.float32)
        wave = np.zeros(count, np.float32)
        for k, level in enumerate(self.overtones, 1):
            if k * max(self.pitch, self.to) < BAND * rate:
                wave += np.float32(level) * np.sin(np.float32(k) * phase)
        return np.asarray(np.float32(self.level) * wave * self.envelope.at(t.astype(np.float32)), np.float32)


@dataclass(frozen=True, kw_only=True)
class Hiss:
    """Noise between two pitches, made of partials as far apart as is not heard."""

    low: float  # hertz
    high: float
    level: float  # root mean square, before the envelope
    envelope: Envelope
    seed: int

    def at(self, since: float, count: int, rate: int) -> Sound:
        length = self.envelope.length
        parts = 4 if length <= 0.25 else 2 if length <= 0.5 else 1  # periods of the noise in a second
        shape = band(self.low, self.high, parts)[: int(BAND * rate / parts) + 1]
        partials = shape * turns(self.seed, len(shape)) * _shifts(since * parts, len(shape))
        common = math.gcd(rate, parts)  # a period that is no whole number of samples is one at a finer rate
        wave = np.fft.irfft(partials, rate // common, norm="forward")
        wave = wave.take(np.arange(count) * (parts // common), mode="wrap")
        t = np.asarray(since + np.arange(count) / rate, np.float32)
        return np.asarray(np.float32(self.level) * wave * self.envelope.at(t), np.float32)


Layer = Ring | Sweep | Hiss


def voice(layers: Iterable[Layer], time: float, rate: int) -> tuple[int, Sound]:
    """The sum of layers that begins at a time: the number of its first sample, and its samples `[N]`."""
    first, parts = _sample(time, rate), []
    for layer in layers:
        delay, length = _span(layer)
        begin, count = _sample(time + delay, rate), math.ceil(length * rate)
        since = max(0.0, begin / rate - time - delay)
        sound, fade = layer.at(since, count, rate), min(0.02, length / 4)
        last = np.arange(max(0, math.ceil((length - fade - since) * rate)), count)
        left = (length - since - last / rate) / fade  # what is left after 6 decays ends without a click
        sound[count - len(last) :] *= np.clip(left, 0, 1).astype(np.float32)
        parts.append((begin - first, sound))
    total = np.zeros(max(begin + len(sound) for begin, sound in parts), np.float32)
    for begin, sound in parts:
        total[begin : begin + len(sound)] += sound
    return first, total


def _span(layer: Layer) -> tuple[float, float]:
    """When a layer begins, after its sound's beginning, and how long it is heard."""
    if isinstance(layer, Ring):
        return layer.delay, 6 * max(decay for _, decay, _ in layer.tones)
    return layer.envelope.delay, layer.envelope.length


def _sample(time: float, rate: int) -> int:
    """The first sample that is not before a time; the last digits of the time do not count."""
    return math.ceil(time * rate - 1e-6)


@lru_cache(256)
def band(low: float, high: float, parts: float) -> Sound:
    """Levels of partials `parts` hertz apart: with `turns` as phases they are noise of unit power.

    Beyond its edges it falls by 12 dB an octave, a narrow band by 72.
    """
    f = np.arange(1, int(_HIGHEST / parts) + 1) * parts
    steep = 4 if high > 1.5 * low else 24
    power = 1 / ((1 + (low / f) ** steep) * (1 + (f / high) ** steep))
    return np.concatenate([[0], np.sqrt(power / (4 * power.sum()))]).astype(np.float32)


def turns(seed: int, count: int) -> NDArray[np.complex64]:
    """Phases of `count` partials, each one of four, all as likely: 1 + i, 1 - i, -1 + i or -1 - i."""
    bits = np.unpackbits(_words(seed, 0, -(-count // 32)).astype("<u8").view(np.uint8))
    signs = bits[: 2 * count].astype(np.float32) * 2 - 1
    return signs.view(np.complex64)


def chances(seed: int, first: int, count: int) -> NDArray[np.float64]:
    """Numbers `first`, `first + 1`... of an endless row of uniform chances in 0..1."""
    return np.asarray((_words(seed, first, count) >> np.uint64(11)) * 2.0**-53, np.float64)


def _words(seed: int, first: int, count: int) -> NDArray[np.uint64]:
    """64 random bits for each number, by splitmix64."""
    numbers = (np.arange(first + 1, first + 1 + count)).astype(np.uint64)
    z = numbers * np.uint64(0x9E3779B97F4A7C15) + np.uint64(seed % 2**64)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


def _shifts(turn: float, count: int) -> NDArray[np.complex64]:
    """What `turn` turns of the first partial are for partials 0, 1, 2..."""
    steps = np.exp(2j * math.pi * turn * np.arange(256))
    strides = np.exp(2j * math.pi * turn * np.arange(0, count, 256))
    return np.outer(strides, steps).reshape(-1)[:count].astype(np.complex64)


# -- timbres ------------------------------------------------------------------------------------------------

_SIZE = {"rabbit": 0.6, "frog": 0.72, "fox": 0.85, "penguin": 1.0, "robot": 1.25, "elephant": 2.6}
_HEAVY = {"rabbit": 0.5, "frog": 0.75, "fox": 0.7, "penguin": 0.9, "robot": 1.2, "elephant": 2.0}
_LOUD = {  # peak in dB of full scale, of the faintest and of the strongest
    "step": (-15.5, -10.5), "takeoff": (-15.0, -11.0), "landing": (-13.5, -9.0), "bounce": (-15.5, -9.0),
    "catch": (-15.0, -10.5), "wave": (-16.0, -14.0), "snore": (-16.0, -12.5), "sit": (-14.0, -10.5),
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class _Timbre:
    """What the makers of layers draw from: who it is, how strongly, and chance."""

    who: str
    place: str
    strength: float
    chance: random.Random
    pitch: float  # factors, near 1
    length: float
    bright: float

    @property
    def size(self) -> float:
        return _SIZE[self.who]

    def hiss(self, low: float, high: float, level: float, envelope: Envelope) -> Hiss:
        high = max(1.5 * low, high * self.bright)
        return Hiss(low=low, high=high, level=level, envelope=envelope, seed=self.chance.getrandbits(63))

    def ring(self, *tones: tuple[float, float, float], delay: float = 0.0) -> Ring:
        near = self.chance.uniform
        varied = (
            (pitch * self.pitch * near(0.97, 1.03), decay * self.length, level * near(0.8, 1.2))
            for pitch, decay, level in tones
        )
        return Ring(tones=tuple(varied), delay=delay)

    def sweep(
        self, pitch: float, to: float, swing: float, level: float, envelope: Envelope, *overtones: float
    ) -> Sweep:
        return Sweep(
            pitch=pitch * self.pitch, to=to * self.pitch, swing=swing * self.length, level=level,
            envelope=envelope, overtones=(1.0, *overtones),
        )  # fmt: skip

    def grains(self, count: int, span: float, decay: float) -> tuple[tuple[float, float, float], ...]:
        """A crackle: the first at once, the others anywhere in the span."""
        near = self.chance.uniform
        later = [(near(0.0, span), near(0.3, 1.0), decay * near(0.6, 1.4)) for _ in range(count - 1)]
        return ((0.0, 0.8, decay), *sorted(later))


@lru_cache(4096)
def _timbre(kind: str, who: str, place: str, strength: float, seed: int) -> tuple[tuple[Layer, ...], float]:
    """The layers of an event, and the gain that makes its peak as loud as it shall be."""
    for given, known in ((kind, KINDS), (who, CHARACTERS), (place, PLACES)):
        if given not in known:
            raise ValueError(f"{given!r} is none of {', '.join(known)}")
    chance = random.Random(seed_of(f"{kind} {who} {place} {seed}"))
    timbre = _Timbre(
        who=who, place=place, strength=strength, chance=chance,
        pitch=2 ** chance.uniform(-0.15, 0.15), length=chance.uniform(0.85, 1.2),
        bright=chance.uniform(0.88, 1.14) * (0.8 + 0.4 * strength),
    )  # fmt: skip
    layers = tuple(_MAKERS[kind](timbre))
    peak = float(np.abs(voice(layers, 0.0, _REFERENCE)[1]).max())
    faint, strong = _LOUD[kind]
    loud = faint + (strong - faint) * min(1.0, max(0.0, strength)) + math.log2(_HEAVY[who]) / 2
    return layers, 10 ** (min(loud, -9.0) / 20) / peak


def _step(t: _Timbre) -> list[Layer]:
    return [*_ground(t, 1.0), *_foot(t, 1.0), _click(t, 0.14)]


def _landing(t: _Timbre) -> list[Layer]:
    """Both feet, one a little later, and a body that goes down after them."""
    deep = t.size**-0.5
    drop = t.sweep(270 * deep, 64 * deep, 0.05, 1.3, Envelope(attack=0.004, decay=0.085), 0.4, 0.2)
    return [*_ground(t, 1.3), *_foot(t, 1.0), *_foot(t, 0.8, 0.022), drop, _click(t, 0.2)]


def _ground(t: _Timbre, level: float) -> list[Layer]:
    """What the ground says when it is stepped on."""
    long, wide = t.length * _HEAVY[t.who] ** 0.25, t.size**-0.2
    match t.place:
        case "meadow":  # grass rustles
            rustle = Envelope(attack=0.003, decay=0.09 * long, grains=t.grains(9, 0.11 * long, 0.014))
            return [t.hiss(2600 * wide, 7000 * wide, 0.5 * level, rustle), t.ring((135, 0.018, 0.2 * level))]
        case "beach":  # wet sand is shoved
            shove = Envelope(attack=0.012, decay=0.06 * long)
            return [t.hiss(650 * wide, 2400 * wide, 0.38 * level, shove), t.ring((115, 0.03, 0.25 * level))]
        case "desert":  # dunes give way and trickle
            give = Envelope(attack=0.02, decay=0.06 * long)
            trickle = Envelope(delay=0.05, attack=0.04, decay=0.075 * long)
            soft = t.hiss(180 * wide, 700 * wide, 0.32 * level, give)
            return [soft, t.hiss(4600 * wide, 9500 * wide, 0.12 * level, trickle)]
        case "mountains":  # snow crunches
            crunch = Envelope(attack=0.0008, decay=0.12 * long, grains=t.grains(17, 0.13 * long, 0.0045))
            creak = Envelope(delay=0.02, attack=0.01, decay=0.03, flutter=130, depth=0.9)
            return [
                t.hiss(1100 * wide, 3600 * wide, 0.75 * level, crunch),
                t.sweep(820 * wide, 1050 * wide, 0.05, 0.12 * level, creak, 0.6, 0.4),
            ]
        case "city":  # asphalt clicks
            tap = Envelope(attack=0.0003, decay=0.007)
            heel = ((1500 * wide, 0.012, 0.5 * level), (2600 * wide, 0.008, 0.4 * level), (240.0, 0.016, 0.3))
            return [t.hiss(1800 * wide, 6000, 0.35 * level, tap), t.ring(*heel)]
        case "farm":  # earth thuds
            crumb = Envelope(attack=0.002, decay=0.028 * long)
            ringing = t.ring((96 * wide, 0.055, 0.9 * level), (165 * wide, 0.03, 0.45 * level))
            return [t.hiss(120, 520 * wide, 0.22 * level, crumb), ringing]
    raise AssertionError(t.place)


def _foot(t: _Timbre, level: float, delay: float = 0.0) -> list[Layer]:
    """What the foot itself adds."""
    match t.who:
        case "elephant":
            tones = ((47.0, 0.13, 1.1 * level), (70.0, 0.1, 0.8 * level), (104.0, 0.06, 0.4 * level))
            return [t.ring(*tones, delay=delay)]
        case "robot":
            steel = ((523, 0.11, 0.23), (1190, 0.12, 0.2), (1874, 0.09, 0.15), (2760, 0.07, 0.12))
            return [t.ring(*((f, decay, a * level) for f, decay, a in steel), delay=delay)]
        case "penguin":  # the sole, then the toes
            flaps = (Envelope(delay=delay + d, attack=0.001, decay=0.012) for d in (0.0, 0.052))
            return [t.hiss(420, 1300, 0.5 * level, flap) for flap in flaps]
        case "frog":  # smacks and lets go
            kiss = Envelope(delay=delay, attack=0.003, decay=0.02)
            drop = Envelope(delay=delay + 0.055, attack=0.003, decay=0.024)
            first = t.sweep(420, 980, 0.03, 0.42 * level, kiss)
            return [first, t.sweep(560, 1500, 0.025, 0.45 * level, drop)]
        case "rabbit":
            return [t.ring((610, 0.012, 0.4 * level), (1010, 0.009, 0.3 * level), delay=delay)]
        case "fox":
            pad = Envelope(delay=delay, attack=0.004, decay=0.022)
            return [t.hiss(190, 420, 0.34 * level, pad)]
    raise AssertionError(t.who)


def _takeoff(t: _Timbre) -> list[Layer]:
    """A spring, and the air."""
    pitch = 240 * t.size**-0.7
    spring = Envelope(attack=0.004, decay=0.085 * t.length, flutter=31 * t.pitch, depth=0.55)
    steel = (0.6, 0.45, 0.35, 0.25) if t.who == "robot" else (0.4, 0.2)
    whoosh = Envelope(attack=0.035, decay=0.06)
    air = t.hiss(1000 * t.size**-0.3, 3200 * t.size**-0.3, 0.16, whoosh)
    return [t.sweep(pitch, 3.1 * pitch, 0.11, 0.8, spring, *steel), air, _click(t, 0.1)]


_SPRINGY = {  # how long a ball rings on a ground, against asphalt, and how loud the ground is
    "city": (1.0, 0.3), "farm": (0.7, 0.5), "meadow": (0.6, 0.5), "beach": (0.4, 0.8), "desert": (0.35, 0.9),
    "mountains": (0.35, 0.7),
}  # fmt: skip


def _bounce(t: _Timbre) -> list[Layer]:
    """A hollow ball: its skin, and the air in it."""
    rings, loud = _SPRINGY[t.place]
    pitch = 300.0
    skin = t.sweep(1.25 * pitch, pitch, 0.02, 0.9, Envelope(attack=0.001, decay=0.06 * rings * t.length))
    tones = ((2.32 * pitch, 0.07, 0.4), (3.61 * pitch, 0.05, 0.28), (5.2 * pitch, 0.035, 0.18))
    hollow = t.ring(*((f, decay * rings, level) for f, decay, level in tones))
    return [skin, hollow, *_ground(t, 0.55 * loud), _click(t, 0.18)]


def _catch(t: _Timbre) -> list[Layer]:
    """A slap, and fingers that close."""
    deep = t.size**-0.4
    slap = t.hiss(700 * deep, 2300 * deep, 0.55, Envelope(attack=0.0008, decay=0.012))
    grip = t.hiss(1500 * deep, 4200 * deep, 0.1, Envelope(delay=0.045, swell=0.09))
    palm = t.ring((330 * deep, 0.022, 0.5), (560 * deep, 0.014, 0.3))
    return [slap, grip, palm, *(_foot(t, 0.6) if t.who == "robot" else ()), _click(t, 0.2)]


def _wave(t: _Timbre) -> list[Layer]:
    """An arm through the air."""
    air, wing = t.size**-0.6, 0.95 if t.who == "penguin" else 0.0
    swish = Envelope(swell=0.2 * t.length * t.size**0.3, flutter=24, depth=wing)
    motor = t.sweep(310, 430, 0.1, 0.25, Envelope(swell=0.2), 0.5, 0.3, 0.2)
    return [t.hiss(1100 * air, 2400 * air, 0.5, swish), *([motor] if t.who == "robot" else ())]


def _snore(t: _Timbre) -> list[Layer]:
    """In, rattling, and out."""
    deep, rattle = t.size**-0.9, 27 * t.size**-0.3 * t.pitch
    breath = Envelope(swell=0.68, flutter=rattle, depth=0.92)
    out = Envelope(delay=0.78, swell=0.72)
    if t.who == "robot":
        hum = t.sweep(62, 88, 0.5, 0.5, breath, 0.7, 0.6, 0.5, 0.45, 0.4, 0.35, 0.3)
        return [hum, t.sweep(620, 260, 0.35, 0.3, out, 0.4, 0.2)]
    throat = t.sweep(85 * deep, 120 * deep, 0.4, 0.4, breath, 0.8, 0.65, 0.5, 0.4, 0.3)
    nose = t.hiss(420 * deep, 1100 * deep, 0.3, breath)
    return [throat, nose, t.hiss(600 * deep, 1900 * deep, 0.2, out)]


def _sit(t: _Timbre) -> list[Layer]:
    """Down on the soft side, and it settles."""
    deep = t.size**-0.45
    thump = t.ring((78 * deep, 0.075, 1.0), (128 * deep, 0.045, 0.5))
    soft = t.hiss(90, 330 * deep, 0.3, Envelope(attack=0.008, decay=0.06))
    settle = t.hiss(350 * deep, 1100 * deep, 0.17, Envelope(delay=0.13, swell=0.2 * t.length))
    return [thump, soft, settle, *_foot(t, 0.6), *_ground(t, 0.2), _click(t, 0.08)]


def _click(t: _Timbre, level: float) -> Ring:
    """What is there with the first sample."""
    return Ring(tones=((2900 * t.bright, 0.0012, level),), turn=math.pi / 2)


_MAKERS: dict[str, Callable[[_Timbre], list[Layer]]] = {
    "step": _step, "takeoff": _takeoff, "landing": _landing, "bounce": _bounce, "catch": _catch,
    "wave": _wave, "snore": _snore, "sit": _sit,
}  # fmt: skip
