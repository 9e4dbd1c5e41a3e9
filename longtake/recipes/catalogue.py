"""All recipes by name, and what they learn from."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from longtake.data.cartoon import CartoonWorld
from longtake.data.footage import Footage
from longtake.data.sources import open_footage
from longtake.recipes.films import films_64
from longtake.recipes.recipe import Recipe
from longtake.recipes.sd import sd
from longtake.recipes.toon import toon_64, toon_128, toon_128_2, toon_128_accelerated, toon_256

RECIPES: dict[str, Callable[[], Recipe]] = {
    "toon-64": toon_64,
    "toon-128": toon_128,
    "toon-128-2": toon_128_2,
    "toon-128-10min": partial(toon_128_accelerated, 10),
    "toon-128-25min": partial(toon_128_accelerated, 25),
    "toon-256": toon_256,
    "films-64": films_64,
    "sd-512": partial(sd, 512, "epsilon"),
    "sd-768": partial(sd, 768, "v"),
}


def footage_of(recipe: Recipe, data: Path | None) -> Footage:
    """What is learnt from: what `data` holds (see `open_footage`), by default the cartoon world."""
    edition = recipe.edition
    return CartoonWorld(recipe.episodes, edition) if data is None else open_footage(data, edition)
