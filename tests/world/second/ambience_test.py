"""The background of a scene: exact at random access, alike at any rate, as loud as asked, and varied."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from numpy.typing import NDArray

from longtake.world.second import ambience as rooms
from longtake.world.second.ambience import SWELL, WEATHERS, ambience
from longtake.world.vocabulary import PLACES, TIMES

RATE = 16_000
CASES = list(itertools.product(PLACES, TIMES, WEATHERS))


def forget() -> None:
    for kept in (rooms._second, rooms._block, rooms._call):
        kept.cache_clear()


def sound(
    place: str = "meadow", time: str = "day", weather: str = "clear", *, start: float = 100.0,
    seconds: float = 1, rate: int = RATE, channels: int = 1, seed: int = 3, since: float = 97.0,
) -> NDArray[np.float32]:  # fmt: skip
    return ambience(place, time, weather, start, round(seconds * rate), rate, channels, seed, since)


def level(part: NDArray[np.float32]) -> float:
    return float(10 * np.log10(np.square(part, dtype=float).mean()))


def in_band(part: NDArray[np.float32], low: float, high: float, rate: int = RATE) -> float:
    """Share of the power between two pitches."""
    power = np.abs(np.fft.rfft(part[:, 0])) ** 2
    a, b = (round(pitch * len(part) / rate) for pitch in (low, high))
    return float(power[a:b].sum() / power.sum())


# -- the same at any time and rate -------------------------------------------------------------------------


@pytest.mark.parametrize(
    "scene", ["beach day rain", "city night clear", "farm morning clear", "desert day dust", "city day snow"]
)
def test_any_stretch_has_the_bits_of_the_whole(scene: str) -> None:
    place, time, weather = scene.split()
    for rate in (RATE, 11_025):
        whole = ambience(place, time, weather, 20.5, 4 * rate, rate, 2, 3, 17.3)
        for skipped, samples in ((0, 1), (rate // 2 - 1, 2), (1234, rate), (4 * rate - 1, 1), (rate, 0)):
            forget()
            start = (round(20.5 * rate) + skipped) / rate
            part = ambience(place, time, weather, start, samples, rate, 2, 3, 17.3)
            np.testing.assert_array_equal(part, whole[skipped : skipped + samples])


@pytest.mark.parametrize("place", PLACES)
def test_it_is_the_same_sound_at_any_rate(place: str) -> None:
    def low(rate: int) -> NDArray[np.float64]:
        part = sound(place, "night", "rain", seconds=3, rate=rate)[:, 0]
        partials = np.fft.rfft(part)[: 3 * 6400]
        return np.asarray(np.fft.irfft(partials, 3 * RATE) * (RATE / rate))[RATE : 2 * RATE]

    fine = low(48_000)
    for rate in (16_000, 22_050, 44_100):
        assert (low(rate) - fine).std() < 0.005 * fine.std()


def test_a_film_may_begin_before_0() -> None:
    whole = sound(start=-2.5, seconds=5)
    np.testing.assert_array_equal(whole[RATE:], sound(start=-1.5, seconds=4))
    assert level(whole) == pytest.approx(-30, abs=4)


def test_seconds_run_into_each_other() -> None:
    for place in PLACES:
        whole = sound(place, start=100, seconds=20)[:, 0]
        jumps = np.abs(np.diff(whole))
        assert jumps[RATE - 1 :: RATE].max() < 6 * np.sqrt(np.square(jumps).mean())
        parts = np.square(whole).reshape(20, 4, -1).mean(axis=(0, 2))  # quarters of all seconds
        assert parts.max() < 2 * parts.min()


# -- how loud, and where -----------------------------------------------------------------------------------


@pytest.mark.parametrize(("place", "time", "weather"), CASES)
def test_it_is_about_30_dB_below_full_scale(place: str, time: str, weather: str) -> None:
    whole = sound(place, time, weather, seconds=21, channels=2)
    assert level(whole) == pytest.approx(-30.3, abs=2.7)
    assert np.abs(whole).max() < 10 ** (-9 / 20)  # events reach above it


def test_two_channels_are_wide_and_mono_is_their_mean() -> None:
    for place in PLACES:
        two = sound(place, seconds=5, channels=2)
        assert two.dtype == np.float32
        assert two.shape == (5 * RATE, 2)
        assert 0.3 < np.corrcoef(two.T)[0, 1] < 0.7
        np.testing.assert_array_equal(sound(place, seconds=5, channels=1)[:, 0], two.mean(axis=1))


def test_every_film_has_its_own() -> None:
    one, other = (sound(seed=seed, seconds=5)[:, 0] for seed in (1, 2))
    assert abs(np.corrcoef(one, other)[0, 1]) < 0.1


# -- what is heard -----------------------------------------------------------------------------------------


def test_waves_come_with_the_clock_of_the_scene() -> None:
    for since in (97.0, 93.5):
        whole = sound("beach", start=since, seconds=8 * SWELL, since=since)
        steps = np.square(whole).reshape(8, 14, -1).mean(axis=(0, 2))  # half seconds after a wave's moment
        assert steps.argmax() in (0, 1, 13)
        assert steps.max() > 12 * steps.min()


def test_rain_is_bright_and_snow_is_dull() -> None:
    for place in PLACES:
        clear, rain, snow = (sound(place, "day", name, seconds=14) for name in ("clear", "rain", "snow"))
        assert in_band(rain, 2500, 7200) > in_band(clear, 2500, 7200) + 0.1
        assert in_band(snow, 1000, 7200) < max(0.02, 0.3 * in_band(clear, 1000, 7200))


def test_a_dust_storm_is_rougher_than_wind() -> None:
    def roughness(weather: str) -> float:
        tenths = np.square(sound("desert", "day", weather, seconds=30)).reshape(300, -1).mean(axis=1)
        return float(np.abs(np.diff(10 * np.log10(tenths))).mean())

    assert roughness("dust") > 1.3 * roughness("clear")


def test_crickets_sing_on_dry_nights_only() -> None:
    for place in ("meadow", "farm", "desert"):
        night, day, wet = (
            sound(place, time, weather, seconds=10)
            for time, weather in (("night", "clear"), ("day", "clear"), ("night", "rain"))
        )

        def tone(part: NDArray[np.float32]) -> float:
            power = np.abs(np.fft.rfft(part[:, 0])[38_000:51_000]).reshape(-1, 500) ** 2  # bands of 50 hertz
            return float(power.sum(axis=1).max() / np.median(power.sum(axis=1)))

        assert tone(night) > 5 * max(tone(day), tone(wet))


def test_places_sound_different() -> None:
    def heard(place: str, seed: int) -> NDArray[np.float64]:
        part = sound(place, seed=seed, seconds=7)
        edges = np.geomspace(40, 7200, 20)
        return 10 * np.log10([in_band(part, low, high) + 1e-4 for low, high in itertools.pairwise(edges)])

    means = np.array([np.mean([heard(place, seed) for seed in range(6)], axis=0) for place in PLACES])
    others = np.array([[heard(place, seed) for seed in range(6, 12)] for place in PLACES])
    nearest = ((others[:, :, None] - means) ** 2).sum(axis=-1).argmin(axis=-1)
    assert (nearest == np.arange(6)[:, None]).mean() > 0.8  # by chance 1/6


def test_what_is_unknown_is_told() -> None:
    for place, time, weather in (("moon", "day", "clear"), ("city", "noon", "clear"), ("city", "day", "fog")):
        with pytest.raises(ValueError, match="is none of"):
            sound(place, time, weather)
    with pytest.raises(ValueError, match="give 1 or 2"):
        sound(channels=6)
