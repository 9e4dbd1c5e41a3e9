"""A folder of films into a data set: resumable, in several processes, and what was edited by hand stays."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from longtake.data.tables import (
    CAPTIONS,
    FILMS,
    SHOTS,
    SKIPPED,
    DataSetError,
    Look,
    Row,
    read_look,
    read_table,
    write_look,
    write_table,
)
from longtake.ingest.captioner import Captioner, describe_shots
from longtake.ingest.captions import digest_of, rows_of, told
from longtake.ingest.card import write_card
from longtake.ingest.gather import Gathering, Hear
from longtake.ingest.likeness import Signature, akin, same
from longtake.ingest.rows import film_row, shot_rows
from longtake.ingest.sidecars import DEFAULT_KINDS, Sidecar, sidecars
from longtake.ingest.splits import part
from longtake.ingest.state import State, open_state
from longtake.ingest.survey import Found, Skipped, survey
from longtake.ingest.take import Recipe, checksum, known_film, signature


@dataclass(frozen=True, kw_only=True)
class Options:
    """What a user may choose."""

    recipe: Recipe
    kinds: tuple[str, ...] = DEFAULT_KINDS  # of captions, the best first
    language: str = "en"
    shares: tuple[int, int, int] = (80, 10, 10)  # of train, validation, test
    workers: int = 1
    captioner: str = ""  # a folder or hub id; "": shots that nobody described stay so


@dataclass(kw_only=True)
class Ingested:
    """What a run did."""

    films: int = 0  # in the data set
    taken: int = 0  # now
    described: int = 0  # shots, now, by the captioner
    skipped: int = 0  # files of the folder that are no films of the data set
    unchanged: bool = False  # there was nothing to do
    notes: list[str] = field(default_factory=list)  # for the user


def ingest(
    folder: Path,
    out: Path,
    options: Options,
    hear: Hear,
    load_captioner: Callable[[], Captioner] | None = None,
) -> Ingested:
    """Take the films of `folder` and all below it into the data set `out`; what is there already stays.

    Raises DataSetError where `out` is made otherwise, or its tables cannot be read.
    """
    look = _look_of(out, options.recipe)
    found, state = survey(folder, out), open_state(out)
    if state.done == _fingerprint(found, out, options):
        rows = read_table(out, FILMS)
        if all((out / "films" / f"{row['film']}.mp4").is_file() for row in rows):
            skipped = len(state.skipped[str(folder.resolve())])
            return Ingested(films=len(rows), skipped=skipped, unchanged=True)
    _sweep(out)
    run = _Run(found, out, options, state, hear)
    done = run()
    if load_captioner is not None:
        done.described = describe_shots(folder, out, load_captioner, hear)
    films = sorted((row["film"], run.pictures(row["film"])) for row in read_table(out, FILMS))
    digest = hashlib.sha256(repr((options.recipe.digest, films)).encode()).hexdigest()
    _write_look(out, Look(**{**vars(look), "digest": digest}), options, len(films))
    write_card(out)
    state.done = _fingerprint(found, out, options)
    state.save()
    return done


def _sweep(out: Path) -> None:
    """Remove what runs that were killed an hour ago or earlier have left half written."""
    for path in [*out.glob("*/*.part"), *out.glob("*.part")]:
        if time.time() - path.stat().st_mtime > 3600:
            path.unlink(missing_ok=True)


def _look_of(out: Path, recipe: Recipe) -> Look:
    """What the data set's films have in common; of a new one, what the recipe says, written at once."""
    look = Look(
        name=out.resolve().name, fps=recipe.fps, size=recipe.size, aspect=recipe.aspect, cut=recipe.cut
    )
    if not (out / "dataset.json").exists():
        if out.exists() and (not out.is_dir() or any(out.iterdir())):
            raise DataSetError(f"{out}: holds other files and no data set: name a new folder")
        write_look(out, look, {})
        return look
    old = read_look(out)
    for name in ("fps", "size", "aspect", "cut"):
        was, now = getattr(old, name), getattr(look, name)
        if was != now:
            raise DataSetError(f"{out}: was made with --{name} {was}, not {now}: take that, or another --out")
    return old


def _write_look(out: Path, look: Look, options: Options, films: int) -> None:
    told = {"captions": options.kinds, "language": options.language, "splits": options.shares}
    write_look(out, look, {"options": told, "films": films})


def _fingerprint(found: Found, out: Path, options: Options) -> str:
    """Of all that a run sees: another one where there may be something to do."""
    tables = [
        (table.file, checksum(out / table.file) if (out / table.file).is_file() else "")
        for table in (FILMS, SHOTS, CAPTIONS, SKIPPED)
    ]
    told = (options.recipe.digest, options.kinds, options.language, options.shares, options.captioner)
    return hashlib.sha256(repr((found.stamps, tables, told)).encode()).hexdigest()


