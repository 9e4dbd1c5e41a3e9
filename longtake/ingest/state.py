"""What earlier runs found out, so that a second run does nothing: `ingest.json` in the data set."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

from longtake.files import written_whole

_FORMAT = 1
_FILE = "ingest.json"


@dataclass(kw_only=True)
class State:
    """Facts that cost something to find; without them all is found again."""

    folder: Path
    files: dict[str, tuple[int, int, str]] = field(default_factory=dict)  # path -> bytes, mtime in ns, sha256
    refused: dict[str, tuple[str, str]] = field(default_factory=dict)  # sha256 -> reason, detail
    twins: dict[str, str] = field(
        default_factory=dict
    )  # film -> the one in the data set that it is a copy of
    rowed: list[str] = field(default_factory=list)  # films that were ever written to films.csv
    captioned: dict[str, tuple[str, str]] = field(default_factory=dict)  # film -> digests: inputs, rows made
    skipped: dict[str, list[tuple[str, str, str]]] = field(
        default_factory=dict
    )  # folder -> rows of skipped.csv
    done: str = ""  # fingerprint of all that the last finished run saw

    def save(self) -> None:
        """Write it to the data set."""
        told = {"format": _FORMAT, **{key: value for key, value in asdict(self).items() if key != "folder"}}
        with written_whole(self.folder / _FILE) as aside:
            aside.write_text(json.dumps(told) + "\n", encoding="utf-8")


def open_state(folder: Path) -> State:
    """The state of a data set, an empty one where there is none that can be read."""
    try:
        told = json.loads((folder / _FILE).read_text(encoding="utf-8"))
        if told.pop("format") != _FORMAT:
            return State(folder=folder)
        for key in ("files", "refused", "captioned"):
            told[key] = {name: tuple(value) for name, value in told[key].items()}
        told["skipped"] = {name: [tuple(row) for row in rows] for name, rows in told["skipped"].items()}
        return State(folder=folder, **told)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return State(folder=folder)
