"""Who may import whom: lower floors only, so that rooms on one floor do not know each other."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import longtake

FLOORS = [
    {"errors", "files", "given", "machine"},
    {"plan", "video", "world", "diffusion", "models"},
    {"manifest", "storyboard", "store", "conditions", "data", "sound"},
    {"strategies", "ingest"},
    {"draw", "train"},
    {"film"},
    {"evaluate"},
    {"recipes"},
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


def test_only_the_command_line_prints_and_exits() -> None:
    """A library raises and logs."""
    allowed = {f"recipes/stages/{name}.py" for name in ("measures", "probes", "text")}  # how training went
    allowed.add("ingest/import_films.py")  # a worker whose parent was killed
    talking = set()
    for path in FILES:
        called = {
            ast.unparse(node.func)
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
            if isinstance(node, ast.Call)
        }
        by_typer = any(name.partition(".")[0] == "typer" for name in imported(path))
        if by_typer or called & {"print", "exit", "quit", "sys.exit", "os._exit"}:
            talking.add(path)
    named = {
        path.relative_to(ROOT).as_posix() for path in talking if room_of(path) not in ("cli", "__main__")
    }
    assert named == allowed


def test_plan_is_standard_library_only() -> None:
    packages = {
        (path, name.partition(".")[0]) for path in FILES if room_of(path) == "plan" for name in imported(path)
    }
    assert not [one for one in packages if one[1] not in {"longtake", *sys.stdlib_module_names}]


def test_the_table_of_floors_is_true() -> None:
    text = (ROOT.parent / "docs" / "design.md").read_text(encoding="utf-8")
    table = text.partition("## Who imports whom")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| (\d+) \| (.+?) \|", table, re.MULTILINE)
    floors = {int(floor): set(re.findall(r"`(\w+)(?:/|\.py)`", rooms)) for floor, rooms in rows}
    assert floors == {number: rooms for number, rooms in enumerate(FLOORS) if rooms != {"__main__"}}


def test_the_tree_of_the_readme_is_true() -> None:
    readme = (ROOT.parent / "README.md").read_text(encoding="utf-8")
    tree = re.search(r"^longtake/\n((?:  .+\n)+)", readme, re.MULTILINE)
    assert tree is not None
    named = re.findall(r"^  ([\w.]+/?) ", tree[1], re.MULTILINE)
    held = {
        f"{path.name}/" if path.is_dir() else path.name
        for path in ROOT.iterdir()
        if path.suffix == ".py"
        or (path.is_dir() and any(file.suffix != ".pyc" for file in path.rglob("*.*")))
    }
    assert set(named) == held - {"__init__.py", "__main__.py"}
    assert len(named) == len(set(named))
