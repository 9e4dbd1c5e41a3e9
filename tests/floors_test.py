"""Who may import whom: lower floors only, so that units on one floor do not know each other."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import longtake

FLOORS = [
    {"whole", "cores"},
    {"plan", "video"},
    {
        "storyboard",
        "hls",
        "diffusion",
        "models",
        "conditioning",
        "data",
        "store",
        "manifest",
        "flow",
        "backends",
    },
    {"ops", "film", "ingest"},
    {"executors"},
    {"train", "evaluate"},
    {"recipes"},
    {"commands"},
    {"cli"},
    {"__main__"},
]
FLOOR = {unit: floor for floor, units in enumerate(FLOORS) for unit in units}
ROOT = Path(longtake.__file__).parent
FILES = sorted(path for path in ROOT.rglob("*.py") if path != ROOT / "__init__.py")


def unit_of(path: Path) -> str:
    return path.relative_to(ROOT).parts[0].removesuffix(".py")


def imported(path: Path) -> Iterator[str]:
    """The dotted names that the file imports, at its top or inside a function."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: imports are absolute"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_imports_go_down(path: Path) -> None:
    unit = unit_of(path)
    assert unit in FLOOR, f"{unit} has no floor yet: give it one in {Path(__file__).name}"
    for name in imported(path):
        package, _, rest = name.partition(".")
        other = rest.split(".")[0]
        if package == "longtake" and other not in {unit, "__version__"}:
            assert FLOOR[other] < FLOOR[unit], f"{unit} must not import {name}"
        if unit == "plan" and package != "longtake":
            assert package in sys.stdlib_module_names, f"plan/ is standard library only, not {package}"
