"""What clips cost on this machine, learnt while they are drawn, so that what is to be drawn has a price."""

from __future__ import annotations

import json
from collections.abc import Sequence

from longtake.plan import Plan
from longtake.store import Store

_FILE = "costs.json"  # in the store: model -> level -> [clips, seconds]
_COUNTED = 10_000  # clips that are priced one by one
_MOST = 1000  # clips after which older ones count for less


def remember(store: Store, model: str, drawn: Sequence[tuple[int, float]]) -> None:
    """Add (level, seconds) of clips that were drawn with the model of that digest."""
    if not drawn:
        return
    costs = _read(store)
    known = costs.setdefault(model, {})
    for level, seconds in drawn:
        count, total = known.get(str(level), (0, 0.0))
        fade = min(1.0, _MOST / (count + 1))
        known[str(level)] = [count * fade + 1, total * fade + seconds]
    store.write_note(_FILE, json.dumps(costs) + "\n")


def seconds_of(store: Store, model: str, plan: Plan, span: slice, missing: int) -> float | None:
    """What drawing the `missing` clips of `span` takes one after the other.

    None where no clip by this model was ever drawn here. Of many clips it is what as many of all levels take.
    """
    known = _read(store).get(model, {})
    means = {int(level): total / count for level, (count, total) in known.items()}
    if not missing:
        return 0.0
    if not means:
        return None
    dearest = max(means.values())
    if missing > _COUNTED:
        levels = plan.levels_of(span)
        every_clip = sum(count * means.get(level, dearest) for level, count in enumerate(levels))
        return every_clip * missing / sum(levels)
    jobs = (job for job in plan.missing(store, span) if job.op != "encode")  # that takes next to nothing
    return sum(means.get(job.level, dearest) for job in jobs)


def _read(store: Store) -> dict[str, dict[str, list[float]]]:
    try:
        costs = json.loads(store.read_note(_FILE) or "{}")
    except ValueError:  # not ours: it is only an estimate
        return {}
    return costs if isinstance(costs, dict) else {}
