"""Strategies by name, with their options: `NAME`, or `NAME:OPTION=VALUE:OPTION=VALUE` and so on.

Options are those of the strategy, and of the sampling: `steps=8` or `text_guidance=1` on all levels,
`leaves.steps=4` on one of keyframes, gaps, leaves. One's own strategy is `MODULE:CLASS` in place of a name.
"""

from __future__ import annotations

import dataclasses
import importlib
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from longtake.plan import LevelSampling, Model, Plan, Sampling, Strategy, Timeline
from longtake.strategies.lvdm import Lvdm
from longtake.strategies.nuwa_xl import NuwaXL
from longtake.strategies.requirements import check_installed
from longtake.strategies.videogen import VideoGen
from longtake.strategies.vidrd import VidRD

STRATEGIES: dict[str, type[Strategy]] = {kind.name: kind for kind in (NuwaXL, Lvdm, VidRD, VideoGen)}
_LEVELS = LevelSampling._fields
_SAMPLING = [field.name for field in dataclasses.fields(Sampling)]


@dataclass(frozen=True)
class ChosenStrategy:
    """A strategy with what was chosen of its options."""

    text: str  # as the user wrote it
    strategy: type[Strategy]
    options: Any  # of the strategy
    sampling: Mapping[str, Mapping[str, str]]  # level -> field -> value

    @property
    def pipelines(self) -> Mapping[str, Path]:
        """Folders of other models that it needs, by their digest."""
        pipelines: Mapping[str, Path] = self.options.pipelines
        return pipelines

    def plan(self, line: Timeline, seed: int, model: Model, **everywhere: Any) -> Plan:
        """The film of a time line; `everywhere` are fields of the sampling of all levels, over those chosen.

        Raises `ValueError` where the options do not go with the model, or the sampling is none.
        """
        sampling = {
            level: _changed(getattr(model, level), {**self.sampling.get(level, {}), **everywhere})
            for level in _LEVELS
        }
        strategy = self.strategy(model, LevelSampling(**sampling), self.options, seed)
        check_installed(self.options.needs)
        return Plan.of(strategy, line)


def choose(wanted: str | type[Strategy]) -> ChosenStrategy:
    """Read `NAME:OPTION=VALUE...` or `MODULE:CLASS:OPTION=VALUE...`, or take a strategy as it is.

    Raises `ValueError` with what there is to choose.
    """
    if not isinstance(wanted, str):
        if not (isinstance(wanted, type) and issubclass(wanted, Strategy)) or wanted is Strategy:
            raise ValueError(f"{wanted!r} is no strategy: give a name, or a class that derives from Strategy")
        return ChosenStrategy(wanted.name, wanted, wanted.Options(), {})
    name, *settings = wanted.split(":")
    if name in STRATEGIES:
        kind = STRATEGIES[name]
    elif settings and "=" not in settings[0]:
        class_name = settings.pop(0)
        kind = held_by_module(name, class_name, f"no strategy ({', '.join(STRATEGIES)})")
        if not (isinstance(kind, type) and issubclass(kind, Strategy)):
            raise ValueError(
                f"{name} has no strategy {class_name!r}: name a class there that derives from Strategy"
            )
    else:
        raise ValueError(f"{name!r} is no strategy: use {', '.join(STRATEGIES)}, or MODULE:CLASS of your own")
    return _with_settings(wanted, kind, settings)


def held_by_module(module: str, name: str, otherwise: str) -> Any:
    """What a module of the user's holds under a name, or None; it may lie in the current folder.

    Raises `ValueError` where there is no such module, which says `otherwise`: what its name is not, either.
    """
    if os.getcwd() not in sys.path:
        sys.path.append(os.getcwd())
    try:
        return getattr(importlib.import_module(module), name, None)
    except (ModuleNotFoundError, TypeError, ValueError) as error:
        if isinstance(error, ModuleNotFoundError) and error.name not in (None, *_parents(module)):
            raise ValueError(f"the module {module} cannot be imported: {error}") from error
        raise ValueError(f"{module!r} is {otherwise}, and no module either: {error}") from error
    except (Exception, SystemExit) as error:  # whatever a module of the user's does
        reason = f"{type(error).__name__}: {error}"
        raise ValueError(f"the module {module} cannot be imported: {reason}") from error


def _parents(module: str) -> list[str]:
    """`a.b.c`, `a.b`, `a`: those of which one is missing where the module is not there."""
    parts = module.split(".")
    return [".".join(parts[: k + 1]) for k in range(len(parts))]


def _with_settings(text: str, kind: type[Strategy], settings: list[str]) -> ChosenStrategy:
    own = {field.name for field in dataclasses.fields(kind.Options)}
    options: dict[str, str] = {}
    sampling: dict[str, dict[str, str]] = {level: {} for level in _LEVELS}
    for setting in settings:
        key, _, value = setting.partition("=")
        level, _, field = key.rpartition(".")
        if not level and key in own and value:
            options[key] = value
        elif field in _SAMPLING and level in ("", *_LEVELS) and value:
            for each in [level] if level else _LEVELS:
                sampling[each][field] = value
        else:
            known = ", ".join([*sorted(own), *_SAMPLING])
            raise ValueError(f"{setting!r} is no option of {kind.name}: use NAME=VALUE of {known}")
    return ChosenStrategy(text, kind, checked(kind.Options, options), sampling)


def _changed(sampling: Sampling, changes: Mapping[str, Any]) -> Sampling:
    changed: Sampling = checked(Sampling, {**dataclasses.asdict(sampling), **changes})
    return changed


def checked(kind: type, values: Mapping[str, Any]) -> Any:
    """The dataclass of these values, written as text or not. Raises `ValueError` that names the option."""
    try:
        return TypeAdapter(kind).validate_python(values)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        message = first["msg"].removeprefix("Value error, ")
        raise ValueError(": ".join([*map(str, first["loc"][-1:]), message])) from None
