"""Pictures of the cartoon world's second edition, for docs/world.md: what it shows, how it moves and sounds.

    python benchmarks/world.py --out docs

writes world.png (places, hours, weathers), world_strips.png (neighbouring frames of every action),
world_pairs.png (counterfactuals) and world_sound.png (a minute's spectrogram, with what is heard marked).
"""

from __future__ import annotations

import argparse
from pathlib import Path

import matplotlib as mpl
import numpy as np
from numpy.typing import NDArray

from longtake.video import Pixels, tiled, write_png
from longtake.world.edition import world
from longtake.world.episodes import episode_facts, episode_seeds
from longtake.world.second.counterfactual import CHANGES, counterfactual
from longtake.world.second.drawing import draw
from longtake.world.second.script import shot_at, shot_of
from longtake.world.second.shot import CaptionFacts
from longtake.world.second.sound import events
from longtake.world.vocabulary import ACTIONS, CHARACTERS, PLACES, TIMES

SIZE = 128
FPS = 12.0
SEED = episode_seeds("test", 1)[0]


def told(cast: tuple[tuple[str, str, int], ...], **facts: object) -> CaptionFacts:
    """The facts of a caption, in a meadow by day where nothing else is said."""
    plain: dict[str, object] = {"place": "meadow", "time": "day", "weather": "clear", "pan": 0}
    return CaptionFacts(cast=cast, **{**plain, **facts})  # type: ignore[arg-type]


def pictures(said: CaptionFacts, times: list[int], length: int = 300) -> list[Pixels]:
    """Frames of a scene of these facts."""
    shot, hidden = shot_of(said, 0, length), episode_facts(SEED)
    return [draw(shot, hidden, t, SIZE)[0] for t in times]


def places() -> Pixels:
    """Six places (rows) by hour, then in their own bad weather and close."""
    rows: list[Pixels] = []
    wet = {"mountains": "snow", "desert": "dust"}
    for k, place in enumerate(PLACES):
        two = tuple((CHARACTERS[(k + n) % 6], ACTIONS[(k + 2 * n) % 6], 1) for n in range(2))
        for n, time in enumerate(TIMES):
            rows += pictures(told(two if n % 2 else two[:1], place=place, time=time), [70])
        rows += pictures(told(two, place=place, weather=wet.get(place, "rain")), [70])
        rows += pictures(told(((CHARACTERS[k], "wave", 1),), place=place, time="evening", close=True), [70])
    return tiled(rows, 6)


def strips() -> Pixels:
    """Twelve neighbouring frames of every character at its action, then walks from beginning to end."""
    rows: list[Pixels] = []
    for k, (name, action) in enumerate(
        zip(CHARACTERS, ("walk", "jump", "walk", "ball", "wave", "walk"), strict=True)
    ):
        side = -1 if k % 2 == 0 else 1
        rows += pictures(told(((name, action, side),), place=PLACES[k]), list(range(60, 84, 2)))
    rows += pictures(told((("frog", "jump", 1),), place="farm"), list(range(12)))
    rows += pictures(
        told((("rabbit", "walk", 1),), place="city", enters=True, leaves=True),
        [*range(0, 60, 12), *range(60, 144, 12)],
        144,
    )
    rows += pictures(told((("fox", "walk", 1), ("robot", "wave", 1)), place="beach"), list(range(0, 48, 4)))
    rows += pictures(
        told((("elephant", "walk", -1), ("fox", "walk", -1)), place="mountains"), list(range(0, 48, 4))
    )
    return tiled(rows, 12)


def pairs() -> Pixels:
    """A shot and, under it, what it might have been: one thing changed."""
    before: list[Pixels] = []
    after: list[Pixels] = []
    for first, change in enumerate(CHANGES):
        for seed in episode_seeds("test", 40, first=200 * first):
            shot = shot_at(seed, 400)
            pair = counterfactual(shot, episode_facts(seed), change, seed)
            if (
                pair is not None
                and len(shot.actors) == (1 if change == "more" else 2)
                and shot.end - shot.start > 60
            ):
                before.append(draw(*pair.before, shot.start + 50, SIZE)[0])
                after.append(draw(*pair.after, shot.start + 50, SIZE)[0])
                break
    return tiled(before + after, len(CHANGES))


def sound(path: Path, seed: int, first: int, frames: int) -> None:
    """The spectrogram of frames of an episode over their pictures, with what is heard marked."""
    mpl.use("agg")
    from matplotlib import pyplot as plt

    heard = world(2).waveform
    assert heard is not None
    rate = 16_000
    wave = heard(seed, first / FPS, round(frames / FPS * rate), rate=rate, channels=1)[:, 0]
    window, hop = 512, 160
    cut: NDArray[np.float32] = np.lib.stride_tricks.sliding_window_view(wave, window)[::hop]
    level = 20 * np.log10(np.abs(np.fft.rfft(cut * np.hanning(window), axis=1)).T + 1e-4)
    figure, (above, axes) = plt.subplots(2, 1, figsize=(16, 5), height_ratios=[1, 3], sharex=True)
    seconds = frames / FPS
    shown = np.linspace(0, frames, 20, endpoint=False)
    for at in shown:
        extent = (at / FPS, (at + frames / 20) / FPS, 0, 1)
        above.imshow(world(2).frame(seed, first + int(at + frames / 40), SIZE), extent=extent, aspect="auto")
    above.set_axis_off()
    axes.imshow(
        level,
        origin="lower",
        aspect="auto",
        extent=(0, seconds, 0, rate / 2000),
        cmap="magma",
        vmin=-45,
        vmax=35,
    )
    colours = {"step": "cyan", "bounce": "lime", "landing": "white", "takeoff": "grey", "catch": "yellow",
               "wave": "orange", "snore": "violet", "sit": "red"}  # fmt: skip
    seen = set()
    for event, at in events(seed, first, first + frames):
        label = event.kind if event.kind not in seen else None
        seen.add(event.kind)
        axes.plot(
            (at - first) / FPS, rate / 2000 - 0.25, "v", color=colours[event.kind], label=label, markersize=4
        )
    for shot in world(2).shots(seed, first + frames):
        if first < shot.start < first + frames:
            axes.axvline((shot.start - first) / FPS, color="white", linewidth=0.6)
    axes.set_xlabel("seconds")
    axes.set_ylabel("kHz")
    axes.legend(loc="upper right", ncols=8, fontsize=8)
    figure.tight_layout()
    figure.savefig(path, dpi=75)


def main() -> None:
    """Write them all."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, default=Path("docs"))
    parser.add_argument("--episode", type=int, default=11, help="of which a minute is heard")
    given = parser.parse_args()
    write_png(places(), given.out / "world.png")
    write_png(strips(), given.out / "world_strips.png")
    write_png(pairs(), given.out / "world_pairs.png")
    sound(given.out / "world_sound.png", given.episode, 0, 720)


if __name__ == "__main__":
    main()
