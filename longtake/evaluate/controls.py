"""Films of a known script with one known fault each: a measure is believed where it tells them apart.

The cartoon world draws them, so nothing else is wrong with them, and any frame at once: a control is a
function from frame number to picture, and memory does not grow with the film. What is left to chance comes
from (control, seed, place), never from the order in which frames are asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from longtake.data.footage import CLIP_FRAMES
from longtake.evaluate.damage import add_noise, blur, brighten, fade
from longtake.evaluate.moving_controls import MOVING_CONTROLS
from longtake.evaluate.script import LEAF, DrawFilm, DrawFrame, Script, script_of_episode, truth
from longtake.files import seed_of
from longtake.video import Pixels
from longtake.world.edition import World
from longtake.world.episodes import EpisodeFacts, episode_facts, episode_seeds


@dataclass(frozen=True, kw_only=True)
class Control:
    """A film with one known fault."""

    name: str
    what_is_wrong: str  # one sentence for the reader
    picture: DrawFilm  # draws frame 0 to script.length - 1; the seed sets hidden facts and all chance
    clocked: bool = False  # only an edition that is can be drawn so, see `World`


def control_frames(name: str, script: Script, seed: int, size: int = 64) -> Iterator[Pixels]:
    """The frames of a control one at a time, uint8 `[size, size, 3]`.

    Equal arguments give equal bytes. Ground truth of an episode's script under the episode's own seed is
    the episode. Raises `ValueError` for a name that no control of the script's edition has.
    """
    known = controls_of(script.world)
    if name not in known:
        edition = script.world.edition
        raise ValueError(f"edition {edition} has no control {name!r}; there are: {', '.join(known)}")
    picture = CONTROLS[name].picture(script, seed, size)
    return (picture(number) for number in range(script.length))


def _seed(*place: object) -> int:
    return seed_of(repr(place))


def _chance(*place: object) -> Generator:
    return np.random.default_rng(_seed(*place))


# -- the right pictures at the wrong time ----------------------------------------------------------------


def _retimed(order: Callable[[Script, int], NDArray[np.int64]]) -> DrawFilm:
    """A film that shows the truth's frame `order[n]` as its frame n."""

    def film(script: Script, seed: int, size: int) -> DrawFrame:
        right, shown = truth(script, seed, size), order(script, seed)
        return lambda number: right(int(shown[number]))

    return film


def _shuffled(script: Script, seed: int) -> NDArray[np.int64]:
    return _chance("shuffled", seed).permutation(script.length)


def _shuffled_in_windows(script: Script, seed: int) -> NDArray[np.int64]:
    chance, window = _chance("shuffled in 16", seed), 16
    frames = np.arange(script.length)
    return np.concatenate([chance.permutation(frames[at : at + window]) for at in frames[::window]])


def _reversed(script: Script, seed: int) -> NDArray[np.int64]:
    return np.arange(script.length)[::-1]


def _frozen(script: Script, seed: int) -> NDArray[np.int64]:
    return np.zeros(script.length, dtype=np.int64)


def _frozen_per_scene(script: Script, seed: int) -> NDArray[np.int64]:
    return script.starts[script.wanted.scene]


# -- other scenes than asked for -------------------------------------------------------------------------


def _other_script(script: Script, seed: int, size: int) -> DrawFrame:
    """A test episode from so far up that it is not the one that was asked for."""
    first = 10**9 + _seed("other script", seed) % 10**9
    (other,) = episode_seeds("test", 1, first=first)
    return truth(script_of_episode(script.world, other, script.length), seed, size)


def _scenes_permuted(script: Script, seed: int, size: int) -> DrawFrame:
    """The cuts stay where they are, and no scene does; the world stages each for its new length."""
    ring = _chance("scenes permuted", seed).permutation(len(script.shots))
    shots = list(script.shots)
    for here, there in zip(ring, np.roll(ring, 1), strict=True):
        slot = script.shots[here]
        shot = replace(script.shots[there], start=slot.start, end=slot.end)
        shots[here] = script.world.stage(shot, seed)
    return truth(replace(script, shots=tuple(shots)), seed, size)


