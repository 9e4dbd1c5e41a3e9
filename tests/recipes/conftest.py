"""What tests of recipes share: a tiny recipe by name, and one whole run of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tiny_recipe import tiny
from whole_run import Calls

from longtake.recipes import RECIPES, stages_of


@pytest.fixture(scope="module", autouse=True)
def _tiny_recipe() -> Iterator[None]:
    """The recipe has a name, for the command line."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(RECIPES, "tiny", tiny)
        yield


@pytest.fixture(scope="session")
def tiny_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a whole run on the cartoon world: whoever changes something copies it first."""
    out, call = tmp_path_factory.mktemp("run") / "tiny", Calls()
    assert call(out) == out / "package" / "README.md"
    assert call.ran == [stage.name for stage in stages_of(tiny(), call.footage)]
    assert call.evaluated == [out / "package"]
    return out
