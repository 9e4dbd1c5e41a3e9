"""Every public module says in `__all__` what it offers, and offers it; a package may offer nothing itself."""

from __future__ import annotations

import importlib
import pkgutil
from types import ModuleType

import pytest

import longtake

MODULES = sorted(
    name
    for name in ("longtake", *(m.name for m in pkgutil.walk_packages(longtake.__path__, "longtake.")))
    if not any(part.startswith("_") for part in name.split("."))
)


@pytest.mark.parametrize("name", MODULES)
def test_public_names_exist(name: str) -> None:
    module = importlib.import_module(name)
    if not hasattr(module, "__all__"):
        held = {n for n, value in vars(module).items() if n[0] != "_" and not isinstance(value, ModuleType)}
        assert held <= {"annotations"}, f"{name} lacks __all__"
        return
    assert len(set(module.__all__)) == len(module.__all__)
    for public in module.__all__:
        assert hasattr(module, public), f"{name}.__all__ names {public}, which is not there"