def _doubled_figure(script: Script, seed: int, size: int) -> DrawFrame:
    """In every second of the scenes with characters, drawn by lot, one of them is there twice."""
    chance, shots = _chance("doubled figure", seed), list(script.shots)
    crowded = chance.permutation([k for k, shot in enumerate(shots) if shot.actors])
    for k in crowded[: (len(crowded) + 1) // 2].astype(int):
        actors = shots[k].actors
        upright = [actor for actor in actors if actor.action != "sleep"] or actors  # a sleeper needs room
        shots[k] = script.world.doubled(shots[k], upright[chance.integers(len(upright))])
    return truth(replace(script, shots=tuple(shots)), seed, size)


# -- a film that does not remember -----------------------------------------------------------------------


def _clips_glued(script: Script, seed: int, size: int) -> DrawFrame:
    """Whatever the prompt leaves open is drawn anew for every clip: hues, layout, places, and the clock."""
    cartoon = script.world

    def picture(number: int) -> Pixels:
        clip = number // LEAF
        shot = script.shot(number)
        shot = cartoon.moved(shot, _chance("clips glued", seed, clip, shot.start))
        later = int(_chance("clips glued", seed, clip).integers(cartoon.clock_period))
        shot = replace(shot, start=shot.start + later, end=shot.end + later)
        return cartoon.draw(shot, episode_facts(_seed("clips glued", seed, clip)), number + later, size)[0]

    return picture


def _seams_only(script: Script, seed: int, size: int) -> DrawFrame:
    hidden, cartoon = episode_facts(seed), script.world

    def picture(number: int) -> Pixels:
        shot = script.shot(number)
        shot = cartoon.moved(shot, _chance("seams only", seed, number // LEAF, shot.start))
        return cartoon.draw(shot, hidden, number, size)[0]

    return picture


def _hidden_by_time(hidden_at: Callable[[Script, int, int], EpisodeFacts]) -> DrawFilm:
    """A film whose facts are `hidden_at(script, seed, number)`, where they should be one for all."""

    def film(script: Script, seed: int, size: int) -> DrawFrame:
        return lambda number: script.picture(number, hidden_at(script, seed, number), size)

    return film


def _forgotten(script: Script, seed: int, number: int) -> EpisodeFacts:
    return episode_facts(_seed("forgets per scene", seed, script.shot(number).start))


def _turned(script: Script, seed: int, number: int) -> EpisodeFacts:
    hidden, turn = episode_facts(seed), 0.5 * number / max(1, script.length - 1)
    return replace(hidden, hues={name: (hue + turn) % 1.0 for name, hue in hidden.hues.items()})


# -- poor pictures ---------------------------------------------------------------------------------------


def _blurred(script: Script, seed: int, size: int) -> DrawFrame:
    right = truth(script, seed, size)
    return lambda number: blur(right(number), 1.2 * size / 64)


def _noisy(script: Script, seed: int, size: int) -> DrawFrame:
    right = truth(script, seed, size)
    return lambda number: add_noise(right(number), 15.0, _chance("noise", seed, number))


def _flickering(script: Script, seed: int, size: int) -> DrawFrame:
    right = truth(script, seed, size)
    return lambda number: brighten(right(number), _chance("flicker", seed, number).normal(1.0, 0.06))


def _drifting(script: Script, seed: int, size: int) -> DrawFrame:
    """What becomes of a film that is made left to right, each clip from the one before, errors and all.

    Its first clip is right. By the film's end, however long it is, 30 % of the colour and half of the
    contrast are left, the blur is 1.5 of 64 pixels, 70 % of the characters are gone, and hues and layouts
    stand anywhere.
    """
    clips, first = -(-script.length // LEAF), episode_facts(seed)
    facts = len(first.hues) + len(first.layouts)
    steps = _chance("drifts", seed).normal(0, 0.3 / clips**0.5, (clips, facts))
    walk = np.cumsum(steps, axis=0) - steps[0]  # how far hues and layouts have wandered by each clip

    def picture(number: int) -> Pixels:
        clip = number // LEAF
        late = clip / clips
        shot = script.shot(number)
        fates = _chance("drifts", seed, shot.start).random(len(shot.actors))
        kept = tuple(actor for actor, fate in zip(shot.actors, fates, strict=True) if fate >= 0.7 * late)
        hidden = _wandered(first, walk[clip])
        sharp = script.world.draw(replace(shot, actors=kept), hidden, number, size)[0]
        return blur(fade(sharp, 1 - 0.7 * late, 1 - 0.5 * late), 1.5 * late * size / 64)

    return picture


def _wandered(hidden: EpisodeFacts, by: NDArray[np.float64]) -> EpisodeFacts:
    """Hues go around, layouts turn back at 0 and 1."""
    turned, shifted = np.split(by, [len(hidden.hues)])
    hues = {
        name: float((hue + far) % 1.0) for (name, hue), far in zip(hidden.hues.items(), turned, strict=True)
    }
    layouts = {
        place: float(1 - abs((layout + far) % 2.0 - 1))
        for (place, layout), far in zip(hidden.layouts.items(), shifted, strict=True)
    }
    return replace(hidden, hues=hues, layouts=layouts)


# -- nothing new -----------------------------------------------------------------------------------------


def _one_cast(script: Script, seed: int, size: int) -> DrawFrame:
    return truth(script, _seed("one cast"), size)


@cache
def training_clips() -> tuple[tuple[int, int], ...]:
    """(episode, first frame) of the clips of 16 frames that the control "training clips" takes from."""
    return tuple((episode, CLIP_FRAMES * k) for episode in episode_seeds("train", 8) for k in range(210))


def _training_clips(script: Script, seed: int, size: int) -> DrawFrame:
    clips, cartoon = training_clips(), script.world

    def picture(number: int) -> Pixels:
        episode, start = clips[_chance("training clips", seed, number // CLIP_FRAMES).integers(len(clips))]
        return cartoon.frame(episode, start + number % CLIP_FRAMES, size)

    return picture


CONTROLS: dict[str, Control] = {
    name: Control(name=name, what_is_wrong=what_is_wrong, picture=picture)
    for name, what_is_wrong, picture in (
        ("ground truth", "Nothing: the script under new hidden latents.", truth),
        ("other script", "It tells another story.", _other_script),
        ("scenes permuted", "The scenes come in another order; the cuts stay.", _scenes_permuted),
        ("reversed", "It runs backwards.", _retimed(_reversed)),
        ("shuffled", "All frames are in random order.", _retimed(_shuffled)),
        ("shuffled in 16", "Frames are in random order within windows of 16.",
         _retimed(_shuffled_in_windows)),
        ("frozen", "It shows its first frame throughout.", _retimed(_frozen)),
        ("frozen per scene", "Every scene shows its first frame throughout.", _retimed(_frozen_per_scene)),
        ("doubled figure", "In half of the scenes a character is there twice.", _doubled_figure),
        ("clips glued", "Clips of 15 frames follow the prompts but know nothing of each other.",
         _clips_glued),
        ("seams only", "Characters jump to other places every 15 frames.", _seams_only),
        ("forgets per scene", "Every scene has new outfits and new layouts.",
         _hidden_by_time(_forgotten)),
        ("hue drift", "The hues of the outfits turn by half a circle over the film.",
         _hidden_by_time(_turned)),
        ("drifts", "Errors grow from clip to clip: colours fade, edges soften, characters change and go.",
         _drifting),
        ("blur", "It is blurred by 1.2 of 64 pixels.", _blurred),
        ("noise", "Every frame has new noise of standard deviation 15 of 255.", _noisy),
        ("flicker", "The light of every frame is off by 6 % at random.", _flickering),
        ("one cast", "All films have the same outfits and layouts.", _one_cast),
        ("training clips", "It is glued from clips of training episodes.", _training_clips),
    )
} | {
    name: Control(name=name, what_is_wrong=what_is_wrong, picture=picture, clocked=True)
    for name, what_is_wrong, picture in MOVING_CONTROLS
}  # fmt: skip


def controls_of(cartoon: World) -> list[str]:
    """The names of the controls that an edition of the world has, ground truth first."""
    return [name for name, control in CONTROLS.items() if cartoon.clocked or not control.clocked]
