"""The storyboards in examples/ are in words that the default model knows, of things that it has seen.

And the script there runs, with public names only.
"""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from cartoon import CARTOON

import longtake
from longtake.plan import Timeline
from longtake.storyboard import load, timeline
from longtake.world.vocabulary import CHARACTERS, HELD_OUT_ACTIONS, HELD_OUT_PLACES, PLACES

FOLDER = Path(longtake.__file__).parents[1] / "examples"
BOARDS = sorted(FOLDER.glob("*.yaml"))


def words(prompt: str) -> list[str]:
    return re.findall(r"[a-z']+|[,:.]", prompt.lower())


@pytest.fixture(params=BOARDS, ids=lambda path: str(path.stem))
def film(request: pytest.FixtureRequest) -> Timeline:
    return timeline(load(request.param))


def test_every_word_is_known(film: Timeline) -> None:
    known = set(CARTOON.vocabulary())
    assert {word for scene in film.scenes for word in words(scene.prompt)} <= known


def test_scenes_show_what_training_shows(film: Timeline) -> None:
    cast, places = set(), set()
    for scene in film.scenes:
        said = words(scene.prompt)
        who = [name for name in CHARACTERS if name in said]
        (where,) = (place for place in PLACES if place in said)
        assert 1 <= len(who) <= 2
        cast.update(who)
        places.add(where)
        # Who does what stands in one clause.
        for clause in re.split(r" (?:and|while) (?=[A-Z])", scene.prompt):
            for name, other in HELD_OUT_PLACES | HELD_OUT_ACTIONS:
                text = f"{clause} {where}"
                assert not (name in text and other in text), f"{scene.id}: nobody saw {name} and {other}"
    assert len(cast) <= 4
    assert len(places) <= 4


def test_cuts_are_off_the_grid_of_clips(film: Timeline) -> None:
    assert all(scene.start % 15 not in (0, 1, 14) for scene in film.scenes[1:])


def test_the_default_film_is_long_and_varied() -> None:
    film = timeline(load(FOLDER / "valley.yaml"))
    assert film.length == 3376
    assert 16 <= len(film.scenes) <= 20
    assert all(120 <= len(span) <= 280 for span in film.spans())
    for word in ("right", "left", "jumps", "waves", "sleeps", "sits", "ball", "rain"):
        assert any(word in words(scene.prompt) for scene in film.scenes), word
    for time in ("morning", "day", "evening", "night"):
        assert any(time in words(scene.prompt) for scene in film.scenes), time


def test_the_script_runs_and_imports_public_names_only(tmp_path: Path) -> None:
    pytest.importorskip("cv2")
    script = FOLDER / "library.py"
    text = script.read_text()
    assert len(text.splitlines()) < 60
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.ImportFrom) and node.module != "__future__":
            public = {"longtake": longtake.__all__, "longtake.strategies": longtake.strategies.__all__}
            package = str(node.module)
            assert package == "pathlib" or {name.name for name in node.names} <= set(public[package])
        if (
            isinstance(node, ast.Attribute)
            and isinstance(node.value, ast.Name)
            and node.value.id == "longtake"
        ):
            assert node.attr in longtake.__all__
    environment = {**os.environ, "PYTHONPATH": str(FOLDER.parent)}
    done = subprocess.run(
        [sys.executable, str(script), str(tmp_path / "demo")],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    made = {path.name for path in (tmp_path / "demo").iterdir()}
    assert {"film.mp4", "scenes.png", "edited.mp4", "edited.yaml", "report", "store"} <= made
    assert (tmp_path / "demo" / "report" / "report.json").is_file()
