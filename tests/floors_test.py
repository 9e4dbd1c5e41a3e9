"""Who may import whom: lower floors only, so that rooms on one floor do not know each other."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import longtake

FLOORS = [
    {"files", "machine", "given"},
    {"plan", "video", "world", "diffusion", "models"},
    {"manifest", "storyboard", "store", "conditions", "data"},
    {"strategies", "ingest"},
    {"draw", "train"},
    {"film"},
    {"evaluate"},
    {"recipes"},
    {"commands"},
    {"cli"},
    {"__main__"},
]
FLOOR = {room: floor for floor, rooms in enumerate(FLOORS) for room in rooms}
ROOT = Path(longtake.__file__).parent
FILES = sorted(path for path in ROOT.rglob("*.py") if path != ROOT / "__init__.py")


def room_of(path: Path) -> str:
    return path.relative_to(ROOT).parts[0].removesuffix(".py")


def imported(path: Path) -> Iterator[str]:
    """The dotted names that the file imports, at its top or inside a function."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: imports are absolute"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def test_every_room_has_a_floor() -> None:
    assert {room_of(path) for path in FILES} == set(FLOOR)


def test_imports_go_down() -> None:
    upwards = []
    for path in FILES:
        room = room_of(path)
        for name in imported(path):
            package, _, rest = name.partition(".")
            other = rest.split(".")[0]
            if package == "longtake" and other not in {room, "__version__"} and FLOOR[other] >= FLOOR[room]:
                upwards.append(f"{path.relative_to(ROOT)} imports {name}")
    assert not upwards


def test_plan_is_standard_library_only() -> None:
    packages = {
        (path, name.partition(".")[0]) for path in FILES if room_of(path) == "plan" for name in imported(path)
    }
    assert not [one for one in packages if one[1] not in {"longtake", *sys.stdlib_module_names}]
