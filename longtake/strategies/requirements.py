"""What films need that not every model and not every machine has, told before anything is drawn."""

from __future__ import annotations

from collections.abc import Iterable
from importlib.util import find_spec

from longtake.plan import Model, Need, Strategy

FLOW = Need("cv2", "motion between frames is found by OpenCV", "flow")
PIPELINES = Need("transformers", "diffusers pipelines need transformers", "pipelines")


def check_drafts(model: Model, what: str) -> None:
    """Raises `ValueError` where the network takes no drafts."""
    if not model.drafts:
        raise ValueError(f"the network of {model.name} takes no drafts, which {what} needs")


def check_alone(options: Strategy.Options, name: str) -> None:
    """Raises `ValueError` where others stand beside an option that decides them all."""
    if options != type(options)(**{name: getattr(options, name)}):
        raise ValueError(f"{name} decides all other options: leave them out")


def check_installed(needs: Iterable[Need]) -> None:
    """Raises `ValueError` where something is not installed: a worker would find out late."""
    for need in needs:
        if find_spec(need.module) is None:
            raise ValueError(f"{need.why}: pip install 'longtake[{need.extra}]'")
