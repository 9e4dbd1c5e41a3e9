"""The face of the library: a name more or less is told in docs/api.md, and what stands there runs."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

import longtake

TEXT = (Path(longtake.__file__).parents[1] / "docs" / "api.md").read_text(encoding="utf-8")
STORY = """\
title: Two scenes
video: {fps: 12, frames: 61}
scenes:
  - {id: walk, at: 0, prompt: A fox walks right in the meadow by day.}
  - {id: rain, at: 31, prompt: A frog waves at the beach at dusk.}
"""


def test_every_name_is_there_and_documented() -> None:
    assert sorted(set(longtake.__all__)) == sorted(longtake.__all__) == dir(longtake)
    for name in longtake.__all__:
        assert getattr(longtake, name) is not None
        assert name == "__version__" or re.search(rf"`(longtake\.)?{name}\b", TEXT), f"{name} is not told"
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = longtake.nothing


def test_members_of_a_film_are_documented() -> None:
    shown = {name for name in vars(longtake.Film) if not name.startswith("_")}
    fields = set(longtake.Film.__dataclass_fields__)  # for those who look inside, as are:
    inner = {"encoding", "picture", *fields}
    told = set(re.findall(r"`film\.(\w+)", TEXT))
    assert shown - inner <= told
    assert told <= shown | fields


def test_importing_imports_nothing_else() -> None:
    code = "import sys; before = set(sys.modules); import longtake; print(sorted(set(sys.modules) - before))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    strange = {name.partition(".")[0] for name in re.findall(r"'([\w.]+)'", done.stdout)} - {"longtake"}
    assert strange <= set(sys.stdlib_module_names)


def test_the_examples_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "story.yaml").write_text(STORY)
    names: dict[str, object] = {}
    for block in re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL):
        exec(compile(block, "docs/api.md", "exec"), names)
    assert {"film.mp4", "edited.mp4", "edited.yaml"} <= {path.name for path in tmp_path.iterdir()}
