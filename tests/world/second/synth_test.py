"""The instrument: exact at random access, alike at any rate, on time, loud enough and told apart."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from longtake.world.second import synth
from longtake.world.second.synth import KINDS, Event, burst, events_sound, limited, mixed, panned
from longtake.world.vocabulary import CHARACTERS, PLACES

IMPACTS = ("step", "takeoff", "landing", "bounce", "catch", "sit")
FOX = Event(time=0.5, kind="step", who="fox", place="meadow", x=0.5, strength=0.5, seed=1)


def all_of(kind: str, seed: int = 0) -> list[Event]:
    """One event by each character on each ground, 2 seconds and a bit of a sample apart."""
    pairs = itertools.product(CHARACTERS, PLACES)
    return [
        Event(
            time=0.5 + 2.00001237 * k, kind=kind, who=who, place=place, x=0.5, strength=k % 5 / 4, seed=seed
        )
        for k, (who, place) in enumerate(pairs)
    ]


def forget() -> None:
    burst.cache_clear()
    synth._timbre.cache_clear()


def alike(a: NDArray[np.float32], b: NDArray[np.float32]) -> float:
    a, b = a.ravel().astype(float), b.ravel().astype(float)
    return float(a @ b / np.sqrt((a @ a) * (b @ b)))


def low(sound: NDArray[np.float32], rate: int, band: float) -> NDArray[np.float32]:
    """What lies below `band` hertz, at 2.5 samples a period."""
    partials = np.fft.rfft(sound, axis=0)[: int(band * len(sound) / rate)]
    count = int(2.5 * band * len(sound) / rate)
    return np.asarray(np.fft.irfft(partials, count, axis=0) * count / len(sound), np.float32)


# -- the same at any time and rate -------------------------------------------------------------------------


@pytest.mark.parametrize("rate", [48_000, 16_000, 22_050])
def test_any_stretch_has_the_bits_of_the_whole(rate: int) -> None:
    events = [replace(FOX, time=0.13 * k, kind=KINDS[k % 8], seed=k, x=k / 20) for k in range(20)]
    whole = events_sound(events, 0.0, 4 * rate, rate, 2)
    assert whole.dtype == np.float32
    assert np.abs(whole).max() > 0.1
    for start, samples in ((0, 1), (rate // 3, 777), (rate + 1, rate), (3 * rate + 11, 5)):
        forget()
        part = events_sound(reversed(events), start / rate, samples, rate, 2)
        np.testing.assert_array_equal(part, whole[start : start + samples])


@pytest.mark.parametrize("kind", KINDS)
def test_it_is_the_same_sound_at_any_rate(kind: str) -> None:
    for event in all_of(kind)[::5]:
        base = round(event.time) - 1.0
        fine = low(events_sound([event], base, 4 * 48_000, 48_000, 1), 48_000, 6400)
        for rate in (16_000, 22_050, 44_100):
            coarse = low(events_sound([event], base, 4 * rate, rate, 1), rate, 6400)
            assert alike(fine, coarse) > 0.99
            assert np.abs(coarse).max() == pytest.approx(np.abs(fine).max(), rel=0.05)


def test_a_shift_in_time_shifts_the_sound() -> None:
    for kind in KINDS:
        event = replace(FOX, kind=kind)
        late = replace(event, time=event.time + 1000 / 48_000)
        (first, sound), (other, same) = burst(event, 48_000), burst(late, 48_000)
        assert other - first == 1000
        np.testing.assert_allclose(sound, same, atol=1e-5)


def test_nothing_lies_above_the_band() -> None:
    for event in all_of("step") + all_of("takeoff"):
        sound = events_sound([event], event.time - 1, 16_000, 8_000, 1)[:, 0]
        power = np.abs(np.fft.rfft(sound)) ** 2
        assert power[7400:].sum() < 0.003 * power.sum()  # only attacks reach above 3.6 of 4 kHz


# -- on time -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", IMPACTS)
def test_an_impact_is_heard_within_a_sample(kind: str) -> None:
    for rate, seed in itertools.product((16_000, 48_000), range(3)):
        for event in all_of(kind, seed):
            begin = int(event.time * rate) - 50
            sound = np.abs(events_sound([event], begin / rate, rate, rate, 1)[:, 0])
            onset = (begin + np.argmax(sound > 0.01 * sound.max())) / rate
            assert 0 <= onset - event.time < 1 / rate


@pytest.mark.parametrize("kind", KINDS)
def test_silence_comes_before_and_after(kind: str) -> None:
    for event in all_of(kind):
        before = events_sound([event], event.time - 2.0, 2 * 16_000 - 1, 16_000, 2)
        assert not before.any()
        assert not events_sound([event], event.time + synth.LONGEST, 1000, 16_000, 2).any()
        sound = burst(event, 16_000)[1]
        assert 0.05 < len(sound) / 16_000 < 0.6 * synth.LONGEST
        assert np.abs(sound[-10:]).max() < 1e-3 * np.abs(sound).max()  # it ends without a click
    assert not events_sound([], 0.0, 100, 16_000, 1).any()


def test_a_snore_lasts_as_long_as_a_breath() -> None:
    assert len(burst(replace(FOX, kind="snore"), 16_000)[1]) / 16_000 == pytest.approx(1.5, abs=0.05)


# -- where and how loud ------------------------------------------------------------------------------------


def test_left_and_right_share_the_power() -> None:
    for x in np.linspace(0, 1, 11):
        left, right = panned(x)
        assert left**2 + right**2 == pytest.approx(2)
        assert panned(1 - x) == pytest.approx((right, left))
    assert panned(0.5) == pytest.approx((1, 1))
    lefts = [panned(x)[0] for x in np.linspace(0, 1.5, 16)]
    assert lefts == sorted(lefts, reverse=True)
    assert sum(panned(1.5)) < 0.5 * sum(panned(1.0))


def test_a_sound_stands_where_its_event_is_and_mono_is_the_mean() -> None:
    left, middle, right = (events_sound([replace(FOX, x=x)], 0.5, 8000, 16_000, 2) for x in (0.1, 0.5, 0.9))
    assert np.abs(left[:, 0]).max() > 3 * np.abs(left[:, 1]).max()
    np.testing.assert_allclose(left, right[:, ::-1], atol=1e-7)
    np.testing.assert_allclose(middle[:, 0], middle[:, 1], atol=1e-7)
    mono = events_sound([replace(FOX, x=0.1)], 0.5, 8000, 16_000, 1)
    assert mono.shape == (8000, 1)
    np.testing.assert_array_equal(mono[:, 0], left.mean(axis=1))


def test_peaks_lie_between_18_and_6_dB_below_full_scale() -> None:
    for kind in KINDS:
        peaks = [20 * np.log10(np.abs(burst(event, 48_000)[1]).max()) for event in all_of(kind)]
        assert -18 < min(peaks) < max(peaks) < -6
    for kind in KINDS:
        faint, strong = (burst(replace(FOX, kind=kind, strength=s), 48_000)[1] for s in (0.0, 1.0))
        assert np.abs(strong).max() > 1.2 * np.abs(faint).max()


def test_a_crowd_does_not_clip() -> None:
    crowd = [replace(FOX, kind=kind, seed=seed) for kind in KINDS for seed in range(30)]
    sound = events_sound(crowd, 0.5, 16_000, 16_000, 2)
    assert 0.9 < np.abs(sound).max() <= 1
    assert np.abs(mixed([sound, sound, sound], 2)).max() <= 1


def test_the_limit_leaves_what_is_low_and_never_turns_back() -> None:
    loud = np.linspace(-4, 4, 8001, dtype=np.float32)
    kept = limited(loud)
    assert (np.diff(kept) >= 0).all()
    assert np.abs(kept).max() <= 1
    np.testing.assert_array_equal(kept[np.abs(loud) <= 0.69], loud[np.abs(loud) <= 0.69])


# -- told apart --------------------------------------------------------------------------------------------


def heard(event: Event) -> NDArray[np.float64]:
    """Loudness of 16 bands in 5 stretches, in dB over a floor."""
    sound = events_sound([event], event.time, 16_000, 16_000, 1)[:, 0]
    edges = np.geomspace(50, 7200, 17)
    rows = []
    for begin, end in itertools.pairwise((0, 300, 1000, 2400, 5000, 16_000)):
        power = np.abs(np.fft.rfft(sound[begin:end], 16_000)) ** 2
        rows += [power[int(a) : int(b) + 1].sum() for a, b in itertools.pairwise(edges)]
    return 10 * np.log10(np.array(rows) + 30.0)


def hits(classes: list[list[Event]]) -> float:
    """How often an event is nearest to the mean of its own class, of which it is no part."""
    sounds = np.array([[heard(event) for event in events] for events in classes])
    half = sounds.shape[1] // 2
    means = sounds[:, :half].mean(axis=1)
    far = ((sounds[:, half:, None] - means) ** 2).sum(axis=-1)
    return float((far.argmin(axis=-1) == np.arange(len(classes))[:, None]).mean())


def test_kinds_grounds_and_characters_sound_different_whatever_the_seed() -> None:
    def takes(event: Event) -> list[Event]:
        return [replace(event, seed=seed, strength=seed % 4 / 3) for seed in range(16)]

    for who in ("fox", "robot", "elephant"):
        assert hits([takes(replace(FOX, who=who, kind=kind)) for kind in KINDS]) > 0.9  # by chance 1/8
    for kind in ("step", "landing", "bounce"):
        assert hits([takes(replace(FOX, kind=kind, place=place)) for place in PLACES]) > 0.8  # 1/6
    for kind in ("step", "landing", "takeoff", "sit", "snore"):
        assert hits([takes(replace(FOX, kind=kind, who=who)) for who in CHARACTERS]) > 0.7  # 1/6


def test_no_two_events_are_the_same() -> None:
    for kind in KINDS:
        one, other = (burst(replace(FOX, kind=kind, seed=seed), 16_000)[1] for seed in (1, 2))
        shorter = min(len(one), len(other))
        assert alike(one[:shorter], other[:shorter]) < 0.9


def test_what_is_unknown_is_told() -> None:
    for wrong in (replace(FOX, kind="song"), replace(FOX, who="cow"), replace(FOX, place="moon")):
        with pytest.raises(ValueError, match=r"song|cow|moon"):
            events_sound([wrong], 0.0, 16_000, 16_000, 1)
    with pytest.raises(ValueError, match="give 1 or 2"):
        events_sound([FOX], 0.0, 100, 16_000, 3)
