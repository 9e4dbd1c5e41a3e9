"""Are the probes good enough to be believed? Asked of held-out ground truth before every report."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from longtake.evaluate.going import WHOLE
from longtake.evaluate.probes import Probes, watch
from longtake.evaluate.readings import oracle
from longtake.evaluate.script import script_of_episode
from longtake.files import written_whole
from longtake.world.edition import World
from longtake.world.episodes import episode_facts, episode_seeds
from longtake.world.vocabulary import Split


@dataclass(frozen=True)
class Gate:
    """A bar that the probes must clear on ground truth."""

    name: str
    bar: float
    at_least: bool = True  # else at most

    def passed(self, value: float) -> bool:
        """Whether `value` clears the bar."""
        return value >= self.bar if self.at_least else value <= self.bar


GATES = (
    Gate("character set", 0.98),
    Gate("place", 0.995),
    Gate("time", 0.995),
    Gate("action", 0.95),
    Gate("hue median error", 0.02, at_least=False),
)
# Of an edition whose poses follow from its clock more is read.
CLOCKED_GATES = (
    *GATES,
    Gate("ball", 0.98),
    Gate("contacts", 0.9),
    Gate("place of figures median error", 0.01, at_least=False),
    Gate("landmark median error", 0.05, at_least=False),
)


def gates_for(cartoon: World) -> tuple[Gate, ...]:
    """The bars for probes of an edition."""
    return CLOCKED_GATES if cartoon.clocked else GATES


def check_probes(
    probes: Probes, cartoon: World, episodes: int = 8, frames: int = 256, split: Split = "test"
) -> dict[str, float]:
    """The gates' values on the first frames of held-out episodes, and further ones that have no bar.

    Who is coming in or going out may be read as there or not, what one does who has arrived as anything. What
    no frame shows is not asked, and counts as right.
    """
    right: dict[str, list[float]] = {}

    def add(name: str, values: object) -> None:
        right.setdefault(name, []).extend(np.atleast_1d(np.asarray(values, dtype=np.float64)).tolist())

    for seed in episode_seeds(split, episodes, first=500):
        script, hidden = script_of_episode(cartoon, seed, frames), episode_facts(seed)
        truth = oracle(script, hidden)
        seen = watch((cartoon.draw(script.shot(n), hidden, n)[0] for n in range(frames)), probes).readings
        there, unsure = truth.presence > 0.5, ~script.wanted.sure
        acts = there & script.staged.busy if cartoon.clocked else there
        add("character set", (((seen.presence > 0.5) == there) | unsure).all(1))
        add("counts", ((seen.count == truth.count) | unsure).all(1))
        for name in ("place", "time", "weather"):
            add(name, getattr(seen, name).argmax(1) == getattr(truth, name).argmax(1))
        add("action", (seen.action.argmax(2) == truth.action.argmax(2))[acts])
        add("direction", (seen.direction.argmax(2) == truth.direction.argmax(2))[there])
        turn, off = seen.hue - truth.hue, np.abs(seen.landmark - truth.landmark)
        add("hue error", np.abs(turn - np.round(turn))[there])
        add("landmark error", off if cartoon.round is None else np.minimum(off, cartoon.round - off))
        add("clock error", np.abs(seen.clock - truth.clock))
        if cartoon.clocked:
            whole = there & (script.staged.shown >= WHOLE)
            steps = whole & (truth.contacts.sum(axis=2) == 1)  # of walkers; others all but stand on both
            add("ball", seen.thing_count[:, 0] == truth.thing_count[:, 0])
            ahead, stands = (each.contacts[..., 0] > each.contacts[..., 1] for each in (seen, truth))
            add("contacts", (ahead == stands)[steps])
            add("place of figures error", np.linalg.norm(seen.middle - truth.middle, axis=2)[whole])
    right = {name: each for name, each in right.items() if each}
    values = {name: float(np.mean(each)) for name, each in right.items() if not name.endswith("error")}
    values |= {
        name.replace("error", "median error"): float(np.median(each))
        for name, each in right.items()
        if name.endswith("error")
    }
    return {gate.name: float(gate.at_least) for gate in gates_for(cartoon)} | values


def gates_of(probes: Probes, cartoon: World, folder: Path) -> dict[str, float]:
    """`check_probes`, once for these probes: `folder` keeps the answer."""
    path = folder / f"gates-{cartoon.edition}-{probes.sha256[:16]}.json"
    if not path.is_file():
        values = check_probes(probes, cartoon)
        with written_whole(path) as aside:
            aside.write_text(json.dumps(values))
    kept: dict[str, float] = json.loads(path.read_text())
    return kept
