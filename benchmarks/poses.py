"""How much of a pose can be known from the prompt and the scene's clock, and how much without the clock?

    OMP_NUM_THREADS=1 python benchmarks/poses.py --steps 3000 --seeds 0 1

A small transformer is told what a denoiser is told at the beginning of its work, no pixels: who does what and
where (as the caption says it), how far apart the 16 frames are, the poses of those that are known (none of
keyframes; both ends of gaps and leaves), and, in one of two arms, how many frames ago each frame's scene
began and how many are left of it. It tells the poses of the others. What it explains of their variance, per
action and spacing, is what a network can know at all: a number below 1 where everything is told means that
something is hidden, or that this small network has not learnt it yet.
"""

from __future__ import annotations

import argparse
import math
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from longtake.world.episodes import episode_seeds
from longtake.world.second.motion import RUNGS, pose, staging
from longtake.world.second.script import shot_at
from longtake.world.second.shot import Actor, Shot
from longtake.world.vocabulary import ACTIONS, CHARACTERS

FRAMES = 16
LEVELS = {"keyframes": 225, "gaps": 15, "leaves": 1}  # spacing in frames
UNTIL = 40  # frames: a scene's end is told no earlier
# what is measured of whom
QUANTITIES = (
    "x",
    "scenery",
    "scenery'",
    "feet",
    "feet'",
    "lift",
    "crouch",
    "arm",
    "seated",
    "breath",
    "ball",
)
OF_ACTION = {
    "walk": ("x", "scenery", "scenery'", "feet", "feet'"),
    "jump": ("lift",),
    "wave": ("arm",),
    "sleep": ("breath",),
    "sit": ("seated",),
    "ball": ("ball", "arm"),
}


def quantities(shot: Shot, k: int, since: float) -> list[float]:
    """The pose of actor k, each number of about unit size."""
    at, now = pose(shot.actors[k], since), staging(shot, since)
    round_ = math.pi * now.scroll
    return [
        8 * (now.xs[k] - 0.5), math.cos(round_), math.sin(round_), 6 * at.feet[0][0] * at.side,
        6 * at.feet[1][0] * at.side, 6 * at.lift, 8 * at.crouch, at.arms[1] + 0.95, 2 * at.seated,
        20 * at.squash * at.lying, 2 * at.ball[1] if at.ball else 0.0,
    ]  # fmt: skip


def told(shot: Shot, k: int) -> list[float]:
    """What the caption says of actor k, and of the shot."""
    actor: Actor = shot.actors[k]
    who, does = np.eye(6)[CHARACTERS.index(actor.name)], np.eye(6)[ACTIONS.index(actor.action)]
    way = actor.facing * (actor.action == "walk")
    facts = (way, k, len(shot.actors) - 1, shot.close, shot.enters, shot.leaves, shot.pan)
    other = shot.actors[1 - k] if len(shot.actors) == 2 else None
    beside = [0.0] * 13
    if other is not None:
        beside = [*np.eye(6)[CHARACTERS.index(other.name)], *np.eye(6)[ACTIONS.index(other.action)],
                  other.facing * (other.action == "walk")]  # fmt: skip
    return [*who, *does, *map(float, facts), *beside]


Table = list[list[float]]  # a row for every frame


def logs(distance: NDArray[np.float64]) -> NDArray[np.float64]:
    """Distances in frames as a few waves of their logarithms."""
    angles = np.log1p(np.abs(distance))[..., None] * (math.pi / 9) * 2.0 ** np.arange(4)
    return np.concatenate([np.sin(angles), np.cos(angles)], -1)


@dataclass(frozen=True)
class Batch:
    """N rows, each one of two figures in a clip of T frames."""

    given: Tensor  # [N, T, G] what is told
    poses: Tensor  # [N, T, Q]
    free: Tensor  # [N, T] somebody is there whose pose is not known
    action: NDArray[np.int64]  # [N, T], -1 where nobody is


@lru_cache(maxsize=1)
def _episodes() -> list[int]:
    return episode_seeds("train", 400)


def batch(chance: random.Random, count: int, spacing: int, clock: bool) -> Batch:
    """`count` clips of episodes of the world, both figures of each."""
    rows: list[tuple[Table, Table, Table, Table]] = []
    for _ in range(count):
        seed, first = chance.choice(_episodes()), chance.randrange(20_000)
        shots = [(shot_at(seed, first + spacing * t), first + spacing * t) for t in range(FRAMES)]
        for k in range(2):
            said: Table = []
            shown: Table = []
            clocks: Table = []
            does: Table = []
            for shot, number in shots:
                there, since = k < len(shot.actors), number - shot.start
                shown.append(quantities(shot, k, since) if there else [0.0] * len(QUANTITIES))
                said.append(told(shot, k) if there else [0.0] * 32)
                clocks.append([since, min(UNTIL, shot.end - number)])
                does.append([ACTIONS.index(shot.actors[k].action) if there else -1])
            rows.append((said, shown, clocks, does))
    facts, poses, times, acts = (np.array(part, np.float64) for part in zip(*rows, strict=True))
    action = acts[..., 0].astype(np.int64)
    known = np.zeros((len(rows), FRAMES, 1))
    if spacing < 225:
        known[:, (0, -1)] = 1
    where = spacing * np.arange(FRAMES, dtype=np.float64)
    place = np.concatenate([logs(where), logs(where[-1] - where), np.eye(FRAMES)], -1)
    parts = [facts, poses * known, known, np.broadcast_to(place, (len(rows), *place.shape))]
    if clock:
        turns = 2 * math.pi * times[..., :1] / np.array(RUNGS)
        parts += [logs(times[..., 0]), logs(times[..., 1]), np.sin(turns), np.cos(turns)]
    given = torch.tensor(np.concatenate(parts, -1), dtype=torch.float32)
    free = torch.tensor((action >= 0) & (known[..., 0] == 0))
    return Batch(given, torch.tensor(poses, dtype=torch.float32), free, action)


