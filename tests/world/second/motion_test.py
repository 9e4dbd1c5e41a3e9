"""Motion of the second edition: poses follow from prompt and scene clock, and feet do not slide."""

from __future__ import annotations

import math
import random
from dataclasses import replace

import numpy as np
import pytest

from longtake.world.edition import world
from longtake.world.episodes import episode_seeds, random_facts
from longtake.world.second.drawing import draw
from longtake.world.second.motion import GAITS, HEIGHT, LEAVING, RUNGS, moments, pose, rounds, staging, walked
from longtake.world.second.scenes import random_shot
from longtake.world.second.script import shot_at, shot_of
from longtake.world.second.shot import CaptionFacts, Shot, Tempo
from longtake.world.vocabulary import ACTIONS, CHARACTERS, PLACES, TIMES

WORLD = world(2)
frame_truth = WORLD.frame_truth


def shots(seed: int, frames: int) -> tuple[Shot, ...]:
    return tuple(shot_at(seed, shot.start) for shot in WORLD.shots(seed, frames))


def staged(*cast: tuple[str, str, int], length: int = 300, **told: object) -> Shot:
    facts: dict[str, object] = {
        "place": "meadow", "time": "day", "weather": "clear", "pan": 0, "close": False, "enters": False,
        "leaves": False,
    }  # fmt: skip
    return shot_of(CaptionFacts(cast=cast, **{**facts, **told}), 0, length)  # type: ignore[arg-type]


def everything(rng: random.Random) -> CaptionFacts:
    names = rng.sample(CHARACTERS, rng.choice((1, 2)))
    return CaptionFacts(
        place=rng.choice(PLACES),
        time=rng.choice(TIMES),
        weather=rng.choice(("clear", "rain", "snow", "dust")),
        pan=rng.choice((-1, 0, 1)),
        close=rng.random() < 0.5,
        enters=rng.random() < 0.5,
        leaves=rng.random() < 0.5,
        cast=tuple((name, rng.choice(ACTIONS), rng.choice((-1, 1))) for name in names),
    )


def test_poses_and_places_are_functions_of_the_prompt_and_the_clock() -> None:
    """Where the scene lies, in which episode and how long it lasts matters not, until its last 40 frames."""
    rng = random.Random(1)
    for _ in range(200):
        stage, since = everything(rng), rng.uniform(0, 260)
        early = shot_of(stage, 0, 300)
        late = shot_of(stage, rng.randrange(10_000), 0)
        late = replace(late, end=late.start + rng.randint(300, 900), telling=5, caption="other words")
        assert staging(early, since) == staging(late, since)
        for one, other in zip(early.actors, late.actors, strict=True):
            assert pose(one, since) == pose(other, since)


def test_every_pose_of_an_episode_follows_from_what_its_caption_tells() -> None:
    """No hidden draw: shots of different episodes whose facts are the same move alike."""
    for seed in episode_seeds("train", 6):
        for shot in shots(seed, 1500):
            facts = {
                name: getattr(shot, name)
                for name in ("place", "time", "weather", "pan", "close", "enters", "leaves")
            }
            again = shot_of(CaptionFacts(cast=shot.cast, **facts), shot.start, shot.end)
            assert again.actors == shot.actors


@pytest.mark.parametrize("track", ["sound", "brain"])
def test_with_a_track_half_of_the_shots_have_times_of_their_own(track: str) -> None:
    free = plain = 0
    for seed in episode_seeds("train", 10):
        for shot in shots(seed, 2000):
            heard = shot_at(seed, shot.start, track)  # type: ignore[arg-type]
            assert replace(heard, actors=shot.actors) == shot
            own = [actor.tempo is not None for actor in heard.actors]
            assert all(own) or not any(own)
            free, plain = free + all(own), plain + (not any(own))
    assert 0.42 < free / (free + plain) < 0.58


def test_the_sound_and_the_brain_are_free_apart() -> None:
    differ = [shot_at(seed, 0, "sound").actors != shot_at(seed, 0, "brain").actors for seed in range(40)]
    assert 10 < sum(differ) < 40


