"""The resume file: what earlier runs found out, so that a second run does nothing (`ingest.json`)."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

from longtake.files import written_whole

_FORMAT = 1
_FILE = "ingest.json"


@dataclass(kw_only=True)
class ResumeFile:
    """Facts that cost something to find; without them all is found again."""

    folder: Path
    files: dict[str, tuple[int, int, str]] = field(default_factory=dict)  # path -> bytes, mtime in ns, sha256
    refused: dict[str, tuple[str, str]] = field(default_factory=dict)  # sha256 -> reason, detail
    twins: dict[str, str] = field(default_factory=dict)  # film -> the one in the data set that it copies
    rowed: list[str] = field(default_factory=list)  # films that were ever written to films.csv
    captioned: dict[str, tuple[str, str]] = field(default_factory=dict)  # film -> digests: inputs, rows made
    skipped: dict[str, list[tuple[str, str, str]]] = field(default_factory=dict)  # folder -> skipped.csv
    done: str = ""  # fingerprint of all that the last finished run saw

    def save(self) -> None:
        """Write it to the data set."""
        facts = {key: value for key, value in asdict(self).items() if key != "folder"}
        with written_whole(self.folder / _FILE) as aside:
            aside.write_text(json.dumps({"format": _FORMAT, **facts}) + "\n", encoding="utf-8")


def read_resume_file(folder: Path) -> ResumeFile:
    """The resume file of a data set, an empty one where there is none that can be read."""
    try:
        facts = json.loads((folder / _FILE).read_text(encoding="utf-8"))
        if facts.pop("format") != _FORMAT:
            return ResumeFile(folder=folder)
        for key in ("files", "refused", "captioned"):
            facts[key] = {name: tuple(value) for name, value in facts[key].items()}
        facts["skipped"] = {name: [tuple(row) for row in rows] for name, rows in facts["skipped"].items()}
        return ResumeFile(folder=folder, **facts)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return ResumeFile(folder=folder)