class Guess(nn.Module):
    """A transformer of 0.9 M: what is told of 16 frames -> their poses."""

    def __init__(self, inputs: int, width: int = 128) -> None:
        super().__init__()
        self.inside = nn.Sequential(
            nn.Linear(inputs, 4 * width),
            nn.SiLU(),
            nn.Linear(4 * width, 2 * width),
            nn.SiLU(),
            nn.Linear(2 * width, width),
        )
        self.layers = nn.ModuleList(
            nn.TransformerEncoderLayer(width, 4, 3 * width, 0.0, "gelu", batch_first=True, norm_first=True)
            for _ in range(3)
        )
        self.out = nn.Sequential(
            nn.Linear(width, 4 * width), nn.SiLU(), nn.Linear(4 * width, len(QUANTITIES))
        )

    def forward(self, given: Tensor) -> Tensor:
        h = self.inside(given)
        for layer in self.layers:
            h = layer(h)
        out: Tensor = self.out(h)
        return out


def explained(net: Guess, tests: dict[str, Batch]) -> dict[str, dict[str, float]]:
    """Share of the variance of free frames that is explained, per level and quantity of an action."""
    found: dict[str, dict[str, float]] = {}
    for level, test in tests.items():
        with torch.no_grad():
            error = (net(test.given) - test.poses).square().numpy()
        poses, free = test.poses.numpy(), test.free.numpy()
        for action, names in OF_ACTION.items():
            use = free & (test.action == ACTIONS.index(action))
            for name in names:
                q = QUANTITIES.index(name)
                found.setdefault(f"{action}: {name}", {})[level] = 1 - float(
                    error[..., q][use].mean() / poses[..., q][use].var()
                )
    return found


def trial(clock: bool, steps: int, seed: int, size: int) -> dict[str, dict[str, float]]:
    """Train on `steps` batches of `size` clips of each spacing; what is explained of unseen clips."""
    torch.manual_seed(seed)
    chance, began = random.Random(seed), time.process_time()
    tests = {level: batch(random.Random(900 + n), 400, n, clock) for level, n in LEVELS.items()}
    net = Guess(tests["gaps"].given.shape[-1])
    optimiser = torch.optim.AdamW(net.parameters(), 2e-3, betas=(0.9, 0.98))
    for step in range(steps):
        rate = min(1.0, (step + 1) / 100, 1.6 * (1 - step / steps) + 0.01)
        for group in optimiser.param_groups:
            group["lr"] = 2e-3 * rate
        loss = torch.zeros(())
        for spacing in LEVELS.values():
            clips = batch(chance, size, spacing, clock)
            off = (net(clips.given) - clips.poses).square().mean(-1)
            loss = loss + (off * clips.free).sum() / clips.free.sum()
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimiser.step()
        if step % 250 == 249:
            print(f"step {step + 1}, loss {loss.item():.4f}, {time.process_time() - began:.0f} s", flush=True)
    return explained(net, tests)


def table(arms: dict[str, list[dict[str, dict[str, float]]]]) -> str:
    """One row per quantity, one column per arm and spacing; several seeds as lowest and highest."""
    columns = [(arm, level) for arm in arms for level in LEVELS]
    lines = [
        "| | " + " | ".join(f"{arm}, {level}" for arm, level in columns) + " |",
        "|---" * (len(columns) + 1) + "|",
    ]
    first = next(iter(arms.values()))[0]
    for row in first:
        cells = []
        for arm, level in columns:
            values = sorted(one[row][level] for one in arms[arm])
            cells.append(" to ".join(f"{v:.2f}" for v in dict.fromkeys((values[0], values[-1]))))
        lines.append(f"| {row} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--steps", type=int, default=3000)
    parser.add_argument("--clips", type=int, default=24, help="of each spacing in a step")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--arms", nargs="+", default=["clock", "no clock"], choices=["clock", "no clock"])
    given = parser.parse_args(arguments)
    torch.set_num_threads(1)
    arms = {
        arm: [trial(arm == "clock", given.steps, seed, given.clips) for seed in given.seeds]
        for arm in given.arms
    }
    print(table(arms))


if __name__ == "__main__":
    main()