@pytest.mark.parametrize("tempo", [None, Tempo(seed=3, pace=1.2), Tempo(seed=4, pace=0.8, even=True)])
@pytest.mark.parametrize("name", CHARACTERS)
def test_a_foot_on_the_ground_stays_where_it_is(name: str, tempo: Tempo | None) -> None:
    """In coordinates of the ground: where the walker is, plus how far ahead its foot is."""
    for close, leaves in ((False, False), (False, True), (True, False)):
        shot = staged((name, "walk", 1), close=close, leaves=leaves, length=200)
        (actor,) = shot.actors
        actor = replace(actor, tempo=tempo)
        shot = replace(shot, actors=(actor,))
        zoom = 1.4 if close else 1.0
        grounded: list[tuple[float, ...]] = []
        for since in np.arange(0, 199, 0.25):
            at, now = pose(actor, since), staging(shot, since)
            ground = (now.xs[0] + now.scroll) / zoom
            grounded.append(tuple(
                ground + HEIGHT * ahead if down else math.nan
                for (ahead, _), down in zip(at.feet, at.contacts, strict=True)
            ))  # fmt: skip
        steps = np.abs(np.diff(np.array(grounded), axis=0))
        assert np.nanmax(steps) < 1e-9
        assert not np.isnan(np.array(grounded)).all(axis=1).any()  # one foot at least is always down


def test_two_who_walk_side_by_side_stay_together_and_do_not_march_in_step() -> None:
    shot = staged(("fox", "walk", 1), ("rabbit", "walk", 1))
    fox, rabbit = shot.actors
    gaps = [np.diff(staging(shot, since).xs)[0] for since in range(0, 300, 7)]
    assert np.ptp(gaps) < 1e-9
    ways = [(walked(fox, since), walked(rabbit, since)) for since in range(300)]
    assert np.allclose(*np.transpose(ways))
    apart = [(rounds(fox, since) - rounds(rabbit, since) - rabbit.late) % 1.0 for since in range(150)]
    assert max(apart) - min(apart) > 0.4


def test_everybody_has_a_gait_of_its_own_and_none_beats_with_the_keyframes() -> None:
    assert len({(gait.walk, gait.stride) for gait in GAITS.values()}) == len(CHARACTERS)
    assert len({tuple(vars(gait).values()) for gait in GAITS.values()}) == len(CHARACTERS)
    used = {
        getattr(gait, what) for gait in GAITS.values() for what in ("walk", "jump", "wave", "ball", "breath")
    }
    for spacing in (15, 225):
        for rung in used:
            between = spacing / RUNGS[rung]  # rounds
            assert abs(between - round(between)) > 0.01


def test_a_walker_alone_crosses_to_the_middle_and_then_the_camera_goes_along() -> None:
    shot = staged(("fox", "walk", -1))
    at = [staging(shot, since) for since in (0, 20, 60, 120, 240)]
    xs, scrolls = [one.xs[0] for one in at], [one.scroll for one in at]
    assert xs[0] == pytest.approx(0.7)
    assert xs[0] > xs[1] > xs[2]
    assert abs(xs[3] - xs[4]) < 1e-3
    assert 0.4 < xs[4] < 0.5
    speed = (scrolls[3] - scrolls[4]) / 120
    assert speed == pytest.approx(walked(shot.actors[0], 1), rel=1e-3)


@pytest.mark.parametrize("name", CHARACTERS)
@pytest.mark.parametrize("close", [False, True])
def test_walkers_come_in_and_go_out(name: str, close: bool) -> None:
    shot = staged((name, "walk", 1), enters=True, leaves=True, close=close, length=150)
    hidden = random_facts(random.Random(0))

    def box(since: float) -> tuple[float, float, float, float]:
        return draw(shot, hidden, since, 16)[1].actors[0].box

    assert box(0)[2] <= 0.06  # the tip of a nose at most
    assert box(30)[0] > -0.12
    assert 0.35 < (box(100)[0] + box(100)[2]) / 2 < 0.75
    assert box(149)[0] > 0.8
    stays = staged((name, "walk", 1), enters=True, close=close, length=150)
    before, after = staging(shot, 150 - LEAVING), staging(stays, 150 - LEAVING)
    assert before.xs[0] - after.xs[0] < 0.14


def test_a_walker_beside_one_who_stays_arrives_and_stands() -> None:
    shot = staged(("fox", "walk", 1), ("frog", "wave", 1))
    truth = [draw(shot, random_facts(random.Random(0)), t, 16)[1].actors for t in (0, 10, 30, 45, 200)]
    assert [one[0].busy for one in truth] == [True, True, True, False, False]
    assert [one[0].direction for one in truth] == [1, 1, 1, 0, 0]
    assert truth[0][0].box[2] < 0.06
    assert truth[-1][0].x == pytest.approx(0.30)
    assert all(one[0].box[2] < one[1].box[0] + 0.03 for one in truth)  # they do not run into each other


