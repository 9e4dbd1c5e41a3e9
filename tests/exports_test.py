"""Every public module says in `__all__` what it offers, and offers it."""

from __future__ import annotations

import importlib
import pkgutil

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
    assert hasattr(module, "__all__"), f"{name} lacks __all__"
    assert len(set(module.__all__)) == len(module.__all__)
    for public in module.__all__:
        assert hasattr(module, public), f"{name}.__all__ names {public}, which is not there"