class _Run:
    """One run over a folder: its films, then the tables."""

    def __init__(self, found: Found, out: Path, options: Options, state: State, hear: Hear) -> None:
        self._found, self._out, self._options, self._state = found, out, options, state
        self._gather = gather = Gathering(found, out, options.recipe, state, options.workers, hear)
        self._films, self._copies, self._skipped = gather.films, gather.copies, gather.skipped
        self._done = Ingested()

    def __call__(self) -> Ingested:
        self._gather()
        rows = read_table(self._out, FILMS)
        rows = self._with_new_films(rows)
        whose = self._whose({row["film"] for row in rows})
        offered = sidecars(self._found.told, whose)
        self._write_captions(rows, [one for one in offered.values() if one is not None], whose)
        others = sidecars([path for path, one in offered.items() if one is None], self._found.films)
        for path, one in others.items():
            if one is None:
                self._skipped.append(Skipped(path, "no film of that name", "no video, and none is beside it"))
            else:
                told_so = f"of {self._found.called(one.film)}, which is not in the data set"
                self._skipped.append(Skipped(path, "captions, not used", told_so))
        self._write_skipped()
        self._done.films, self._done.skipped = len(rows), len(self._skipped)
        return self._done

    def pictures(self, film: str) -> str:
        """sha256 of a film's pictures."""
        taken = known_film(self._out, film, self._options.recipe)
        return taken.pictures if taken else ""

    def _whose(self, kept: Container[str]) -> dict[Path, str]:
        """Files of the folder that show a film of the data set: itself, and its copies."""
        found = {path: self._state.twins.get(film, film) for film, (path, _) in self._films.items()}
        found |= {path: found[one] for path, one in self._copies.items() if one in found}
        return {path: film for path, film in found.items() if film in kept}

    def _with_new_films(self, rows: list[Row]) -> list[Row]:
        """films.csv and shots.csv with the films that are in neither, but for copies."""
        old = {row["film"]: (row["group"], row["split"].strip()) for row in rows}
        new, pairs = self._unlike_pictures(old)
        fps = self._options.recipe.fps
        where = part(new, old, pairs, self._options.shares)
        # A run that was killed between the two tables has left rows of shots.
        shots = [row for row in read_table(self._out, SHOTS) if row["film"].strip() not in new]
        for film in sorted(new, key=lambda film: str(self._films[film][0])):
            path, taken = self._films[film]
            rows.append(film_row(taken, self._found.called(path), where[film], fps))
            shots += shot_rows(taken, fps)
        if new or not (self._out / FILMS.file).exists():
            write_table(self._out, SHOTS, shots)
            write_table(self._out, FILMS, rows)
        self._done.taken = len(new)
        self._state.rowed = sorted({*self._state.rowed, *new})
        self._state.save()
        return rows

    def _unlike_pictures(self, old: Iterable[str]) -> tuple[list[str], list[tuple[str, str]]]:
        """New films that are no copies, and pairs of films that share pictures."""
        seen: dict[str, Signature] = {film: signature(self._out, film) for film in old}
        fresh = [film for film in self._films if film not in seen]
        new, pairs = [], []
        for film in sorted(fresh, key=self._rank):
            path, _ = self._films[film]
            if film in self._state.rowed:
                self._skipped.append(Skipped(path, "deleted by hand", f"its row {film} in {FILMS.file}"))
                continue
            mine = signature(self._out, film)
            twin = next((other for other, its in seen.items() if same(mine, its)), None)
            if twin is not None:
                self._state.twins[film] = twin
                for file in ("films", "mp4"), ("sheets", "png"):
                    (self._out / file[0] / f"{film}.{file[1]}").unlink(missing_ok=True)
                self._skipped.append(Skipped(path, "same pictures", f"a copy of {twin}"))
                continue
            pairs += [(film, other) for other, its in seen.items() if akin(mine, its)]
            seen[film] = mine
            new.append(film)
        return new, pairs

    def _rank(self, film: str) -> tuple[int, str]:
        """Of two copies the one with more pixels is taken, else the first by name."""
        path, taken = self._films[film]
        return -taken.width * taken.height, str(path)

    def _write_captions(self, rows: list[Row], offered: Sequence[Sidecar], whose: Mapping[Path, str]) -> None:
        """captions.csv; of films whose rows were edited, or whose sources are as they were, it stays."""
        table = read_table(self._out, CAPTIONS)
        for row in rows:
            film = row["film"]
            if film not in self._films:
                continue
            _, taken = self._films[film]
            mine = [one for one in offered if whose[one.film] == film]
            said = told(taken, mine, self._options.kinds, self._options.language)
            self._skipped += said.unused
            used = [one for one in mine if one.path.name == said.source]
            self._skipped += [Skipped(one.path, "captions", f"{one.kind} of {film}") for one in used]
            before, made = self._state.captioned.get(film, ("", digest_of([])))
            now = hashlib.sha256(repr((said.source, said.digest)).encode()).hexdigest()
            current = [old for old in table if old["film"].strip() == film]
            if before == now:
                continue
            fresh = rows_of(taken, said.cues, self._options.recipe.fps)
            if current and digest_of(current) not in (made, digest_of(fresh)):
                source = said.source or "that there are none any more"
                kept = f"{film}: its captions were edited by hand, so {source} is not taken over"
                self._done.notes.append(f"{kept}: delete its rows in {CAPTIONS.file} to have that")
                continue
            table = [old for old in table if old["film"].strip() != film] + fresh
            row["captions"] = said.source
            self._state.captioned[film] = now, digest_of(fresh)
        write_table(self._out, CAPTIONS, table)
        write_table(self._out, FILMS, rows)

    def _write_skipped(self) -> None:
        here = str(self._found.folder.resolve())
        self._state.skipped[here] = sorted(
            (self._found.called(s.path), s.reason, s.detail) for s in self._skipped
        )
        several = len(self._state.skipped) > 1
        rows = [
            {"file": f"{Path(folder).name}/{file}" if several else file, "reason": reason, "detail": detail}
            for folder, skipped in self._state.skipped.items()
            for file, reason, detail in skipped
        ]
        write_table(self._out, SKIPPED, rows)