def test_figures_of_a_script_do_not_hide_each_other() -> None:
    for seed in range(25):
        for shot in shots(seed, 1500):
            if len(shot.actors) < 2:
                continue
            for since in np.linspace(0, shot.end - shot.start - 1, 9):
                left, right = draw(shot, random_facts(random.Random(0)), shot.start + since, 16)[1].actors
                assert left.x < right.x
                over = min(left.box[2], right.box[2]) - max(left.box[0], right.box[0])
                least = min(one.box[2] - one.box[0] for one in (left, right))
                assert over < 0.25 * least, (shot.cast, since)


@pytest.mark.parametrize("name", CHARACTERS)
def test_a_jump_is_an_arc(name: str) -> None:
    (actor,) = staged((name, "jump", 1)).actors
    period = RUNGS[GAITS[name].jump]
    lifts = np.array([pose(actor, t).lift for t in np.linspace(0, period, 400, endpoint=False)])
    air = lifts[lifts > 0]
    assert 0.5 < len(air) / 400 < 0.6
    assert np.diff(air, 2) == pytest.approx(np.diff(air, 2).mean(), abs=1e-9)  # gravity is constant
    assert lifts.max() == pytest.approx(GAITS[name].height, rel=1e-3)


def test_a_ball_never_vanishes_and_never_leaps() -> None:
    for name in CHARACTERS:
        (actor,) = staged((name, "ball", 1)).actors
        heights = [pose(actor, t).ball for t in np.arange(0, 200, 0.1)]
        assert all(ball is not None for ball in heights)
        assert np.abs(np.diff([ball[1] for ball in heights if ball])).max() < 0.04


def test_moments_are_when_feet_and_balls_touch() -> None:
    """Before a moment the foot is in the air, or the ball comes down; after it, it is on the ground."""
    tiny = 1e-4
    for cast in (("fox", "walk", 1), ("elephant", "walk", -1), ("robot", "jump", 1), ("penguin", "ball", 1)):
        for tempo in (None, Tempo(seed=9, pace=1.1)):
            shot = staged(cast)
            shot = replace(shot, actors=(replace(shot.actors[0], tempo=tempo),))
            (actor,) = shot.actors
            found = list(moments(shot, 0, 200))
            assert len(found) > 6
            assert [one.since for one in found] == sorted(one.since for one in found)
            for one in found:
                before, after = pose(actor, one.since - tiny), pose(actor, one.since + tiny)
                match one.kind:
                    case "step":
                        assert sum(after.contacts) == 1 + sum(before.contacts) - 1
                        assert before.contacts != after.contacts
                    case "takeoff":
                        assert before.lift == 0 < after.lift
                    case "landing":
                        assert before.lift > 0 == after.lift
                    case "bounce":
                        assert before.ball is not None
                        assert after.ball is not None
                        assert min(before.ball[1], after.ball[1]) - 0.14 < 1e-3


def test_moments_of_parts_are_those_of_the_whole() -> None:
    rng = random.Random(5)
    for _ in range(60):
        shot = random_shot(rng, 0, 300)
        whole = sorted(moments(shot, 0, 300), key=lambda one: (one.since, one.who))
        parts = [one for at in range(0, 300, 50) for one in moments(shot, at, at + 50)]
        assert sorted(parts, key=lambda one: (one.since, one.who)) == whole


def test_truth_is_what_is_drawn() -> None:
    truth = frame_truth(7, 400)
    assert truth.since == 400 - truth.shot
    assert truth.until > 0
    for actor in truth.actors:
        assert actor.box[0] < actor.x < actor.box[2] or actor.pose.lying


@pytest.mark.parametrize("tempo", [None, Tempo(seed=3, pace=1.2)])
def test_whoever_sits_down_stands_first_then_sits_to_the_end_and_is_heard_once(tempo: Tempo | None) -> None:
    shot = staged(("fox", "sit", 1), ("frog", "sit", 1))
    shot = replace(shot, actors=tuple(replace(actor, tempo=tempo) for actor in shot.actors))
    heard = list(moments(shot, 0, 200))
    assert sorted((one.kind, one.who) for one in heard) == [("sit", 0), ("sit", 1)]
    for one in heard:
        seated = [pose(shot.actors[one.who], since).seated for since in range(200)]
        assert seated == sorted(seated)
        assert (seated[0], seated[-1]) == (0, 1)
        assert seated.index(1) == math.ceil(one.since)
