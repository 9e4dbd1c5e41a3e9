"""The second edition stays as it is.

Golden digests. To change what they hold is to change the world: all that was trained on it, probes and
models, has to be trained anew, limits fixed anew, and figures measured again. Draw another edition instead.
"""

from __future__ import annotations

import hashlib

from longtake.evaluate.controls import control_frames
from longtake.evaluate.script import script_of_episode
from longtake.world.edition import world
from longtake.world.episodes import episode_seeds
from longtake.world.second.drawing import FrameTruth
from longtake.world.second.script import shot_at
from longtake.world.second.sound import events

FRAMES = "7a5ca3d5e7ea131e294a17dab9e8b832cb5c4907ea64a27c58b033cbc642a1ea"
TRUTHS = "7bc489ab41701d50c899f3c5f5370c8aed54ce7a387a45d5203b8d7b4cb2fe10"
CAPTIONS = "174ae511ec2c6e258f8c80eb4b32d8d3c8c7f17fa5b3ddbed8c8fd360b28383c"
WORDS = "ab60888819048ecafe4dae3cffc961ac272740216c9db2baefdbc8db5d8d8b02"
TIMES_OF_ITS_OWN = "1a59c581b0b1d4bb2f01a27c48a0e2c9d71305e8b2270b5ac1c2779c4814ff12"
HEARD = "8cba2614dd81ce61d9b36a0c4495d6d9bc3085ea44e737828c61177e001483cc"
FAULTS = "0ad3568f570fc15f8ebe26fe669842a6d41eb61ea9e92d4fb83c118ff2bd4def"

WORLD = world(2)
SEEDS = (*range(6), *episode_seeds("test", 2))


def digest(*parts: bytes | str) -> str:
    found = hashlib.sha256()
    for part in parts:
        found.update(part if isinstance(part, bytes) else f"{part}\n".encode())
    return found.hexdigest()


def test_pictures_stay() -> None:
    numbers = (0, 411, 1822, 2600.5, 3375)
    shown = [WORLD.frames(seed, numbers, 64).tobytes() for seed in SEEDS]
    assert digest(*shown, WORLD.wide_frame(3, 100, 90, 120).tobytes()) == FRAMES


def told(truth: FrameTruth) -> str:
    """All of a truth that is not its caption, to a billionth."""
    numbers = [truth.camera, truth.landmark, truth.clock, truth.zoom, truth.since, truth.until]
    numbers += [part for spots in truth.things for spot in spots for part in spot]
    facts = [truth.shot, truth.cut, truth.place, truth.time, truth.weather, truth.pan]
    for actor in truth.actors:
        facts += [actor.name, actor.action, actor.direction, *actor.contacts, actor.busy]
        numbers += [actor.x, actor.phase, actor.hue, actor.stride, *actor.box]
    return " ".join([*map(str, facts), *(f"{number + 0.0:.9f}" for number in numbers)])


def test_truths_stay() -> None:
    truths = [WORLD.frame_truth(seed, number) for seed in SEEDS for number in range(0, 3600, 157)]
    assert digest(*(told(truth) for truth in truths if isinstance(truth, FrameTruth))) == TRUTHS


def test_scripts_and_captions_stay() -> None:
    shots = [shot for seed in SEEDS for shot in WORLD.shots(seed, 3600)]
    assert digest(*(f"{shot.start} {shot.end} {shot.caption}" for shot in shots)) == CAPTIONS
    lexicon = [f"{name}: {', '.join(phrases)}" for name, phrases in WORLD.lexicon().items()]
    assert digest(*WORLD.vocabulary(), *lexicon) == WORDS


def test_times_of_a_tracks_own_stay() -> None:
    shots = [
        shot_at(seed, n, track) for seed in SEEDS for n in range(0, 3600, 300) for track in ("sound", "brain")
    ]
    tempos = [f"{a.tempo.seed} {a.tempo.pace:.9f} {a.tempo.even}" for s in shots for a in s.actors if a.tempo]
    assert digest(*tempos) == TIMES_OF_ITS_OWN


def test_what_is_heard_and_when_stays() -> None:
    """Not to the bit: how sines are summed up is the machine's."""
    heard = [event for seed in SEEDS for event, _ in events(seed, 0, 900)]
    told = [f"{e.time:.6f} {e.kind} {e.who} {e.place} {e.x:.6f} {e.strength:.6f} {e.seed}" for e in heard]
    assert digest(*told) == HEARD


def test_faulty_films_stay() -> None:
    """Limits are fixed on them."""
    script = script_of_episode(WORLD, SEEDS[-1], 60)
    names = ("seams only", "doubled figure", "standing walkers", "tempo changed", "two suns")
    films = [frame.tobytes() for name in names for frame in list(control_frames(name, script, 3, 32))[::20]]
    assert digest(*films) == FAULTS
