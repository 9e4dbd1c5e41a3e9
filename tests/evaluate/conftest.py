"""What several test files of this folder share: tiny probes, and damaged films that no control names.

What the measures were not made for, they must catch all the same. Each damage is a function of (script, seed,
size) to a function from frame number to picture, as controls are.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cartoon import CARTOON
from numpy.typing import NDArray

from longtake.evaluate.script import Script
from longtake.world.episodes import episode_facts

Film = Callable[[Script, int, int], Callable[[int], NDArray[np.uint8]]]


@pytest.fixture(scope="session")
def tiny_probes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of probes of seeds 0 and 1, small and random: what they read means nothing, but it varies."""
    from longtake.models.probe import FrameProbe

    return random_probes(tmp_path_factory.mktemp("probes"), FrameProbe)


@pytest.fixture(scope="session")
def tiny_scene_probes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same of the second edition."""
    from longtake.models.scene_probe import SceneProbe

    return random_probes(tmp_path_factory.mktemp("scene_probes"), SceneProbe)


def random_probes(folder: Path, kind: Callable[..., Any]) -> Path:
    """Saves frame probes of a kind, and clip probes, into the folder."""
    import torch

    from longtake.models.probe import ClipProbe

    torch.set_num_threads(1)
    torch.manual_seed(1)
    generator = torch.Generator().manual_seed(1)
    for seed in (0, 1):
        for name, net in (("frame", kind(width=8)), ("clip", ClipProbe(width=8))):
            with torch.no_grad():
                net.maps.bias.fill_(-1)  # now and then a figure
                for weights in net.parameters():
                    weights.add_(0.3 * torch.randn(weights.shape, generator=generator))
            net.save_pretrained(folder / f"{name}-{seed}", safe_serialization=True)
    return folder


@pytest.fixture(scope="session")
def kept(tiny_probes: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder `seen` for all tests: in it are a small training index, and gates of few films."""
    from longtake.evaluate.gates import check_probes
    from longtake.evaluate.memory import training_index
    from longtake.evaluate.probes import load_probes

    folder, probes = tmp_path_factory.mktemp("seen"), load_probes(tiny_probes)
    np.save(folder / "training-index-1.npy", training_index(CARTOON, [0], 3, size=16))
    gates = check_probes(probes, CARTOON, episodes=1, frames=16)
    (folder / f"gates-1-{probes.sha256[:16]}.json").write_text(json.dumps(gates))
    return folder


@pytest.fixture
def out(tmp_path: Path, kept: Path) -> Path:
    """A folder for a report, whose folder `seen` is the one that is shared."""
    folder = tmp_path / "out"
    folder.mkdir()
    (folder / "seen").symlink_to(kept)
    return folder


@pytest.fixture(scope="session")
def unnamed_damages() -> dict[str, Film]:
    """By what is wrong with them."""
    return {
        "hue jump": hue_jump,
        "looped segment": looped_segment,
        "coarse seams only": coarse_seams,
        "clock runs back": clock_back,
    }


def hue_jump(script: Script, seed: int, size: int) -> Callable[[int], NDArray[np.uint8]]:
    """From the middle of the film on, the hues of all outfits are turned by a third of the circle."""
    before = episode_facts(seed)
    after = replace(before, hues={name: (hue + 1 / 3) % 1.0 for name, hue in before.hues.items()})
    return lambda number: script.picture(number, before if number < script.length // 2 else after, size)


def looped_segment(script: Script, seed: int, size: int) -> Callable[[int], NDArray[np.uint8]]:
    """From a third to two thirds of the film, its first 53 frames there play over and over."""
    hidden, first = episode_facts(seed), script.length // 3

    def picture(number: int) -> NDArray[np.uint8]:
        loops = first <= number < 2 * script.length // 3
        return script.picture(first + (number - first) % 53 if loops else number, hidden, size)

    return picture


def coarse_seams(script: Script, seed: int, size: int) -> Callable[[int], NDArray[np.uint8]]:
    """At every multiple of 225 the characters jump to other places."""
    hidden = episode_facts(seed)

    def picture(number: int) -> NDArray[np.uint8]:
        shot, chance = script.shot(number), random.Random(f"{seed}/{number // 225}")
        actors = tuple(replace(actor, x=actor.x + chance.uniform(-0.1, 0.1)) for actor in shot.actors)
        return CARTOON.draw(replace(shot, actors=actors), hidden, number, size)[0]

    return picture


def clock_back(script: Script, seed: int, size: int) -> Callable[[int], NDArray[np.uint8]]:
    """In the second half the sun and the moon go back the way they came, and all else goes on.

    They go by 24 frames at a time, after which the rain looks as before: it hangs on the frame's number too.
    """
    hidden, half = episode_facts(seed), script.length // 2

    def picture(number: int) -> NDArray[np.uint8]:
        earlier = max(0, number - half) // 12 * 24
        shot = script.shot(number)
        shot = replace(shot, start=shot.start - earlier, end=shot.end - earlier)
        return CARTOON.draw(shot, hidden, number - earlier, size)[0]

    return picture
