"""What a stage is: a part of the way from films to a model, which goes on where it was stopped."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from longtake.data.footage import Footage
from longtake.manifest import ModelError
from longtake.models.load import network_in
from longtake.recipes.recipe import Recipe
from longtake.train.feed import spare_cores
from longtake.train.loop import TrainConfig
from longtake.train.processes import place


@dataclass(frozen=True, kw_only=True)
class Run:
    """A recipe that becomes a model in a folder, by learning from films."""

    recipe: Recipe
    footage: Footage
    out: Path
    device: str

    @property
    def where(self) -> dict[str, Any]:
        """Where a network is trained, and how many other cores make its batches, which come from the host."""
        return {"device": self.device, "workers": spare_cores(self.device, place()[1])}


@dataclass(frozen=True, kw_only=True)
class Stage:
    """One command of a run: what it does, and all that others want to know of it."""

    name: str  # of the command, of its log's folder, and in the record of the run
    run: Callable[[Run], None]
    leaves: str  # what is in the run's folder when it is done
    # Whether the way to the recipe's model, learnt from the footage, has it.
    needed: Callable[[Recipe, Footage], bool] = lambda recipe, footage: True
    training: Callable[[Recipe], TrainConfig | None] = lambda recipe: None  # how; None: it trains nothing
    examples: Callable[[Recipe], str] = lambda recipe: ""  # what a batch of its training holds
    alone: bool = False  # of several processes the first alone does it
    load: Callable[[Path], Any] = network_in  # a network that it left

    def network(self, run: Run, device: str = "cpu") -> Any:
        """The network that it left. Raises ModelError where it has not been done."""
        folder = run.out / self.leaves
        if not (folder / "config.json").exists():
            raise ModelError(
                f"{folder} is not there: run `longtake train {self.name}` with the same --out first"
            )
        return self.load(folder).requires_grad_(False).to(device)

    def save(self, run: Run, network: Any) -> None:
        """Leave the network, by the first process."""
        if place()[0] == 0:
            network.save_pretrained(run.out / self.leaves, safe_serialization=True)


def check_own(recipe: Recipe, network: str, arguments: Mapping[str, Any]) -> None:
    """Raises ValueError where the recipe has no such network of its own."""
    if not arguments:
        raise ValueError(
            f"the recipe {recipe.name} goes on with the {network} of a model: begin with one, --from MODEL"
        )


def let_train(network: Any, part: Any, recipe: Recipe) -> None:
    """Let training change `part` of the network, or of all of it only what inflating added."""
    part.requires_grad_(recipe.trained == "all")
    for parameter in network.temporal_parameters() if recipe.trained == "added" else ():
        parameter.requires_grad_(True)


def in_bfloat16(network: Any) -> Any:
    """The network with its weights in bfloat16."""
    # diffusers' own `to` writes a line about layers to keep in float32, of which there are none.
    return torch.nn.Module.to(network, torch.bfloat16)
