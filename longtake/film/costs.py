"""What clips cost on this machine, learnt while they are drawn, so that what is to be drawn has a price."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence

from longtake.plan import Job
from longtake.store import Store

_FILE = "costs.json"  # in the store: model -> level -> [clips, seconds]
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


def seconds_of(store: Store, model: str, jobs: Iterable[Job]) -> float | None:
    """What these jobs will take one after the other; None where no clip of theirs was ever drawn here."""
    known = _read(store).get(model, {})
    means = {int(level): total / count for level, (count, total) in known.items()}
    found = 0.0
    for job in jobs:
        if job.op != "encode":  # a picture takes no time beside a clip
            if not means:
                return None
            found += means.get(job.level, max(means.values()))
    return found


def _read(store: Store) -> dict[str, dict[str, list[float]]]:
    try:
        found: dict[str, dict[str, list[float]]] = json.loads(store.read_note(_FILE) or "{}")
    except ValueError:  # not ours: it is only an estimate
        return {}
    return found
