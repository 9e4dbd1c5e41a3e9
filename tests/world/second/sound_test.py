"""What an episode sounds like: in sync to a sample, at random access, and true to its pictures."""

from __future__ import annotations

import numpy as np
import pytest

from longtake.world.edition import world
from longtake.world.episodes import episode_seeds
from longtake.world.second.motion import pose
from longtake.world.second.script import shot_at
from longtake.world.second.sound import events, waveform
from longtake.world.second.synth import events_sound

RATE = 16_000
FPS = 12.0


def test_any_stretch_is_the_same_alone_and_within_a_longer_one() -> None:
    whole = waveform(7, 20.0, 10 * RATE, rate=RATE)
    assert whole.shape == (10 * RATE, 2)
    assert whole.dtype == np.float32
    for start, seconds in ((0.0, 1.0), (3.25, 2.0), (9.0, 1.0)):
        at = int(start * RATE)
        part = waveform(7, 20.0 + start, int(seconds * RATE), rate=RATE)
        assert np.array_equal(part, whole[at : at + len(part)])
    assert np.abs(whole).max() < 1


def test_one_channel_is_the_mean_of_two() -> None:
    two, one = (waveform(3, 5.0, RATE, rate=RATE, channels=n) for n in (2, 1))
    assert np.allclose(one[:, 0], two.mean(axis=1), atol=1e-6)


@pytest.mark.parametrize("track", [None, "sound"])
def test_what_is_heard_is_what_feet_balls_and_jumpers_do(track: str | None) -> None:
    """Each contact of the pictures has its event within a sample, and each event its contact."""
    fine = 1 / 4000  # frames: of the search for contacts
    for seed in episode_seeds("train", 3):
        at = 0
        while at < 400:
            shot = shot_at(seed, at, track)  # type: ignore[arg-type]
            heard = [event for event, _ in events(seed, shot.start, shot.end, track=track)]  # type: ignore[arg-type]
            for actor in shot.actors:
                kinds = {"walk": "step", "jump": "landing"}
                if actor.action not in kinds:
                    continue
                mine = [e.time for e in heard if e.who == actor.name and e.kind == kinds[actor.action]]
                times = np.arange(0.5, min(120, shot.end - shot.start), 0.05)
                down = np.array([[*pose(actor, t).contacts, pose(actor, t).side] for t in times])
                touched: list[float] = []
                for foot in (0, 1):
                    for k in np.flatnonzero(
                        ~down[:-1, foot] & down[1:, foot] & (down[1:, 2] == down[:-1, 2])
                    ):
                        low, high = times[k], times[k + 1]
                        while high - low > fine:
                            middle = (low + high) / 2
                            low, high = (
                                (low, middle) if pose(actor, middle).contacts[foot] else (middle, high)
                            )
                        touched.append((shot.start + high) / FPS)
                touched = sorted({round(t, 3): t for t in touched}.values())
                for t in touched:
                    assert min(abs(t - e) for e in mine) < 1 / RATE + 2 * fine / FPS
                inside = [e for e in mine if touched and touched[0] - 1e-3 < e < touched[-1] + 1e-3]
                assert len(inside) == len(touched)
            at = shot.end


def test_an_event_begins_at_its_moment_to_a_sample() -> None:
    impacts = [e for e, _ in events(5, 0, 1500) if e.kind in ("step", "landing", "bounce")]
    assert len(impacts) > 30
    for event in impacts[::4]:
        first = round((event.time - 0.01) * RATE)
        sound = np.abs(events_sound([event], first / RATE, RATE // 5, RATE, 1)[:, 0])
        onset = first + int(np.flatnonzero(sound > 0)[0])
        assert 0 <= onset - event.time * RATE <= 1


def test_another_frame_rate_moves_the_sound_with_the_pictures() -> None:
    slow, fast = (list(events(7, 100, 300, fps=fps)) for fps in (12.0, 24.0))
    assert [at for _, at in slow] == [at for _, at in fast]
    assert [e.time for e, _ in fast] == pytest.approx([e.time / 2 for e, _ in slow])


def test_a_cut_does_not_click_and_the_background_changes_there() -> None:
    seed, shots = next(
        (seed, (a, b))
        for seed in episode_seeds("train", 30)
        for a, b in zip(world(2).shots(seed, 2000), world(2).shots(seed, 2000)[1:], strict=False)
        if {a.place, b.place} == {"beach", "city"}
        and not any(x.action in ("walk", "jump") for x in (*a.actors, *b.actors))
    )
    cut = shots[1].start / FPS
    around = waveform(seed, cut - 1.0, 2 * RATE, rate=RATE, channels=1)[:, 0]
    steps = np.abs(np.diff(around))
    assert steps[RATE - 400 : RATE + 400].max() < 1.5 * max(
        steps[: RATE - 400].max(), steps[RATE + 400 :].max()
    )

    def tone(part: np.ndarray) -> np.ndarray:  # type: ignore[type-arg]
        power = np.abs(np.fft.rfft(part)) ** 2
        return np.asarray(np.log(np.add.reduceat(power, np.geomspace(20, len(power) - 1, 12).astype(int))))

    before, after = tone(around[: RATE - 400]), tone(around[RATE + 400 :])
    assert np.abs(before - after).mean() > 0.3


def test_a_stretch_before_the_beginning_is_refused() -> None:
    with pytest.raises(ValueError, match="begins at 0"):
        waveform(1, -1.0, 100)
